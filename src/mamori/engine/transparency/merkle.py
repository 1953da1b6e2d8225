"""Merkle hash tree of RFC 6962 section 2.1 (SHA-256): an append-only tree, its proofs and their verifiers.

Hashes are 32 bytes. A leaf is given as its data; `leaf_hash` and `node_hash` add the domain bytes 0x00 and 0x01.
Verifiers follow RFC 9162 sections 2.1.3.2 and 2.1.4.2 and raise `ProofError`; the tree follows the definitions, so that
one checks the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()


class ProofError(ValueError):
    """A proof does not show what it claims, or cannot be made."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """An append-only tree that keeps the hash of every complete subtree (64 bytes a leaf).

    `Tree(size, peaks)` resumes from the peaks of an earlier tree of that size without its leaves: it can append, give
    roots from that size on and prove consistency from that size on, but proves no leaf older than it.
    """

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """`peaks`: roots of the complete subtrees of the first `size` leaves, largest first. ValueError if unfit."""
        if size < 0 or len(peaks) != size.bit_count() or any(len(peak) != HASH_SIZE for peak in peaks):
            raise ValueError("the peaks do not fit the size")
        self._size = size
        self._base = size
        # Level k holds complete subtrees of 2**k leaves, side by side, from index self._offsets[k] on.
        self._levels: list[bytearray] = []
        self._offsets: list[int] = []
        rest = list(reversed(peaks))
        for level in range(size.bit_length()):
            held = (size >> level) & 1
            self._offsets.append((size >> level) - held)
            self._levels.append(bytearray(rest.pop(0) if held else b""))

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    def append(self, data: bytes) -> int:
        """Add one leaf; returns its index."""
        index, level, digest = self._size, 0, leaf_hash(data)
        while True:
            if level == len(self._levels):
                self._levels.append(bytearray())
                self._offsets.append(0)
            nodes = self._levels[level]
            nodes += digest
            if not (index >> level) & 1:
                break
            digest = sha256(b"\x01" + nodes[-2 * HASH_SIZE :]).digest()
            level += 1
        self._size += 1
        return index

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append many leaves."""
        for data in leaves:
            self.append(data)

    def peaks(self, size: int | None = None) -> tuple[bytes, ...]:
        """Roots of the complete subtrees of the first `size` leaves, largest first (what `Tree(size, peaks)` takes)."""
        size = self._known(size)
        found, start = [], 0
        for level in reversed(range(size.bit_length())):
            if (size >> level) & 1:
                found.append(self._node(level, start >> level))
                start += 1 << level
        return tuple(found)

    def root(self, size: int | None = None) -> bytes:
        """Root over the first `size` leaves (all when None)."""
        return fold_peaks(self.peaks(size))

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Audit path of leaf `index` among `size` leaves (RFC 6962 section 2.1.1). ProofError if out of range."""
        size = self._known(size)
        if not 0 <= index < size:
            raise ProofError(f"leaf {index} is not in a tree of {size} leaves")
        return self._path(index, index + 1, size)

    def consistency_proof(self, old_size: int, size: int | None = None) -> list[bytes]:
        """Proof that the tree of `old_size` leaves is a prefix of that of `size` leaves (RFC 6962 section 2.1.2)."""
        size = self._known(size)
        if not 0 <= old_size <= size:
            raise ProofError(f"a tree of {old_size} leaves is not a prefix of one of {size} leaves")
        if old_size in (0, size):
            return []
        last = old_size & -old_size  # the smallest complete subtree at the right edge of the old tree
        start = old_size - last
        path = self._path(start, old_size, size)
        return path if start == 0 else [self._node(last.bit_length() - 1, start // last), *path]

    def _path(self, start: int, end: int, size: int) -> list[bytes]:
        """Siblings from the complete subtree [start, end) up to the root of [0, size), lowest first."""
        low, high, siblings = 0, size, []
        while (low, high) != (start, end):
            middle = low + _split(high - low)
            if start < middle:
                siblings.append(self._range(middle, high))
                high = middle
            else:
                siblings.append(self._range(low, middle))
                low = middle
        return siblings[::-1]

    def _range(self, low: int, high: int) -> bytes:
        """Root of the subtree over the leaves [low, high)."""
        width = high - low
        if width & (width - 1) == 0:
            return self._node(width.bit_length() - 1, low // width)
        middle = low + _split(width)
        return node_hash(self._range(low, middle), self._range(middle, high))

    def _node(self, level: int, index: int) -> bytes:
        place = (index - self._offsets[level]) * HASH_SIZE
        if place < 0:
            raise ProofError(f"this tree was resumed at {self._base} leaves and does not hold older ones")
        return bytes(self._levels[level][place : place + HASH_SIZE])

    def _known(self, size: int | None) -> int:
        if size is None:
            return self._size
        if not 0 <= size <= self._size:
            raise ProofError(f"the tree has {self._size} leaves, not {size}")
        return size


def fold_peaks(peaks: Sequence[bytes]) -> bytes:
    """Root of a tree from its peaks, largest first."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ProofError unless `proof` shows `leaf` (a leaf hash) at `index` under `root` of a tree of `size` leaves."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size} leaves")
    _sane(proof)
    position, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if position & 1 or position == last:
            digest = node_hash(sibling, digest)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError("the inclusion proof is too short")
    if digest != root:
        raise ProofError("the inclusion proof does not lead to the root")


def verify_consistency(old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ProofError unless `proof` shows the tree (old_size, old_root) to be a prefix of the tree (size, root)."""
    if not 0 <= old_size <= size:
        raise ProofError(f"a tree of {old_size} leaves is not a prefix of one of {size} leaves")
    _sane(proof)
    for count, claimed in ((old_size, old_root), (size, root)):
        if count == 0 and claimed != EMPTY_ROOT:
            raise ProofError("the root of an empty tree is wrong")
    if old_size in (0, size):
        if proof:
            raise ProofError("the consistency proof must be empty")
        if old_size == size and old_root != root:
            raise ProofError("two different roots for the same size")
        return
    nodes = list(proof)
    if old_size & (old_size - 1) == 0:
        nodes.insert(0, old_root)
    if not nodes:
        raise ProofError("the consistency proof is too short")
    position, last = old_size - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_digest = digest = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if position & 1 or position == last:
            old_digest, digest = node_hash(sibling, old_digest), node_hash(sibling, digest)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ProofError("the consistency proof is too short")
    if old_digest != old_root:
        raise ProofError("the consistency proof does not lead to the old root")
    if digest != root:
        raise ProofError("the consistency proof does not lead to the new root")


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (> 1)."""
    return 1 << ((width - 1).bit_length() - 1)


def _sane(proof: Sequence[bytes]) -> None:
    if any(len(node) != HASH_SIZE for node in proof):
        raise ProofError("a hash of the proof is not 32 bytes")
