"""From the bytes of a file to its fingerprint."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mamori.engine.images import jpeg, pdq, raster
from mamori.engine.images.errors import Digests, ImageError
from mamori.engine.images.pdq import Floats
from mamori.engine.limits import Limits
from mamori.engine.similar import LEAST_QUALITY

_PIECE = 2**20
_WAY = "mamori-1"
# Up to so many fragile bits the shorter way will do. Where there are more it moved up to 26 of them, measured on
# photographs and drawings; but where there is too little to see for a match, none of them matters.
_FRAGILE_SCALED, _FRAGILE = 12, 20
_TINY = 10_000  # pixels: what is smaller costs nothing in colours


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`pdq`: 32 bytes, those of the published hexadecimal form; None for a picture below 5 pixels a side.

    `pdq_quality`: 0 to 100; below 50 it is not matched. `width`, `height`: as the picture stands, orientation applied.
    `preprocessing`: which way made it: "mamori-1/full", or "mamori-1/scale-2" or "-4" for a JPEG decoded at that part of its size.
    """

    pdq: bytes | None
    pdq_quality: int
    md5: bytes
    sha1: bytes
    sha256: bytes
    width: int
    height: int
    preprocessing: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What the decoder made of a picture: its 64 x 64 points, their 16 x 16 lowest frequencies, and how."""

    buffer: Floats
    frequencies: Floats
    width: int
    height: int
    preprocessing: str

    @property
    def hashable(self) -> bool:
        return min(self.width, self.height) >= pdq.LEAST


Source = bytes | os.PathLike[str] | str


def fingerprint(source: Source, *, limits: Limits = Limits()) -> Fingerprint:  # noqa: B008 - frozen
    """The fingerprint of a picture: `source` is its bytes or a path.

    In this process: a file that nobody trusts goes through `fingerprint_safely` or a `Decoder`. ImageError, with the
    exact digests where the file could be read: known files are recognised by those even when they are damaged.
    """
    data, digests = read(source, limits.file_bytes)
    return fingerprint_read(data, digests, limits)


def fingerprint_read(data: bytes, digests: Digests, limits: Limits) -> Fingerprint:
    """The same of bytes whose digests are known."""
    try:
        looked = look(data, limits)
    except ImageError as error:
        raise ImageError(error.code, digests) from None
    return Fingerprint(
        pdq=pdq.bits(looked.frequencies) if looked.hashable else None,
        pdq_quality=pdq.quality(looked.buffer) if looked.hashable else 0,
        md5=digests.md5,
        sha1=digests.sha1,
        sha256=digests.sha256,
        width=looked.width,
        height=looked.height,
        preprocessing=looked.preprocessing,
    )


def pdq_of(data: bytes, *, limits: Limits = Limits()) -> tuple[bytes | None, int]:  # noqa: B008 - frozen
    """(PDQ, quality) of a picture, without exact digests."""
    looked = look(data, limits)
    if not looked.hashable:
        return None, 0
    return pdq.bits(looked.frequencies), pdq.quality(looked.buffer)


def dihedral(source: Source, *, limits: Limits = Limits()) -> tuple[bytes, ...]:  # noqa: B008 - frozen
    """PDQ of the picture as it is, turned by 90, 180, 270 degrees, mirrored top to bottom, left to right, and along both diagonals.

    Empty for a picture below 5 pixels a side. ImageError as `fingerprint`.
    """
    data, digests = read(source, limits.file_bytes)
    try:
        looked = look(data, limits)
    except ImageError as error:
        raise ImageError(error.code, digests) from None
    return pdq.dihedral_bits(looked.frequencies) if looked.hashable else ()


def look(data: bytes, limits: Limits) -> Looked:
    """Decode as much of a picture as its fingerprint needs. ImageError."""
    looked: Looked | None = None
    try:
        for looked in _by_luma(data, limits):
            if _settled(looked):
                return looked
        buffer, width, height = raster.buffer_of(data, limits)
        return Looked(buffer, pdq.frequencies(buffer), width, height, f"{_WAY}/full")
    except (ImageError, MemoryError) as error:
        if looked is not None:  # the longer way is not allowed or does not work: what the shorter one gave has to do
            return looked
        raise error if isinstance(error, ImageError) else ImageError("memory_exceeded") from None


def _by_luma(data: bytes, limits: Limits) -> Iterator[Looked]:
    """A JPEG by its luma alone, at part of its size and then whole; nothing of what needs its colours."""
    if not jpeg.is_jpeg(data):
        return
    head = jpeg.header(data)
    turned = head.orientation >= 5
    width, height = (head.height, head.width) if turned else (head.width, head.height)
    for scale in head.scales:
        plane = jpeg.gray(data, head, scale, limits)
        if plane is None:
            return
        rows = partial(_rows, plane)
        buffer = pdq.points(rows, head.height, head.width, scale=scale, orientation=head.orientation)
        way = "full" if scale == 1 else f"scale-{scale}"
        yield Looked(buffer, pdq.frequencies(buffer), width, height, f"{_WAY}/{way}")


def _rows(plane: pdq.Bytes, first: int, last: int) -> pdq.Bytes:
    return plane[first:last]


def _settled(looked: Looked) -> bool:
    """Whether a longer way would hardly turn a bit of it."""
    if looked.width * looked.height < _TINY:
        return False
    most = _FRAGILE if looked.preprocessing.endswith("/full") else _FRAGILE_SCALED
    return pdq.fragile_bits(looked.frequencies) <= most or pdq.quality(looked.buffer) < LEAST_QUALITY


def digests_of(source: Source) -> Digests:
    """Exact digests of a file of any size, read once in pieces. ImageError `not_readable`."""
    if isinstance(source, bytes):
        return read(source, len(source))[1]
    with plain_file(source) as file:
        return digest_file(file)


def digest_file(file: BinaryIO) -> Digests:
    """The same of an open file, from where it stands to its end."""
    hashes = [hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1", "sha256")]
    size = 0
    while piece := file.read(_PIECE):
        size += len(piece)
        for each in hashes:
            each.update(piece)
    md5, sha1, sha256 = (each.digest() for each in hashes)
    return Digests(md5, sha1, sha256, size)


def read(source: Source, most: int) -> tuple[bytes, Digests]:
    """The bytes and their digests. ImageError `not_readable`, or `too_many_bytes` with the digests of all of them."""
    if isinstance(source, bytes):
        data = source
        digests = digest_file(BytesIO(data))
    else:
        with plain_file(source) as file:
            if os.fstat(file.fileno()).st_size > most:
                raise ImageError("too_many_bytes", digest_file(file))
            data = file.read(most + 1)
            if len(data) > most:  # it grew meanwhile
                file.seek(0)
                raise ImageError("too_many_bytes", digest_file(file))
        return read(data, most)
    if len(data) > most:
        raise ImageError("too_many_bytes", digests)
    return data, digests


def plain_file(path: os.PathLike[str] | str) -> BinaryIO:
    """Open for reading, without waiting on pipes or devices. ImageError `not_readable`."""
    try:
        number = os.open(Path(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        raise ImageError("not_readable") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise ImageError("not_readable")
    return os.fdopen(number, "rb")
