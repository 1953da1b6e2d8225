"""PDQ: 256 bits of a picture's lowest frequencies, and how much there is to see in it.

Source: "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (Facebook, 2019) and its reference
implementation, whose choices of rounding are kept. The reference blurs the whole picture with two passes of a box
filter along each axis, takes 64 x 64 points of it, and keeps 16 x 16 coefficients of their cosine transform, each as
one bit: above the median or not.

Box filters and the choice of points are linear and separable, so each axis is one sparse matrix: 64 x height and
64 x width. Where a picture was decoded at 1/scale, a decoded sample stands for the mean of a block of `scale` samples,
and the matrix of the full size is summed over each block. Nearly all work of the reference falls away, and the
result differs by rounding only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

SIDE = 64
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
LEAST = 5  # the reference hashes nothing smaller
_KEPT = 16
_GRADIENTS_PER_POINT = 90  # of quality; the published heuristic
# How many of the 64 points one product makes, measured: many where the picture is narrow by then, few where its rows
# have still to be converted to floating point.
_GATHERED_COLUMNS, _GATHERED_ROWS, _GATHERED_UNTIL = 16, 6, 1200


@dataclass(frozen=True, slots=True)
class _Group:
    """Some of the 64 points of an axis: which samples they need, and the weights of those."""

    point: int
    first: int
    last: int
    weights: Floats


@lru_cache(maxsize=128)
def _axis(size: int, scale: int, mirrored: bool, gathered: int) -> tuple[_Group, ...]:
    """The matrix 64 x ceil(size / scale) of one axis, in groups of neighbouring points."""
    dense = np.zeros((SIDE, -(-size // scale)), np.float64)
    for point, (first, weights) in enumerate(_tents(size)):
        along = np.arange(first, first + len(weights))
        if mirrored:
            along = size - 1 - along
        np.add.at(dense[point], along // scale, weights)
    groups = []
    for point in range(0, SIDE, gathered):
        part = dense[point : point + gathered]
        used = np.flatnonzero(part.any(axis=0))
        first, last = int(used[0]), int(used[-1]) + 1
        groups.append(_Group(point, first, last, np.ascontiguousarray(part[:, first:last], np.float32)))
    return tuple(groups)


def _tents(size: int) -> list[tuple[int, NDArray[np.float64]]]:
    """For each of the 64 points: its first sample and the weights from there on, two box passes folded into one."""
    window = -(-size // (2 * SIDE))
    right = (window + 2) // 2 - 1  # samples after the centre; the rest of the window lies before
    left = window - 1 - right
    tents: list[tuple[int, NDArray[np.float64]]] = []
    for point in range(SIDE):
        centre = (2 * point + 1) * size // (2 * SIDE)
        second = np.arange(max(0, centre - left), min(size - 1, centre + right) + 1)
        begins, ends = np.maximum(0, second - left), np.minimum(size - 1, second + right) + 1
        share = 1.0 / ((ends - begins) * len(second))
        first = int(begins[0])
        steps = np.zeros(int(ends[-1]) - first + 1)
        np.add.at(steps, begins - first, share)
        np.subtract.at(steps, ends - first, share)
        tents.append((first, np.cumsum(steps)[:-1]))
    return tents


# EXIF orientation -> (mirror the height, mirror the width, then transpose), to stand as the camera meant it.
_ORIENTED = {
    1: (False, False, False),
    2: (False, True, False),
    3: (True, True, False),
    4: (True, False, False),
    5: (False, False, True),
    6: (True, False, True),
    7: (True, True, True),
    8: (False, True, True),
}


def points(
    rows: Callable[[int, int], Bytes | Floats],
    height: int,
    width: int,
    *,
    scale: int = 1,
    orientation: int = 1,
    channels: int = 1,
) -> Floats:
    """The 64 x 64 points of a picture.

    `rows(first, last)`: those decoded rows, 0 to 255, shape (last - first, ceil(width / scale) * channels): luma, or
    red, green and blue beside each other when there are three channels: luma is linear too, so it is made last.
    `height`, `width`: in full size, as stored. `orientation`: EXIF's 1 to 8, applied; others count as 1.
    """
    upset, mirrored, transposed = _ORIENTED.get(orientation, _ORIENTED[1])
    # The reference's windows are not symmetric: a picture is filtered as it will stand, not as it is stored.
    half = np.empty((SIDE, -(-width // scale) * channels), np.float32)
    gathered = _GATHERED_ROWS if height // scale <= _GATHERED_UNTIL else 1
    for group in _axis(height, scale, upset, gathered):
        out = half[group.point : group.point + len(group.weights)]
        np.dot(group.weights, rows(group.first, group.last).astype(np.float32, copy=False), out=out)
    if channels == len(LUMA):
        half = half.reshape(SIDE, -1, channels) @ LUMA
    whole = np.empty((SIDE, SIDE), np.float32)
    columns = half.T
    for group in _axis(width, scale, mirrored, _GATHERED_COLUMNS):
        np.matmul(
            group.weights, columns[group.first : group.last], out=whole[group.point : group.point + len(group.weights)]
        )
    stands: Floats = whole if transposed else np.ascontiguousarray(whole.T)
    return stands


def quality(buffer: Floats) -> int:
    """0 to 100: gradients of the 64 x 64 points, each cut to a whole percent before they are summed."""
    down, along = buffer[1:] - buffer[:-1], buffer[:, 1:] - buffer[:, :-1]
    steps = np.concatenate((down.reshape(-1), along.reshape(-1)))
    steps *= np.float32(100)
    steps /= np.float32(255)
    return min(100, int(np.abs(steps.astype(np.int32)).sum()) // _GRADIENTS_PER_POINT)


_COSINES = np.array(
    [
        [math.sqrt(2 / SIDE) * math.cos(math.pi / 2 / SIDE * (row + 1) * (2 * column + 1)) for column in range(SIDE)]
        for row in range(_KEPT)
    ],
    np.float32,
)


def frequencies(buffer: Floats) -> Floats:
    """16 x 16 coefficients (1 to 16 of each axis) of the cosine transform of the 64 x 64 points."""
    return (_COSINES @ buffer @ _COSINES.T).astype(np.float32, copy=False)


def bits(coefficients: Floats) -> bytes:
    """The 32 bytes of the published 64 hexadecimal digits: the last coefficient's bit comes first."""
    flat = coefficients.reshape(-1)
    return np.packbits((flat > _median(flat))[::-1]).tobytes()


def fragile_bits(coefficients: Floats) -> int:
    """How many of the 256 bits a little noise could turn: coefficients within 1 of the median, on the scale of 0 to 255.

    Measured on ordinary photographs: 5 to 11 in most of them, 30 and more in one of ten (smooth skies, fine textures).
    """
    flat = coefficients.reshape(-1)
    return int(np.count_nonzero(np.abs(flat - _median(flat)) < 1))


def _median(flat: Floats) -> np.float32:
    """The lower of the two middle ones, as the reference takes it."""
    middle = flat.size // 2 - 1
    found: np.float32 = np.partition(flat, middle)[middle]
    return found


def dihedral_bits(coefficients: Floats) -> tuple[bytes, ...]:
    """The picture as it is, turned by 90, 180, 270 degrees, mirrored top to bottom, left to right, and along its diagonals.

    The published order and signs: turning or mirroring a picture changes signs and order of its coefficients only. It
    is near, not equal, to what a file of the turned picture gives.
    """
    rows = np.where(np.arange(_KEPT) % 2 == 0, np.float32(-1), np.float32(1))[:, None]
    columns = rows.T
    forms = (
        coefficients,
        (coefficients * columns).T,
        coefficients * rows * columns,
        (coefficients * rows).T,
        coefficients * rows,
        coefficients * columns,
        coefficients.T,
        (coefficients * rows * columns).T,
    )
    return tuple(bits(np.ascontiguousarray(form)) for form in forms)
