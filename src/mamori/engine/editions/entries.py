"""Entries and editions, and their JSON Lines files."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import ClassVar, Literal, cast

from mamori.engine.editions.rpz import name_key
from mamori.engine.editions.statements import Signature, SignedStatement, canonical_json, utc_text
from mamori.engine.refused import Refused

Method = Literal["dns", "url"]
NAMES, URLS, ACTIVATIONS, ENDINGS = BASE_FILES = ("names.jsonl", "urls.jsonl", "activations.jsonl", "endings.jsonl")
CHANGES = "changes.jsonl"
LAST_RING = 2  # of all subscribers but a few, who get an addition before them: rings 0 and 1
LINES_KEPT = 1 << 15  # of files of changes, of each kind: the next edition writes them again
FILES = (*BASE_FILES, CHANGES)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


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
            activated_at=datetime.fromisoformat(_formed(_MOMENT, value["activated_at"])),
            expires_on=date.fromisoformat(_formed(_DAY, value["expires_on"])),
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


@dataclass(frozen=True, slots=True)
class Delta:
    """What changed since a base: entries that came, the base's entries that went, what was signed since.

    ``waits``: entry id -> the last ring that has it yet, of those that came and are not everywhere. No base holds them.
    """

    added: frozenset[ListEntry] = frozenset()
    removed: frozenset[ListEntry] = frozenset()
    statements: frozenset[SignedStatement] = frozenset()
    waits: Mapping[str, int] = field(default_factory=dict)

    def then(self, later: Delta) -> Delta:
        """This and what changed after it, since the same base. What waits, the later one says."""
        return Delta(
            self.added - later.removed | later.added,
            self.removed | (later.removed - self.added),
            self.statements | later.statements,
            later.waits,
        )

    def for_ring(self, ring: int) -> Delta:
        """What subscribers of a ring have of it: all but what waits before that ring."""
        held = {entry_id for entry_id, last in self.waits.items() if last < ring}
        if not held:
            return self
        return Delta(
            frozenset(entry for entry in self.added if entry.entry_id not in held),
            self.removed,
            frozenset(s for s in self.statements if s.action != "activate" or s.entry_id not in held),
            {entry_id: last for entry_id, last in self.waits.items() if entry_id not in held},
        )

    def names_changed(self) -> set[str]:
        """Names that came or went."""
        return {entry.target for entry in self.added | self.removed if entry.method == "dns"}

    def lasting(self) -> Delta:
        """Without the kill switch, which speaks of one edition."""
        kills = [signed for signed in self.statements if signed.action == "kill"]
        return replace(self, statements=self.statements.difference(kills)) if kills else self

    def kills(self, version: int) -> bool:
        """Whether the kill switch empties edition `version`."""
        return any(signed.kills(version) for signed in self.statements)


def write_files(edition: Edition) -> dict[str, bytes]:
    """The four JSON Lines files of a base; equal editions give equal bytes.

    Entries stand in the order of their targets (names by their labels from the last to the first), statements in the
    order of their entries' ids: a reader finds each without reading all.
    """
    return {
        NAMES: _text(entry.as_json() for entry in sorted(edition.entries, key=entry_key) if entry.method == "dns"),
        URLS: _text(entry.as_json() for entry in sorted(edition.entries, key=entry_key) if entry.method == "url"),
        ACTIVATIONS: _statements(signed for signed in edition.statements if signed.action == "activate"),
        ENDINGS: _statements(signed for signed in edition.statements if signed.action != "activate"),
    }


def write_delta(delta: Delta) -> bytes:
    """The file of changes since the base: one thing a line, in the order of their bytes."""
    lines = [_change_line("added", entry) for entry in delta.added]
    lines += [_change_line("removed", entry) for entry in delta.removed]
    lines += [canonical_json({"waits": {"entry_id": each, "ring": ring}}) + b"\n" for each, ring in delta.waits.items()]
    lines += map(_statement_line, delta.statements)
    return b"".join(sorted(lines))


def read_files(version: int, files: Mapping[str, bytes]) -> Edition:
    """The list that a base and the changes since make. Raises EditionRefused("malformed")."""
    delta = read_delta(files[CHANGES])
    try:
        entries = {
            entry
            for file, method in ((NAMES, "dns"), (URLS, "url"))
            for entry in _entries(files[file], method)
            if entry not in delta.removed
        }
        statements = {signed for file in (ACTIVATIONS, ENDINGS) for signed in map(read_signed, _lines(files[file]))}
    except _MALFORMED as error:
        raise EditionRefused("malformed") from error
    if delta.kills(version):
        return Edition(version, frozenset(), frozenset(statements) | delta.statements)
    return Edition(version, frozenset(entries) | delta.added, frozenset(statements) | delta.statements)


def read_delta(data: bytes) -> Delta:
    """The reverse of write_delta. Raises EditionRefused("malformed")."""
    added: set[ListEntry] = set()
    removed: set[ListEntry] = set()
    statements: set[SignedStatement] = set()
    waits: dict[str, int] = {}
    try:
        for line in _lines(data):
            if "added" in line:
                added.add(ListEntry.from_json(cast("dict[str, object]", line["added"])))
            elif "removed" in line:
                removed.add(ListEntry.from_json(cast("dict[str, object]", line["removed"])))
            elif "waits" in line:
                waits.update([_waits(cast("dict[str, object]", line["waits"]))])
            else:
                statements.add(read_signed(line))
        if not waits.keys() <= {entry.entry_id for entry in added}:
            raise ValueError("an entry waits that did not come")
    except _MALFORMED as error:
        raise EditionRefused("malformed") from error
    return Delta(frozenset(added), frozenset(removed), frozenset(statements), waits)


def _waits(value: Mapping[str, object]) -> tuple[str, int]:
    ring = value["ring"]
    if type(ring) is not int or not 0 <= ring < LAST_RING:
        raise ValueError("no ring that is waited for")
    return _string(value["entry_id"]), ring


def entry_key(entry: ListEntry) -> tuple[object, ...]:
    """Where an entry stands among the others of its file."""
    return (name_key(entry.target) if entry.method == "dns" else (entry.target,)), entry.entry_id


def read_signed(value: Mapping[str, object]) -> SignedStatement:
    """A signed statement of a line. KeyError, TypeError or ValueError when it is none."""
    return SignedStatement(
        statement=_string(value["statement"]).encode(),
        signatures=frozenset(
            Signature(key_id=_string(each["key_id"]), value=base64.b64decode(_string(each["value"]), validate=True))
            for each in cast("Iterable[dict[str, object]]", value["signatures"])
        ),
    )


def _entries(data: bytes, method: str) -> Iterator[ListEntry]:
    for value in _lines(data):
        entry = ListEntry.from_json(value)
        if entry.method != method:
            raise ValueError("an entry stands in the wrong file")
        yield entry


def statement_line(signed: SignedStatement) -> bytes:
    """A signed statement as its line, without the line's end."""
    return canonical_json(
        {
            "statement": signed.statement.decode(),
            "signatures": [
                {"key_id": signature.key_id, "value": base64.b64encode(signature.value).decode()}
                for signature in sorted(signed.signatures, key=lambda each: (each.key_id, each.value))
            ],
        }
    )


def _statements(statements: Iterable[SignedStatement]) -> bytes:
    ordered = sorted(statements, key=lambda signed: (signed.entry_id, signed.statement))
    return b"".join(map(_statement_line, ordered))


@lru_cache(LINES_KEPT)
def _statement_line(signed: SignedStatement) -> bytes:
    return statement_line(signed) + b"\n"


@lru_cache(LINES_KEPT)
def _change_line(change: str, entry: ListEntry) -> bytes:
    return canonical_json({change: entry.as_json()}) + b"\n"


def _text(values: Iterable[Mapping[str, object]]) -> bytes:
    return b"".join(canonical_json(value) + b"\n" for value in values)


def _lines(data: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in data.splitlines()]


def _formed(form: re.Pattern[str], value: object) -> str:
    text = _string(value)
    if not form.fullmatch(text):
        raise ValueError("a moment or a day of another form was expected")
    return text


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a string was expected")
    value.encode()  # UnicodeEncodeError for lone surrogates, which JSON can carry
    return value
