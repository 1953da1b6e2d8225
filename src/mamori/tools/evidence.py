"""Verify a signed evidence bundle offline with the hotline's evidence key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mamori.engine import keys
from mamori.engine.evidence import open_bundle

MAX_FILE = 5_000_000


def verify_evidence_file(file: Path, key: Path) -> dict[str, Any]:
    """The bundle in `file`. EvidenceError if the key (PEM, public) did not sign it; OSError if it cannot be read."""
    with file.open("rb") as opened:
        content = opened.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise ValueError(f"{file} is too large")
    return open_bundle(content.decode("utf-8"), keys.load_public_key(key))
