"""Invented sets of fingerprints, uniform and awkward, and the slow way to search them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint8]


def flipped(rng: np.random.Generator, hashes: Hashes, most: int, least: int = 0) -> Hashes:
    """Each fingerprint with `least` to `most` bits turned."""
    bits = np.unpackbits(hashes, axis=1)
    ranks = np.argsort(rng.random(bits.shape), axis=1)
    turned = ranks < rng.integers(least, most + 1, (len(hashes), 1))
    return np.packbits(bits ^ turned, axis=1)


def uniform(rng: np.random.Generator, n: int) -> Hashes:
    return rng.integers(0, 256, (n, 32), dtype=np.uint8)


def duplicated(rng: np.random.Generator, n: int) -> Hashes:
    return uniform(rng, max(1, n // 50))[rng.integers(0, max(1, n // 50), n)]


def hot(rng: np.random.Generator, n: int) -> Hashes:
    """In each 16-bit word one per cent of the values holds 30 per cent of the rows."""
    made = uniform(rng, n).view(np.uint16)
    for c in range(16):
        chosen = rng.random(n) < 0.3
        made[chosen, c] = rng.integers(0, 65536, 655)[rng.integers(0, 655, int(chosen.sum()))]
    return made.view(np.uint8)


def families(rng: np.random.Generator, n: int) -> Hashes:
    centres = uniform(rng, 1 + n // 500)
    return flipped(rng, centres[rng.integers(0, len(centres), n)], 14)


def tight(rng: np.random.Generator, n: int) -> Hashes:
    """Most rows some 32 bits from one centre."""
    made = flipped(rng, np.repeat(uniform(rng, 1), n, axis=0), 40, 24)
    made[: n // 10] = uniform(rng, n // 10)
    return made


def constant(rng: np.random.Generator, n: int) -> Hashes:
    """64 bits the same in every third row."""
    made = uniform(rng, n)
    made[::3, :8] = made[0, :8]
    return made


def balanced(rng: np.random.Generator, n: int) -> Hashes:
    """Weight exactly 128, as PDQ makes them."""
    ranks = np.argsort(rng.random((n, 256)), axis=1)
    return np.packbits(ranks < 128, axis=1)


SETS: dict[str, Callable[[np.random.Generator, int], Hashes]] = {
    each.__name__: each for each in (uniform, duplicated, hot, families, tight, constant, balanced)
}


def queries(rng: np.random.Generator, hashes: Hashes, count: int) -> Hashes:
    """Half at 0 to 40 bits from a member, a quarter members, a quarter anywhere."""
    near = flipped(rng, hashes[rng.integers(0, len(hashes), count // 2)], 40)
    same = hashes[rng.integers(0, len(hashes), count // 4)]
    return np.concatenate((near, same, uniform(rng, count - len(near) - len(same))))


def brute(hashes: Hashes, ids: NDArray[np.uint32], pdq: bytes, radius: int) -> list[tuple[int, int]]:
    """(id, distance) of all within the radius, nearest first, equal ones by id."""
    words = np.ascontiguousarray(hashes).view(np.uint64)
    apart = np.bitwise_count(words ^ np.frombuffer(pdq, np.uint64)).sum(axis=1)
    near = np.flatnonzero(apart <= radius)
    return sorted(((int(ids[i]), int(apart[i])) for i in near), key=lambda each: (each[1], each[0]))
