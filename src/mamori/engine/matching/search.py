"""The kernel of one look-up: exact search by Hamming distance over the blocks of a view.

Filter: the pigeonring principle (Qin and Xiao, "Pigeonring: A Principle for Faster Thresholded Similarity Search",
PVLDB 12(1), 2018), which strengthens the multi-index hashing of Norouzi, Punjani and Fleet (CVPR 2012). The 256 bits are
sixteen chunks in a ring. Let whole numbers a[c] >= 0 add up to radius + 1. If two fingerprints differ in at most `radius`
bits, then for some chunk c every run that begins there stays below its allowance: d[c] < a[c], d[c] + d[c+1] < a[c] +
a[c+1], and so on (the cycle lemma). Table c finds the rows with d[c] < a[c]; the next chunk stands beside them in the
table and is the first test, the one after it the second; what is left is compared in full. A row that several tables
would find is reported by the lowest of them.

With radius 31, a[c] = 2 everywhere. Where a query's buckets are much larger than a uniform set's, the allowances are
chosen for that query from the sizes of its buckets; where this leaves too much, the block is compared row by row.
"""

# ruff: noqa: PLR0917 - kernels take numbers by position

from __future__ import annotations

from mamori.engine.matching.jit import inner, kernel
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

# A view, in 64-bit words: how many blocks, then the blocks.
BLOCKS, FIRST_BLOCK, BLOCK = 0, 8, 64
# A block: its rows, whether it has tables, addresses of the fingerprints, of the ids (0: consecutive), the first id,
# the bitmap of dead rows (0: none), the number of its first row in ids and bitmap, and of each table's three parts.
N, TABLES, ROWS, IDS, FIRST_ID, DEAD, ROW0, OFFSETS, SKETCHES, RECORDS = 0, 1, 2, 3, 4, 5, 6, 16, 32, 48

# A thread's memory, in 64-bit words: the query as given and in the index's order (with its first two chunks repeated),
# the radius, room for matches and their address, how many were found, allowances, costs, plan, probes, survivors, rows.
RAW, QUERY, RADIUS, ROOM, MATCHES, COUNT, LEFT = 0, 4, 10, 11, 12, 13, 14
ALLOWED, COSTS, BEST, CHOICE, PROBES, SURVIVORS, NEAR = 16, 40, 112, 680, 1248, 6144, 8192
PROBE_ROOM, SURVIVOR_ROOM = 2304, 2000
WORDS = 10240

AHEAD = 48
LARGEST = 31  # radius up to which the tables serve; beyond it every row is compared
NEVER = 1 << 60


@inner
def emit(block: int, work: int, row: int, apart: int) -> None:
    """Report a row unless it is dead: distance in the upper, id in the lower 32 bits."""
    number = row + load64(block, ROW0)
    dead = load64(block, DEAD)
    if dead != 0 and (shr(load64(dead, number >> 6), number & 63) & 1) != 0:
        return
    ids = load64(block, IDS)
    name = number + load64(block, FIRST_ID) if ids == 0 else load32(ids, number)
    count = load64(work, COUNT)
    if count < load64(work, ROOM):
        store64(load64(work, MATCHES), count, (apart << 32) | name)
    store64(work, COUNT, count + 1)


@inner
def scan(block: int, work: int) -> None:
    """Compare every row of a block."""
    n, rows = load64(block, N), load64(block, ROWS)
    query, radius = work + 8 * QUERY, load64(work, RADIUS)
    for i in range(0, n, 8):
        near = rows_within(rows + 32 * i, query, radius)
        if n - i < 8:
            near &= (1 << (n - i)) - 1
        while near != 0:
            row = i + trailing(near)
            near &= near - 1
            emit(block, work, row, distance(rows + 32 * row, query))


@inner
def lowest(row: int, query: int, allowed: int) -> int:
    """The lowest table whose three tests this row passes; 16 if none."""
    for c in range(16):
        first = pop(load16(row, c) ^ load16(query, c))
        if first >= load64(allowed, c):
            continue
        runs = first + pop(load16(row, (c + 1) & 15) ^ load16(query, c + 1))
        allowance = load64(allowed, c) + load64(allowed, c + 1)
        if runs >= allowance:
            continue
        if runs + pop(load16(row, (c + 2) & 15) ^ load16(query, c + 2)) < allowance + load64(allowed, c + 2):
            return c
    return 16


@inner
def settle(block: int, work: int, survivors: int) -> None:
    """Second test of the survivors of the first, then the whole comparison of those that pass."""
    n, rows, radius = load64(block, N), load64(block, ROWS), load64(work, RADIUS)
    query, allowed, near = work + 8 * QUERY, work + 8 * ALLOWED, work + 8 * NEAR
    count = 0
    for k in range(survivors):
        entry = load64(work, SURVIVORS + k)
        c = (entry >> 32) & 15
        record = load64(block, RECORDS + c) + 6 * (entry & 0xFFFFFFFF)
        runs = (entry >> 40) + pop(load16(record, 2) ^ load16(query, c + 2))
        row = load32(record, 0)
        if runs < load64(allowed, c) + load64(allowed, c + 1) + load64(allowed, c + 2) and row < n:
            prefetch(rows + 32 * row)
            store64(near, count, row | (c << 32))
            count += 1
    for k in range(count):
        entry = load64(near, k)
        row = entry & 0xFFFFFFFF
        apart = distance(rows + 32 * row, query)
        if apart <= radius and lowest(rows + 32 * row, query, allowed) == entry >> 32:
            emit(block, work, row, apart)


@inner
def probe(block: int, work: int, k: int, c: int, value: int, apart: int, n: int) -> int:
    """Note the bucket of a value `apart` bits from chunk `c` as the k-th to read; its size."""
    offsets = load64(block, OFFSETS + c)
    begin = min(load32(offsets, value), n)
    end = max(min(load32(offsets, value + 1), n), begin)
    store64(work, PROBES + 2 * k, begin | (end << 32))
    store64(work, PROBES + 2 * k + 1, c | (apart << 8))
    return end - begin


@inner
def ball(block: int, work: int, k: int, c: int, radius: int, n: int) -> tuple[int, int]:
    """Note the buckets within `radius` of chunk `c`, from the k-th on: (next k, rows in them)."""
    value = load16(work + 8 * QUERY, c)
    size = probe(block, work, k, c, value, 0, n)
    k += 1
    if radius >= 1:
        for i in range(16):
            size += probe(block, work, k, c, value ^ (1 << i), 1, n)
            k += 1
    if radius >= 2:
        for i in range(16):
            for j in range(i):
                size += probe(block, work, k, c, value ^ (1 << i) ^ (1 << j), 2, n)
                k += 1
    return k, size


@inner
def plan(work: int, radius: int) -> int:
    """Allowances of least cost that add up to radius + 1, by dynamic programming over the chunks; their cost."""
    for total in range(radius + 2):
        store64(work, BEST + total, 0 if total == 0 else NEVER)
    for c in range(16):
        now, then = BEST + 34 * c, BEST + 34 * (c + 1) if c < 15 else BEST + 34 * 15
        if c == 15:  # the last chunk takes what is left
            now, then = BEST + 34 * 15, COSTS + 64
        for total in range(radius + 2):
            if c == 15 and total != radius + 1:
                continue
            best, chosen = NEVER, 0
            for a in range(min(3, total) + 1):
                cost = load64(work, now + total - a) + load64(work, COSTS + 4 * c + a)
                if cost < best:
                    best, chosen = cost, a
            store64(work, then if c == 15 else then + total, best)
            store64(work, CHOICE + 34 * c + total, chosen)
    total = radius + 1
    for back in range(16):
        c = 15 - back
        chosen = load64(work, CHOICE + 34 * c + total)
        store64(work, ALLOWED + c, chosen)
        total -= chosen
    store64(work, ALLOWED + 16, load64(work, ALLOWED))
    store64(work, ALLOWED + 17, load64(work, ALLOWED + 1))
    return load64(work, COSTS + 64)


@inner
def prepare(block: int, work: int) -> int:
    """Choose the buckets to read: how many, or -1 where comparing every row costs less."""
    n, radius = load64(block, N), load64(work, RADIUS)
    query = work + 8 * QUERY
    for c in range(16):
        offsets, value = load64(block, OFFSETS + c), load16(query, c)
        prefetch(offsets + 4 * value)
        for i in range(4, 16):
            prefetch(offsets + 4 * (value ^ (1 << i)))
    usual = 4 * (272 * n >> 16) + 4096
    k = size = 0
    for c in range(16):
        before = k
        k, rows = ball(block, work, k, c, 1, n)
        size += rows
        probed = load64(work, PROBES + 2 * before)
        store64(work, COSTS + 4 * c, 0)
        store64(work, COSTS + 4 * c + 1, shr(probed, 32) - (probed & 0xFFFFFFFF) + 32)
        store64(work, COSTS + 4 * c + 2, rows + 32 * 17)
        store64(work, COSTS + 4 * c + 3, NEVER)
    if radius == LARGEST and size <= usual:
        for c in range(18):
            store64(work, ALLOWED + c, 2)
        return k
    cost = plan(work, radius) if radius < LARGEST else NEVER
    if cost > usual:
        for c in range(16):
            _, rows = ball(block, work, 0, c, 2, n)
            store64(work, COSTS + 4 * c + 3, rows + 32 * 137)
        cost = plan(work, radius)
    if cost > 4 * n:
        return -1
    k = 0
    for c in range(16):
        allowance = load64(work, ALLOWED + c)
        if allowance > 0:
            k, _ = ball(block, work, k, c, allowance - 1, n)
    return k


@inner
def ask_for(block: int, work: int, k: int) -> None:
    """Bring the sketches of the k-th bucket near."""
    extent = load64(work, PROBES + 2 * k)
    sketches = load64(block, SKETCHES + (load64(work, PROBES + 2 * k + 1) & 15))
    begin, end = sketches + 2 * (extent & 0xFFFFFFFF), sketches + 2 * shr(extent, 32)
    end = min(end, begin + 512)
    while begin < end:
        prefetch(begin)
        begin += 64


@inner
def look(block: int, work: int) -> bool:
    """Search a block by its tables. False where that was given up because too much passed the first test."""
    probes = prepare(block, work)
    if probes < 0:
        return False
    query = work + 8 * QUERY
    budget = (load64(block, N) >> 4) + 4096
    waiting = 0
    for k in range(min(AHEAD, probes)):
        ask_for(block, work, k)
    for k in range(probes):
        if k + AHEAD < probes:
            ask_for(block, work, k + AHEAD)
        extent, which = load64(work, PROBES + 2 * k), load64(work, PROBES + 2 * k + 1)
        begin, end = extent & 0xFFFFFFFF, shr(extent, 32)
        c, apart = which & 15, which >> 8
        most = load64(work, ALLOWED + c) + load64(work, ALLOWED + c + 1) - 1 - apart
        if most < 0:
            continue
        sketches, records, wanted = load64(block, SKETCHES + c), load64(block, RECORDS + c), load16(query, c + 1)
        for i in range(begin, end, 32):
            near = within(sketches + 2 * i, wanted, most)
            if end - i < 32:
                near &= (1 << (end - i)) - 1
            while near != 0:
                place = i + trailing(near)
                near &= near - 1
                prefetch(records + 6 * place)
                runs = apart + pop(load16(sketches, place) ^ wanted)
                store64(work, SURVIVORS + waiting, place | (c << 32) | (runs << 40))
                waiting += 1
            if waiting > SURVIVOR_ROOM - 32:
                budget -= waiting
                if budget < 0:
                    return False
                settle(block, work, waiting)
                waiting = 0
    settle(block, work, waiting)
    return True


@inner
def search_view(view: int, work: int) -> int:
    """Search all blocks for the query already in the index's order of bits."""
    for i in range(load64(view, BLOCKS)):
        block = view + 8 * (FIRST_BLOCK + BLOCK * i)
        if load64(block, TABLES) == 0 or load64(work, RADIUS) > LARGEST:
            scan(block, work)
        else:
            before = load64(work, COUNT)
            if not look(block, work):
                store64(work, COUNT, before)
                scan(block, work)
    return load64(work, COUNT)


@inner
def take(work: int) -> None:
    """Bring the query of a thread's memory into the index's order and empty its matches."""
    query = work + 8 * QUERY
    scramble(work + 8 * RAW, query)
    store16(query, 16, load16(query, 0))
    store16(query, 17, load16(query, 1))
    store64(work, COUNT, 0)


@kernel("int64(int64, int64)")
def search_one(view: int, work: int) -> int:
    """Search a view for a thread's query: how many matches there are, of which as many as there is room are written."""
    take(work)
    return search_view(view, work)


@kernel("int64(int64, int64, int64)")
def scan_one(view: int, work: int, only: int) -> int:
    """The same by comparing every row; `only`: of that block, -1 for all."""
    take(work)
    for i in range(load64(view, BLOCKS)):
        if only in (-1, i):
            scan(view + 8 * (FIRST_BLOCK + BLOCK * i), work)
    return load64(work, COUNT)
