"""Signed editions on disk: `EDITION_DIR/<version>/<file>`, and the link `current` that is moved in one step."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from mamori.engine.editions import FileDigest
from mamori.engine.files import Paced, sha256_of, sync_folder

LINK = "current"


class Draft:
    """An edition's folder while it is written: it appears whole, or not at all."""

    def __init__(self, folder: Path, version: int | str) -> None:
        self._folder = folder
        self._place = folder / str(version)
        self._draft = folder / f".{version}.draft"
        self.drop()
        self._draft.mkdir(parents=True)

    @property
    def place(self) -> Path:
        """Where it stands while it is written."""
        return self._draft

    def drop(self) -> None:
        """Throw it away."""
        shutil.rmtree(self._draft, ignore_errors=True)

    def write(self, name: str, pieces: Iterable[bytes]) -> FileDigest:
        """Write a file and say what it is. `make_current` makes it durable."""
        length, digest = 0, hashlib.sha256()
        with (self._draft / name).open("wb") as file:
            paced = Paced(file)
            for piece in pieces:
                paced.write(piece)
                digest.update(piece)
                length += len(piece)
        return FileDigest(length, digest.hexdigest())

    def link(self, name: str, other: Path) -> None:
        """Take a file that stands in another folder too."""
        os.link(other / name, self._draft / name)

    def make_current(self) -> None:
        """Move the edition to its place and the link to it: it is on disk when this returns.

        The files are synced here, one after another: the first brings most of what the others need to the disk.
        """
        for path in self._draft.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(self._draft)
        shutil.rmtree(self._place, ignore_errors=True)
        self._draft.rename(self._place)
        point(self._folder, self._place.name)


def point(folder: Path, target: str) -> None:
    """Let the link `current` of a folder point to something in it, in one step; on disk with all that was renamed in it."""
    link = folder / f".{LINK}.new"
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    link.rename(folder / LINK)
    sync_folder(folder)


def current(folder: Path) -> int | None:
    """Version of the current edition; None when there is none."""
    try:
        return int(str((folder / LINK).readlink()))
    except FileNotFoundError:
        return None


def file(folder: Path, version: int, name: str) -> Path | None:
    """Where a file of an edition lies; None for none."""
    return next((path for path in _files(folder, version) if path.name == name), None)


def digest(path: Path) -> str:
    """SHA-256 (hex) of a file that never changes, read once in the life of a process."""
    told = path.stat()
    return _digest(path, told.st_ino, told.st_mtime_ns)


@lru_cache(maxsize=512)
def _digest(path: Path, _inode: int, _written: int) -> str:
    return sha256_of(path)


def names(folder: Path, version: int) -> list[str]:
    """The names of an edition's files, in order."""
    return sorted(path.name for path in _files(folder, version))


def read(folder: Path, version: int) -> dict[str, bytes]:
    """All files of an edition."""
    return {path.name: path.read_bytes() for path in _files(folder, version)}


def _files(folder: Path, version: int) -> Iterator[Path]:
    return (folder / str(version)).iterdir()


def prune(folder: Path, keep: Iterable[int]) -> None:
    """Delete editions other than `keep`, and what was begun of earlier ones than the last of these."""
    kept = set(keep)
    for place in folder.iterdir():
        number, draft = place.name.removeprefix(".").removesuffix(".draft"), place.name.startswith(".")
        if place.is_symlink() or not place.is_dir() or not number.isdecimal():
            continue
        if int(number) < max(kept) if draft else int(number) not in kept:
            shutil.rmtree(place)
