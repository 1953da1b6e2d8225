"""Look at one file or key, and at every member of an archive: digests, fingerprints, or why not. Runs in a child."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from mamori.engine.images import Digests, Fingerprint, ImageError, VideoFingerprint, fingerprint, video_fingerprint
from mamori.engine.limits import Limits
from mamori.tools.scan import archives, looks
from mamori.tools.scan.archives import ArchiveError, Budget
from mamori.tools.scan.purpose import ScanError
from mamori.tools.scan.sources import Item, is_address, open_item, reason

PIECE = 2**20
LONGEST = 4096  # characters of a member's name
Event = list[Any]
Tell = Callable[[Event], None]


@dataclass(slots=True)
class Found:
    """What there is to tell of one file: `told` as in `Looked`, or a `problem`, or both (a damaged picture)."""

    size: int
    told: dict[str, Any] | None
    problem: str = ""


class Source:
    """A file as it was opened, which notes whether reading it failed: that may pass, a fault in what was read does not."""

    def __init__(self, opened: BinaryIO) -> None:
        self._opened = opened
        self.failed = False

    def read(self, number: int = -1) -> bytes:
        """As the file reads."""
        try:
            return self._opened.read(number)
        except Exception:
            self.failed = True
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)


class Examiner:
    """Tells events, each a list for JSON: what it begins, what it found, when an item is done.

    ["time", seconds]            what follows may take so long
    ["begin", member]            the next member of an archive
    ["found", member, n, size, told, problem]   n: number of the member in its archive from 1, 0 for the item itself
    ["done", again]              the item is finished; `again`: its content could not be read now, which may pass

    `begin` hears the kind of what is decoded next: "video" or "", all else.
    """

    def __init__(self, limits: Limits, tell: Tell, begin: Callable[[str], None] = lambda _kind: None) -> None:
        self.limits, self.tell, self.begin = limits, tell, begin
        self._number = self._skip = 0
        self._source = Source(io.BytesIO())

    def item(self, item: Item, data: bytes | None = None) -> None:
        """Examine it; `data` is its content where only the parent can read it."""
        self._number, self._skip = 0, item.skip
        again = True  # until it is open
        try:
            opened, size = (io.BytesIO(data), len(data)) if data is not None else open_item(item.path)
            again = False
            with opened:
                self._source = Source(opened)
                self._opened(item.path if data is None else "", cast("BinaryIO", self._source), size)
        except (ScanError, OSError, *archives.FAULTS, MemoryError) as error:
            again = self._source.failed if not again else not isinstance(error, ScanError)
            self.tell(["found", "", 0, 0, None, _why(error)])
        except Exception as error:  # noqa: BLE001 - an object store's plug-in may raise anything of its own
            again = again or self._source.failed
            self.tell(["found", "", 0, 0, None, f"{type(error).__name__}: {reason(error)}"])
        self.tell(["done", again])

    def _opened(self, path: str, opened: BinaryIO, size: int) -> None:
        head = _read(opened, looks.HEAD)
        kind = archives.kind_of(head)
        if kind and size > self.limits.file_bytes:
            opened.seek(0)
            self._archive(kind, opened, Budget.of(size), "", 1)
            return
        rest = _read(opened, self.limits.file_bytes + 1 - len(head))
        content = head + rest
        if not self._skip:
            self._emit("", 0, self._file(content, opened, path))
        if len(content) <= self.limits.file_bytes:
            kind = archives.kind_of(head, content)
            if kind:
                self._archive(kind, io.BytesIO(content), Budget.of(size), "", 1)
        elif archives.kind_of(b"", _tail(opened, size)):  # a ZIP behind a program that unpacks it, or behind a picture
            opened.seek(0)
            self._archive("zip", opened, Budget.of(size), "", 1)

    def _archive(self, kind: str, opened: BinaryIO, budget: Budget, above: str, depth: int) -> None:
        if depth > archives.DEPTH:
            raise ArchiveError(f"archives in archives are opened {archives.DEPTH} deep")
        for member in archives.members(kind, opened, budget):
            name = f"{above}{member.name}"[:LONGEST] or "(content)"
            self._number += 1
            number = self._number
            skipped = number <= self._skip
            if not skipped:
                self.tell(["begin", name])
            if member.stream is None:
                if not skipped:
                    self._emit(name, number, Found(0, None, member.problem))
                continue
            self._member(name, number, member.stream, budget, depth, skipped=skipped)

    def _member(self, name: str, number: int, stream: BinaryIO, budget: Budget, depth: int, *, skipped: bool) -> None:
        try:
            if skipped and not archives.kind_of(head := _read(stream, looks.HEAD)):
                return
            head = head if skipped else _read(stream, looks.HEAD)
            content = head + _read(stream, self.limits.file_bytes + 1 - len(head))
            if not skipped:
                self._emit(name, number, self._file(content, stream, ""))
        except ArchiveError:
            raise
        except (*archives.FAULTS, MemoryError) as error:
            if self._source.failed:  # not the member's fault: a later run goes on here
                raise
            self._emit(name, number, Found(0, None, _why(error)))
            return
        kind = archives.kind_of(head, content)
        if not kind or len(content) > self.limits.file_bytes:
            return
        try:
            self._archive(kind, io.BytesIO(content), budget, f"{name}/", depth + 1)
        except (*archives.FAULTS, MemoryError) as error:
            if self._source.failed or (isinstance(error, ArchiveError) and budget.left < 0):
                raise
            self._number += 1
            if self._number > self._skip:
                self._emit(name, self._number, Found(0, None, _why(error)))

    def _emit(self, name: str, number: int, found: Found) -> None:
        self.tell(["found", name, number, found.size, found.told, found.problem])

    def _file(self, content: bytes, rest: BinaryIO, path: str) -> Found:
        """`content`: the whole file when it is within the limit, else its begin, and `rest` gives what follows."""
        kind = looks.kind_of(content[: looks.HEAD])
        whole = len(content) <= self.limits.file_bytes
        if kind == "video":
            return self._video(content, rest, path, whole=whole)
        if kind == "picture" and whole:
            return _picture(content, self.limits)
        size, told = self._digests(content, rest, whole=whole)
        problem = archives.unopened(content[: looks.HEAD])
        if kind == "picture":
            problem = f"it is larger than {self.limits.file_bytes // 2**20} MiB: only its digests are looked up"
        elif not whole and archives.kind_of(content[: looks.HEAD]):
            problem = "an archive in an archive is too large to open: only its digests are looked up"
        return Found(size, told, problem)

    def _video(self, content: bytes, rest: BinaryIO, path: str, *, whole: bool) -> Found:
        local = path.removeprefix("file://")
        if not whole and (not local or is_address(local)):
            size, told = self._digests(content, rest, whole=whole)
            limit = self.limits.file_bytes // 2**20
            return Found(size, told, f"a video above {limit} MiB is sampled from a local file only")
        self.begin("video")
        self.tell(["time", self.limits.video_seconds])
        try:
            seen = video_fingerprint(content if whole else local, limits=self.limits)
        except ImageError as error:
            found = _failed(error, len(content))
        else:
            frames = [[frame.pdq.hex(), frame.quality, round(frame.at_seconds, 3)] for frame in seen.frames]
            found = Found(len(content), {**_hexed(seen), "frames": frames})
        if not whole:
            found.size = rest.seek(0, os.SEEK_END)
        self.begin("")
        self.tell(["time", self.limits.seconds])
        return found

    def _digests(self, content: bytes, rest: BinaryIO, *, whole: bool) -> tuple[int, dict[str, Any]]:
        digests = _digesters()
        size = 0
        for piece in _pieces(content, rest, whole=whole):
            size += len(piece)
            for digest in digests.values():
                digest.update(piece)
            if size % (64 * PIECE) < len(piece):
                self.tell(["time", self.limits.seconds])
        return size, {name: digest.hexdigest() for name, digest in digests.items()}


def _picture(content: bytes, limits: Limits) -> Found:
    try:
        seen = fingerprint(content, limits=limits)
    except ImageError as error:
        return _failed(error, len(content))
    told = _hexed(seen)
    if seen.pdq is not None:
        told |= {"pdq": seen.pdq.hex(), "quality": seen.pdq_quality}
    return Found(len(content), told)


def _failed(error: ImageError, size: int) -> Found:
    """It cannot be decoded; its digests are looked up all the same."""
    return Found(size, _hexed(error.digests) if error.digests else None, _why(error))


def _hexed(seen: Digests | Fingerprint | VideoFingerprint) -> dict[str, Any]:
    return {"md5": seen.md5.hex(), "sha1": seen.sha1.hex(), "sha256": seen.sha256.hex()}


def _digesters() -> dict[str, Any]:
    return {name: hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1", "sha256")}


def _pieces(content: bytes, rest: BinaryIO, *, whole: bool) -> Iterator[bytes]:
    yield content
    if not whole:
        while piece := rest.read(PIECE):
            yield piece


def _read(stream: BinaryIO, number: int) -> bytes:
    """Up to `number` bytes: fewer only at the end."""
    pieces = []
    while number > 0 and (piece := stream.read(min(number, 2**24))):
        pieces.append(piece)
        number -= len(piece)
    return b"".join(pieces)


def _tail(opened: BinaryIO, size: int) -> bytes:
    """The last bytes of a file, where it can be read from any place."""
    if not opened.seekable():
        return b""
    opened.seek(max(0, size - archives.TAIL))
    return _read(opened, archives.TAIL)


def _why(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "it needs more memory than a file may"
    if isinstance(error, ImageError):
        return f"{error.code}: {error.message}"
    return reason(error)
