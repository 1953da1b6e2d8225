"""What the bank exports, `mamori scan` reads: the files of its entries are found, and no others."""

import pytest

from mamori.engine.images import fingerprint
from mamori.lists.fingerprints import services
from mamori.lists.fingerprints.formats import Format
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
