"""Archives are read member by member in memory; nothing is unpacked to disk. Each has a budget against bombs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

DEPTH = 3  # archives within archives
RATIO = 200  # bytes that may come out of one byte of archive
FREE = 100 * 2**20  # bytes that may come out in any case
FAULTS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, RuntimeError)
UNOPENED = {b"Rar!\x1a\x07": "a RAR archive is not opened", b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive is not opened"}
_TAIL = 22 + 65_535  # bytes in which the end of a ZIP's directory lies (APPNOTE.TXT 4.3.16)


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
    """zip, tar, gz, bz2, xz or "" by the first 512 bytes, and by the end for a ZIP that something is put before."""
    if head[257:262] == b"ustar":
        return "tar"
    for magic, kind in ((b"PK\x03\x04", "zip"), (b"\x1f\x8b\x08", "gz"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz")):
        if head.startswith(magic):
            return kind
    return "zip" if tail.rfind(b"PK\x05\x06", max(0, len(tail) - _TAIL)) >= 0 else ""


def unopened(head: bytes) -> str:
    """Why an archive of another format is looked at from outside only; "" when it is none."""
    return next((why for magic, why in UNOPENED.items() if head.startswith(magic)), "")


def members(kind: str, opened: BinaryIO, budget: Budget) -> Iterator[Member]:
    """Its files in their order. Raises one of FAULTS where the archive itself cannot be read further."""
    if kind == "zip":
        yield from _zip(opened, budget)
    elif kind == "tar":
        with tarfile.open(fileobj=opened, mode="r:") as archive:
            yield from _tar(archive, budget)
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


def _tar(archive: tarfile.TarFile, budget: Budget) -> Iterator[Member]:
    while (info := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # else each name of a large archive stays in memory
        if not info.isreg():
            continue
        stream = archive.extractfile(info)
        if stream is not None:
            with stream:
                yield Member(info.name, cast("BinaryIO", Metered(cast("BinaryIO", stream), budget)))


def _compressed(kind: str, opened: BinaryIO, budget: Budget) -> Iterator[Member]:
    openers = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
    with openers[kind](opened) as inside:  # type: ignore[operator]
        stream = io.BufferedReader(Metered(inside, budget), 2**16)
        if kind_of(stream.peek(512)[:512]) != "tar":
            yield Member("", cast("BinaryIO", stream))
            return
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            yield from _tar(archive, budget)
