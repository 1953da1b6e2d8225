"""Patches between versions of a file, and the zstd program reads and writes the same."""

import random
import subprocess
from contextlib import suppress

import pytest

from mamori.engine.patches import PatchRefused, apply_patch, make_patch
from tests.programs import needs, program


def versions() -> tuple[bytes, bytes]:
    chance = random.Random(4)
    lines = [f"{chance.getrandbits(80):x}.example\n".encode() for _ in range(5_000)]
    old = b"".join(lines)
    for _ in range(20):
        lines[chance.randrange(len(lines))] = f"{chance.getrandbits(80):x}.example\n".encode()
    return old, b"".join(lines)


def test_a_patch_is_small_and_makes_the_new_version() -> None:
    old, new = versions()
    patch = make_patch(old, new)
    assert len(patch) < len(new) / 50
    assert apply_patch(old, patch, len(new)) == new
    for before, after in ((b"", new), (old, b""), (b"", b""), (b"short", b"also"), (new, new)):
        assert apply_patch(before, make_patch(before, after), len(after)) == after


def test_what_is_no_patch_of_the_file_or_too_long_is_refused() -> None:
    old, new = versions()
    patch = make_patch(old, new)
    for before, given, length in (
        (old, patch, len(new) - 1),
        (old, patch, len(new) + 1),
        (old, patch[: len(patch) // 2], len(new)),
        (old, b"rubbish", len(new)),
        (old, make_patch(b"", bytes(50_000_000)), len(new)),
    ):
        with pytest.raises(PatchRefused):
            apply_patch(before, given, length)
    with suppress(PatchRefused):
        assert apply_patch(old[:-50] + bytes(50), patch, len(new)) != new  # the digest of the whole tells


@needs("zstd")
def test_the_zstd_program_reads_and_writes_the_same_patches(tmp_path) -> None:
    old, new = versions()
    (tmp_path / "old").write_bytes(old)
    (tmp_path / "new").write_bytes(new)
    (tmp_path / "patch").write_bytes(make_patch(old, new))
    zstd = [program("zstd"), "-q", "-f", f"--patch-from={tmp_path}/old"]
    subprocess.run([*zstd, "-d", tmp_path / "patch", "-o", tmp_path / "made"], check=True)
    assert (tmp_path / "made").read_bytes() == new
    subprocess.run([*zstd, tmp_path / "new", "-o", tmp_path / "theirs"], check=True)
    assert apply_patch(old, (tmp_path / "theirs").read_bytes(), len(new)) == new
