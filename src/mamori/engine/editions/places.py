"""Where things stand in the base files of an edition, by a hash of what is asked for: one look instead of twenty.

A base does not change, so its places are found once, when it is opened: 16 bytes for each name, each name above one,
each URL and each statement. What a hash leads to is compared before it is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamori.engine.editions.entries import ACTIVATIONS, ENDINGS, NAMES, URLS
from mamori.engine.matching.jit import address, inner, kernel
from mamori.engine.matching.words import load8, store64

_TARGET = b'"target":"'
_STATED = b'\\"entry_id\\":\\"'  # of the statement that stands, as a string, in the line
PLACES_KEPT = 1 << 15
_NEWLINE, _QUOTE, _DOT, _BACKSLASH = 10, 34, 46, 92


@inner
def _hash(first: int, last: int) -> int:
    """FNV-1a of the bytes from one address to another (exclusive), as a signed number."""
    total = -3750763034362895579
    for at in range(first, last):
        total = (total ^ load8(at, 0)) * 1099511628211
    return total


@inner
def _after(pattern: int, length: int, first: int, last: int) -> int:
    """The address after the first place of a pattern; 0 where there is none."""
    for at in range(first, last - length + 1):
        same = 0
        while same < length and load8(at, same) == load8(pattern, same):
            same += 1
        if same == length:
            return at + length
    return 0


@kernel("int64(int64, int64)")
def hash_value(data: int, size: int) -> int:
    """The hash of some bytes."""
    return _hash(data, data + size)


@kernel("int64(int64, int64, int64, int64, int64, int64, int64, int64, int64)")
def find_places(  # noqa: PLR0917 - a kernel has places only
    data: int, size: int, pattern: int, length: int, stop: int, above: int, hashes: int, offsets: int, room: int
) -> int:
    """Hash and offset of the value after `pattern` in each line, up to `stop`; how many there are, -1 when a line has none.

    With `above`: of what stands behind each dot in the value instead. As many as there is `room` for are written.
    """
    count, line, end = 0, data, data + size
    while line < end:
        last = line
        while last < end and load8(last, 0) != _NEWLINE:
            last += 1
        first = _after(pattern, length, line, last)
        if first == 0:
            return -1
        until = first
        while until < last and load8(until, 0) != stop:
            until += 2 if load8(until, 0) == _BACKSLASH else 1
        if above == 0:
            if count < room:
                store64(hashes, count, _hash(first, until))
                store64(offsets, count, first - data)
            count += 1
        else:
            for at in range(first, until):
                if load8(at, 0) == _DOT:
                    if count < room:
                        store64(hashes, count, _hash(at + 1, until))
                        store64(offsets, count, at + 1 - data)
                    count += 1
        line = last + 1
    return count


class Places:
    """The first line that has a value, for each value in a file."""

    def __init__(self, data: Any, pattern: bytes, stop: int, *, above: bool = False) -> None:
        """ValueError when a line has no such value: then it has to be searched for."""
        self._data, self._stop = data, bytes([stop])
        self._hash = hash_value.native
        raw, wanted = np.frombuffer(data or b"\0", np.uint8), np.frombuffer(pattern, np.uint8)
        size = len(data)

        def places(hashes: NDArray[np.int64], offsets: NDArray[np.int64]) -> int:
            where = address(raw), size, address(wanted), len(pattern), stop, int(above)
            return find_places.native(*where, address(hashes), address(offsets), len(hashes))

        count = places(np.empty(0, np.int64), np.empty(0, np.int64))
        if count < 0:
            raise ValueError("a line has no such value")
        hashes, offsets = np.empty(count, np.int64), np.empty(count, np.int64)
        places(hashes, offsets)
        order = np.argsort(hashes, kind="stable")  # lines with one hash stay in the order of the file
        self._hashes, self._offsets = hashes[order], offsets[order]
        self.line = lru_cache(PLACES_KEPT)(self._line)  # each edition on a base asks for what the last one asked for

    def _line(self, value: str) -> int | None:
        """Where the first line with this value begins; None when there is none."""
        asked = value.encode()
        key = self._hash(address(np.frombuffer(asked or b"\0", np.uint8)), len(asked))
        at, meant = int(np.searchsorted(self._hashes, key)), asked + self._stop
        while at < len(self._hashes) and self._hashes[at] == key:
            offset = int(self._offsets[at])
            if self._data[offset : offset + len(meant)] == meant:
                return int(self._data.rfind(b"\n", 0, offset)) + 1
            at += 1
        return None


@dataclass(frozen=True, slots=True)
class BasePlaces:
    """The places of all base files."""

    names: Places
    above: Places
    urls: Places
    activations: Places
    endings: Places


def base_places(base: Mapping[str, Any]) -> BasePlaces | None:
    """The places of base files in bytes or memory maps; None where their lines are not as `write_files` writes them."""
    try:
        return BasePlaces(
            Places(base[NAMES], _TARGET, _QUOTE),
            Places(base[NAMES], _TARGET, _QUOTE, above=True),
            Places(base[URLS], _TARGET, _QUOTE),
            Places(base[ACTIVATIONS], _STATED, _BACKSLASH),
            Places(base[ENDINGS], _STATED, _BACKSLASH),
        )
    except ValueError:
        return None
