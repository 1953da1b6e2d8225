"""Two persons under each entry, judged at the subscriber: by the members whose keys the root vouches for."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from mamori.engine.editions import (
    BASE_FILES,
    Delta,
    EditionRefused,
    ListEntry,
    Members,
    MembersRefused,
    SignedStatement,
    activated,
    activation_statement,
    read_members,
)
from mamori.engine.editions.entries import read_signed
from mamori.engine.editions.listed import lines_of
from mamori.engine.files import write_whole
from mamori.tools.fetching import PRIVATE, Fetched, Progress

_GOOD, _SINCE = "vouched", "vouched-since"  # marks of what was found good: up to a base, in order; and after it
_WHOLE = "vouched-base"  # digests of the base of which all was found good
_MEMBERS = "members.json"
_MARK = 16  # octets
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)


def unvouched(
    got: Fetched, delta: Delta, entries: Iterable[ListEntry], kept: Path, progress: Progress
) -> frozenset[ListEntry]:
    """The entries under which no two persons' signatures stand that count, an approver's among them. EditionRefused.

    What was found good once stays good: the person may have left since. So only new entries are judged, and where all of
    this base was found good before, nothing is read but what was added since. `delta`: what changed since the base;
    `entries`: all that the two make; `kept`: a folder.
    """
    base = f"{got.digests[BASE_FILES[0]]} {got.digests[BASE_FILES[1]]}".encode()
    good, since = _read(kept / _GOOD), _marks(_read(kept / _SINCE))
    if whole := _read(kept / _WHOLE) == base:
        entries = delta.added
        known = since.union(mark for mark in map(_mark_of, entries) if _holds(good, mark))
    else:
        entries, known = chain(entries, delta.removed), _marks(good) | since  # what went may come back to this base
    found: set[bytes] = set()
    new: dict[bytes, ListEntry] = {}
    for entry in entries:
        statement = activation_statement(entry)
        if (mark := _mark(statement)) in known:
            found.add(mark)
        else:
            new[statement] = entry
    if new:
        members, total = _members(got, kept), len(new)
        for signed in chain(got.delta.statements, _activations(got)):
            entry_or_none = new.get(signed.statement)
            if entry_or_none is not None and activated(entry_or_none, signed, members):
                found.add(_mark(signed.statement))
                del new[signed.statement]
                progress(total - len(new), total)
            if not new:
                break
    if whole and found != since:
        write_whole(kept / _SINCE, b"".join(found), PRIVATE)
    elif not whole:
        write_whole(kept / _GOOD, b"".join(sorted(found)), PRIVATE)
        write_whole(kept / _SINCE, b"", PRIVATE)
        write_whole(kept / _WHOLE, base if delta.added.issuperset(new.values()) else b"", PRIVATE)
    return frozenset(new.values()) - delta.removed


def _members(got: Fetched, kept: Path) -> Members:
    """The list of members, not older than the one seen before."""
    path = kept / _MEMBERS
    try:
        data = got.members()
        members = read_members(data, got.root)
        seen = read_members(path.read_bytes(), got.root).version if path.exists() else 0
    except MembersRefused as error:
        if error.code == "members_not_signed":
            raise EditionRefused("wrong_signer") from error
        raise EditionRefused("malformed") from error
    if members.version < seen:
        raise EditionRefused("rollback")
    write_whole(path, data, PRIVATE)
    return members


def _activations(got: Fetched) -> Iterator[SignedStatement]:
    """Those of the base: fetched, and read through, only when the changes since do not tell enough."""
    data = got.more(BASE_FILES[2])
    try:
        yield from (read_signed(json.loads(line)) for line in lines_of(data))
    except _UNREADABLE as error:
        raise EditionRefused("malformed") from error


def _mark(statement: bytes) -> bytes:
    return hashlib.blake2b(statement, digest_size=_MARK).digest()


def _mark_of(entry: ListEntry) -> bytes:
    return _mark(activation_statement(entry))


def _marks(data: bytes) -> set[bytes]:
    return {data[at : at + _MARK] for at in range(0, len(data), _MARK)}


def _holds(ordered: bytes, mark: bytes) -> bool:
    """Whether a mark is among these, which stand in order."""
    at = _MARK * bisect_left(range(len(ordered) // _MARK), mark, key=lambda n: ordered[_MARK * n : _MARK * (n + 1)])
    return ordered[at : at + _MARK] == mark


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
