"""Files and folders that are on disk when it is said that they are."""

import hashlib
import mmap
import os
from pathlib import Path
from typing import IO, AnyStr, Generic

AT_ONCE = 16 * 2**20  # bytes


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file's content; FileNotFoundError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mapped(path: Path) -> bytes | mmap.mmap:
    """A file's content without reading it; FileNotFoundError."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""  # nothing cannot be mapped
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def sync_folder(path: Path) -> None:
    """Make what was made, renamed or removed in a folder durable."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Paced(Generic[AnyStr]):
    """Writes a large file and brings it to disk again and again, so that who syncs a small one beside it waits for little."""

    def __init__(self, file: IO[AnyStr]) -> None:
        self._file: IO[AnyStr] = file
        self._waiting = 0

    def write(self, piece: AnyStr) -> None:
        self._waiting += self._file.write(piece)
        if self._waiting > AT_ONCE:
            self._file.flush()
            os.fdatasync(self._file.fileno())
            self._waiting = 0


def write_whole(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write a file, new or in place of an old one, in one step; on disk when this returns. `mode`: before the umask."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)
