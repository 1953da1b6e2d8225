"""What the bank exports, `mamori scan` reads: the files of its entries are found, and no others."""

import base64
import io
import json

import pytest

from mamori.engine.images import fingerprint
from mamori.lists.fingerprints import queries, services
from mamori.lists.fingerprints.formats import Bad, Format, read
from mamori.lists.fingerprints.services import NewFingerprint
from mamori.tools.scan.bankfiles import read_bank_file
from mamori.tools.scan.banks import open_bank
from mamori.tools.scan.pool import Pool
from tests.tools.scan.drawn import LIMITS, folder_of, lines, name_of, picture, scan

KNOWN = ("0001.jpg", "0004.jpg")


@pytest.mark.parametrize("form", list(Format))
def test_a_scan_with_the_exported_file_finds_what_the_bank_knows(bank, shared, form, tmp_path):
    made = folder_of(tmp_path / "files", 6)
    (tmp_path / "files" / "again.jpg").write_bytes(picture(4, quality=60))
    numbers = {}
    for name in KNOWN:
        known = fingerprint(made[name])
        values = {"md5": known.md5, "sha1": known.sha1, "sha256": known.sha256, "pdq": known.pdq}
        numbers[name] = str(shared(**values).number)
    shared(md5=b"\7" * 16, pdq=b"\xa5" * 32)
    file, out = tmp_path / "bank", tmp_path / "matches.jsonl"
    file.write_bytes(b"".join(services.export(actor=bank.sue.actor, form=form)))
    assert read_bank_file(file, sixty_four="pdq").bad == []
    with Pool(1, LIMITS) as pool:
        scan(pool, out, open_bank(str(file), sixty_four="pdq"), tmp_path / "files")
    found = {name_of(line["path"]): line for line in lines(out)}
    by_pdq = form in (Format.PDQ, Format.VICS_2, Format.VICS_1)
    assert set(found) == ({*KNOWN, "again.jpg"} if by_pdq else set(KNOWN))
    for name in KNOWN:
        assert found[name]["match"] == ("similar" if form == Format.PDQ else "same")
        if form not in (Format.PDQ, Format.MD5):  # plain lists name no entries
            assert found[name]["entry"] == numbers[name]
            assert "baseline" in found[name]["classification"].lower() or "1" in found[name]["classification"]


def several(bank, *values):
    """An entry in force of our own desks with these values, (algorithm, value, quality) each."""
    return services.entry_add(
        actor=bank.ann.actor,
        source_code="own",
        source_ref="several",
        media="video",
        classification="baseline",
        fingerprints=[NewFingerprint(*each) for each in values],
    )


@pytest.mark.parametrize("form", list(Format))
def test_every_value_of_an_entry_is_found(bank, form, tmp_path):
    """An entry may hold many values of one kind: copies of a picture, frames of a video."""
    made = folder_of(tmp_path / "files", 6)
    kept = [fingerprint(made[name]) for name in ("0001.jpg", "0002.jpg", "0004.jpg")]
    entry = several(
        bank,
        *[(name, getattr(each, name), None) for each in kept for name in ("md5", "sha1", "sha256")],
        *[("pdq", each.pdq, 100) for each in kept],
    )
    entry.refresh_from_db()
    file, out = tmp_path / "bank", tmp_path / "matches.jsonl"
    file.write_bytes(b"".join(services.export(actor=bank.sue.actor, form=form)))
    assert read_bank_file(file, sixty_four="pdq").bad == []
    with Pool(1, LIMITS) as pool:
        scan(pool, out, open_bank(str(file), sixty_four="pdq"), tmp_path / "files")
    found = lines(out)
    assert {name_of(line["path"]) for line in found} == {"0001.jpg", "0002.jpg", "0004.jpg"}
    if form not in (Format.PDQ, Format.MD5):
        assert {line["entry"] for line in found} == {str(entry.number)}
    again = list(read(io.BytesIO(file.read_bytes()), form, media="video"))
    assert not [bad for bad in again if isinstance(bad, Bad)]
    values = {(v.algorithm, v.value) for record in again if not isinstance(record, Bad) for v in record.values}
    told = {Format.PDQ: {"pdq"}, Format.MD5: {"md5"}, Format.ICSE: {"md5", "sha1"}}.get(
        form, {"md5", "sha1", "sha256", "pdq"}
    )
    assert values == {(v.algorithm, v.value) for v in queries.fingerprints_of([entry.id]) if v.algorithm in told}


@pytest.mark.parametrize("form", [Format.VICS_2, Format.VICS_1, Format.PDQ])
def test_a_pdq_value_too_plain_to_be_matched_is_handed_out_in_no_format(bank, form):
    several(bank, ("md5", b"m" * 16, None), ("pdq", b"p" * 32, 49), ("pdq", b"q" * 32, 50), ("pdq", b"r" * 32, None))
    told = b"".join(services.export(actor=bank.sue.actor, form=form)).decode()
    assert (b"p" * 32).hex() not in told
    assert (b"q" * 32).hex() in told
    assert (b"r" * 32).hex() in told


@pytest.mark.parametrize("form", [Format.VICS_2, Format.VICS_1, Format.ICSE])
def test_a_photodna_value_comes_out_as_it_came_and_matches_nothing(bank, form, tmp_path):
    """Opaque: it is stored and relayed, never computed or looked up."""
    values = [bytes(range(144)), bytes(144)]
    entry = several(bank, ("md5", b"m" * 16, None), *[("photodna", value, None) for value in values])
    text = b"".join(services.export(actor=bank.sue.actor, form=form))
    assert all(base64.b64encode(value) in text for value in values)
    back = [each for record in read(io.BytesIO(text), form) for each in record.values]
    assert {v.value for v in back if v.algorithm == "photodna"} == set(values)
    if form != Format.ICSE:
        assert json.loads(text)["value"][0]["PhotoDNA"] == base64.b64encode(values[0]).decode()
    listed = tmp_path / "bank"
    listed.write_bytes(text)
    assert {algorithm for algorithm, _value, _entry, _class in read_bank_file(listed).rows} == {"md5"}
    assert services.entry_compare(entry_id=entry.id) == 0
