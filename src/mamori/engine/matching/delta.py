"""What changed since the segment: its dead rows, and the rows added, in memory of this process."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mamori.engine.matching.jit import address, inner, kernel
from mamori.engine.matching.log import ADD, Records
from mamori.engine.matching.segment import Segment
from mamori.engine.matching.words import distance, load8, load32, load64, scramble, shr, store8, store32, store64

# The state of a kernel, in 64-bit words. Main: rows, addresses of ids (0: consecutive from the first), fingerprints, dead
# bitmap and lengths (0: all 32). Added: addresses of fingerprints, ids, lengths, dead bitmap, slots by id, slots by value.
COUNT, ALIVE, MAIN_N, MAIN_IDS, MAIN_FIRST, MAIN_ROWS, MAIN_DEAD, MAIN_LENGTHS = range(8)
NEW_ROWS, NEW_IDS, NEW_LENGTHS, NEW_DEAD, SLOTS, VALUE_SLOTS, MASK, SCRAMBLED, MAIN_KILLED = range(8, 17)
PAD = 8  # rows behind the last: a scan reads eight at once


@inner
def is_dead(bitmap: int, row: int) -> bool:
    return shr(load64(bitmap, row >> 6), row & 63) & 1 != 0


@inner
def kill(bitmap: int, row: int) -> None:
    store64(bitmap, row >> 6, load64(bitmap, row >> 6) | (1 << (row & 63)))


@inner
def main_row(state: int, name: int) -> int:
    """Row of an id in the segment, -1 if it has none or a dead one."""
    n, ids = load64(state, MAIN_N), load64(state, MAIN_IDS)
    if ids == 0:
        row = name - load64(state, MAIN_FIRST)
        if row < 0 or row >= n:
            return -1
    else:
        low, high = 0, n
        while low < high:
            middle = (low + high) >> 1
            if load32(ids, middle) < name:
                low = middle + 1
            else:
                high = middle
        if low == n or load32(ids, low) != name:
            return -1
        row = low
    return -1 if is_dead(load64(state, MAIN_DEAD), row) else row


@inner
def start_of(key: int, mask: int) -> int:
    """First slot of a key."""
    return shr(key * -0x61C8864680B583EB, 20) & mask


@inner
def slot_of(state: int, name: int) -> int:
    """Slot of an id, or the free slot where it goes."""
    slots, ids, mask = load64(state, SLOTS), load64(state, NEW_IDS), load64(state, MASK)
    slot = start_of(name, mask)
    while True:
        held = load32(slots, slot)
        if held == 0 or load32(ids, held - 1) == name:
            return slot
        slot = (slot + 1) & mask


@inner
def place_value(state: int, row: int) -> None:
    """Enter an added row under its value; rows of the same value follow one another."""
    slots, mask, value = load64(state, VALUE_SLOTS), load64(state, MASK), load64(state, NEW_ROWS) + 32 * row
    slot = start_of(load64(value, 0) ^ load64(value, 1), mask)
    while load32(slots, slot) != 0:
        slot = (slot + 1) & mask
    store32(slots, slot, row + 1)


@kernel("int64(int64, int64, int64, int64)")
def apply_records(state: int, records: int, count: int, scratch: int) -> int:
    """Apply records of a log in order; there must be room for `count` more rows. `scratch`: 32 bytes."""
    for i in range(count):
        record = records + 64 * i
        head = load64(record, 0)
        name, length = shr(head, 32), shr(head, 8) & 255
        row, slot = main_row(state, name), slot_of(state, name)
        added = load32(load64(state, SLOTS), slot) - 1
        if added >= 0 and is_dead(load64(state, NEW_DEAD), added):
            added = -1
        if head & 255 == ADD:
            if load64(state, SCRAMBLED) != 0:
                scramble(record + 8, scratch)
            else:
                for k in range(4):
                    store64(scratch, k, load64(record, 1 + k))
            if row >= 0:
                lengths = load64(state, MAIN_LENGTHS)
                same = lengths == 0 or load8(lengths, row) == length
                if same and distance(load64(state, MAIN_ROWS) + 32 * row, scratch) == 0:
                    continue
            if added >= 0:
                same = load8(load64(state, NEW_LENGTHS), added) == length
                if same and distance(load64(state, NEW_ROWS) + 32 * added, scratch) == 0:
                    continue
            fresh = load64(state, COUNT)
            for k in range(4):
                store64(load64(state, NEW_ROWS) + 32 * fresh, k, load64(scratch, k))
            store32(load64(state, NEW_IDS), fresh, name)
            store8(load64(state, NEW_LENGTHS), fresh, length)
            store32(load64(state, SLOTS), slot, fresh + 1)
            if load64(state, VALUE_SLOTS) != 0:
                place_value(state, fresh)
            store64(state, COUNT, fresh + 1)
            store64(state, ALIVE, load64(state, ALIVE) + 1)
        if row >= 0:
            kill(load64(state, MAIN_DEAD), row)
            store64(state, MAIN_KILLED, load64(state, MAIN_KILLED) + 1)
            store64(state, ALIVE, load64(state, ALIVE) - 1)
        if added >= 0:
            kill(load64(state, NEW_DEAD), added)
            store64(state, ALIVE, load64(state, ALIVE) - 1)
    return load64(state, COUNT)


@kernel("int64(int64)")
def enter_again(state: int) -> int:
    """Fill empty slots with all added rows; the last row of an id holds its slot."""
    for row in range(load64(state, COUNT)):
        store32(load64(state, SLOTS), slot_of(state, load32(load64(state, NEW_IDS), row)), row + 1)
        if load64(state, VALUE_SLOTS) != 0:
            place_value(state, row)
    return load64(state, COUNT)


@kernel("int64(int64, int64)")
def holds(state: int, name: int) -> int:
    """Whether an id is in force: 1 or 0."""
    held = load32(load64(state, SLOTS), slot_of(state, name))
    if held != 0 and not is_dead(load64(state, NEW_DEAD), held - 1):
        return 1
    return 1 if main_row(state, name) >= 0 else 0


class Delta:
    """Additions and withdrawals on top of a segment (or of nothing)."""

    def __init__(self, segment: Segment | None, *, by_value: bool) -> None:
        self.state = np.zeros(24, np.int64)
        self.main_n = segment.rows if segment else 0
        self.main_dead = np.zeros(self.main_n // 64 + 1, np.int64)
        self.main_ids: NDArray[np.uint32] | None = None
        self.main_first = 0
        self._by_value = by_value
        self._scratch = np.zeros(4, np.int64)
        state = self.state
        state[ALIVE] = state[MAIN_N] = self.main_n
        state[MAIN_DEAD], state[SCRAMBLED] = address(self.main_dead), not by_value
        if segment:
            self._segment = segment
            if "ids" in segment.sections:
                self.main_ids = segment.section("ids", "<u4", (self.main_n,))
                state[MAIN_IDS] = address(self.main_ids)
            else:
                self.main_first = int(segment.section("first", "<u4", (1,))[0])
                state[MAIN_FIRST] = self.main_first
            state[MAIN_ROWS] = address(segment.section("values", "u1", (self.main_n + PAD, 32)))
            if by_value:
                state[MAIN_LENGTHS] = address(segment.section("lengths", "u1", (self.main_n,)))
        self.rows, self.new_ids = np.zeros((PAD, 32), np.uint8), np.zeros(0, np.uint32)
        self.lengths, self.dead = np.zeros(0, np.uint8), np.zeros(1, np.int64)
        self._allocate(1024)

    @property
    def count(self) -> int:
        """Rows added, dead ones too."""
        return int(self.state[COUNT])

    @property
    def alive(self) -> int:
        """Ids in force, of the segment and added."""
        return int(self.state[ALIVE])

    @property
    def changes(self) -> int:
        """Rows a compaction would bring into, or take out of, the segment."""
        return self.count + int(self.state[MAIN_KILLED])

    def apply(self, records: Records) -> None:
        if len(records):
            while self.count + len(records) > self._room:
                self._allocate(max(2 * self._room, 1 << (self.count + len(records)).bit_length()))
            apply_records.native(address(self.state), address(records), len(records), address(self._scratch))

    def holds(self, name: int) -> bool:
        return bool(holds.native(address(self.state), name))

    def main_alive(self) -> NDArray[np.bool_]:
        return _alive(self.main_dead, self.main_n)

    def new_alive(self, count: int) -> NDArray[np.bool_]:
        return _alive(self.dead, count)

    def ids(self) -> NDArray[np.uint32]:
        """All ids in force, in order."""
        main = (
            self.main_ids
            if self.main_ids is not None
            else np.arange(self.main_n, dtype=np.uint32) + np.uint32(self.main_first)
        )
        return np.sort(
            np.concatenate((main[self.main_alive()], self.new_ids[: self.count][self.new_alive(self.count)]))
        )

    def _allocate(self, room: int) -> None:
        count, state = self.count, self.state
        rows, ids = np.zeros((room + PAD, 32), np.uint8), np.zeros(room, np.uint32)
        lengths, dead = np.zeros(room, np.uint8), np.zeros(room // 64 + 1, np.int64)
        if count:
            rows[:count], ids[:count], lengths[:count] = self.rows[:count], self.new_ids[:count], self.lengths[:count]
            dead[: len(self.dead)] = self.dead
        self.rows, self.new_ids, self.lengths, self.dead, self._room = rows, ids, lengths, dead, room
        self.slots = np.zeros(1 << (2 * room - 1).bit_length(), np.uint32)
        self.value_slots = np.zeros_like(self.slots) if self._by_value else None
        for field, array in ((NEW_ROWS, rows), (NEW_IDS, ids), (NEW_LENGTHS, lengths), (NEW_DEAD, dead)):
            state[field] = address(cast(NDArray[Any], array))
        state[SLOTS], state[MASK] = address(self.slots), len(self.slots) - 1
        state[VALUE_SLOTS] = 0 if self.value_slots is None else address(self.value_slots)
        enter_again.native(address(state))


def _alive(bitmap: NDArray[Any], count: int) -> NDArray[np.bool_]:
    return ~np.unpackbits(bitmap.view(np.uint8), bitorder="little", count=count).astype(bool)
