"""Receipt codes, their digests and signed receipts."""

import random
import re
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mamori.engine.receipts import (
    commitment,
    issue_signed_receipt,
    new_receipt_code,
    new_salt,
    normalize_receipt_code,
    read_opening,
    receipt_digest,
    verify_receipt,
    write_opening,
)
from mamori.engine.transparency.note import NoteSigner, sign_note

KEY = NoteSigner("hotline.example/receipts", Ed25519PrivateKey.from_private_bytes(b"r" * 32))
HOUR = datetime(2026, 11, 24, 3, tzinfo=UTC)
SALT = bytes(range(32))
ADDRESSES = ["https://b.example/x", "https://a.example/守り"]
RECEIPT = issue_signed_receipt(ADDRESSES, HOUR, SALT, KEY)


def test_codes_are_sixteen_digits_in_fours_and_differ():
    codes = {new_receipt_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(re.fullmatch(r"\d{4}-\d{4}-\d{4}-\d{4}", code) for code in codes)
    assert {code[0] for code in codes} == set("0123456789")


@pytest.mark.parametrize(
    "typed",
    [
        "1234567890123456",
        " 1234 5678 9012 3456\n",
        "1234-5678-9012-3456",
        "１２３４－５６７８－９０１２－３４５６",
        "1234–5678ー9012−3456",
    ],
)
def test_a_code_is_understood_as_people_type_it(typed):
    assert normalize_receipt_code(typed) == "1234-5678-9012-3456"


@pytest.mark.parametrize(
    "typed", ["", "123456789012345", "12345678901234567", "1234-5678-9012-345x", "١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦"]
)
def test_what_is_no_code_is_refused(typed):
    with pytest.raises(ValueError, match="16 digits"):
        normalize_receipt_code(typed)


def test_the_digest_depends_on_code_and_pepper_only():
    digest = receipt_digest("1234-5678-9012-3456", b"p" * 32)
    assert len(digest) == 32
    assert digest == receipt_digest("1234567890123456", b"p" * 32)
    assert digest != receipt_digest("1234567890123457", b"p" * 32)
    assert digest != receipt_digest("1234567890123456", b"q" * 32)
    with pytest.raises(ValueError, match="pepper"):
        receipt_digest("1234567890123456", b"short")


def test_a_receipt_verifies_and_opens_to_its_addresses_only():
    report = verify_receipt(RECEIPT, KEY.key)
    assert (report.valid, report.signer, report.hour, report.opened) == (True, "hotline.example/receipts", HOUR, None)
    assert verify_receipt(RECEIPT, KEY.key, ADDRESSES[::-1], SALT).opened is True
    for addresses, salt in (
        ([*ADDRESSES, "https://c.example/"], SALT),
        (ADDRESSES[:1], SALT),
        (ADDRESSES, bytes(32)),
        ([], SALT),
        (ADDRESSES, b"x"),
    ):
        report = verify_receipt(RECEIPT, KEY.key, addresses, salt)
        assert (report.valid, report.opened) == (False, False)
        assert "genuine, but not for these" in report.reason


def test_a_receipt_holds_no_address_and_equal_reports_look_different():
    assert ".example/x" not in RECEIPT
    assert "守り" not in RECEIPT
    assert issue_signed_receipt(ADDRESSES, HOUR, new_salt(), KEY) != RECEIPT
    assert len(RECEIPT) == len(issue_signed_receipt(["https://a.example/"], HOUR, new_salt(), KEY)), "tells no number"


def test_the_commitment_is_what_the_page_says():
    listed = '["https://a.example/守り","https://b.example/x"]'.encode()
    assert commitment([*ADDRESSES, ADDRESSES[0]], SALT) == sha256(SALT + listed).digest()


def test_every_altered_bit_of_a_receipt_is_refused():
    chance = random.Random(7)
    for _ in range(500):
        raw = bytearray(RECEIPT.encode())
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        assert not verify_receipt(raw.decode("utf-8", "replace"), KEY.key).valid


def test_a_receipt_by_another_key_or_another_signed_text_is_refused():
    other = NoteSigner(KEY.name, Ed25519PrivateKey.from_private_bytes(b"x" * 32))
    assert not verify_receipt(RECEIPT, other.key).valid
    report = verify_receipt(sign_note("a statement\n", KEY), KEY.key)
    assert "no receipt" in report.reason
    longer = sign_note(RECEIPT.split("\n\n")[0] + "\nextra\n", KEY)
    assert not verify_receipt(longer, KEY.key).valid
    assert not verify_receipt(sign_note(RECEIPT.split("\n\n")[0].replace("-24T", "-99T") + "\n", KEY), KEY.key).valid


def test_a_receipt_tells_a_whole_hour_in_utc():
    tokyo = timezone(timedelta(hours=9))
    assert issue_signed_receipt(ADDRESSES, HOUR.astimezone(tokyo), SALT, KEY) == RECEIPT
    india = timezone(timedelta(hours=5, minutes=30))
    for hour in (HOUR.replace(minute=1), HOUR.replace(tzinfo=None), datetime(2026, 11, 24, 3, tzinfo=india)):
        with pytest.raises(ValueError, match="whole hour"):
            issue_signed_receipt(ADDRESSES, hour, SALT, KEY)


def test_the_opening_survives_the_round_trip():
    assert read_opening(write_opening(ADDRESSES, SALT)) == (sorted(ADDRESSES), SALT)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"addresses":"x","salt":"AAAA"}', '{"addresses":[1],"salt":"AAAA"}', '{"addresses":[],"salt":5}'],
)
def test_what_is_no_opening_is_refused(text):
    with pytest.raises(ValueError):
        read_opening(text)
