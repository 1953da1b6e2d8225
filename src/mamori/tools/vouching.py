"""Two persons under each entry, judged at the subscriber: by the members whose keys the root vouches for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from mamori.engine.editions import (
    BASE_FILES,
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
from mamori.tools.fetching import PRIVATE, Fetched

_GOOD, _MEMBERS = "vouched", "members.json"
_MARK = 16  # octets
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)


def unvouched(got: Fetched, entries: Iterable[ListEntry], kept: Path) -> frozenset[ListEntry]:
    """The entries under which no two persons' signatures stand that count, an approver's among them. EditionRefused.

    What was found good once stays good: the person may have left since. So only new entries are judged. `kept`: a folder.
    """
    path = kept / _GOOD
    data = path.read_bytes() if path.exists() else b""
    before = {data[at : at + _MARK] for at in range(0, len(data), _MARK)}
    good: set[bytes] = set()
    new: dict[bytes, ListEntry] = {}
    for entry in entries:
        statement = activation_statement(entry)
        if (mark := _mark(statement)) in before:
            good.add(mark)
        else:
            new[statement] = entry
    if new:
        members = _members(got, kept)
        for signed in chain(got.delta.statements, _activations(got)):
            entry_or_none = new.get(signed.statement)
            if entry_or_none is not None and activated(entry_or_none, signed, members):
                good.add(_mark(signed.statement))
                del new[signed.statement]
            if not new:
                break
    if good != before:
        write_whole(path, b"".join(sorted(good)), PRIVATE)
    return frozenset(new.values())


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
