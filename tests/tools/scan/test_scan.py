"""What is found where: directories, lists, object stores, names of all kinds, files that cannot be read."""

import base64
import inspect
import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import psutil
import pytest
from PIL import Image

from mamori.engine.images import fingerprint
from mamori.engine.limits import Limits
from mamori.engine.similar import LEAST_QUALITY
from mamori.tools.scan.commands import run_command
from mamori.tools.scan.matches import CONFIRM
from mamori.tools.scan.pool import Pool
from mamori.tools.scan.purpose import DataClass, Purpose, ScanError
from mamori.tools.scan.sources import read_list, read_roots, walk
from tests.tools.scan.drawn import (
    MAIN,
    Served,
    bank_file,
    filmed,
    folder_of,
    lines,
    md5,
    name_of,
    picture,
    scan,
    serving,
    sha256,
    unreadable,
)


def test_same_and_similar_are_told_apart_and_a_similar_one_needs_a_person(pool, tmp_path, out):
    made = folder_of(tmp_path / "files", 8)
    (tmp_path / "files" / "again.jpg").write_bytes(picture(3, quality=60))
    pdq = fingerprint(made["0003.jpg"]).pdq.hex()
    bank = bank_file(tmp_path / "bank.txt", f"pdq {pdq} case-7 A1", f"md5 {md5(made['0003.jpg'])} case-7 A1")
    totals = scan(pool, out, bank, tmp_path / "files")
    assert (totals.examined, totals.matched, totals.same, totals.similar, totals.unreadable) == (9, 2, 1, 1, 0)
    found = {name_of(line["path"]): line for line in lines(out)}
    assert set(found) == {"0003.jpg", "again.jpg"}
    same, similar = found["0003.jpg"], found["again.jpg"]
    assert (same["match"], same["distance"], same["algorithms"]) == ("same", 0, ["md5", "pdq"])
    assert "note" not in same
    assert similar["match"] == "similar"
    assert 0 <= similar["distance"] <= 31
    assert similar["note"] == CONFIRM
    assert similar["sha256"] == sha256(picture(3, quality=60))
    assert all(line["entry"] == "case-7" and line["classification"] == "A1" for line in found.values())
    assert totals.bytes == sum(path.stat().st_size for path in (tmp_path / "files").iterdir())


def test_matches_equal_a_comparison_of_each_with_each(pool, tmp_path, out):
    made = folder_of(tmp_path / "files", 30)
    rng = np.random.default_rng(5)
    values = []
    for data in made.values():
        bits = np.unpackbits(np.frombuffer(fingerprint(data).pdq, np.uint8))
        flipped = rng.choice(256, int(rng.integers(20, 45)), replace=False)
        bits[flipped] ^= 1
        values.append(np.packbits(bits).tobytes())
    bank = bank_file(tmp_path / "bank.txt", *(f"pdq {value.hex()} {n}" for n, value in enumerate(values)))
    scan(pool, out, bank, tmp_path / "files")
    expected = {}
    for name, data in made.items():
        seen = fingerprint(data)
        assert seen.pdq_quality >= LEAST_QUALITY
        for n, value in enumerate(values):
            distance = sum((a ^ b).bit_count() for a, b in zip(seen.pdq, value, strict=True))
            if distance <= 31:
                expected[name, str(n)] = distance
    assert 3 < len(expected) < 30
    assert {(name_of(x["path"]), x["entry"]): x["distance"] for x in lines(out)} == expected


def test_a_plain_picture_is_not_matched_by_pdq(pool, tmp_path, out):
    from io import BytesIO

    from PIL import Image

    plain = BytesIO()
    Image.new("L", (200, 200), 90).save(plain, "PNG")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "plain.png").write_bytes(plain.getvalue())
    seen = fingerprint(plain.getvalue())
    value = (seen.pdq or bytes(32)).hex()
    assert seen.pdq_quality < LEAST_QUALITY
    totals = scan(pool, out, bank_file(tmp_path / "bank.txt", f"pdq {value}"), tmp_path / "files")
    assert (totals.examined, totals.matched) == (1, 0)


def test_names_with_a_newline_or_no_utf8_come_back_exactly(pool, tmp_path, out):
    data = picture(1)
    folder = os.fsencode(tmp_path / "files") + b"/"
    (tmp_path / "files").mkdir()
    names = [b"two\nlines.jpg", b"\xff\xfe latin \xe9.jpg", "守り.jpg".encode()]
    for name in names:
        Path(os.fsdecode(folder + name)).write_bytes(data)
    scan(pool, out, bank_file(tmp_path / "bank.txt", md5(data)), tmp_path / "files")
    found = lines(out)
    exact = {
        base64.b64decode(line["path_base64"]) if "path_base64" in line else line["path"].encode() for line in found
    }
    assert exact == {folder + name for name in names}
    assert sum("path_base64" in line for line in found) == 1
    out.read_text(encoding="utf-8", errors="strict")


def test_links_are_not_followed_and_loops_end(pool, tmp_path, out):
    made = folder_of(tmp_path / "files", 2)
    (tmp_path / "files" / "deep").mkdir()
    (tmp_path / "files" / "deep" / "loop").symlink_to(tmp_path / "files")
    (tmp_path / "files" / "self").symlink_to("self")
    (tmp_path / "files" / "link.jpg").symlink_to(tmp_path / "files" / "0000.jpg")
    totals = scan(pool, out, bank_file(tmp_path / "bank.txt", md5(made["0000.jpg"])), tmp_path / "files")
    assert (totals.examined, totals.matched, totals.unreadable) == (2, 1, 0)


def test_what_is_no_file_is_listed_and_never_waited_for(pool, tmp_path, out):
    (tmp_path / "files").mkdir()
    os.mkfifo(tmp_path / "files" / "pipe")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "bank.txt")
    (tmp_path / "list.txt").write_text(f"{tmp_path}/gone.jpg\n{tmp_path}/link.jpg\n{tmp_path}/files\n")
    bank = bank_file(tmp_path / "bank.txt", "0" * 32)
    totals = scan(pool, out, bank, tmp_path / "files", f"@{tmp_path}/list.txt")
    assert (totals.examined, totals.unreadable) == (0, 4)
    why = {name_of(path): reason for (path, _member), reason in unreadable(out).items()}
    assert why["pipe"] == "it is not a regular file"
    assert why["gone.jpg"] == "No such file or directory"
    assert "symbolic links" in why["link.jpg"]
    assert why["files"] == "it is not a regular file"


def test_permission_denied_is_listed_with_its_reason(tmp_path, out):
    """In a process that may not pass over permissions, also when the tests run as root."""
    made = folder_of(tmp_path / "files", 2)
    (tmp_path / "files" / "shut").mkdir()
    (tmp_path / "files" / "shut" / "in.jpg").write_bytes(b"x")
    (tmp_path / "files" / "0001.jpg").chmod(0)
    (tmp_path / "files" / "shut").chmod(0)
    bank = bank_file(tmp_path / "bank.txt", md5(made["0000.jpg"]))
    arguments = ["scan", tmp_path / "files", "--bank", bank, "--out", out, "--data-class", "stored", "--purpose", "x"]
    argv = [sys.executable, "-c", MAIN, *map(str, arguments)]
    drop = "import ctypes, os, sys\nfor each in (1, 2): ctypes.CDLL(None).prctl(24, each)\nos.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", drop, *argv], capture_output=True, text=True, check=False, timeout=60)
    (tmp_path / "files" / "shut").chmod(0o700)
    assert done.returncode == 0, done.stderr
    assert {name_of(path): why for (path, _m), why in unreadable(out).items()} == {
        "0001.jpg": "Permission denied",
        "shut": "Permission denied",
    }
    assert [name_of(line["path"]) for line in lines(out)] == ["0000.jpg"]


def test_each_file_once_however_it_is_named(tmp_path):
    folder_of(tmp_path / "files", 3)
    (tmp_path / "files" / "deep").mkdir()
    (tmp_path / "files" / "deep" / "x.jpg").write_bytes(b"x")
    (tmp_path / "list").write_bytes(f"{tmp_path}/files/0001.jpg\0{tmp_path}/files/0001.jpg\0".encode())
    roots = read_roots([f"{tmp_path}/files", f"{tmp_path}/files/deep", f"{tmp_path}/files/", f"@{tmp_path}/list"])
    found = [item.path for item in walk(roots)]
    assert len(found) == len(set(found)) == 4
    assert found == [item.path for item in walk(roots)]


def test_lists_end_names_with_newline_or_nul(tmp_path):
    (tmp_path / "lines").write_bytes(b"one\r\n\ntwo three\n\xff")
    (tmp_path / "nuls").write_bytes(b"one\ntwo\0three\0")
    assert list(read_list(str(tmp_path / "lines"))) == ["one", "two three", "\udcff"]
    assert list(read_list(str(tmp_path / "nuls"))) == ["one\ntwo", "three"]


def test_what_cannot_be_scanned_is_refused_with_a_reason(tmp_path):
    with pytest.raises(ScanError, match="there is no nowhere"):
        read_roots(["nowhere"])
    with pytest.raises(ScanError, match="say what to scan"):
        read_roots([])
    with pytest.raises(ScanError, match="chained"):
        read_roots(["zip::file:///x.zip"])
    with pytest.raises(ScanError, match="s3fs"):
        read_roots(["s3://bucket/prefix"])
    with pytest.raises(ScanError, match="nosuch"):
        read_roots(["nosuch://bucket"])
    with pytest.raises(ScanError, match="pages of the web are not scanned"):
        read_roots(["https://service.example/"])


def test_an_address_in_a_list_that_is_not_read_is_named_and_ends_nothing(pool, tmp_path, out):
    """Of the web too: with its plug-ins fsspec would fetch it, and follow the links of a page."""
    made = folder_of(tmp_path / "files", 1)
    asked = []

    class Page(Served):
        def do_GET(self):  # noqa: N802 - its name in http.server
            asked.append(self.path)
            self._send(200, made["0000.jpg"])

    with serving(Page) as server:
        web = [f"http://127.0.0.1:{server.server_port}/1.jpg", "HTTPS://service.example/2.jpg"]
        names = [*web, "nosuch://store/3.jpg", f"{tmp_path}/files/0000.jpg"]
        (tmp_path / "list.txt").write_text("\n".join(names))
        totals = scan(pool, out, bank_file(tmp_path / "bank.txt", md5(made["0000.jpg"])), f"@{tmp_path}/list.txt")
    assert asked == []
    assert (totals.examined, totals.matched, totals.unreadable) == (1, 1, 3)
    why = {path: reason for (path, _member), reason in unreadable(out).items()}
    assert ["pages of the web are not scanned" in why[path] for path in names[:3]] == [True, True, False]
    assert "nosuch" in why[names[2]]


def test_keys_of_object_stores(pool, tmp_path, out):
    """memory:// is read by us for the children, file:// and WebHDFS by the children."""
    store = fsspec.filesystem("memory")
    held, kept, served = picture(1), picture(2), picture(3)
    store.pipe({"/bucket/a/1.jpg": held, "/bucket/b/c/2.jpg": picture(9)})
    made = folder_of(tmp_path / "files", 1)
    (tmp_path / "files" / "2.jpg").write_bytes(kept)
    bank = bank_file(tmp_path / "bank.txt", md5(held), md5(kept), md5(served))
    files = {"/x/one.jpg": served, "/x/deep/two.jpg": made["0000.jpg"], "/x/deep/bad.jpg": None}
    with serving(files=files, opened=[]) as server:
        base = f"webhdfs://127.0.0.1:{server.server_port}/x"
        totals = scan(pool, out, bank, "memory://bucket", f"file://{tmp_path}/files", base)
        assert sorted(server.opened).count("/x/one.jpg") == 1
    store.rm("/bucket", recursive=True)
    assert (totals.examined, totals.matched, totals.unreadable) == (6, 3, 1)
    assert {line["path"] for line in lines(out)} == {
        "memory://bucket/a/1.jpg",
        f"file://{tmp_path}/files/2.jpg",
        f"{base}/one.jpg",
    }
    [((path, _member), why)] = unreadable(out).items()
    assert path == f"{base}/deep/bad.jpg"
    assert why


def test_hostile_files_cost_only_themselves(tmp_path, out):
    made = folder_of(tmp_path / "files", 6)
    files = tmp_path / "files"
    (files / "cut.jpg").write_bytes(made["0001.jpg"][:900])
    (files / "bomb.png").write_bytes(_png_of(60_000, 60_000))
    (files / "noise.jpg").write_bytes(b"\xff\xd8\xff" + os.urandom(20_000))
    (files / "empty.jpg").write_bytes(b"")
    (files / "large.jpg").write_bytes(made["0002.jpg"] + bytes(3 * 2**20))
    bank = bank_file(tmp_path / "bank.txt", *map(md5, made.values()), md5((files / "bomb.png").read_bytes()))
    limits = Limits(file_bytes=2 * 2**20)
    with Pool(1, limits) as small:
        totals = scan(small, out, bank, files)
    assert {name_of(path) for path, _member in unreadable(out)} >= {"bomb.png", "noise.jpg", "large.jpg"}
    assert (totals.examined, totals.matched) == (
        11,
        7,
    )  # the digest of what cannot be decoded is looked up all the same


def test_a_file_that_takes_too_long_is_given_up_and_the_rest_goes_on(tmp_path, out):
    """A server that answers one key never: its child is ended, the others' results stay."""
    made = {f"/x/{n}.jpg": picture(n) for n in range(6)}
    import threading

    held = threading.Event()

    class Slow(Served):
        def do_GET(self):  # noqa: N802 - its name in http.server
            if "3.jpg" in self.path and "op=OPEN" in self.path:
                held.wait(20)
                self.close_connection = True
                return
            super().do_GET()

    bank = bank_file(tmp_path / "bank.txt", *map(md5, made.values()))
    with serving(Slow, files=made, opened=[]) as server, Pool(1, Limits(seconds=1.0, patience=1)) as small:
        totals = scan(small, out, bank, f"webhdfs://127.0.0.1:{server.server_port}/x")
        held.set()
    assert (totals.examined, totals.matched, totals.unreadable) == (5, 5, 1)
    assert list(unreadable(out).values()) == ["it took longer than 1 s"]


def test_a_scan_allows_a_file_what_the_engine_does():
    """One place for the numbers: the rule for hostile files is 256 MiB and five seconds of processor time."""
    allowed = Limits()
    assert (allowed.memory, allowed.seconds) == (256 * 2**20, 5)
    given = inspect.signature(run_command).parameters
    assert given["memory_mib"].default * 2**20 == allowed.memory
    assert given["seconds_per_file"].default == allowed.seconds
    assert given["file_mib"].default * 2**20 == allowed.file_bytes
    with Pool(1, allowed) as children:
        children.wait_ready()
        soft, hard = psutil.Process(children.pids[0]).rlimit(psutil.RLIMIT_DATA)
    assert abs(hard - soft - allowed.video_memory + allowed.memory) < 2**23
    assert soft < allowed.memory + 64 * 2**20  # what it had mapped and not touched is added


def test_the_process_that_reads_files_has_no_token(monkeypatch):
    monkeypatch.setenv("MAMORI_TOKEN", "mamori_secret")
    with Pool(1, Limits()) as children:
        children.wait_ready()
        assert "MAMORI_TOKEN" not in psutil.Process(children.pids[0]).environ()


def test_memory_and_processor_time_of_a_file_are_limited(tmp_path, out):
    """A file that needs more costs only itself, is named, and its process never holds more than allowed."""
    folder_of(tmp_path / "files", 2)
    files = tmp_path / "files"
    Image.new("RGB", (4800, 4700)).save(files / "0.tiff", compression="tiff_deflate", strip_size=10**9)
    Image.new("RGB", (6000, 6000)).save(files / "1.png", compress_level=1)
    bank = bank_file(tmp_path / "bank.txt", md5((files / "0.tiff").read_bytes()))
    limits = Limits(memory=160 * 2**20, seconds=0.2)
    with Pool(1, limits) as small:
        small.wait_ready()
        reader = small.pids[0]
        totals = scan(small, out, bank, files / "0.tiff")
        most = next(line for line in Path(f"/proc/{reader}/status").read_text().splitlines() if "VmHWM" in line)
    assert int(most.split()[1]) * 1024 <= limits.memory
    assert (totals.examined, totals.matched) == (1, 1)
    assert next(iter(unreadable(out).values())).startswith("memory_exceeded")
    (files / "0.tiff").unlink()
    with Pool(1, replace(limits, memory=2**30, seconds=0.05)) as slow:
        totals = scan(slow, tmp_path / "again.jsonl", bank, files)
    assert totals.examined == 2
    assert unreadable(tmp_path / "again.jsonl") == {
        (str(files / "1.png"), ""): "it took longer than 0.05 s of processor time"
    }


def test_a_video_is_met_by_its_frames_and_by_its_digest(pool, tmp_path, out):
    """Three seconds of one drawing, three of another; the second is known."""
    (tmp_path / "files").mkdir()
    film = tmp_path / "files" / "film.mp4"
    filmed(film, [picture(1), picture(2)], seconds=3)
    (tmp_path / "files" / "cut.mp4").write_bytes(film.read_bytes()[:2000])
    known = f"pdq {fingerprint(picture(2)).pdq.hex()} drawing"
    bank = bank_file(tmp_path / "bank.txt", known, f"{md5(film.read_bytes())} film")
    totals = scan(pool, out, bank, tmp_path / "files", f"file://{film}")
    assert (totals.examined, totals.matched) == (3, 2)
    found = {(line["path"], line["entry"]): line for line in lines(out)}
    assert set(found) == {(path, entry) for path in (str(film), f"file://{film}") for entry in ("drawing", "film")}
    met = found[str(film), "drawing"]
    assert met["match"] == "frame", "a picture that is in a video is not the video"
    assert "a frame of the video is similar" in met["note"]
    assert met["frames"] == {"matched": 3, "sampled": 6, "percent": 50.0, "first_at_seconds": 3.0}
    assert found[str(film), "film"]["match"] == "same"
    assert [name_of(path) for path, _member in unreadable(out)] == ["cut.mp4"]


@pytest.mark.parametrize("form", ["text", "vics"])
def test_a_video_is_similar_when_enough_of_a_known_one_is_in_it(pool, tmp_path, out, form):
    """vPDQ's rule: 80 of 100 frames of the known video are in the other one. What else that holds does not count."""
    (tmp_path / "files").mkdir()
    film, part = tmp_path / "files" / "film.mp4", tmp_path / "files" / "part.mp4"
    filmed(film, [picture(n) for n in range(1, 6)], seconds=2)
    filmed(part, [picture(n) for n in (1, 2, 3, 9)], seconds=2)
    scenes = {
        name: [fingerprint(picture(n)).pdq.hex() for n in of] for name, of in {"a": (1, 2, 3, 4), "b": (1,)}.items()
    }
    if form == "text":
        text = "".join(f"vpdq {frame} {name}\n" for name, frames in scenes.items() for frame in frames)
    else:
        text = json.dumps({"value": [
            {"MediaID": name, "Category": 1, "MimeType": "video/mp4",
             "AlternativeHashes": [{"HashName": "PDQ", "HashValue": frame} for frame in frames]}
            for name, frames in scenes.items()
        ]})  # fmt: skip
    bank = tmp_path / "bank"
    bank.write_text(text)
    totals = scan(pool, out, bank, tmp_path / "files")
    assert (totals.matched, totals.similar, totals.frame) == (2, 2, 0)
    found = {(name_of(line["path"]), line["entry"]): line for line in lines(out)}
    shares = {
        key: (line["match"], line["frames"]["percent"], line["frames"]["known"], line["frames"]["known_percent"])
        for key, line in found.items()
    }
    assert {key: each[0] for key, each in shares.items()} == {
        ("film.mp4", "a"): "similar",
        ("film.mp4", "b"): "similar",
        ("part.mp4", "a"): "frame",
        ("part.mp4", "b"): "similar",
    }
    assert shares["part.mp4", "a"][2:] == (4, 75.0)
    assert shares["film.mp4", "b"][2:] == (1, 100.0)
    assert shares["film.mp4", "b"][1] < shares["film.mp4", "a"][1]


def test_files_are_private_and_the_scan_leaves_its_own_out(pool, tmp_path):
    made = folder_of(tmp_path / "files", 2)
    out = tmp_path / "files" / "found.jsonl"
    bank = bank_file(tmp_path / "bank.txt", *map(md5, made.values()))
    seen = []
    totals = scan(pool, out, bank, tmp_path / "files", watch=lambda each: seen.append((each.items, each.of)))
    assert totals.examined == 2
    own = sorted(path for path in (tmp_path / "files").iterdir() if path.suffix != ".jpg")
    assert [path.name for path in own] == ["found.journal", "found.jsonl", "found.unreadable.jsonl"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in own} == {0o600}
    assert seen[-1][0] == 2


def test_purpose_and_legal_basis_are_stated_and_recorded(pool, tmp_path, out):
    with pytest.raises(ScanError, match="legal basis"):
        Purpose(DataClass.PRIVATE_MESSAGES, "why")
    with pytest.raises(ScanError, match="purpose"):
        Purpose(DataClass.PUBLIC, " ")
    folder_of(tmp_path / "files", 1)
    stated = Purpose(DataClass.PRIVATE_MESSAGES, "order of a court", "Act 1, Article 2")
    scan(pool, out, bank_file(tmp_path / "bank.txt", "0" * 32), tmp_path / "files", purpose=stated)
    first = json.loads(out.with_suffix(".journal").read_text().splitlines()[0])
    assert first["plan"]["data_class"] == "private-messages"
    assert first["plan"]["text"] == "order of a court"
    assert first["plan"]["legal_basis"] == "Act 1, Article 2"


def _png_of(width, height):
    """A PNG that claims to be so large, in a few bytes."""
    import zlib

    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(99_999)))
        + chunk(b"IEND", b"")
    )
