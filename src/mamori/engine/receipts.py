"""Receipts: the 16-digit code a reporter comes back with, and the signed receipt a third party can verify.

The code has log2(10**16) = 53 bits: enough against guessing at our door, not against someone who holds the table of
digests and tries all codes. So digests are keyed with a pepper that is kept outside the database.

The signed receipt is a C2SP signed note that holds the hour and a salted commitment, no address and no code. The
opening (salt and addresses) stays with the reporter, who alone can show what was reported.
"""

from __future__ import annotations

import json
import re
import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha256

from mamori.engine.transparency.chain import canonical
from mamori.engine.transparency.note import (
    NoteError,
    NoteKey,
    NoteSigner,
    SignedNote,
    decode_base64,
    encode_base64,
    sign_note,
)

DIGITS = 16
SALT_SIZE = 32
PEPPER_SIZE = 32
_TITLE = "mamori receipt v1"
_HOUR = "%Y-%m-%dT%H:00Z"
_TEXT = re.compile(_TITLE + r"\nhour ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:00Z)\ncommitment ([A-Za-z0-9+/]{43}=)\n")


@dataclass(frozen=True)
class ReceiptReport:
    """`opened`: whether addresses and salt fit the commitment, None when not given. `reason`: why not `valid`."""

    valid: bool
    signer: str | None
    hour: datetime | None
    opened: bool | None
    reason: str | None


def new_receipt_code() -> str:
    """A fresh code, as people read it: 1234-5678-9012-3456."""
    return _grouped(f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}")


def normalize_receipt_code(text: str) -> str:
    """The code as `new_receipt_code` writes it, from what a person typed (spaces, dashes, full-width digits).

    ValueError unless there are exactly 16 digits.
    """
    digits = re.sub(r"[\s\-\u2010-\u2015\u2212\u30fc]", "", unicodedata.normalize("NFKC", text))
    if not re.fullmatch(rf"[0-9]{{{DIGITS}}}", digits):
        raise ValueError("a receipt code has 16 digits")
    return _grouped(digits)


def receipt_digest(code: str, pepper: bytes) -> bytes:
    """Keyed BLAKE2b of the code, 32 bytes: what may be stored. ValueError unless the pepper has 32 to 64 bytes."""
    if not PEPPER_SIZE <= len(pepper) <= 64:
        raise ValueError("the pepper has 32 to 64 bytes")
    return blake2b(normalize_receipt_code(code).encode(), digest_size=32, key=pepper, person=b"mamori receipt").digest()


def new_salt() -> bytes:
    """A random salt for one signed receipt."""
    return secrets.token_bytes(SALT_SIZE)


def commitment(addresses: Iterable[str], salt: bytes) -> bytes:
    """SHA-256(salt || canonical JSON of the canonical addresses, sorted, each once). ValueError for an unfit salt."""
    listed = sorted(set(addresses))
    if len(salt) != SALT_SIZE or not listed:
        raise ValueError("a commitment needs a salt of 32 bytes and at least one address")
    return sha256(salt + canonical(listed)).digest()


def issue_signed_receipt(addresses: Iterable[str], hour: datetime, salt: bytes, key: NoteSigner) -> str:
    """The receipt as a text file. `hour`: aware and whole; `key`: the hotline's receipt key under its public name."""
    if hour.utcoffset() is None or hour.replace(minute=0, second=0, microsecond=0) != hour:
        raise ValueError("a receipt tells a whole hour with its time zone")
    if hour.utcoffset() != timedelta(0):
        hour = hour.astimezone(UTC)
    if hour.minute:
        raise ValueError("a receipt tells a whole hour of UTC")
    text = f"{_TITLE}\nhour {hour.strftime(_HOUR)}\ncommitment {encode_base64(commitment(addresses, salt))}\n"
    return sign_note(text, key)


def write_opening(addresses: Iterable[str], salt: bytes) -> str:
    """The opening as the text file the reporter keeps beside the receipt, and shows only to whom they choose."""
    return canonical({"addresses": sorted(set(addresses)), "salt": encode_base64(salt)}).decode() + "\n"


def read_opening(text: str) -> tuple[list[str], bytes]:
    """Addresses and salt of an opening. ValueError if it is none."""
    try:
        found = json.loads(text)
        addresses, salt = found["addresses"], decode_base64(found["salt"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("this is no opening of a receipt") from error
    if not isinstance(addresses, list) or not all(isinstance(address, str) for address in addresses):
        raise ValueError("this is no opening of a receipt")
    return addresses, salt


def verify_receipt(
    text: str, public_key: NoteKey, addresses: Sequence[str] | None = None, salt: bytes | None = None
) -> ReceiptReport:
    """Verify a receipt and, where addresses and salt are given, that they are what was reported."""
    try:
        note = SignedNote.parse(text)
        note.verify([public_key])
        match = _TEXT.fullmatch(note.text)
        if match is None:
            raise NoteError("it is signed, but is no receipt")
        hour = datetime.strptime(match[1], _HOUR).replace(tzinfo=UTC)
        committed = decode_base64(match[2])
    except ValueError as error:
        return ReceiptReport(False, None, None, None, f"the receipt is not valid: {error}")
    if addresses is None or salt is None:
        return ReceiptReport(True, public_key.name, hour, None, None)
    try:
        opened = secrets.compare_digest(commitment(addresses, salt), committed)
    except ValueError:
        opened = False
    reason = None if opened else "the receipt is genuine, but not for these addresses and this salt"
    return ReceiptReport(opened, public_key.name, hour, opened, reason)


def _grouped(digits: str) -> str:
    return "-".join(digits[place : place + 4] for place in range(0, DIGITS, 4))
