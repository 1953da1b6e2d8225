"""Archives: members are found in memory, bombs and damage cost only themselves, nothing is unpacked."""

import bz2
import gzip
import io
import lzma
import os
import signal
import sys
import tarfile
import zipfile

import pytest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from mamori.engine.limits import Limits
from mamori.tools.scan import archives
from mamori.tools.scan.pool import Done, Looked, Pool
from mamori.tools.scan.sources import Item
from tests.tools.scan.drawn import bank_file, lines, md5, name_of, picture, scan, unreadable


def zipped(files, **more):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **more) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def old(tar):
    """The same as the first tar wrote it: headers without a magic word."""
    data = bytearray(tar)
    while (at := data.find(b"ustar")) >= 0:
        first = at - 257
        data[at : first + 512] = bytes(255)
        data[first + 148 : first + 156] = b" " * 8
        data[first + 148 : first + 156] = b"%06o\0 " % sum(data[first : first + 512])
    return bytes(data)


@pytest.fixture
def look(pool, tmp_path, out):
    """Scan these files for these pictures: (totals, found as (file, member), why not as {(file, member): reason})."""

    def looking(files, *known):
        (tmp_path / "files").mkdir()
        for name, data in files.items():
            (tmp_path / "files" / name).write_bytes(data)
        totals = scan(pool, out, bank_file(tmp_path / "bank.txt", *map(md5, known)), tmp_path / "files")
        found = {(name_of(line["path"]), line.get("member", "")) for line in lines(out)}
        why = {(name_of(path), member): reason for (path, member), reason in unreadable(out).items()}
        return totals, found, why

    return looking


def test_members_of_every_kind_of_archive(look):
    held = picture(1)
    inside = {"a/held.jpg": held, "b.jpg": picture(2)}
    tar = tarred(inside)
    files = {
        "one.zip": zipped(inside),
        "two.tar": tar,
        "three.tar.gz": gzip.compress(tar),
        "four.tar.bz2": bz2.compress(tar),
        "five.tar.xz": lzma.compress(tar),
        "six.jpg.gz": gzip.compress(held),
        "seven.tar.zst": zstd.compress(tar),
        "eight.tar": old(tar),
        "nine.tar.gz": gzip.compress(old(tar)),
    }
    totals, found, why = look(files, held)
    assert found == {*((name, "a/held.jpg") for name in files if "jpg" not in name), ("six.jpg.gz", "(content)")}
    assert why == {}
    assert totals.examined == 9 + 8 * 2 + 1  # each archive's own digest, and its members


def test_archives_in_archives_to_a_depth(look):
    held = picture(1)
    deep = held
    for level in range(5):
        deep = zipped({f"{level}.zip" if level else "held.jpg": deep})
    third = zipped({"2.zip": zipped({"1.tgz": gzip.compress(tarred({"held.jpg": held}))})})
    _totals, found, why = look({"third.zip": third, "deep.zip": deep}, held)
    assert found == {("third.zip", "2.zip/1.tgz/held.jpg")}
    assert list(why.values()) == ["archives in archives are opened 3 deep"]


def test_a_picture_with_an_archive_behind_it_is_both(look):
    held, cover = picture(1), picture(2)
    _totals, found, _why = look({"cover.jpg": cover + zipped({"held.jpg": held})}, held)
    assert found == {("cover.jpg", "held.jpg")}


def test_bombs_end_at_their_budget(look):
    one = gzip.compress(bytes(2**20), 9)
    flat = one * 160  # more than a hundred MiB out of 160 KiB
    nested = zipped({"x.gz": flat})
    totals, _found, why = look({"flat.gz": flat, "nested.zip": nested}, picture(1))
    assert set(why) == {("flat.gz", ""), ("nested.zip", "")}
    assert set(why.values()) == {"too much comes out of this archive: it may be a bomb"}
    assert totals.unreadable == 2


def test_damage_and_encryption_are_named_and_the_rest_is_read(look):
    held = picture(1)
    good = {"first.jpg": held, "second.jpg": picture(2), "third.jpg": held}
    whole = zipped(good)
    at = whole.index(b"second.jpg") + 400
    damaged = whole[:at] + bytes(40) + whole[at + 40 :]
    locked = bytearray(zipped({"locked.jpg": held, "open.jpg": held}))
    central = locked.index(b"PK\x01\x02")
    locked[central + 8] |= 1
    files = {
        "damaged.zip": damaged,
        "locked.zip": bytes(locked),
        "cut.tar": tarred(good)[: 512 + len(held) + 900],
        "cut.gz": gzip.compress(tarred(good))[:-2000],
        "fake.zip": b"PK\x03\x04" + os.urandom(400),
        "x.rar": b"Rar!\x1a\x07\x01\x00" + bytes(50),
        "x.cab": b"MSCF" + bytes(60),
        "cut.zst": zstd.compress(tarred(good))[:-2000],
    }
    _totals, found, why = look(files, held)
    assert found >= {
        ("damaged.zip", "first.jpg"),
        ("damaged.zip", "third.jpg"),
        ("locked.zip", "open.jpg"),
        ("cut.tar", "first.jpg"),
        ("cut.gz", "first.jpg"),
    }
    assert why["locked.zip", "locked.jpg"] == "it is encrypted"
    assert why["x.rar", ""] == "a RAR archive is not opened"
    assert why["x.cab", ""] == "a Cabinet archive is not opened"
    assert ("damaged.zip", "second.jpg") in why
    assert {"cut.tar", "cut.gz", "cut.zst", "fake.zip"} <= {name for name, _member in why}


def test_a_damaged_header_of_a_tar_hides_nothing_behind_it_and_is_named(look):
    held = picture(1)
    tar = tarred({"first.jpg": picture(2), "second.jpg": picture(3), "held.jpg": held})
    at = tar.index(b"second.jpg")
    damaged = tar[: at + 100] + b"\xff" * 40 + tar[at + 140 :]
    several = tarred({"first.jpg": picture(2)}) + tarred({"held.jpg": held})
    files = {
        "damaged.tar": damaged,
        "damaged.tar.gz": gzip.compress(damaged),
        "inside.zip": zipped({"damaged.tar": damaged}),
        "cut.tar": tar[: tar.index(b"held.jpg") + 200],
        "noisy.tar": tar + os.urandom(2048),
        "several.tar": several,
        "several.tar.gz": gzip.compress(several),
        "zeros.tar": tar[:at] + bytes(4096) + tar[at:],
    }
    _totals, found, why = look(files, held)
    whole = {(name, "held.jpg") for name in files if name not in {"cut.tar", "inside.zip"}}
    assert found == {*whole, ("inside.zip", "damaged.tar/held.jpg")}
    missing = "a header in it is damaged or cut off: a member may be missing"
    named = [("damaged.tar", ""), ("damaged.tar.gz", ""), ("inside.zip", "damaged.tar"), ("cut.tar", "")]
    assert why == dict.fromkeys(named, missing)


def test_what_follows_a_tar_is_not_looked_through_without_end(monkeypatch):
    tar = tarred({"a.jpg": picture(1)})
    behind = tar + bytes(512 * 20) + tarred({"b.jpg": picture(2)})

    def names():
        return [each.name for each in archives.members("tar", io.BytesIO(behind), archives.Budget.of(len(behind)))]

    assert names() == ["a.jpg", "b.jpg"]
    monkeypatch.setattr(archives, "_LOOKED_ON", 10)
    assert names() == ["a.jpg"]


def test_a_large_archive_is_streamed(tmp_path, out):
    held = picture(1)
    (tmp_path / "large.tar").write_bytes(tarred({"pad.bin": bytes(3 * 2**20), "held.jpg": held}))
    with Pool(1, Limits(file_bytes=2**20)) as small:
        totals = scan(small, out, bank_file(tmp_path / "bank.txt", md5(held)), tmp_path / "large.tar")
    assert [line["member"] for line in lines(out)] == ["held.jpg"]
    assert totals.examined == 2  # the archive itself is too large for one reading more


def test_a_zip_behind_something_large_is_opened(tmp_path, out):
    """Programs that unpack themselves; a picture in front is looked at as well as before."""
    held, cover = picture(1), picture(2)
    (tmp_path / "files").mkdir()
    for name, front in (("setup.exe", b"MZ" + os.urandom(2**21)), ("cover.jpg", cover + bytes(2**21))):
        (tmp_path / "files" / name).write_bytes(front + zipped({"held.jpg": held}))
    (tmp_path / "files" / "plain.bin").write_bytes(os.urandom(2**21))
    with Pool(1, Limits(file_bytes=2**20)) as small:
        totals = scan(small, out, bank_file(tmp_path / "bank.txt", md5(held)), tmp_path / "files")
    assert {(name_of(line["path"]), line["member"]) for line in lines(out)} == {
        ("setup.exe", "held.jpg"),
        ("cover.jpg", "held.jpg"),
    }
    assert totals.examined == 5
    assert [name_of(path) for path, _member in unreadable(out)] == ["cover.jpg"], "larger than a picture may be"


def test_an_archive_goes_on_after_the_members_that_are_done(pool, tmp_path):
    data = zipped({f"{n}.jpg": picture(n) for n in range(6)})
    (tmp_path / "x.zip").write_bytes(data)
    whole = [each for each in pool.examine(iter([Item(str(tmp_path / "x.zip"))])) if isinstance(each, Looked)]
    rest = [each for each in pool.examine(iter([Item(str(tmp_path / "x.zip"), skip=4)])) if isinstance(each, Looked)]
    assert [(each.number, each.member, each.told) for each in rest] == [
        (each.number, each.member, each.told) for each in whole if each.number > 4
    ]


def test_losing_the_child_in_a_member_costs_the_member(tmp_path):
    """The child is killed while it reads; the next one goes on with the next member."""
    (tmp_path / "x.zip").write_bytes(zipped({f"{n:02}.jpg": picture(n) for n in range(30)}))
    (tmp_path / "y.jpg").write_bytes(picture(50))
    with Pool(1, Limits()) as small:
        found = []
        for each in small.examine(iter([Item(str(tmp_path / "x.zip")), Item(str(tmp_path / "y.jpg"))])):
            if isinstance(each, Looked):
                found.append(each)
                if each.number == 3:
                    os.kill(small.pids[0], signal.SIGKILL)
            elif isinstance(each, Done):
                found.append(each.item.path)
    assert found[-3:][0] == str(tmp_path / "x.zip")
    looked = [each for each in found if isinstance(each, Looked) and each.item.path.endswith("zip")]
    assert [each.number for each in looked] == list(range(31))
    assert sum(bool(each.problem) for each in looked) <= 1
    assert found[-1] == str(tmp_path / "y.jpg")


@pytest.mark.parametrize("head", [bytes(512), b"1" * 512, b"a" * 100 + b"8" * 412, bytes(range(256)) * 2, b"0" * 200])
def test_what_is_no_tar_is_not_taken_for_an_old_one(head):
    assert archives.kind_of(head) == ""


def test_a_budget_is_for_all_that_comes_out():
    budget = archives.Budget.of(1000)
    budget.take(archives.FREE + archives.RATIO * 1000)
    with pytest.raises(archives.ArchiveError, match="bomb"):
        budget.take(1)
