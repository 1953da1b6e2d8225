"""What kernels are made of: loads and stores by address, bit counts, prefetch, vector filters, checksums.

Everything is written in LLVM's generic vectors. On a processor with AVX-512 they become single instructions; on others
(AVX2, plain x86-64, aarch64) LLVM splits them, with the same results. All numbers are signed 64-bit integers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from mamori.engine.matching.jit import inner, kernel

I1, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
_N = types.int64


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _load(builder: Any, address: Any, kind: Any) -> Any:
    """Load, of any alignment."""
    found = builder.load(_pointer(builder, address, kind))
    found.align = 1
    return found


def _intrinsic(arguments: int, result: Any, generate: Any, name: str) -> Callable[..., int]:
    """A Numba intrinsic of `arguments` integers, whose code `generate(builder, *values)` writes."""

    def codegen(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return generate(builder, *values)

    if arguments == 1:

        def typing(_typing: Any, _a: Any) -> Any:
            return result(_N), codegen
    elif arguments == 2:

        def typing(_typing: Any, _a: Any, _b: Any) -> Any:  # type: ignore[misc]
            return result(_N, _N), codegen
    else:

        def typing(_typing: Any, _a: Any, _b: Any, _c: Any) -> Any:  # type: ignore[misc]
            return result(_N, _N, _N), codegen

    typing.__name__ = typing.__qualname__ = name
    return cast(Callable[..., int], intrinsic(typing))


def _loader(kind: Any, name: str) -> Callable[..., int]:
    """(address, index) -> the unsigned number there."""
    step = kind.width // 8

    def generate(builder: Any, address: Any, index: Any) -> Any:
        found = _load(builder, builder.add(address, builder.mul(index, I64(step))), kind)
        return found if kind is I64 else builder.zext(found, I64)

    return _intrinsic(2, _N, generate, name)


def _storer(kind: Any, name: str) -> Callable[..., int]:
    """(address, index, number): store its low bits."""
    step = kind.width // 8

    def generate(builder: Any, address: Any, index: Any, value: Any) -> Any:
        place = _pointer(builder, builder.add(address, builder.mul(index, I64(step))), kind)
        builder.store(value if kind is I64 else builder.trunc(value, kind), place, align=1)
        return ir.Constant(I64, 0)

    return _intrinsic(3, _N, generate, name)


load8, load16, load32, load64 = (_loader(kind, f"load{kind.width}") for kind in (I8, I16, I32, I64))
store8, store16, store32, store64 = (_storer(kind, f"store{kind.width}") for kind in (I8, I16, I32, I64))


def _call(builder: Any, name: str, result: Any, *values: Any) -> Any:
    """Call one of LLVM's own functions."""
    kind = ir.FunctionType(result, [value.type for value in values])
    module = builder.module
    function = module.globals.get(name) or ir.Function(module, kind, name)
    return builder.call(function, values)


def _pop(builder: Any, value: Any) -> Any:
    return _call(builder, "llvm.ctpop.i64", I64, value)


def _trailing(builder: Any, value: Any) -> Any:
    return _call(builder, "llvm.cttz.i64", I64, value, I1(0))


def _prefetch(builder: Any, address: Any) -> Any:
    place = _pointer(builder, address, I8)
    kind = ir.FunctionType(ir.VoidType(), [place.type, I32, I32, I32])
    name = "llvm.prefetch.p0"
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    builder.call(function, [place, I32(0), I32(3), I32(1)])
    return ir.Constant(I64, 0)


def _fence(builder: Any, value: Any) -> Any:
    builder.fence("seq_cst")
    return value


def _shr(builder: Any, value: Any, bits: Any) -> Any:
    return builder.lshr(value, bits)


pop = _intrinsic(1, _N, _pop, "pop")  # bits set
trailing = _intrinsic(1, _N, _trailing, "trailing")  # index of the lowest bit set
prefetch = _intrinsic(1, _N, _prefetch, "prefetch")  # of the cache line at an address; never faults
fence = _intrinsic(1, _N, _fence, "fence")  # the number it is given
shr = _intrinsic(2, _N, _shr, "shr")  # logical shift to the right


def _splat(builder: Any, value: Any, count: int) -> Any:
    kind = ir.VectorType(value.type, count)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(
        one, ir.Constant(kind, ir.Undefined), ir.Constant(ir.VectorType(I32, count), [0] * count)
    )


def _within(builder: Any, address: Any, wanted: Any, most: Any) -> Any:
    """(address, w, t): bit i is set where the i-th of 32 16-bit words differs from w in at most t >= 0 bits."""
    kind = ir.VectorType(I16, 32)
    words = _load(builder, address, kind)
    differing = builder.xor(words, _splat(builder, builder.trunc(wanted, I16), 32))
    counts = _call(builder, "llvm.ctpop.v32i16", kind, differing)
    near = builder.icmp_unsigned("<=", counts, _splat(builder, builder.trunc(most, I16), 32))
    return builder.zext(builder.bitcast(near, I32), I64)


def _shuffle(builder: Any, a: Any, b: Any, order: list[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(order)), order))


def _rows_within(builder: Any, rows: Any, query: Any, most: Any) -> Any:
    """(rows, query, t): bit i is set where the i-th of 8 rows of 256 bits differs from the query in at most t bits."""
    four, eight = ir.VectorType(I64, 4), ir.VectorType(I64, 8)
    once = _load(builder, query, four)
    twice = _shuffle(builder, once, once, [0, 1, 2, 3, 0, 1, 2, 3])
    counts = []
    for part in range(4):
        pair = _load(builder, builder.add(rows, I64(64 * part)), eight)
        counts.append(_call(builder, "llvm.ctpop.v8i64", eight, builder.xor(pair, twice)))
    even, odd = list(range(0, 16, 2)), list(range(1, 16, 2))

    def folded(a: Any, b: Any) -> Any:
        return builder.add(_shuffle(builder, a, b, even), _shuffle(builder, a, b, odd))

    sums = folded(folded(counts[0], counts[1]), folded(counts[2], counts[3]))
    near = builder.icmp_unsigned("<=", sums, _splat(builder, most, 8))
    return builder.zext(builder.bitcast(near, I8), I64)


# Where the bits of a fingerprint go, so that a chunk of 16 bits holds bits of 16 different bytes and all columns:
# bytes dealt to four groups, each rotated by another amount, each group transposed as 8x8 bits, bytes paired.
_DEALT = [4 * place + group for group in range(4) for place in range(8)]
_TURNS = [place * 3 % 8 for _group in range(4) for place in range(8)]
_PAIRED = [
    8 * group + bit for first in (0, 2) for j in range(8) for group, bit in ((first, j), (first + 1, (j + 3) % 8))
]


def _scramble(builder: Any, source: Any, target: Any) -> Any:
    """(source, target): the 32 bytes at `source` in the index's order of bits. A permutation: distances stay."""
    octets, words = ir.VectorType(I8, 32), ir.VectorType(I64, 4)
    value = _load(builder, source, octets)
    value = _shuffle(builder, value, value, _DEALT)
    left = ir.Constant(octets, _TURNS)
    right = ir.Constant(octets, [(8 - turn) % 8 for turn in _TURNS])
    value = builder.or_(builder.shl(value, left), builder.lshr(value, right))
    lanes = builder.bitcast(value, words)
    for distance, mask in ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0)):
        by = ir.Constant(words, [distance] * 4)
        swapped = builder.and_(builder.xor(lanes, builder.lshr(lanes, by)), ir.Constant(words, [mask] * 4))
        lanes = builder.xor(lanes, builder.xor(swapped, builder.shl(swapped, by)))
    value = builder.bitcast(lanes, octets)
    value = _shuffle(builder, value, value, _PAIRED)
    builder.store(value, _pointer(builder, target, octets), align=1)
    return ir.Constant(I64, 0)


within = _intrinsic(3, _N, _within, "within")
rows_within = _intrinsic(3, _N, _rows_within, "rows_within")
scramble = _intrinsic(2, _N, _scramble, "scramble")


@inner
def distance(a: int, b: int) -> int:
    """Hamming distance of the 256 bits at two addresses."""
    return (
        pop(load64(a, 0) ^ load64(b, 0))
        + pop(load64(a, 1) ^ load64(b, 1))
        + pop(load64(a, 2) ^ load64(b, 2))
        + pop(load64(a, 3) ^ load64(b, 3))
    )


_ODD = -0x61C8864680B583EB  # the odd number next to 2**64 divided by the golden ratio


@inner
def _stirred(lane: int, word: int) -> int:
    """One step of the checksum: for a given word a bijection of the lane, and the other way round."""
    product = (lane ^ word) * _ODD
    return product ^ shr(product, 32)


@inner
def checksum_of(place: int, size: int, seed: int) -> int:
    """Multiply and xor-shift over little-endian 64-bit words in eight lanes; `size` in bytes.

    A change within one word changes the sum with certainty, others but for one chance in 2**64 or so. It finds
    damage, not forgery.
    """
    a = b = c = d = e = f = g = h = seed ^ size
    words = size >> 3
    i = 0
    while i + 8 <= words:
        a = _stirred(a, load64(place, i))
        b = _stirred(b, load64(place, i + 1))
        c = _stirred(c, load64(place, i + 2))
        d = _stirred(d, load64(place, i + 3))
        e = _stirred(e, load64(place, i + 4))
        f = _stirred(f, load64(place, i + 5))
        g = _stirred(g, load64(place, i + 6))
        h = _stirred(h, load64(place, i + 7))
        i += 8
    while i < words:
        a = _stirred(a, load64(place, i))
        i += 1
    rest = 0
    for j in range(words << 3, size):
        rest |= load8(place, j) << (8 * (j - (words << 3)))
    total = _stirred(a, rest)
    for lane in (b, c, d, e, f, g, h):
        total = _stirred(total, lane)
    return total


@kernel("int64(int64)")
def ordered(number: int) -> int:
    """The number it is given. What was read or written before is so for other processes too before what comes after.

    x86 keeps most of that order by itself; aarch64 keeps none.
    """
    return fence(number)


@kernel("int64(int64, int64, int64)")
def checksum(place: int, size: int, seed: int) -> int:
    """Checksum of `size` bytes at an address."""
    return checksum_of(place, size, seed)


@kernel("int64(int64, int64, int64)")
def scramble_rows(source: int, target: int, count: int) -> int:
    """Fingerprints of 32 bytes from `source` to `target` in the index's order of bits."""
    for i in range(count):
        scramble(source + 32 * i, target + 32 * i)
    return count
