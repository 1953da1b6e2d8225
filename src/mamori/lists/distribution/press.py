"""The signed list on disk, opened: verified once, then asked in place."""

import heapq
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from mamori.engine.editions import (
    BASE_FILES,
    CHANGES,
    Delta,
    EditionRefused,
    FileDigest,
    ListInForce,
    name_key,
    read_delta,
    verify_metadata,
)
from mamori.lists.distribution import models, store
from mamori.lists.distribution.keys import EditionKeys, load_keys
from mamori.lists.distribution.states import EditionState

KEPT_OPEN = 2  # bases
NAMES = BASE_FILES[0]
_METADATA = ("timestamp.json", "snapshot.json", "targets.json")


@dataclass(frozen=True)
class Opened:
    """An edition of ours. `base`: what its base files are, for the next edition to point to."""

    row: models.Edition
    listed: ListInForce
    base: Mapping[str, FileDigest]
    base_files: Mapping[str, bytes | mmap.mmap]
    in_base: ListInForce

    @property
    def base_digest(self) -> str:
        """SHA-256 (hex) of the names of the base."""
        return self.base[NAMES].sha256

    def base_names(self, more: frozenset[str]) -> Iterator[str]:
        """The names of the base and some more, in the order of zones."""
        return heapq.merge(self.in_base.names(), sorted(more, key=name_key), key=name_key)

    def names_changed(self) -> set[str]:
        """Names that came or went since the base."""
        delta = self.listed.delta
        return {entry.target for entry in delta.added | delta.removed if entry.method == "dns"}


def configured() -> bool:
    """Whether this process can publish: it holds the keys and the folder."""
    return settings.EDITION_DIR is not None and settings.EDITION_KEY_DIR is not None


def folder() -> Path:
    assert settings.EDITION_DIR is not None
    return settings.EDITION_DIR


def keys() -> EditionKeys:
    assert settings.EDITION_KEY_DIR is not None
    return load_keys(settings.EDITION_KEY_DIR)


def in_force() -> models.Edition | None:
    """The last published edition that has a base."""
    return models.Edition.objects.filter(state=EditionState.PUBLISHED, base__gt=0).order_by("-version").first()


def open_edition(held: EditionKeys, row: models.Edition) -> Opened:
    """An edition, verified as a subscriber of the first hour would at the time it was signed. EditionRefused."""
    place = folder() / str(row.version)
    try:
        small = {name: (place / name).read_bytes() for name in (*_METADATA, CHANGES)}
        small |= {path.name: path.read_bytes() for path in place.glob("*.root.json")}
    except FileNotFoundError as error:
        raise EditionRefused("missing_file") from error
    version, digests = verify_metadata(small, held.roots[0], row.built_at)
    if FileDigest.of(small[CHANGES]) != digests.get(CHANGES):
        raise EditionRefused("altered")
    base = {name: digests[name] for name in BASE_FILES if name in digests}
    if set(base) != set(BASE_FILES):
        raise EditionRefused("missing_file")
    files, sizes = _base(place, base)
    listed = ListInForce(version, files, read_delta(small[CHANGES]), sizes=sizes)
    return Opened(row, listed, base, files, ListInForce(row.base, files, Delta(), sizes=sizes))


_Mapped = tuple[Mapping[str, bytes | mmap.mmap], tuple[int, int]]
_mapped: dict[tuple[FileDigest, ...], _Mapped] = {}


def _base(place: Path, digests: Mapping[str, FileDigest]) -> _Mapped:
    """The base files and how many names and URLs they hold: read through once in the life of a process."""
    key = tuple(digests[name] for name in BASE_FILES)
    if key not in _mapped:
        files = {name: store.mapped(place / name) for name in BASE_FILES}
        if any(FileDigest.of(files[name]) != digests[name] for name in BASE_FILES):
            raise EditionRefused("altered")
        while len(_mapped) >= KEPT_OPEN:
            del _mapped[next(iter(_mapped))]
        _mapped[key] = files, ListInForce(0, files, Delta()).base_sizes
    return _mapped[key]
