"""HammingIndex: PDQ fingerprints by distance, exactly."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mamori.engine.matching import build, search
from mamori.engine.matching.batch import Found, search_batch
from mamori.engine.matching.delta import PAD
from mamori.engine.matching.folder import Manifest
from mamori.engine.matching.jit import address
from mamori.engine.matching.live import LiveIndex, checked_ids, keep_in, put_ids
from mamori.engine.matching.log import Log
from mamori.engine.matching.refusals import IndexRefused
from mamori.engine.matching.segment import Segment, Sink, Writer, cores
from mamori.engine.matching.words import scramble_rows
from mamori.engine.similar import RADIUS

TABLES_FROM = 8192  # rows from which tables are faster than comparing all
_MIDDLE_FROM = 4096  # added rows from which they get tables in memory
_ROOM = 4096  # matches there is room for at first


@dataclass(frozen=True)
class View:
    """What a search reads: words for the kernels, and what they point to. Never changed once it is published."""

    words: NDArray[np.int64]
    address: int
    keep: tuple[Any, ...]


class Memory(threading.local):
    """A thread's own memory of the kernels."""

    def __init__(self) -> None:
        self.words = np.zeros(search.WORDS, np.int64)
        self.address = address(self.words)
        self.raw = memoryview(self.words.data).cast("B")[8 * search.RAW : 8 * search.RAW + 32]
        self.fields = memoryview(self.words.data)
        self.room(_ROOM)

    def room(self, matches: int) -> None:
        self.matches = np.empty(matches, np.int64)
        self.fields[search.ROOM], self.fields[search.MATCHES] = matches, address(self.matches)


class HammingIndex(LiveIndex):
    """256-bit fingerprints under ids of 0 .. 2**32 - 2, found by Hamming distance: all that lie within the radius, no other.

    A look-up within radius 31 reads sixteen tables; a larger one compares every row. An id has one fingerprint; to add it
    again replaces it.
    """

    kind = "hamming"
    by_value = False

    def __init__(self, segment: Segment | None = None) -> None:
        self._memory = Memory()
        self._search = search.search_one.native
        self._middle: tuple[int, list[NDArray[Any]]] = (0, [])
        self._middle_of: object = None
        self._main = np.zeros(search.BLOCK, np.int64)
        self._main_of: object = None
        super().__init__(segment)

    @classmethod
    def build(cls, hashes: NDArray[np.uint8], ids: NDArray[Any] | None = None, path: Path | str | None = None) -> Self:
        """Build from (n, 32) bytes and n different ids (0 .. n-1 if None).

        In memory; or with `path`, straight into a new folder, which is then open for writing, in half the memory.
        """
        if hashes.ndim != 2 or hashes.shape[1] != 32 or hashes.dtype != np.uint8:
            raise ValueError("fingerprints are (n, 32) unsigned bytes")
        n = len(hashes)
        names = np.arange(n, dtype=np.uint32) if ids is None else checked_ids(ids)
        if len(names) != n:
            raise ValueError("as many ids as fingerprints")
        if path is not None and Path(path).exists() and any(Path(path).iterdir()):
            raise IndexRefused("exists", str(path))
        rows = np.zeros((n + PAD, 32), np.uint8)
        if n and not np.all(names[1:] > names[:-1]):
            order = np.argsort(names, kind="stable")
            names, hashes = names[order], hashes[order]
            if np.any(names[1:] == names[:-1]):
                raise ValueError("an id stands twice")
        plain = np.ascontiguousarray(hashes)
        scramble_rows.native(address(plain), address(rows), n)
        made = cls()
        if path is not None:
            return made._build_into(Path(path), rows, names)
        if n:
            sections: dict[str, NDArray[np.uint8]] = {}
            made._compose(rows, names, None, keep_in(sections))
            made = cls(Segment(cls.kind, n, sections))
        return made

    def add(self, name: int, pdq: bytes) -> None:
        """Add one fingerprint of 32 bytes; durable and effective at return."""
        if len(pdq) != 32:
            raise ValueError("a fingerprint has 32 bytes")
        self._add(checked_ids([name]), np.frombuffer(pdq, np.uint8).reshape(1, 32), 32)

    def add_many(self, names: NDArray[Any] | list[int], hashes: NDArray[np.uint8]) -> None:
        """Add (n, 32) bytes under n ids, with one synchronisation of the disk. Of an id that stands twice the last is kept."""
        found = checked_ids(names)
        if hashes.shape != (len(found), 32) or hashes.dtype != np.uint8:
            raise ValueError("fingerprints are (n, 32) unsigned bytes, one for each id")
        self._add(found, hashes, 32)

    def search(self, pdq: bytes, radius: int = RADIUS, limit: int | None = None) -> list[tuple[int, int]]:
        """(id, distance) of all fingerprints within `radius` (0 to 256) bits, nearest first, equal ones by id.

        With `limit` at most as many, the nearest; `search_counted` tells how many there are.
        """
        if self._words[8] != self._pulse:
            self._follow()
        view, mine = self._view, self._memory
        mine.raw[:] = pdq
        mine.fields[search.RADIUS] = radius
        if not 0 <= radius <= 256:
            raise ValueError("the radius is 0 to 256")
        count = self._search(view.address, mine.address)
        if not count:
            return []
        return self._matches(view, mine, count, limit)

    def search_counted(self, pdq: bytes, radius: int = RADIUS, limit: int = 100) -> tuple[list[tuple[int, int]], int]:
        """The `limit` nearest matches, and how many there are in all."""
        found = self.search(pdq, radius, limit)
        return found, int(self._memory.fields[search.COUNT]) if found else 0

    def search_many(
        self, hashes: NDArray[np.uint8], radius: int = RADIUS, *, limit: int = 1000, threads: int | None = None
    ) -> Found:
        """Search (m, 32) bytes at once, on all cores (or `threads`); for each query the `limit` nearest and the true count."""
        if hashes.ndim != 2 or hashes.shape[1] != 32 or hashes.dtype != np.uint8:
            raise ValueError("fingerprints are (m, 32) unsigned bytes")
        if not 0 <= radius <= 256 or limit < 0:
            raise ValueError("the radius is 0 to 256, the limit not negative")
        self._follow()
        view = self._view  # held until the end: the words are addresses
        return search_batch(view.words, np.ascontiguousarray(hashes), radius, limit, threads or cores(), self._one)

    def _one(self, words: NDArray[np.int64], pdq: bytes, radius: int) -> NDArray[np.int64]:
        """All matches of one query in a view, as distance << 32 | id, in order."""
        mine = self._memory
        mine.raw[:] = pdq
        mine.fields[search.RADIUS] = radius
        return self._all(address(words), mine, self._search(address(words), mine.address))

    def _all(self, view: int, mine: Memory, count: int) -> NDArray[np.int64]:
        while count > len(mine.matches):
            mine.room(count)
            count = self._search(view, mine.address)
        found = np.sort(mine.matches[:count])
        if count > 16 * _ROOM:
            mine.room(_ROOM)
        return found

    def _matches(self, view: View, mine: Memory, count: int, limit: int | None) -> list[tuple[int, int]]:
        if count == 1 and limit is None:
            key = int(mine.matches[0])
            return [(key & 0xFFFFFFFF, key >> 32)]
        return [(key & 0xFFFFFFFF, key >> 32) for key in self._all(view.address, mine, count)[:limit].tolist()]

    # --- what searches read ---

    def _publish(self) -> None:
        segment, delta = self._segment, self._delta
        count = delta.count
        blocks: list[NDArray[np.int64]] = []
        keep: list[Any] = [segment, delta.main_dead, delta.rows, delta.new_ids, delta.dead]
        if segment:
            if self._main_of is not delta:
                self._main, self._main_of = self._main_block(segment), delta
            blocks.append(self._main)
        middle, tables = self._middle if self._middle_of is delta else (0, [])
        if count - middle > max(_MIDDLE_FROM, middle // 8):
            middle, tables = count, tables_in_memory(delta.rows, count)
        self._middle, self._middle_of = (middle, tables), delta
        for begin, end in ((0, middle), (middle, count)):
            if end > begin:
                block = np.zeros(search.BLOCK, np.int64)
                block[search.N], block[search.ROWS] = end - begin, address(delta.rows) + 32 * begin
                block[search.IDS], block[search.DEAD] = address(delta.new_ids), address(delta.dead)
                block[search.ROW0] = begin
                if begin == 0 and middle:
                    point(block, tables)
                    keep.append(tables)
                blocks.append(block)
        words = np.zeros(search.FIRST_BLOCK + search.BLOCK * len(blocks), np.int64)
        words[search.BLOCKS] = len(blocks)
        for i, block in enumerate(blocks):
            words[search.FIRST_BLOCK + search.BLOCK * i :][: search.BLOCK] = block
        self._view = View(words, address(words), tuple(keep))

    def _main_block(self, segment: Segment) -> NDArray[np.int64]:
        delta, n = self._delta, segment.rows
        block = np.zeros(search.BLOCK, np.int64)
        block[search.N], block[search.ROWS] = n, address(segment.section("values", "u1", (n + PAD, 32)))
        block[search.FIRST_ID] = delta.main_first
        block[search.IDS] = 0 if delta.main_ids is None else address(delta.main_ids)
        block[search.DEAD] = address(delta.main_dead)
        if n >= TABLES_FROM:
            tables = [
                segment.section(f"{part}{c:02}", "u1", (size,))
                for part, size in (
                    ("off", 4 * build.VALUES + 4),
                    ("sk", 2 * n + build.PAD),
                    ("rec", build.RECORD * n + build.PAD),
                )
                for c in range(16)
            ]
            point(block, tables)
        return block

    def _compose(
        self, rows: NDArray[np.uint8], ids: NDArray[np.uint32], _lengths: NDArray[np.uint8] | None, put: Sink
    ) -> None:
        n = len(ids)
        put("values", rows)
        put_ids(ids, put)
        if n >= TABLES_FROM:
            build_tables(rows, n, put, cores())

    def _build_into(self, path: Path, rows: NDArray[np.uint8], names: NDArray[np.uint32]) -> Self:
        path.mkdir(parents=True, exist_ok=True)
        segment = None
        if len(names):
            segment = "segment-1"
            writer = Writer(path / segment, self.kind, len(names))
            self._compose(rows, names, None, writer.put)
            writer.finish()
        del rows
        Log.create(path / "log-2", self.kind, 2, 0)
        Manifest(self.kind, segment, ("log-2",), 3).write(path)
        return type(self).open(path, writable=True, verify=False)


def build_tables(rows: NDArray[np.uint8], n: int, put: Sink, threads: int) -> None:
    """The sixteen tables of `n` rows in the index's order of bits, built by `threads` threads."""
    scratch = threading.local()

    def one(c: int) -> None:
        if not hasattr(scratch, "entries"):
            scratch.entries, scratch.heads = np.empty(build.SCRATCH * n, np.uint8), np.empty(256, np.int64)
        parts: tuple[NDArray[Any], ...] = (
            np.empty(build.VALUES + 1, np.uint32),
            np.empty(2 * n + build.PAD, np.uint8),
            np.empty(build.RECORD * n + build.PAD, np.uint8),
        )
        for each in parts[1:]:
            each[-build.PAD :] = 0
        places = (address(each) for each in parts)
        build.build_table.native(address(rows), n, c, *places, address(scratch.entries), address(scratch.heads))
        for name, each in zip(("off", "sk", "rec"), parts, strict=True):
            put(f"{name}{c:02}", each)

    build.build_table.compiled()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(16)))


def tables_in_memory(rows: NDArray[np.uint8], n: int) -> list[NDArray[Any]]:
    """Tables of added rows, in the order `point` takes."""
    sections: dict[str, NDArray[np.uint8]] = {}
    build_tables(rows, n, keep_in(sections), 1)
    return [sections[f"{part}{c:02}"] for part in ("off", "sk", "rec") for c in range(16)]


def point(block: NDArray[np.int64], tables: list[NDArray[Any]]) -> None:
    """Enter the tables of a block: sixteen of each part."""
    block[search.TABLES] = 1
    for first, part in ((search.OFFSETS, tables[:16]), (search.SKETCHES, tables[16:32]), (search.RECORDS, tables[32:])):
        block[first : first + 16] = [address(each) for each in part]
