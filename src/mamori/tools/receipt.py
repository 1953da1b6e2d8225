"""Verify a signed receipt offline with the hotline's receipt key and, if the reporter shows it, the opening."""

from __future__ import annotations

from pathlib import Path

from mamori.engine.receipts import ReceiptReport, read_opening, verify_receipt
from mamori.engine.transparency.note import NoteKey

MAX_FILE = 1_000_000


def verify_receipt_file(receipt: Path, key: NoteKey, opening: Path | None = None) -> ReceiptReport:
    """Verify the files. OSError if one cannot be read; ValueError if the opening is none."""
    addresses, salt = read_opening(_text(opening)) if opening else (None, None)
    return verify_receipt(_text(receipt), key, addresses, salt)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise ValueError(f"{path} is too large")
    return content.decode("utf-8").replace("\r\n", "\n")
