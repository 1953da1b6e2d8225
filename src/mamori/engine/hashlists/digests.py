"""SHA-256 values of host and path expressions, ordered, and the search among them."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SIZE = 32  # octets of SHA-256

Hashes: TypeAlias = "NDArray[np.bytes_]"
"""Shape (n,), dtype S32: SHA-256 values in ascending order, each once."""


def digest(expression: str) -> bytes:
    """SHA-256 of an expression; 32 octets."""
    return hashlib.sha256(expression.encode()).digest()


def joined(expressions: Iterable[str]) -> bytes:
    """The hashes of expressions in ascending order, each once: 32 octets each, without anything between them."""
    found = hashes(b"".join(map(digest, expressions)))
    leading = np.frombuffer(found, ">u8")[:: SIZE // 8].astype(np.uint64)
    order = np.argsort(leading)
    if (np.diff(leading[order]) == 0).any():  # the first eight octets do not decide: compare whole hashes
        return np.unique(found).tobytes()
    return found[order].tobytes()


def hashes(data: bytes | memoryview) -> Hashes:
    """The array over bytes as `joined` writes them, without copying. ValueError for another length."""
    return np.frombuffer(data, f"S{SIZE}")


def with_prefix(data: bytes | memoryview, prefix: bytes) -> list[bytes]:
    """The whole hashes that begin with ``prefix`` (4 to 32 octets), of bytes as `joined` writes them."""
    if not 4 <= len(prefix) <= SIZE:
        raise ValueError("a prefix has 4 to 32 octets")
    count, width = len(data) // SIZE, len(prefix)
    found = []
    at = bisect_left(range(count), prefix, key=lambda i: bytes(data[i * SIZE : i * SIZE + width]))
    while at < count and bytes(data[at * SIZE : at * SIZE + width]) == prefix:
        found.append(bytes(data[at * SIZE : (at + 1) * SIZE]))
        at += 1
    return found


def prefixes(data: bytes | memoryview) -> NDArray[np.uint32]:
    """The first four octets of every hash as big-endian numbers, in order; shape (n,), with repeats."""
    return np.ascontiguousarray(np.frombuffer(data, ">u4")[:: SIZE // 4], np.uint32)
