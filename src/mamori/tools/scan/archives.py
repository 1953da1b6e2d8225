"""Archives are read member by member in memory; nothing is unpacked to disk. Each has a budget against bombs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal, Self, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DEPTH = 3  # archives within archives
RATIO = 200  # bytes that may come out of one byte of archive
FREE = 100 * 2**20  # bytes that may come out in any case
FAULTS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, zstd.ZstdError, EOFError, OSError, ValueError, RuntimeError)  # fmt: skip  # noqa: E501
UNOPENED = {
    b"Rar!\x1a\x07": "a RAR archive is not opened",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive is not opened",
    b"MSCF\0\0\0\0": "a Cabinet archive is not opened",
    b"\x04\x22\x4d\x18": "what LZ4 compressed is not opened",
    b"\x1f\x9d\x90": "what compress (.Z) compressed is not opened",
    b"LZIP\x01": "what lzip compressed is not opened",
}
_MAGIC = (
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b\x08", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
)
_LOOKED_ON = 2**19  # blocks of 512 bytes without a header, after which no more is looked for
# What Python's reader of tar says of a block: the end, no header, nothing left.
_END, _WRONG = (tarfile.EOFHeaderError,), (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError)  # type: ignore[attr-defined]
_NOTHING = tarfile.EmptyHeaderError  # type: ignore[attr-defined]
TAIL = 22 + 65_535  # bytes in which the end of a ZIP's directory lies (APPNOTE.TXT 4.3.16)


class ArchiveError(ValueError):
    """An archive, or one member, is not read further. The message is the reason."""


@dataclass(slots=True)
class Budget:
    """Bytes that may still come out of one archive, all that is nested in it included."""

    left: int

    @classmethod
    def of(cls, size: int) -> Budget:
        """For an archive of `size` bytes."""
        return cls(FREE + RATIO * size)

    def take(self, number: int) -> None:
        """ArchiveError when it is used up."""
        self.left -= number
        if self.left < 0:
            raise ArchiveError("too much comes out of this archive: it may be a bomb")


class Metered(io.RawIOBase):
    """A stream whose bytes are taken from a budget."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self._stream, self._budget = stream, budget
        self._read = getattr(stream, "read1", stream.read)  # gives what there is before damage, then the fault

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._read(len(buffer))
        self._budget.take(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


@dataclass(slots=True)
class Member:
    """One file in an archive. `stream` is read before the next member is asked for; None where `problem` says why."""

    name: str
    stream: BinaryIO | None
    problem: str = ""


def kind_of(head: bytes, tail: bytes = b"") -> str:
    """zip, tar, gz, bz2, xz, zst or "" by the first 512 bytes, and by the end for a ZIP that something is put before."""
    if head[257:262] == b"ustar" or _is_old_tar(head):
        return "tar"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return "zip" if tail.rfind(b"PK\x05\x06", max(0, len(tail) - TAIL)) >= 0 else ""


def _is_old_tar(head: bytes) -> bool:
    """A tar as it was before its headers had a name for it: known by the sum of the first one, in octal digits."""
    digits = head[148:156].strip(b"\0 ")
    if len(head) < 512 or not digits.isdigit() or digits.strip(b"01234567"):
        return False
    return int(digits, 8) == sum(head[:148]) + 8 * ord(" ") + sum(head[156:512])


def unopened(head: bytes) -> str:
    """Why an archive of another format is looked at from outside only; "" when it is none."""
    return next((why for magic, why in UNOPENED.items() if head.startswith(magic)), "")


def members(kind: str, opened: BinaryIO, budget: Budget) -> Iterator[Member]:
    """Its files in their order. Raises one of FAULTS where the archive itself cannot be read further."""
    if kind == "zip":
        yield from _zip(opened, budget)
    elif kind == "tar":
        yield from _tar(opened, "r:", budget)
    else:
        yield from _compressed(kind, opened, budget)


def _zip(opened: BinaryIO, budget: Budget) -> Iterator[Member]:
    with zipfile.ZipFile(opened) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            if info.flag_bits & 1:
                yield Member(info.filename, None, "it is encrypted")
                continue
            try:
                stream = archive.open(info)
            except (NotImplementedError, *FAULTS) as error:  # zipfile: a compression it does not know
                yield Member(info.filename, None, " ".join(str(error).split())[:300])
                continue
            with stream:
                yield Member(info.filename, cast("BinaryIO", Metered(cast("BinaryIO", stream), budget)))


class _Header(tarfile.TarInfo):
    """A header of a tar. `wrong`: something that is none stood where a member should begin."""

    wrong = ended = False
    passed = 0  # blocks since the last header or member

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        cls.passed += 1
        if cls.passed > _LOOKED_ON:
            raise _NOTHING
        try:
            found = super().fromtarfile(tarfile)
        except _END:
            cls.ended = True
            raise
        except _WRONG:
            cls.wrong = cls.wrong or not cls.ended
            raise
        cls.ended, cls.passed = False, 0
        return found


def _tar(opened: BinaryIO, mode: Literal["r:", "r|"], budget: Budget) -> Iterator[Member]:
    """Python's reader ends without a word at a damaged header, and behind the first of several archives in one file: it
    is made to look for the next header. ArchiveError at the end where one was damaged or cut off.
    """

    class Header(_Header):
        pass

    with tarfile.open(fileobj=opened, mode=mode, tarinfo=Header, ignore_zeros=True) as archive:
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # else each name of a large archive stays in memory
            if not info.isreg():
                continue
            stream = archive.extractfile(info)
            if stream is not None:
                with stream:
                    yield Member(info.name, cast("BinaryIO", Metered(cast("BinaryIO", stream), budget)))
    if Header.wrong:
        raise ArchiveError("a header in it is damaged or cut off: a member may be missing")


def _compressed(kind: str, opened: BinaryIO, budget: Budget) -> Iterator[Member]:
    openers = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open, "zst": zstd.open}
    with openers[kind](opened) as inside:  # type: ignore[operator]
        stream = io.BufferedReader(Metered(inside, budget), 2**16)
        if kind_of(stream.peek(512)[:512]) != "tar":
            yield Member("", cast("BinaryIO", stream))
            return
        yield from _tar(cast("BinaryIO", stream), "r|", budget)
