"""Signed editions on disk: `EDITION_DIR/<version>/<file>`, and the link `current` that is moved in one step."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

LINK = "current"


def write(folder: Path, version: int, files: dict[str, bytes]) -> None:
    """Write an edition's files. On disk when this returns; not current yet."""
    place = folder / str(version)
    draft = folder / f".{version}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, data in files.items():
        with (draft / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    _sync(draft)
    shutil.rmtree(place, ignore_errors=True)
    draft.rename(place)
    _sync(folder)


def switch(folder: Path, version: int) -> None:
    """Make an edition the current one, atomically."""
    link = folder / f".{LINK}.new"
    link.unlink(missing_ok=True)
    link.symlink_to(str(version))
    link.rename(folder / LINK)
    _sync(folder)


def current(folder: Path) -> int | None:
    """Version of the current edition; None when there is none."""
    try:
        return int(str((folder / LINK).readlink()))
    except FileNotFoundError:
        return None


def read(folder: Path, version: int) -> dict[str, bytes]:
    """All files of an edition."""
    return {path.name: path.read_bytes() for path in (folder / str(version)).iterdir()}


def prune(folder: Path, keep: Iterable[int]) -> None:
    """Delete editions other than `keep`."""
    kept = {str(version) for version in keep}
    for place in folder.iterdir():
        if place.is_dir() and not place.is_symlink() and place.name.isdecimal() and place.name not in kept:
            shutil.rmtree(place)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
