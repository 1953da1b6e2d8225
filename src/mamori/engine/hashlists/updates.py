"""What a client's copy of a hash list needs to become the list in force: removals by index, additions, a checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamori.engine.hashlists.digests import SIZE, Hashes, hashes, prefixes


@dataclass(frozen=True, slots=True)
class Update:
    """``removals``: ascending indices into the client's sorted list, shape (r,). ``additions``: shape (a, length).

    ``full``: the client forgets what it has; there are no removals then. ``checksum``: SHA-256 over the sorted list
    the client has afterwards.
    """

    full: bool
    removals: NDArray[np.uint32]
    additions: NDArray[np.uint8]
    checksum: bytes


@dataclass(slots=True)
class Net:
    """Hashes that came and went between an older list and the newest, put together from single steps."""

    added: set[bytes] = field(default_factory=set)
    removed: set[bytes] = field(default_factory=set)

    def before(self, added: Iterable[bytes], removed: Iterable[bytes]) -> None:
        """Reach one step further back: that step added and removed these."""
        for one in added:
            if one in self.removed:
                self.removed.discard(one)
            else:
                self.added.add(one)
        for one in removed:
            if one in self.added:
                self.added.discard(one)
            else:
                self.removed.add(one)


def changes(old: bytes | memoryview, new: bytes | memoryview) -> tuple[bytes, bytes]:
    """Hashes added and hashes removed, each ascending and joined; of two lists as `joined` writes them."""
    before, after = hashes(old), hashes(new)
    return _missing(after, before).tobytes(), _missing(before, after).tobytes()


def _missing(wanted: Hashes, where: Hashes) -> Hashes:
    """Those of the sorted ``wanted`` that are not in the sorted ``where``."""
    if not len(where):
        return wanted
    at = np.minimum(np.searchsorted(where, wanted), len(where) - 1)
    missing: Hashes = wanted[where[at] != wanted]
    return missing


def rows(data: bytes | memoryview, length: int) -> NDArray[np.uint8]:
    """The list of prefixes of ``length`` (4 or 32) octets; shape (n, length), ascending, each once."""
    if length == SIZE:
        return np.frombuffer(data, np.uint8).reshape(-1, SIZE)
    return _as_rows(_distinct(prefixes(data)))


def checksum(data: bytes | memoryview, length: int) -> bytes:
    """SHA-256 over the sorted list of prefixes of that length."""
    return hashlib.sha256(rows(data, length).data).digest()


def full_update(data: bytes | memoryview, length: int) -> Update:
    """Everything, for a client that has nothing or something too old."""
    return Update(True, np.zeros(0, np.uint32), rows(data, length), checksum(data, length))


def partial_update(data: bytes | memoryview, net: Net, length: int, total: bytes) -> Update:
    """The way from the list ``net`` reaches back to, to the one in ``data``, whose checksum is ``total``."""
    came = np.frombuffer(b"".join(sorted(net.added)), np.uint8).reshape(-1, SIZE)
    went = np.frombuffer(b"".join(sorted(net.removed)), np.uint8).reshape(-1, SIZE)
    if length == SIZE:
        indices = _old_indices(hashes(data), hashes(came.tobytes()), hashes(went.tobytes()))
        return Update(False, indices, came, total)
    every = prefixes(data)
    comes, goes = _prefix_changes(every, prefixes(came.tobytes()), prefixes(went.tobytes()))
    return Update(False, _old_indices(_distinct(every), comes, goes), _as_rows(comes), total)


def _old_indices(present: NDArray[Any], added: NDArray[Any], removed: NDArray[Any]) -> NDArray[np.uint32]:
    """Where each removed value stood in the older list; all three ascending.

    As many values lie before it as in the newer list, less those that came, and those that went.
    """
    at = np.searchsorted(present, removed) - np.searchsorted(added, removed) + np.arange(len(removed))
    return at.astype(np.uint32)


def _prefix_changes(
    every: NDArray[np.uint32], added: NDArray[np.uint32], removed: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Prefixes that come and prefixes that go; ``every``: of all hashes now, with repeats.

    A prefix comes only with the first hash that has it, and goes only with the last.
    """
    touched = np.unique(np.concatenate((added, removed)))
    now = _count(every, touched)
    before = now - _count(added, touched) + _count(removed, touched)
    return touched[(now > 0) & (before == 0)], touched[(now == 0) & (before > 0)]


def _distinct(ordered: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """An ascending array with each number once."""
    distinct: NDArray[np.uint32] = ordered[np.diff(ordered, prepend=~ordered[:1]) != 0]
    return distinct


def _count(ordered: NDArray[np.uint32], wanted: NDArray[np.uint32]) -> NDArray[np.int64]:
    """How often each wanted number stands in an ascending array."""
    return (np.searchsorted(ordered, wanted, "right") - np.searchsorted(ordered, wanted)).astype(np.int64)


def _as_rows(numbers: NDArray[np.uint32]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(numbers.astype(">u4")).view(np.uint8).reshape(-1, 4)
