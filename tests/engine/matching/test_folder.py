"""Indexes on disk: kept, opened, refused where damaged, one writer."""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mamori.engine.matching import DigestIndex, HammingIndex, IndexRefused
from tests.engine.matching.sets import uniform

ROOT = Path(__file__).resolve().parents[3]
HASHES = uniform(np.random.default_rng(1), 9000)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a segment that has tables, and a log."""
    folder = tmp_path_factory.mktemp("index") / "start"
    with HammingIndex.build(HASHES, path=folder) as index:
        index.add_many(np.arange(9000, 9100), HASHES[:100])
        index.remove(5)
    return folder


def copied(start: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(start, tmp_path / "copy"))


def refusal(folder: Path, *, writable: bool = False) -> IndexRefused:
    with pytest.raises(IndexRefused) as caught:
        HammingIndex.open(folder, writable=writable)
    return caught.value


def test_saved_opened_and_saved_again(start: Path, tmp_path: Path) -> None:
    with HammingIndex.open(start) as index:
        assert (len(index), index.version) == (9099, 101)
        assert index.search(HASHES[5].tobytes()) == [(9005, 0)]
        assert index.search(HASHES[6].tobytes()) == [(6, 0), (9006, 0)]
        index.save(tmp_path / "again")
        with pytest.raises(IndexRefused) as caught:
            index.save(start)
        assert caught.value.code == "exists"
    with HammingIndex.open(tmp_path / "again", writable=True) as index:
        index.add(5, HASHES[5].tobytes())
        assert index.search(HASHES[5].tobytes()) == [(5, 0), (9005, 0)]


def test_created_empty_and_emptied(tmp_path: Path) -> None:
    with HammingIndex.create(tmp_path / "new") as index:
        index.add_many(np.arange(9000), HASHES)
        index.compact()
        assert index.search(HASHES[8].tobytes()) == [(8, 0)]
        index.remove_many(np.arange(9000))
        index.compact()
        assert (len(index), index.search(HASHES[8].tobytes())) == (0, [])
    with HammingIndex.open(tmp_path / "new", writable=True) as index:
        assert (len(index), index.version) == (0, 18_000)
    with pytest.raises(IndexRefused):
        HammingIndex.create(tmp_path / "new")
    with pytest.raises(IndexRefused):
        HammingIndex.build(HASHES, path=tmp_path / "new")


def test_one_writer(start: Path, tmp_path: Path) -> None:
    folder = copied(start, tmp_path)
    with HammingIndex.open(folder, writable=True):
        assert refusal(folder, writable=True).code == "locked"
    index = HammingIndex.open(folder)
    for change in (lambda: index.add(1, bytes(32)), lambda: index.remove(1), index.compact):
        with pytest.raises(IndexRefused) as caught:
            change()
        assert caught.value.code == "read_only"
    writer = HammingIndex.open(folder, writable=True)
    writer.close()
    with pytest.raises(IndexRefused):
        writer.add(1, bytes(32))


def test_what_is_no_index(start: Path, tmp_path: Path) -> None:
    assert refusal(tmp_path / "none", writable=True).code == "not_an_index"
    assert refusal(tmp_path).code == "not_an_index"
    with pytest.raises(IndexRefused) as caught:
        DigestIndex.open(start)
    assert caught.value.code == "not_an_index"


def damage(path: Path, place: int, bit: int = 3) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ (1 << bit)]))


def test_every_section_is_verified(start: Path, tmp_path: Path) -> None:
    folder = copied(start, tmp_path)
    segment = folder / "segment-1"
    original = segment.read_bytes()
    count = int.from_bytes(original[24:32], "little")
    assert count == 50
    for i in range(count):
        entry = original[128 + 32 * i :][:32]
        name = entry[:8].rstrip(b"\0").decode()
        place, size, stated = (int.from_bytes(entry[k : k + 8], "little") for k in (8, 16, 24))
        for where in (place, place + size // 2, place + size - 1):
            damage(segment, where, bit=7)
            said = str(refusal(folder))
            assert f"section {name}: checksum" in said
            assert f"stated {stated:016x}" in said
            damage(segment, where, bit=7)
    HammingIndex.open(folder).close()


def test_fuzzed_files_are_refused_or_harmless(start: Path, tmp_path: Path) -> None:
    """Any byte of any file changed, cut or added: a refusal, or an index that answers as before."""
    chance = random.Random(4)
    rounds = 0
    for name in ("segment-1", "log-2", "manifest"):
        for _ in range(100):
            folder = copied(start, tmp_path)
            path = folder / name
            size = path.stat().st_size
            action = chance.randrange(4)
            if action == 0:
                os.truncate(path, chance.randrange(size))
            elif action == 1:
                path.write_bytes(path.read_bytes() + b"\0" * chance.randrange(1, 100))
            else:
                for _ in range(chance.randrange(1, 4)):
                    damage(
                        path, chance.randrange(min(size, chance.choice((64, 4096, 8192, size)))), chance.randrange(8)
                    )
            try:
                with HammingIndex.open(folder, writable=chance.random() < 0.5) as index:
                    index.search_many(HASHES[:40])
                    assert index.search(HASHES[200].tobytes()) == [(200, 0)]
            except IndexRefused as why:
                assert why.code in {"damaged", "not_an_index"}
                rounds += 1
            shutil.rmtree(folder)
    assert rounds > 150


def test_unverified_damage_never_crashes(start: Path, tmp_path: Path) -> None:
    """Opened without verification, a file full of noise gives wrong answers, nothing worse."""
    script = """
import sys, numpy as np
from mamori.engine.matching import HammingIndex
index = HammingIndex.open(sys.argv[1], verify=False)
hashes = np.random.default_rng(1).integers(0, 256, (9000, 32), dtype=np.uint8)
for row in hashes[:300]: index.search(row.tobytes())
index.search_many(hashes[:2500]); print("alive")
"""
    folder = copied(start, tmp_path)
    size = (folder / "segment-1").stat().st_size
    with (folder / "segment-1").open("r+b") as file:
        file.seek(4096)
        file.write(np.random.default_rng(2).bytes(size - 4096))
    env = {**os.environ, "PYTHONPATH": f"{ROOT}/src"}
    done = subprocess.run([sys.executable, "-c", script, folder], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


def test_a_torn_tail_is_cut_and_lost_records_are_damage(start: Path, tmp_path: Path) -> None:
    folder = copied(start, tmp_path)
    log = folder / "log-2"
    whole = log.stat().st_size
    assert whole == 1 << 20  # grown ahead of what is written
    end = 4096 + 64 * 101
    damage(log, end - 64 + 9)  # within the last record, which no later one knows: as a crash leaves it
    with HammingIndex.open(folder, writable=True) as index:
        assert (len(index), index.version, 5 in index) == (9100, 100, True)
        assert log.stat().st_size == end - 64
        index.remove(5)
        assert len(index) == 9099
    damage(log, end - 128 + 9)  # acknowledged before a later one was written
    said = str(refusal(folder, writable=True))
    assert "record 99: checksum" in said


def test_an_addition_that_finds_no_room_leaves_nothing_behind(start: Path, tmp_path: Path) -> None:
    folder = copied(start, tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with HammingIndex.open(folder, writable=True) as index:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        try:
            with pytest.raises(OSError):
                index.add_many(np.arange(20_000, 60_000), np.zeros((40_000, 32), np.uint8))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (len(index), index.version, index.search(bytes(32))) == (9099, 101, [])
        index.add(20_000, HASHES[0].tobytes())
    with HammingIndex.open(folder) as index:
        assert (len(index), index.version, index.search(bytes(32))) == (9100, 102, [])


def test_manifest(start: Path, tmp_path: Path) -> None:
    folder = copied(start, tmp_path)
    manifest = folder / "manifest"
    body = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**body, "segment": "segment-9"}))
    assert "stated" in str(refusal(folder))
    for text in ("", "[]", "{", "null", '{"sha256": 1}', "[" * 5000):
        manifest.write_text(text)
        assert refusal(folder).code == "damaged"
    manifest.write_text(json.dumps(body))
    (folder / "segment-1").unlink()
    assert "segment-1 is missing" in str(refusal(folder))


def test_the_next_writer_removes_what_no_manifest_names(start: Path, tmp_path: Path) -> None:
    folder = copied(start, tmp_path)
    for name in ("segment-7.new", "segment-8", "log-9"):
        (folder / name).write_bytes(b"left by a crash")
    (folder / "notes").write_text("not ours")
    HammingIndex.open(folder, writable=True).close()
    assert sorted(path.name for path in folder.iterdir()) == ["lock", "log-2", "manifest", "notes", "segment-1"]


WARM = """
import sys
from mamori.engine.matching import warm_up
from mamori.engine.matching.jit import _private_folder
said = []
print(warm_up(said.append), len(said), _private_folder())
"""


def test_kernels_where_neither_source_nor_home_can_be_written(tmp_path: Path) -> None:
    """Compiled code goes to a private folder, and the second process finds it there without a word."""
    package = Path(
        shutil.copytree(
            ROOT / "src/mamori/engine", tmp_path / "lib/mamori/engine", ignore=shutil.ignore_patterns("__pycache__")
        )
    )
    (package.parent / "__init__.py").touch()
    places = """
import numba.core.caching as caching
given = caching.UserProvidedCacheLocator
given.from_function = classmethod(given.from_function.__func__)  # it inherits from one of the others
for each in caching.CacheImpl._locator_classes:
    if each is not given:
        each.from_function = classmethod(lambda *_: None)
"""  # as root every folder can be written: that no locator answers stands for it
    short = "import mamori.engine.matching.jit as j; from mamori.engine.matching import log; j._KERNELS[:] = [log.whole_records]"
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}/lib", "TMPDIR": str(tmp_path)}

    def run() -> list[str]:
        command = [sys.executable, "-c", f"{places}\n{short}\n{WARM}"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr
        return done.stdout.split()

    first, second = run(), run()
    assert first[:2] == ["True", "1"]
    assert second[:2] == ["False", "0"]
    assert list(Path(first[2]).rglob("*whole_records*.nbc"))
    Path(first[2]).chmod(0o777)  # another could have written there: it is not used
    assert run()[2] == "None"
