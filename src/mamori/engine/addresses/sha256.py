"""SHA-256 (FIPS 180-4) of sixteen short messages at once, in LLVM's generic vectors.

A word of all sixteen messages is one vector, so that the function's steps are vector instructions: sixteen lanes with
AVX-512, twice eight with AVX2, four times four with NEON or SSE2. The results are the same everywhere.

Memory: a state is eight words of LANES lanes, a block sixteen; a word of a message lies at [word, lane] as its bytes
stand in the message.
"""

from __future__ import annotations

from functools import reduce
from math import isqrt
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]

from mamori.engine.matching.jit import inner
from mamori.engine.matching.words import (
    _N,
    I32,
    I64,
    _call,
    _intrinsic,
    _load,
    _pointer,
    load32,
    store32,
)

LANES = 16
STATE_WORDS, BLOCK_WORDS = 8, 16
STATE_BYTES, BLOCK_BYTES = 4 * STATE_WORDS * LANES, 4 * BLOCK_WORDS * LANES

_PRIMES = [n for n in range(2, 312) if all(n % d for d in range(2, isqrt(n) + 1))]


def _cube_root(number: int) -> int:
    """Largest whole number whose cube is not above `number`."""
    root = 1 << (number.bit_length() // 3 + 1)
    while root**3 > number:
        root = (2 * root + number // root**2) // 3
    return root


# 4.2.2 and 5.3.3: the first 32 bits of the fractional parts of the roots of the first primes.
_K = [_cube_root(prime << 96) & 0xFFFFFFFF for prime in _PRIMES[:64]]
_INITIAL = [isqrt(prime << 64) & 0xFFFFFFFF for prime in _PRIMES[:8]]


_VECTOR = ir.VectorType(I32, LANES)


def _constant(value: int) -> Any:
    return ir.Constant(_VECTOR, [value] * LANES)


def _place(builder: Any, address: Any, at: int) -> Any:
    return builder.add(address, I64(4 * LANES * at))


def _store_word(builder: Any, address: Any, at: int, value: Any) -> None:
    builder.store(value, _pointer(builder, _place(builder, address, at), _VECTOR), align=1)


def _load_word(builder: Any, address: Any, at: int) -> Any:
    return _load(builder, _place(builder, address, at), _VECTOR)


def _begin(builder: Any, state: Any) -> Any:
    """(state): as it is before the first block (5.3.3)."""
    for at, value in enumerate(_INITIAL):
        _store_word(builder, state, at, _constant(value))
    return ir.Constant(I64, 0)


def _compress(builder: Any, state: Any, block: Any) -> Any:
    """(state, block): take in one block of each message (6.2.2). A message's first byte is the highest of its word."""
    suffix = f"v{LANES}i32"

    def rotated(value: Any, bits: int) -> Any:
        return _call(builder, f"llvm.fshr.{suffix}", _VECTOR, value, value, _constant(bits))

    def shifted(value: Any, bits: int) -> Any:
        return builder.lshr(value, _constant(bits))

    def xor(a: Any, b: Any, c: Any) -> Any:
        return builder.xor(builder.xor(a, b), c)

    def add(*values: Any) -> Any:
        return reduce(builder.add, values)

    schedule = [_call(builder, f"llvm.bswap.{suffix}", _VECTOR, _load_word(builder, block, at)) for at in range(16)]
    before = [_load_word(builder, state, at) for at in range(8)]
    a, b, c, d, e, f, g, h = before
    for t in range(64):
        if t >= 16:
            last, early = schedule[t - 2], schedule[t - 15]
            sigma1 = xor(rotated(last, 17), rotated(last, 19), shifted(last, 10))
            sigma0 = xor(rotated(early, 7), rotated(early, 18), shifted(early, 3))
            schedule.append(add(schedule[t - 16], sigma0, schedule[t - 7], sigma1))
        choice = builder.xor(g, builder.and_(e, builder.xor(f, g)))
        majority = builder.xor(builder.and_(builder.xor(a, b), builder.xor(a, c)), a)
        sum1 = xor(rotated(e, 6), rotated(e, 11), rotated(e, 25))
        sum0 = xor(rotated(a, 2), rotated(a, 13), rotated(a, 22))
        first = add(h, _constant(_K[t]), schedule[t], choice, sum1)
        a, b, c, d, e, f, g, h = add(first, sum0, majority), a, b, c, builder.add(d, first), e, f, g
    for at, (old, new) in enumerate(zip(before, (a, b, c, d, e, f, g, h), strict=True)):
        _store_word(builder, state, at, builder.add(old, new))
    return ir.Constant(I64, 0)


begin_lanes = _intrinsic(1, _N, _begin, "begin_lanes")
compress_lanes = _intrinsic(2, _N, _compress, "compress_lanes")


@inner
def blocks_of(length: int) -> int:
    """Blocks of a message of so many bytes, its padding included."""
    return (length + 72) >> 6


@inner
def put_message(message: int, length: int, blocks: int, count: int, lane: int) -> None:
    """Pad a message (5.1.1) into `count` = blocks_of(length) blocks of one lane. Up to 3 bytes behind it are read."""
    whole = length >> 2
    last = 16 * count - 1
    for t in range(whole):
        store32(blocks, t * LANES + lane, load32(message, t))
    rest = length & 3
    tail = load32(message, whole) & ((1 << (8 * rest)) - 1) | (0x80 << (8 * rest))
    store32(blocks, whole * LANES + lane, tail)
    for t in range(whole + 1, last):
        store32(blocks, t * LANES + lane, 0)
    bits = 8 * length
    store32(blocks, last * LANES + lane, _swapped(bits))


@inner
def hash_lanes(state: int, blocks: int, count: int) -> None:
    """The hashes of sixteen messages of `count` blocks each."""
    begin_lanes(state)
    for b in range(count):
        compress_lanes(state, blocks + b * BLOCK_BYTES)


@inner
def take_digest(state: int, lane: int, digest: int) -> None:
    """The 32 bytes of one lane's hash."""
    for at in range(8):
        store32(digest, at, _swapped(load32(state, at * LANES + lane)))


@inner
def _swapped(word: int) -> int:
    """32 bits in the other order of bytes."""
    return (word & 255) << 24 | (word & 0xFF00) << 8 | (word >> 8) & 0xFF00 | (word >> 24) & 255
