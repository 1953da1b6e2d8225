"""Banks in files: text, VICS JSON, a saved index; what is bad is named and left out."""

import base64
import hashlib
import json
import random

import numpy as np
import pytest

from mamori.engine.matching import DigestIndex, HammingIndex
from mamori.lists.fingerprints import codes
from mamori.tools.scan.bankfiles import VICS_ILLEGAL, read_bank_file
from mamori.tools.scan.banks import open_bank
from mamori.tools.scan.matches import Asked, asked_of
from mamori.tools.scan.purpose import ScanError

PDQ = bytes(range(32))
MD5, SHA1, SHA256 = (hashlib.new(name, b"x", usedforsecurity=False).digest() for name in ("md5", "sha1", "sha256"))


def test_plain_text_with_names_entries_and_faults(tmp_path):
    (tmp_path / "bank").write_text(
        f"# a list\n\npdq {PDQ.hex()} 17 A1\n{MD5.hex().upper()}\nsha1,{SHA1.hex()},e-2\nSHA-256 {SHA256.hex()}\n"
        "md5 1234\nnonsense\nabc\n"
    )
    listed = read_bank_file(tmp_path / "bank")
    assert listed.rows == [
        ("pdq", PDQ, "17", "A1"),
        ("md5", MD5, "line 4", ""),
        ("sha1", SHA1, "e-2", ""),
        ("sha256", SHA256, "line 6", ""),
    ]
    assert [bad.split(":")[0] for bad in listed.bad] == ["line 7", "line 8", "line 9"]


def test_sixty_four_digits_are_never_guessed(tmp_path):
    (tmp_path / "bank").write_text(f"{PDQ.hex()}\n")
    with pytest.raises(ScanError, match="--bank-algorithm"):
        read_bank_file(tmp_path / "bank")
    for name in ("pdq", "sha256"):
        assert read_bank_file(tmp_path / "bank", sixty_four=name).rows[0][0] == name


def test_nothing_usable_is_refused(tmp_path):
    (tmp_path / "bank").write_text("nonsense\n")
    with pytest.raises(ScanError, match="no fingerprint could be read; line 1"):
        open_bank(str(tmp_path / "bank"))
    with pytest.raises(ScanError, match="cannot be opened"):
        open_bank(str(tmp_path / "gone"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(ScanError, match="holds no saved index"):
        open_bank(str(tmp_path / "folder"))


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_vics_lists_and_cases(tmp_path, bom):
    media = {"MediaID": 5, "Category": 1, "MD5": MD5.hex().upper(), "SHA1": SHA1.hex(), "Tags": "x" * 3_000_000}
    other = {
        "MediaID": 6,
        "Category": "1",
        "MD5": "short",
        "AlternativeHashes": [{"HashName": "PDQ", "HashValue": base64.b64encode(PDQ).decode()}, "odd"],
    }
    text = json.dumps(
        {"odata.metadata": "x", "value": [media, other, {"MediaID": 7, "Category": 1}, 3, {"Media": [media]}]}, indent=1
    )
    (tmp_path / "list.json").write_bytes(bom + text.encode())
    listed = read_bank_file(tmp_path / "list.json")
    assert listed.rows == [
        ("md5", MD5, "5", "VICS us 1"),
        ("sha1", SHA1, "5", "VICS us 1"),
        ("pdq", PDQ, "6", "VICS us 1"),
        ("md5", MD5, "5", "VICS us 1"),
        ("sha1", SHA1, "5", "VICS us 1"),
    ]
    assert listed.bad == [
        "record 3: no MD5, SHA-1, SHA-256 or PDQ value that can be read",
        "record 4: it is no JSON of a record",
    ]
    (tmp_path / "wide.json").write_text(text, encoding="utf-16")
    assert read_bank_file(tmp_path / "wide.json") == listed
    for cut in (text[:-60], text[: text.index('"MediaID": 6')], text.rstrip("}\n ]")):
        (tmp_path / "cut.json").write_text(cut)
        with pytest.raises(ScanError, match="ends before its end"):
            read_bank_file(tmp_path / "cut.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ScanError, match="no VICS list"):
        read_bank_file(tmp_path / "other.json")


def test_a_record_that_is_no_json_is_named_and_the_rest_is_taken(tmp_path):
    media = [{"MediaID": n, "Category": 1, "MD5": bytes([n] * 16).hex()} for n in range(1, 6)]
    text = json.dumps({"value": media}).replace('"MediaID": 3,', '"MediaID": 3 3,')
    (tmp_path / "list.json").write_text(text)
    listed = read_bank_file(tmp_path / "list.json")
    assert [entry for _algorithm, _value, entry, _category in listed.rows] == ["1", "2", "4", "5"]
    assert listed.bad == ["record 3: it is no JSON of a record"]


def test_a_large_case_export_is_read_record_by_record(tmp_path):
    media = [{"MediaID": n, "Category": 1, "MD5": n.to_bytes(16).hex(), "Tags": "x" * 9000} for n in range(1, 2000)]
    cases = [{"CaseID": "a", "Media": media}, {"CaseID": "b", "Media": media[:2]}]
    context = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Cases"
    (tmp_path / "case.json").write_text(json.dumps({"@odata.context": context, "value": cases}))
    assert (tmp_path / "case.json").stat().st_size > 2**24, "more than one record may have"
    listed = read_bank_file(tmp_path / "case.json")
    assert (len(listed.rows), listed.bad) == (2001, [])


def test_a_category_that_is_nothing_illegal_is_no_entry(tmp_path):
    """What another country's profile calls 2 may be nothing illegal here; the platform's own table decides alike."""
    media = [{"MediaID": f"m{n}", "Category": n, "MD5": bytes([n] * 16).hex()} for n in range(6)]
    (tmp_path / "list.json").write_text(json.dumps({"value": media}))
    for profile, illegal in VICS_ILLEGAL.items():
        listed = read_bank_file(tmp_path / "list.json", profile=profile)
        assert {entry for _algorithm, _value, entry, _category in listed.rows} == {f"m{n}" for n in illegal}
        assert {str(n) for n in range(6) if codes.read(f"vics:{profile}", str(n))} == illegal
        assert len(listed.bad) == 6 - len(illegal)
        assert "record 1: category 0 or none: nobody has sorted it yet" in listed.bad[0]
        assert f"nothing illegal in the profile {profile}" in listed.bad[-1]
    assert set(VICS_ILLEGAL) == set(codes.PROFILES)
    none = [{"MediaID": f"m{n}", "MD5": MD5.hex(), **given} for n, given in enumerate([{}, {"Category": None}])]
    (tmp_path / "none.json").write_text(json.dumps({"value": none}))
    with pytest.raises(ScanError, match="nobody has sorted it yet"):
        read_bank_file(tmp_path / "none.json")
    banks = [open_bank(str(tmp_path / "list.json"), profile=profile).identity() for profile in VICS_ILLEGAL]
    assert len(set(banks)) == len(banks), "a scan by another profile does not go on where one by the first was"


def test_icse(tmp_path):
    (tmp_path / "bank").write_text(
        f"MD5;SHA1;Image ID;Baseline\n{MD5.hex().upper()};{SHA1.hex()};7;1\n{MD5.hex()};;;0\n;;8;1\n{MD5.hex()};\n\n",
        encoding="utf-8-sig",
    )
    listed = read_bank_file(tmp_path / "bank")
    assert listed.rows == [
        ("md5", MD5, "7", "ICSE baseline"),
        ("sha1", SHA1, "7", "ICSE baseline"),
        ("md5", MD5, "line 3", "ICSE"),
    ]
    assert [bad.split(":")[0] for bad in listed.bad] == ["line 4", "line 5"]


def test_digests_that_end_in_zeros_are_found_and_no_others(tmp_path):
    values = [bytes(15) + b"\1", bytes(16), b"\1" + bytes(15), b"\1\1" + bytes(14)]
    (tmp_path / "bank").write_text("".join(f"{value.hex()} {n}\n" for n, value in enumerate(values)))
    bank = open_bank(str(tmp_path / "bank"))
    asked = [Asked(None, 0, {"md5": value}) for value in [*values, b"\1\1\1" + bytes(13)]]
    found = bank.look_up(asked)
    assert [[match.entry for match in each] for each in found] == [["0"], ["1"], ["2"], ["3"], []]


@pytest.mark.parametrize("generations", [False, True])
def test_a_saved_index_tells_the_same_as_each_with_each(tmp_path, generations):
    rng = np.random.default_rng(1)
    values = rng.integers(0, 256, (200, 32), dtype=np.uint8)
    place = tmp_path / "index" / "g00000001" if generations else tmp_path / "index"
    place.mkdir(parents=True)
    if generations:
        (tmp_path / "index" / "current").write_text("g00000001\n")
    HammingIndex.build(values, np.arange(200, dtype=np.uint32)).save(place / "pdq")
    digests = DigestIndex.create(place / "digests")
    digests.add_many([1000], [MD5])
    del digests
    bank = open_bank(str(tmp_path / "index"))
    dice = random.Random(2)
    asked = []
    for number in range(50):
        near = int.from_bytes(values[number].tobytes(), "big")
        for bit in dice.sample(range(256), dice.randint(25, 37)):
            near ^= 1 << bit
        asked.append(Asked(near.to_bytes(32, "big"), 100, {"md5": MD5} if number == 7 else {}))
    found = bank.look_up(asked)
    for number, each in enumerate(asked):
        raw = np.frombuffer(each.pdq, np.uint8)
        distances = np.bitwise_count(values ^ raw).sum(axis=1)
        expected = {(f"fingerprint {n}", "similar", int(distances[n])) for n in np.flatnonzero(distances <= 31)}
        if number == 7:
            expected.add(("fingerprint 1000", "same", None))
        assert {(match.entry, match.kind, match.distance) for match in found[number]} == expected
    assert found[7][0].kind == "same"


@pytest.mark.parametrize(
    "told",
    [{"md5": "00"}, {"pdq": "zz", "quality": 99}, {"md5": 5}, {"frames": [1]}, {"pdq": PDQ.hex(), "quality": "x"}],
)
def test_nonsense_of_a_child_is_refused(told):
    with pytest.raises((ValueError, TypeError)):
        asked_of(told)


def test_low_quality_is_not_asked():
    told = {"pdq": PDQ.hex(), "quality": 49, "frames": [[PDQ.hex(), 50, 0.0], [PDQ.hex(), 12, 1.0]]}
    assert [each.pdq for each in asked_of(told)] == [None, PDQ, None]


def test_the_platforms_own_export_of_pdq_tells_quality_not_entries(tmp_path):
    good, plain, named = ("ab" * 32, "cd" * 32, "ef" * 32)
    (tmp_path / "bank").write_text(f"{good},100\n{plain},49\npdq,{named},17\n")
    listed = read_bank_file(tmp_path / "bank", sixty_four="pdq")
    assert [(value.hex(), entry) for _algorithm, value, entry, _class in listed.rows] == [
        (good, "line 1"),
        (named, "17"),
    ]
    assert listed.bad == ["line 2: its quality is below 50: too plain to be matched"]
