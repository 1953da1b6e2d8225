"""DigestIndex: MD5, SHA-1 and SHA-256 values by equality."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mamori.engine.matching.delta import MASK as SLOT_MASK
from mamori.engine.matching.delta import NEW_DEAD, NEW_IDS, NEW_LENGTHS, NEW_ROWS, VALUE_SLOTS, is_dead, start_of
from mamori.engine.matching.jit import address, inner, kernel
from mamori.engine.matching.live import LiveIndex, checked_ids, put_ids
from mamori.engine.matching.segment import Segment, Sink
from mamori.engine.matching.words import distance, load8, load32, load64, shr, store64

LENGTHS = {16: "md5", 20: "sha1", 32: "sha256"}  # bytes -> algorithm: the length tells which
_N, _ROWS, _LENGTHS, _ORDER, _IDS, _FIRST, _DEAD, _STATE = range(8)  # a view, in 64-bit words
_ROOM = 1024


@inner
def _turned(word: int) -> int:
    """A word that orders as its bytes do, as far as they fit 63 bits."""
    total = 0
    for k in range(8):
        total = (total << 8) | (shr(word, 8 * k) & 255)
    return shr(total, 1)


@inner
def _before(rows: int, lengths: int, row: int, value: int, length: int) -> bool:
    """Whether a row orders before a value: by its first 63 bits, then the rest as numbers, then its length."""
    left, right = _turned(load64(rows + 32 * row, 0)), _turned(load64(value, 0))
    if left != right:
        return left < right
    for k in range(4):
        left, right = load64(rows + 32 * row, k), load64(value, k)
        if left != right:
            return left < right
    return load8(lengths, row) < length


@kernel("int64(int64, int64, int64, int64, int64)")
def find_digest(view: int, value: int, length: int, matches: int, room: int) -> int:
    """Ids of the living rows with this value: how many there are; as many as there is room for are written."""
    n, rows, lengths = load64(view, _N), load64(view, _ROWS), load64(view, _LENGTHS)
    order, ids, dead = load64(view, _ORDER), load64(view, _IDS), load64(view, _DEAD)
    low, high, count = 0, n, 0
    while low < high:
        middle = (low + high) >> 1
        if _before(rows, lengths, min(load32(order, middle), n - 1), value, length):
            low = middle + 1
        else:
            high = middle
    while low < n:
        row = min(load32(order, low), n - 1)
        if load8(lengths, row) != length or distance(rows + 32 * row, value) != 0:
            break
        if not is_dead(dead, row):
            if count < room:
                store64(matches, count, row + load64(view, _FIRST) if ids == 0 else load32(ids, row))
            count += 1
        low += 1
    state = load64(view, _STATE)
    rows, lengths, slots, mask = (
        load64(state, NEW_ROWS),
        load64(state, NEW_LENGTHS),
        load64(state, VALUE_SLOTS),
        load64(state, SLOT_MASK),
    )
    slot = start_of(load64(value, 0) ^ load64(value, 1), mask)
    while load32(slots, slot) != 0:
        row = load32(slots, slot) - 1
        if (
            load8(lengths, row) == length
            and distance(rows + 32 * row, value) == 0
            and not is_dead(load64(state, NEW_DEAD), row)
        ):
            if count < room:
                store64(matches, count, load32(load64(state, NEW_IDS), row))
            count += 1
        slot = (slot + 1) & mask
    return count


class DigestIndex(LiveIndex):
    """Digests of 16, 20 or 32 bytes under ids of 0 .. 2**32 - 2. An id has one digest; a digest may have many ids."""

    kind = "digests"
    by_value = True

    def __init__(self, segment: Segment | None = None) -> None:
        self._find = find_digest.native
        super().__init__(segment)

    @classmethod
    def build(
        cls, digests: Sequence[bytes], ids: NDArray[Any] | list[int] | None = None, path: Path | str | None = None
    ) -> Self:
        """Build from digests under ids (0 .. n-1 if None), in memory or in a new folder, which is then open for writing."""
        made = cls()
        made.add_many(list(range(len(digests))) if ids is None else ids, digests)
        if len(made) != len(digests):
            raise ValueError("an id stands twice")
        made.compact()
        if path is None:
            return made
        made.save(path)
        return cls.open(path, writable=True, verify=False)

    def add(self, name: int, digest: bytes) -> None:
        """Add one digest; durable and effective at return."""
        self.add_many([name], [digest])

    def add_many(self, names: NDArray[Any] | list[int], digests: Sequence[bytes]) -> None:
        """Add digests under ids, with one synchronisation of the disk. Of an id that stands twice the last is kept."""
        found = checked_ids(names)
        if len(found) != len(digests):
            raise ValueError("as many ids as digests")
        self._add(found, *_values(digests))

    def search(self, digest: bytes) -> list[int]:
        """Ids with this digest, in order."""
        values, lengths = _values([digest])
        return self._ids_of(address(values), int(lengths[0]), np.empty(_ROOM, np.int64))

    def search_many(self, digests: Sequence[bytes]) -> list[list[int]]:
        """Ids of each digest."""
        values, lengths = _values(digests)
        room, begin = np.empty(_ROOM, np.int64), address(values)
        return [self._ids_of(begin + 32 * i, length, room) for i, length in enumerate(lengths.tolist())]

    def _ids_of(self, value: int, length: int, room: NDArray[np.int64]) -> list[int]:
        if self._words[8] != self._pulse:
            self._follow()
        with self._lock:  # an addition moves the added rows
            words = self._view[0]
            count = self._find(address(words), value, length, address(room), len(room))
            while count > len(room):
                room = np.empty(count, np.int64)
                count = self._find(address(words), value, length, address(room), len(room))
        return sorted(room[:count].tolist())

    def _publish(self) -> None:
        segment, delta = self._segment, self._delta
        words = np.zeros(8, np.int64)
        if segment:
            n = segment.rows
            words[_N], words[_ROWS] = n, address(segment.section("values", "u1", (n + 8, 32)))
            words[_LENGTHS] = address(segment.section("lengths", "u1", (n,)))
            words[_ORDER] = address(segment.section("order", "<u4", (n,)))
            words[_IDS] = 0 if delta.main_ids is None else address(delta.main_ids)
            words[_FIRST], words[_DEAD] = delta.main_first, address(delta.main_dead)
        words[_STATE] = address(delta.state)
        self._view = (words, segment, delta)

    def _compose(
        self, rows: NDArray[np.uint8], ids: NDArray[np.uint32], lengths: NDArray[np.uint8] | None, put: Sink
    ) -> None:
        assert lengths is not None
        n = len(ids)
        words = np.ascontiguousarray(rows[:n]).view("<i8")
        first = (np.ascontiguousarray(rows[:n, :8]).view(">u8").reshape(-1) >> np.uint64(1)).astype(np.int64)
        order = np.lexsort((lengths, words[:, 3], words[:, 2], words[:, 1], words[:, 0], first))
        put("values", rows)
        put_ids(ids, put)
        put("lengths", lengths)
        put("order", order.astype(np.uint32))


def _values(digests: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(n, 32) bytes, zeros after the end, and lengths. ValueError for a length of no known algorithm."""
    lengths = np.array(
        [len(each) for each in digests], np.uint8 if all(len(each) < 256 for each in digests) else np.int64
    )
    if not np.isin(lengths, list(LENGTHS)).all():
        raise ValueError("a digest has 16 (MD5), 20 (SHA-1) or 32 (SHA-256) bytes")
    joined = b"".join(each.ljust(32, b"\0") for each in digests)
    return np.frombuffer(joined, np.uint8).reshape(-1, 32), lengths.astype(np.uint8)
