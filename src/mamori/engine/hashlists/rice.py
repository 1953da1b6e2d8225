"""Golomb-Rice coding of sorted numbers as Safe Browsing writes it, for 32 to 256 bits.

After "Rice compression" (developers.google.com/safe-browsing/v4/compression) and "Decoding List Contents"
(developers.google.com/safe-browsing/reference/Local.Database): the first number stands alone, of the others their
difference to the one before: quotient by 2**k in unary (ones, then a zero), then k bits of the remainder, least
significant bit first; octets are filled from their least significant bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHUNK_BITS = 1 << 22  # about as many bits are coded at a time: bounds the memory for single bits
_TOP = 32  # leading bits of a difference that decide the quotient

V4, V5 = (2, 28), (3, 30)
"""Smallest and largest parameter for 32 bits; for wider numbers as much larger as they have more bits."""


@dataclass(frozen=True, slots=True)
class Coded:
    """``first``: the first number as its octets, most significant first. ``count``: differences in ``data``."""

    first: bytes
    parameter: int
    count: int
    data: bytes


def encode(values: NDArray[np.uint8], bounds: tuple[int, int] = V5) -> Coded:
    """Code numbers in ascending order, each once. The parameter is the one that gives the fewest bits.

    ``values``: shape (n, octets), n at least 1, octets 4, 8, 16 or 32, most significant octet first. ValueError for
    another shape or order. ``data`` is empty and ``parameter`` the lowest one allowed where n is 1.
    """
    if values.ndim != 2 or values.shape[1] not in (4, 8, 16, 32) or not len(values):
        raise ValueError("values need the shape (n, 4, 8, 16 or 32), n at least 1")
    width = values.shape[1] * 8
    extra = width - _TOP
    if len(values) == 1:
        return Coded(values[0].tobytes(), bounds[0] + extra, 0, b"")
    differences = _differences(values)
    top = np.ascontiguousarray(differences[:, -4:]).view("<u4").ravel()
    parameter = _best(top, bounds)
    quotients = (top >> np.uint32(parameter)).astype(np.int64)
    data = _pack(differences, quotients, parameter + extra)
    return Coded(values[0].tobytes(), parameter + extra, len(differences), data)


def encode_numbers(values: NDArray[np.uint32], bounds: tuple[int, int] = V5) -> Coded:
    """The same for 32-bit numbers, such as indices; shape (n,)."""
    return encode(np.ascontiguousarray(values.astype(">u4")).view(np.uint8).reshape(-1, 4), bounds)


def _differences(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each number less the one before; shape (n - 1, octets), LEAST significant octet first."""
    words = np.ascontiguousarray(values[:, ::-1]).view("<u4").astype(np.int64)  # least significant word first
    out = np.empty((len(values) - 1, words.shape[1]), "<u4")
    borrow = np.zeros(len(values) - 1, np.int64)
    for at in range(words.shape[1]):
        gap = words[1:, at] - words[:-1, at] - borrow
        borrow = (gap < 0).astype(np.int64)
        out[:, at] = (gap & 0xFFFFFFFF).astype(np.uint32)
    if borrow.any() or not out.any(axis=1).all():
        raise ValueError("the values are not in ascending order, each once")
    return out.view(np.uint8).reshape(len(out), -1)


def _best(top: NDArray[np.uint32], bounds: tuple[int, int]) -> int:
    """The parameter with the fewest bits, judged by the differences' leading 32."""
    costs = {
        k: int((top >> np.uint32(k)).sum(dtype=np.int64)) + len(top) * (k + 1) for k in range(bounds[0], bounds[1] + 1)
    }
    return min(costs, key=lambda k: (costs[k], k))


def _pack(differences: NDArray[np.uint8], quotients: NDArray[np.int64], k: int) -> bytes:
    """The bit stream. ``differences``: least significant octet first."""
    parts: list[bytes] = []
    tail = np.zeros(0, np.uint8)  # bits of the last octet that is not full
    step = _CHUNK_BITS // (k + 2)
    for start in range(0, len(differences), step):
        some, ones = differences[start : start + step], quotients[start : start + step]
        ends = np.cumsum(ones + (1 + k))
        begins = ends - (ones + (1 + k))
        bits = np.zeros(int(ends[-1]) + 1, np.int8)
        bits[begins] += 1  # where a run of ones begins; where it ends 1 is taken again: empty runs cancel out
        bits[begins + ones] -= 1
        stream = np.cumsum(bits, dtype=np.int8).view(np.uint8)[:-1]
        others = np.zeros((len(some), 1 + k), np.uint8)  # the zero that ends the run, then the remainder
        others[:, 1:] = np.unpackbits(some, axis=1, bitorder="little", count=k)
        stream[stream == 0] = others.ravel()
        stream = np.concatenate((tail, stream))
        whole = len(stream) // 8 * 8
        parts.append(np.packbits(stream[:whole], bitorder="little").tobytes())
        tail = stream[whole:]
    parts.append(np.packbits(tail, bitorder="little").tobytes())
    return b"".join(parts)
