"""Many queries at once: ordered by chunk, so that queries read the same part of a table while it lies in the cache."""

# ruff: noqa: PLR0917 - kernels take numbers by position

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamori.engine.matching.jit import address, inner, kernel
from mamori.engine.matching.search import (
    BLOCK,
    BLOCKS,
    DEAD,
    FIRST_BLOCK,
    FIRST_ID,
    IDS,
    LARGEST,
    OFFSETS,
    RECORDS,
    ROW0,
    ROWS,
    SKETCHES,
    TABLES,
    N,
    lowest,
)
from mamori.engine.matching.words import (
    distance,
    load16,
    load32,
    load64,
    pop,
    prefetch,
    rows_within,
    scramble,
    shr,
    store16,
    store64,
    trailing,
    within,
)

QUERY_BYTES = 40  # a query in the index's order of bits, its first two chunks repeated
TOGETHER = 131_072  # queries that are ordered together
FEW = 2048  # queries up to which each is searched by itself
_ROOM = 1 << 21  # matches one job has room for
_WAITING = 1024  # rows that wait for their second test
_AHEAD = 6  # queries whose bucket is asked for before it is read
_PARTS, _LOW_BITS = 64, 10  # a table is read in parts by the upper bits of the chunk
Single = Callable[[NDArray[np.int64], bytes, int], NDArray[np.int64]]

# A job's memory, in 64-bit words: room, address of matches, how many, radius, queries; then what waits.
J_ROOM, J_MATCHES, J_COUNT, J_RADIUS, J_QUERIES = range(5)
J_LIST, J_NEAR = 64, 64 + 2 * (_WAITING + 64)
J_WORDS = 64 + 4 * (_WAITING + 64)


@dataclass(frozen=True)
class Found:
    """Matches of m queries: those of query i stand at offsets[i] to offsets[i + 1], nearest first, equal ones by id.

    `counts`: how many each query has in all; where that is more than the limit, only the nearest stand here.
    """

    offsets: NDArray[np.int64]  # (m + 1,)
    ids: NDArray[np.uint32]
    distances: NDArray[np.uint16]
    counts: NDArray[np.int64]  # (m,)


@kernel("int64(int64, int64, int64)")
def take_many(source: int, target: int, count: int) -> int:
    """Bring `count` queries into the index's order of bits, 40 bytes each."""
    for i in range(count):
        query = target + QUERY_BYTES * i
        scramble(source + 32 * i, query)
        store16(query, 16, load16(query, 0))
        store16(query, 17, load16(query, 1))
    return count


@kernel("int64(int64, int64, int64, int64, int64)")
def bucket_rows(block: int, queries: int, count: int, allowed: int, sizes: int) -> int:
    """Add to `sizes` how many rows each query has in its buckets."""
    for i in range(count):
        query, size = queries + QUERY_BYTES * i, 0
        for c in range(16):
            allowance = load64(allowed, c)
            if allowance > 0:
                offsets, value = load64(block, OFFSETS + c), load16(query, c)
                size += load32(offsets, value + 1) - load32(offsets, value)
                if allowance > 1:
                    for j in range(16):
                        flipped = value ^ (1 << j)
                        size += load32(offsets, flipped + 1) - load32(offsets, flipped)
        store64(sizes, i, load64(sizes, i) + max(size, 0))
    return count


@inner
def report(block: int, job: int, row: int, apart: int, i: int) -> None:
    """Note a match of query `i` unless the row is dead."""
    number = row + load64(block, ROW0)
    dead = load64(block, DEAD)
    if dead != 0 and (shr(load64(dead, number >> 6), number & 63) & 1) != 0:
        return
    ids = load64(block, IDS)
    name = number + load64(block, FIRST_ID) if ids == 0 else load32(ids, number)
    count = load64(job, J_COUNT)
    if count < load64(job, J_ROOM):
        store64(load64(job, J_MATCHES), 2 * count, i)
        store64(load64(job, J_MATCHES), 2 * count + 1, (apart << 32) | name)
    store64(job, J_COUNT, count + 1)


@inner
def settle_many(block: int, job: int, c: int, allowed: int, waiting: int) -> None:
    """Second test of what waits, then the whole comparison."""
    n, rows, radius = load64(block, N), load64(block, ROWS), load64(job, J_RADIUS)
    queries, records = load64(job, J_QUERIES), load64(block, RECORDS + c)
    most = load64(allowed, c) + load64(allowed, c + 1) + load64(allowed, c + 2) - 1
    count = 0
    for k in range(waiting):
        entry, i = load64(job, J_LIST + 2 * k), load64(job, J_LIST + 2 * k + 1)
        record = records + 6 * (entry & 0xFFFFFFFF)
        row = load32(record, 0)
        if (entry >> 32) + pop(load16(record, 2) ^ load16(queries + QUERY_BYTES * i, c + 2)) <= most and row < n:
            prefetch(rows + 32 * row)
            store64(job, J_NEAR + 2 * count, row)
            store64(job, J_NEAR + 2 * count + 1, i)
            count += 1
    for k in range(count):
        row, i = load64(job, J_NEAR + 2 * k), load64(job, J_NEAR + 2 * k + 1)
        query = queries + QUERY_BYTES * i
        apart = distance(rows + 32 * row, query)
        if apart <= radius and lowest(rows + 32 * row, query, allowed) == c:
            report(block, job, row, apart, i)


@kernel("int64(int64, int64, int64, int64, int64, int64, int64, int64, int64)")
def batch_table(
    block: int, job: int, c: int, order: int, pairs: int, starts: int, allowed: int, first: int, last: int
) -> int:
    """Search parts `first` to `last` of table `c` for the queries of a job.

    `order`: queries by their chunk `c`; `pairs`: that chunk and the next of each, in this order; `starts`: where each part
    begins in it. All that falls into a part, from the queries of the part and by one upper bit from those of six others,
    is read while the part is in the cache.
    """
    allowance, n = load64(allowed, c), load64(block, N)
    offsets, sketches, records = load64(block, OFFSETS + c), load64(block, SKETCHES + c), load64(block, RECORDS + c)
    if allowance == 0:
        return 0
    waiting, queries = 0, load64(job, J_QUERIES)
    for part in range(first, last):
        for flip in range(-1, 16 if allowance > 1 else 0):
            mask, apart = (0, 0) if flip < 0 else (1 << flip, 1)
            source = part if flip < _LOW_BITS else part ^ (1 << (flip - _LOW_BITS))
            most = allowance + load64(allowed, c + 1) - 1 - apart
            if most < 0:
                continue
            end_of_source = load64(starts, source + 1)
            for k in range(load64(starts, source), end_of_source):
                if k + _AHEAD < end_of_source:
                    soon = load16(pairs, 2 * (k + _AHEAD)) ^ mask
                    place, until = sketches + 2 * load32(offsets, soon), sketches + 2 * load32(offsets, soon + 1)
                    until = min(until, place + 512)
                    while place < until:
                        prefetch(place)
                        place += 64
                value, wanted = load16(pairs, 2 * k) ^ mask, load16(pairs, 2 * k + 1)
                begin, end = min(load32(offsets, value), n), min(load32(offsets, value + 1), n)
                for j in range(begin, end, 32):
                    near = within(sketches + 2 * j, wanted, most)
                    if end - j < 32:
                        near &= (1 << (end - j)) - 1
                    while near != 0:
                        place = j + trailing(near)
                        near &= near - 1
                        prefetch(records + 6 * place)
                        i = load32(order, k)
                        prefetch(queries + QUERY_BYTES * i)
                        runs = apart + pop(load16(sketches, place) ^ wanted)
                        store64(job, J_LIST + 2 * waiting, place | (runs << 32))
                        store64(job, J_LIST + 2 * waiting + 1, i)
                        waiting += 1
                    if waiting >= _WAITING:
                        settle_many(block, job, c, allowed, waiting)
                        waiting = 0
    settle_many(block, job, c, allowed, waiting)
    return load64(job, J_COUNT)


@kernel("int64(int64, int64, int64, int64, int64)")
def batch_scan(block: int, job: int, order: int, first: int, last: int) -> int:
    """Compare every row of a block with queries `order[first:last]`."""
    n, rows, radius = load64(block, N), load64(block, ROWS), load64(job, J_RADIUS)
    for begin in range(0, n, 8192):
        end = min(n, begin + 8192)
        for k in range(first, last):
            i = load32(order, k)
            query = load64(job, J_QUERIES) + QUERY_BYTES * i
            for row in range(begin, end, 8):
                near = rows_within(rows + 32 * row, query, radius)
                if end - row < 8:
                    near &= (1 << (end - row)) - 1
                while near != 0:
                    found = row + trailing(near)
                    near &= near - 1
                    report(block, job, found, distance(rows + 32 * found, query), i)
    return load64(job, J_COUNT)


class _TooMany(Exception):
    """A job found more matches than it has room for."""


def search_batch(
    words: NDArray[np.int64], hashes: NDArray[np.uint8], radius: int, limit: int, threads: int, single: Single
) -> Found:
    """All queries against a view; `single` searches one query by itself."""
    m = len(hashes)
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []  # (query, distance << 32 | id)
    counts = np.zeros(m, np.int64)
    with ThreadPoolExecutor(threads) as pool:
        for begin in range(0, m, TOGETHER):
            some = hashes[begin : begin + TOGETHER]
            alone = np.arange(len(some))
            if len(some) > FEW:
                together, alone = _split(words, some, radius)
                try:
                    pairs = _together(words, some, together, radius, pool)
                except _TooMany:
                    alone = np.arange(len(some))
                else:
                    parts.append((pairs[:, 0] + begin, pairs[:, 1]))
                    counts += np.bincount(pairs[:, 0] + begin, minlength=m)
            for first, keys in _alone(words, some, alone, radius, limit, counts[begin:], single, pool):
                parts.append((first + begin, keys))
    queries = np.concatenate([each[0] for each in parts]) if parts else np.empty(0, np.int64)
    keys = np.concatenate([each[1] for each in parts]) if parts else np.empty(0, np.int64)
    order = np.lexsort((keys, queries))
    queries, keys = queries[order], keys[order]
    kept = np.minimum(np.bincount(queries, minlength=m), limit)
    if len(keys) and int(kept.sum()) < len(keys):
        starts = np.searchsorted(queries, np.arange(m))
        chosen = np.arange(len(keys)) - starts[queries] < limit
        keys = keys[chosen]
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(kept, dtype=np.int64)))
    return Found(offsets, (keys & 0xFFFFFFFF).astype(np.uint32), (keys >> 32).astype(np.uint16), counts)


def allowances(radius: int) -> NDArray[np.int64]:
    """The same for all queries: they add up to radius + 1; the first two repeated."""
    each, more = divmod(radius + 1, 16)
    fixed = np.array([each + (c < more) for c in range(16)], np.int64)
    return np.concatenate((fixed, fixed[:2]))


def _blocks(words: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for i in range(int(words[BLOCKS])):
        yield words[FIRST_BLOCK + BLOCK * i :][:BLOCK]


def _queries(hashes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    queries = np.zeros((len(hashes), QUERY_BYTES), np.uint8)
    take_many.native(address(hashes), address(queries), len(hashes))
    return queries


def _split(words: NDArray[np.int64], hashes: NDArray[np.uint8], radius: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Queries to search together, and those whose buckets are so large that each gets a plan of its own."""
    if radius > LARGEST:
        return np.arange(len(hashes)), np.empty(0, np.int64)
    queries, allowed = _queries(hashes), allowances(radius)
    sizes, usual = np.zeros(len(hashes), np.int64), 4096
    for block in _blocks(words):
        if block[TABLES]:
            usual += 4 * (272 * int(block[N]) >> 16)
            bucket_rows.native(address(block), address(queries), len(queries), address(allowed), address(sizes))
    return np.flatnonzero(sizes <= usual), np.flatnonzero(sizes > usual)


def _together(
    words: NDArray[np.int64], hashes: NDArray[np.uint8], chosen: NDArray[Any], radius: int, pool: ThreadPoolExecutor
) -> NDArray[np.int64]:
    """(matches, 2): query and distance << 32 | id, of the chosen queries."""
    queries, allowed = _queries(hashes), allowances(min(radius, LARGEST))
    chunks = queries.view(np.uint16)
    mine = threading.local()

    def run(run_kernel: Callable[[int], int]) -> NDArray[np.int64]:
        if not hasattr(mine, "job"):
            mine.job, mine.pairs = np.zeros(J_WORDS, np.int64), np.empty((_ROOM, 2), np.int64)
        job = mine.job
        job[[J_ROOM, J_MATCHES, J_COUNT]] = _ROOM, address(mine.pairs), 0
        job[[J_RADIUS, J_QUERIES]] = radius, address(queries)
        count = run_kernel(address(job))
        if count > _ROOM:
            raise _TooMany
        found: NDArray[np.int64] = mine.pairs[:count].copy()
        return found

    def table(
        block: NDArray[np.int64], c: int, sorted_queries: tuple[NDArray[Any], ...], first: int
    ) -> NDArray[np.int64]:
        last, native = first + _PARTS // 4, batch_table.native
        places = [address(each) for each in sorted_queries]
        return run(lambda job: native(address(block), job, c, *places, address(allowed), first, last))

    def scan(block: NDArray[np.int64], order: NDArray[np.uint32], first: int) -> NDArray[np.int64]:
        last, native = min(len(order), first + 1024), batch_scan.native
        return run(lambda job: native(address(block), job, address(order), first, last))

    jobs = []
    for block in _blocks(words):
        if block[TABLES] and radius <= LARGEST:
            for c in range(16):
                values = chunks[chosen, c]
                places = np.argsort(values, kind="stable")
                pairs = np.stack((values[places], chunks[chosen[places], c + 1]), axis=1)
                starts = np.searchsorted(pairs[:, 0] >> _LOW_BITS, np.arange(_PARTS + 1)).astype(np.int64)
                ready = (chosen[places].astype(np.uint32), pairs, starts)
                jobs += [pool.submit(table, block, c, ready, first) for first in range(0, _PARTS, _PARTS // 4)]
        else:
            order = chosen.astype(np.uint32)
            jobs += [pool.submit(scan, block, order, first) for first in range(0, len(order), 1024)]
    try:
        return np.concatenate([np.empty((0, 2), np.int64), *(job.result() for job in jobs)])
    finally:
        for job in jobs:
            job.cancel()


def _alone(
    words: NDArray[np.int64],
    hashes: NDArray[np.uint8],
    chosen: NDArray[Any],
    radius: int,
    limit: int,
    counts: NDArray[np.int64],
    single: Single,
    pool: ThreadPoolExecutor,
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Search queries one by one, the nearest `limit` of each; their true counts into `counts`."""

    def some(part: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        found = []
        for i in part.tolist():
            keys = single(words, hashes[i].tobytes(), radius)
            counts[i] = len(keys)
            found.append(keys[:limit])
        return np.repeat(part, [len(each) for each in found]), np.concatenate(found)

    return list(pool.map(some, [part for part in np.array_split(chosen, -(-len(chosen) // 64) or 1) if len(part)]))
