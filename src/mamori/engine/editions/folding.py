"""Fold the changes since a base into a new base, copying what did not change: a million entries in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mamori.engine.editions.entries import ACTIVATIONS, ENDINGS, NAMES, URLS, Delta, Edition, entry_key, write_files
from mamori.engine.editions.listed import ListInForce, SortedLines, sorted_files
from mamori.engine.editions.statements import activation_statement


def fold(base: Mapping[str, Any], delta: Delta) -> dict[str, Iterator[bytes]]:
    """The base files of the list that `base` and `delta` make, in pieces: the bytes `write_files` would give.

    Of entries that went only their endings are kept.
    """
    stays = {activation_statement(entry) for entry in delta.added}
    statements = (s for s in delta.statements if s.statement in stays or s.action == "withdraw")
    fresh = write_files(Edition(0, delta.added, frozenset(statements)))
    removed: dict[str, list[tuple[Any, ...]]] = {
        NAMES: [entry_key(entry) for entry in delta.removed if entry.method == "dns"],
        URLS: [entry_key(entry) for entry in delta.removed if entry.method == "url"],
        ACTIVATIONS: [(entry.entry_id, activation_statement(entry).decode()) for entry in delta.removed],
        ENDINGS: [],
    }
    return {name: _spliced(old, fresh[name], removed[name]) for name, old in sorted_files(base).items()}


def since_fold(now: ListInForce, folded: Delta) -> Delta:
    """The changes since the base that `fold` made of an earlier moment, when `folded` was the delta of the last ring.

    What is listed now brings its activations along: of what was away at that moment the new base has none.
    """
    added = now.delta.added - folded.added
    activations = {activation_statement(entry) for entry in added}
    signed = (s for entry in added for s in now.statements_of(entry.entry_id) if s.statement in activations)
    return Delta(
        added,
        (folded.added - now.delta.added) | (now.delta.removed - folded.removed),
        (now.delta.statements - folded.statements) | frozenset(signed),
        now.delta.waits,
    )


def _spliced(old: SortedLines, fresh: bytes, removed: Sequence[tuple[Any, ...]]) -> Iterator[bytes]:
    """The old lines without those of these keys, and the fresh ones, in order."""
    edits = [(*old.place(key), key, b"") for key in removed]
    for key, line in SortedLines(fresh, old.order).keyed():
        start, end = old.place(key)
        if start == end:  # else it stands there already
            edits.append((start, start, key, line))
    at = 0
    for start, end, _key, line in sorted(edits, key=lambda edit: (edit[0], edit[2])):
        yield from old.pieces(at, start)
        yield line
        at = end
    yield from old.pieces(at, len(old.data))
