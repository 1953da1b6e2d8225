"""A segment: an immutable file of named sections, mapped into memory and shared by all processes of a machine.

Layout, little-endian. One page of 4,096 bytes: magic `MAMORIX1`, format and kind (32 bits each), rows, sections, size of
the file (64 bits each); from byte 128 for each section its name (8 bytes), offset, size and checksum (64 bits each); the
last 8 bytes are the checksum of the page before them. Then the sections, each at a multiple of 4,096.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamori.engine.files import sync_folder
from mamori.engine.matching.jit import address
from mamori.engine.matching.refusals import IndexRefused, damaged
from mamori.engine.matching.words import checksum

MAGIC, FORMAT, PAGE = b"MAMORIX1", 1, 4096
KINDS = {"hamming": 1, "digests": 2}
_HEAD, _ENTRY, _ENTRIES = struct.Struct("<8sIIQQQ"), struct.Struct("<8sQQQ"), 128
Sink = Callable[[str, NDArray[Any]], None]


@dataclass(frozen=True)
class Segment:
    """`rows` fingerprints and the sections made of them: name -> bytes, read-only where they are mapped."""

    kind: str
    rows: int
    sections: dict[str, NDArray[np.uint8]] = field(repr=False)
    path: Path | None = None

    def section(self, name: str, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """The beginning of a section as an array; IndexRefused where it is too short."""
        found = self.sections.get(name)
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if found is None or len(found) < size:
            raise IndexRefused("damaged", f"{self.path}: section {name} is missing or short")
        return found[:size].view(dtype).reshape(shape)

    def save(self, path: Path) -> None:
        """Write it to a file, durably."""
        writer = Writer(path, self.kind, self.rows)
        for name, data in self.sections.items():
            writer.put(name, data)
        writer.finish()

    def nbytes(self) -> int:
        return sum(each.nbytes for each in self.sections.values())


class Writer:
    """Write a segment section by section, from any thread; `finish` makes it durable under its name."""

    def __init__(self, path: Path, kind: str, rows: int) -> None:
        self.path, self.kind, self.rows = path, kind, rows
        self._temporary = path.with_name(path.name + ".new")
        self._file = os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._lock = threading.Lock()
        self._end = PAGE
        self._entries: list[tuple[str, int, int, int]] = []

    def put(self, name: str, array: NDArray[Any]) -> None:
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        total = checksum.native(address(data), len(data), 0)
        with self._lock:
            place = self._end
            self._end += -(-len(data) // PAGE) * PAGE
            self._entries.append((name, place, len(data), total))
        rest = memoryview(data.data)
        while rest:
            done = os.pwrite(self._file, rest[: 1 << 28], place)
            rest, place = rest[done:], place + done

    def finish(self) -> None:
        page = bytearray(PAGE)
        _HEAD.pack_into(page, 0, MAGIC, FORMAT, KINDS[self.kind], self.rows, len(self._entries), self._end)
        for i, (name, place, size, total) in enumerate(sorted(self._entries)):
            _ENTRY.pack_into(page, _ENTRIES + _ENTRY.size * i, name.encode(), place, size, total & (2**64 - 1))
        struct.pack_into("<q", page, PAGE - 8, checksum.native(address(np.frombuffer(page, np.uint8)), PAGE - 8, 0))
        os.pwrite(self._file, bytes(page), 0)
        os.truncate(self._file, self._end)
        os.fsync(self._file)
        os.close(self._file)
        self._temporary.rename(self.path)
        sync_folder(self.path.parent)


def open_segment(path: Path, kind: str, *, verify: bool) -> Segment:
    """Map a segment. IndexRefused where its header, its size or (with `verify`) a section is damaged."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < PAGE:
            raise IndexRefused("damaged", f"{path}: {size} bytes")
        mapped = mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ)
    data = np.frombuffer(mapped, np.uint8)
    rows, entries = _header(path, data, KINDS[kind], size)
    sections = {name: data[place : place + length] for name, place, length, _ in entries}
    if verify:
        _verify(path, ((name, sections[name], total) for name, _, _, total in entries))
    else:
        mapped.madvise(mmap.MADV_WILLNEED)
    return Segment(kind, rows, sections, path)


def _header(path: Path, data: NDArray[np.uint8], kind: int, size: int) -> tuple[int, list[tuple[str, int, int, int]]]:
    page = data[:PAGE].tobytes()
    magic, form, found, rows, count, stated = _HEAD.unpack_from(page)
    if magic != MAGIC or form != FORMAT or sys.byteorder != "little":
        raise IndexRefused("not_an_index", f"{path} does not begin as a segment of format {FORMAT}")
    total = checksum.native(address(data), PAGE - 8, 0)
    (written,) = struct.unpack_from("<q", page, PAGE - 8)
    if total != written:
        raise damaged(f"{path}, header", total, written)
    if found != kind:
        raise IndexRefused("not_an_index", f"{path} is of another kind")
    if stated != size:
        raise IndexRefused("damaged", f"{path}: {size} bytes, stated {stated}")
    entries = []
    for i in range(count):
        name, place, length, total = _ENTRY.unpack_from(page, _ENTRIES + _ENTRY.size * i)
        if place % PAGE or place + length > size:
            raise IndexRefused("damaged", f"{path}: a section lies outside of it")
        entries.append((name.rstrip(b"\0").decode("ascii"), place, length, total))
    return rows, entries


def _verify(path: Path, sections: Iterable[tuple[str, NDArray[np.uint8], int]]) -> None:
    def examine(section: tuple[str, NDArray[np.uint8], int]) -> None:
        name, data, stated = section
        total = checksum.native(address(data), len(data), 0) & (2**64 - 1)
        if total != stated:
            raise damaged(f"{path}, section {name}", total, stated)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(examine, sections))


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
