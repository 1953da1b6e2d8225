"""Kernels of `UrlIndex`: one URL, and many, looked up by the hashes of their expressions.

An index is its hashes in order, a table of where those with the same highest bits begin, and a filter: a bitmap by a few
more of the highest bits, small enough for a processor's cache, which tells of most absent hashes that they are absent.
"""

# ruff: noqa: PLR0917 - kernels take numbers by position

from __future__ import annotations

from mamori.engine.addresses import reading, sha256
from mamori.engine.matching.jit import inner, kernel
from mamori.engine.matching.words import load8, load32, load64, shr, store64

# A view, in 64-bit words: addresses of the hashes, of their scopes, of the table of beginnings, of the filter and of
# the table of public suffixes; bits of the table and of the filter; labels of the shortest host suffix (0: registrable).
HASHES, SCOPES, BEGINS, FILTER, SUFFIXES, TABLE_BITS, FILTER_BITS, LEAST, WORDS = range(9)
PAGE, PREFIX = 1, 2  # what a hash is listed for
BYTES, UTF8, CANONICAL = 0, 1, 2  # forms of a URL
NONE, UNSURE = -1, reading.UNSURE
_NOT_YET = 1 << 62

# A thread's memory, in bytes: what `reading` needs, then a state, a digest, and for messages of 1 to QUEUES blocks
# a queue of LANES of them: how many there are, whose each is, its blocks.
QUEUES = 12
LONGEST = 64 * QUEUES - 9  # bytes of an expression
STATE = (reading.SIZE + 63) & ~63
DIGEST = STATE + sha256.STATE_BYTES
COUNTS = DIGEST + 32
OWNERS = COUNTS + 8 * (QUEUES + 1)
BLOCKS = (OWNERS + 8 * sha256.LANES * (QUEUES + 1) + 63) & ~63
QUEUE_BYTES = QUEUES * sha256.BLOCK_BYTES
URL = BLOCKS + QUEUE_BYTES * (QUEUES + 1)
SIZE = URL + reading.LONGEST + 64


@inner
def _row(view: int, first: int, digest: int) -> int:
    """The row of a hash (its 32 bytes and, as a number, its first four), or NONE."""
    bucket = first >> (32 - load64(view, TABLE_BITS))
    begins, hashes = load64(view, BEGINS), load64(view, HASHES)
    for row in range(load32(begins, bucket), load32(begins, bucket + 1)):
        place = hashes + 32 * row
        if (
            load64(place, 0) == load64(digest, 0)
            and load64(place, 1) == load64(digest, 1)
            and load64(place, 2) == load64(digest, 2)
            and load64(place, 3) == load64(digest, 3)
        ):
            return row
    return NONE


@inner
def _maybe(view: int, first: int) -> bool:
    bit = first >> (32 - load64(view, FILTER_BITS))
    return shr(load8(load64(view, FILTER), bit >> 3), bit & 7) & 1 != 0


@inner
def _settle(view: int, digest: int, first: int, owner: int, rows: int) -> None:
    """Keep a hit of an owner (URL << 8 | number of its expression) unless an earlier expression has hit."""
    row = _row(view, first, digest)
    if row < 0:
        return
    number = owner & 255
    scope = load8(load64(view, SCOPES), row)
    if scope & PREFIX or (number == 0 and scope & PAGE):
        found = number << 40 | row
        if found < load64(rows, owner >> 8):
            store64(rows, owner >> 8, found)


@inner
def _flush(view: int, queue: int, work: int, rows: int) -> None:
    """Hash and look up what waits in a queue."""
    count = load64(work + COUNTS, queue)
    if count == 0:
        return
    state, digest = work + STATE, work + DIGEST
    sha256.hash_lanes(state, work + BLOCKS + QUEUE_BYTES * queue, queue)
    for lane in range(count):
        first = load32(state, lane)
        if _maybe(view, first):
            sha256.take_digest(state, lane, digest)
            _settle(view, digest, first, load64(work + OWNERS, queue * sha256.LANES + lane), rows)
    store64(work + COUNTS, queue, 0)


@inner
def _enqueue(view: int, message: int, length: int, owner: int, work: int, rows: int) -> None:
    blocks = sha256.blocks_of(length)
    lane = load64(work + COUNTS, blocks)
    sha256.put_message(message, length, work + BLOCKS + QUEUE_BYTES * blocks, blocks, lane)
    store64(work + OWNERS, blocks * sha256.LANES + lane, owner)
    store64(work + COUNTS, blocks, lane + 1)
    if lane + 1 == sha256.LANES:
        _flush(view, blocks, work, rows)


@kernel("int64(int64, int64, int64, int64, int64, int64, int64)")
def look_up(view: int, urls: int, bounds: int, count: int, form: int, rows: int, work: int) -> int:
    """Rows of `count` URLs, whose bytes begin and end where `bounds` says (pairs of 64-bit offsets of `urls`).

    Into `rows`, 64 bits each: the row of the first expression that is listed, NONE, or UNSURE. How many are UNSURE.
    `form`: BYTES, UTF8, or CANONICAL: then it is one URL of at most LONGEST bytes, without its scheme; behind the pair
    stand the ends of host and path, and 3 bytes behind the text can be read.
    """
    for queue in range(QUEUES + 1):
        store64(work + COUNTS, queue, 0)
    least, suffixes = load64(view, LEAST), load64(view, SUFFIXES)
    unsure = 0
    for url in range(count):
        begin, end = load64(bounds, 2 * url), load64(bounds, 2 * url + 1)
        text = work + reading.TEXT
        if form == CANONICAL:
            text = urls
            found = reading.read_canonical(text, load64(bounds, 2), load64(bounds, 3), end, least, suffixes, work)
        else:
            found = reading.read_url(urls + begin, end - begin, form, least, suffixes, work)
        if found < 0 or load32(work + reading.SPANS, 1) > LONGEST:  # the first expression is the whole text
            store64(rows, url, UNSURE)
            unsure += 1
            continue
        store64(rows, url, _NOT_YET)
        for number in range(found):
            start = load32(work + reading.SPANS, 2 * number)
            length = load32(work + reading.SPANS, 2 * number + 1) - start
            _enqueue(view, text + start, length, url << 8 | number, work, rows)
    for queue in range(1, QUEUES + 1):
        _flush(view, queue, work, rows)
    for url in range(count):
        row = load64(rows, url)
        if row == _NOT_YET:
            store64(rows, url, NONE)
        elif row >= 0:
            store64(rows, url, row & 0xFFFFFFFF)
    return unsure


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def read_plain(url: int, size: int, utf8: int, least: int, suffixes: int, work: int) -> int:
    """How many expressions `reading` leaves in `work`, or UNSURE: what `look_up` does before it hashes."""
    return reading.read_url(url, size, utf8, least, suffixes, work)
