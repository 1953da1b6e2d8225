"""Kernels that lay out the sixteen tables of a segment."""

# ruff: noqa: PLR0917 - kernels take numbers by position

from __future__ import annotations

from mamori.engine.matching.jit import kernel
from mamori.engine.matching.words import load16, load32, load64, store16, store32, store64

VALUES = 65536  # of one 16-bit chunk
SCRATCH = 10  # bytes for each row while a table is built
RECORD = 6  # bytes for each row: its number and the second next chunk
PAD = 64  # bytes after a table's sketches and records, because 32 sketches are read at once


@kernel("int64(int64, int64, int64, int64, int64, int64, int64, int64)")
def build_table(rows: int, n: int, c: int, offsets: int, sketches: int, records: int, scratch: int, heads: int) -> int:
    """Table `c` of `n` rows of 32 bytes at `rows`: rows in the order of their chunk `c`.

    Writes 65,537 32-bit `offsets` into the table, and for each row the next chunk (`sketches`, 16 bits) and its number
    with the chunk after that (`records`, 48 bits). Two passes of a radix sort: first by the upper byte through `scratch`
    (10 bytes a row), then within a part that fits the second cache. `heads`: 256 64-bit words of scratch.
    """
    second, third = (c + 1) & 15, (c + 2) & 15
    for v in range(VALUES + 1):
        store32(offsets, v, 0)
    for i in range(n):
        v = load16(rows, 16 * i + c)
        store32(offsets, v, load32(offsets, v) + 1)
    total = 0
    for v in range(VALUES):
        if v & 255 == 0:
            store64(heads, v >> 8, total)
        count = load32(offsets, v)
        store32(offsets, v, total)
        total += count
    store32(offsets, VALUES, total)
    for i in range(n):
        v = load16(rows, 16 * i + c)
        place = load64(heads, v >> 8)
        store64(heads, v >> 8, place + 1)
        entry = scratch + SCRATCH * place
        store16(entry, 0, v)
        store16(entry, 1, load16(rows, 16 * i + second))
        store16(entry, 2, load16(rows, 16 * i + third))
        store32(entry + 6, 0, i)
    for part in range(256):
        begin = load32(offsets, part << 8)
        end = load32(offsets, (part + 1) << 8)
        for low in range(256):
            store64(heads, low, load32(offsets, (part << 8) + low))
        for k in range(begin, end):
            entry = scratch + SCRATCH * k
            low = load16(entry, 0) & 255
            place = load64(heads, low)
            store64(heads, low, place + 1)
            store16(sketches, place, load16(entry, 1))
            record = records + RECORD * place
            store32(record, 0, load32(entry + 6, 0))
            store16(record, 2, load16(entry, 2))
    return total
