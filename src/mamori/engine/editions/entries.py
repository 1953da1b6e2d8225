"""Entries and editions, and their JSON Lines files."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import ClassVar, Literal, cast

from mamori.engine.editions.statements import Signature, SignedStatement, canonical_json, utc_text
from mamori.engine.refused import Refused

Method = Literal["dns", "url"]
FILES = ("names.jsonl", "urls.jsonl", "activations.jsonl")


class EditionRefused(Refused):
    """A published edition that must not be used; the reader keeps its last good one."""

    reasons: ClassVar[dict[str, tuple[str, str]]] = {
        "missing_file": ("A file of the edition is missing.", "Fetch the edition again."),
        "malformed": (
            "A file of the edition cannot be read.",
            "Fetch the edition again; if it stays, tell the list body.",
        ),
        "wrong_signer": (
            "The edition is not signed by the list's keys, or was changed after signing.",
            "Do not load it. Check where it was fetched, and the trusted root.",
        ),
        "altered": (
            "A file of the edition differs from what was signed.",
            "Fetch it again; if it stays, tell the list body.",
        ),
        "rollback": (
            "The edition is older than the one already loaded.",
            "Do not load it. Somebody may be replaying an old list.",
        ),
        "expired": (
            "The edition's signatures have expired.",
            "Fetch a newer one; if there is none, tell the list body.",
        ),
    }


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One listing by one method. ``target`` is a host name (dns) or a canonical URL (url); ``reason`` is a code.

    ``expires_on`` is the first day on which the entry no longer holds.
    """

    entry_id: str
    method: Method
    target: str
    reason: str
    activated_at: datetime
    expires_on: date

    def as_json(self) -> dict[str, str]:
        """Plain values; the moment in UTC to the second."""
        return {
            "entry_id": self.entry_id,
            "method": self.method,
            "target": self.target,
            "reason": self.reason,
            "activated_at": utc_text(self.activated_at),
            "expires_on": self.expires_on.isoformat(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> ListEntry:
        """The reverse of as_json. KeyError, TypeError or ValueError when the value is none."""
        text = {key: _string(value[key]) for key in ("entry_id", "method", "target", "reason")}
        if text["method"] not in ("dns", "url"):
            raise ValueError("unknown method")
        return cls(
            entry_id=text["entry_id"],
            method=cast("Method", text["method"]),
            target=text["target"],
            reason=text["reason"],
            activated_at=datetime.strptime(_string(value["activated_at"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
            expires_on=date.fromisoformat(_string(value["expires_on"])),
        )


@dataclass(frozen=True, slots=True)
class Edition:
    """The whole list. ``version`` rises by one or more with each edition.

    ``statements``: the signed activation of every entry, and every withdrawal ever signed, so that an ended activation
    cannot be used again.
    """

    version: int
    entries: frozenset[ListEntry]
    statements: frozenset[SignedStatement] = frozenset()

    def names(self) -> frozenset[str]:
        """Host names listed by DNS."""
        return frozenset(entry.target for entry in self.entries if entry.method == "dns")

    def urls(self) -> frozenset[str]:
        """Canonical URLs listed."""
        return frozenset(entry.target for entry in self.entries if entry.method == "url")


def write_files(edition: Edition) -> dict[str, bytes]:
    """The edition's three JSON Lines files; equal editions give equal bytes."""
    ordered = sorted(edition.entries, key=lambda entry: (entry.entry_id, entry.method, entry.target))
    by_method = {"dns": FILES[0], "url": FILES[1]}
    lines: dict[str, list[bytes]] = {file: [] for file in FILES}
    for entry in ordered:
        lines[by_method[entry.method]].append(canonical_json(entry.as_json()))
    for signed in edition.statements:
        lines[FILES[2]].append(
            canonical_json(
                {
                    "statement": signed.statement.decode(),
                    "signatures": [
                        {"key_id": signature.key_id, "value": base64.b64encode(signature.value).decode()}
                        for signature in sorted(signed.signatures, key=lambda each: each.key_id)
                    ],
                }
            )
        )
    lines[FILES[2]].sort()
    return {file: b"".join(line + b"\n" for line in found) for file, found in lines.items()}


def read_files(version: int, files: Mapping[str, bytes]) -> Edition:
    """The reverse of write_files. Raises EditionRefused("malformed")."""
    try:
        entries: list[ListEntry] = []
        for file, method in zip(FILES, ("dns", "url"), strict=False):
            found = [ListEntry.from_json(value) for value in _lines(files[file])]
            if any(entry.method != method for entry in found):
                raise ValueError("an entry stands in the wrong file")
            entries.extend(found)
        statements = [
            SignedStatement(
                statement=_string(value["statement"]).encode(),
                signatures=frozenset(
                    Signature(
                        key_id=_string(each["key_id"]), value=base64.b64decode(_string(each["value"]), validate=True)
                    )
                    for each in cast("Iterable[dict[str, object]]", value["signatures"])
                ),
            )
            for value in _lines(files[FILES[2]])
        ]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise EditionRefused("malformed") from error
    return Edition(version, frozenset(entries), frozenset(statements))


def _lines(data: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in data.splitlines()]


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a string was expected")
    value.encode()  # UnicodeEncodeError for lone surrogates, which JSON can carry
    return value
