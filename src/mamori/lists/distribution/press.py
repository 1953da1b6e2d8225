"""The signed list on disk, opened: verified once, then asked in place."""

import gc
import heapq
import mmap
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mamori.engine.editions import (
    BASE_FILES,
    CHANGES,
    FILES,
    Delta,
    EditionRefused,
    FileDigest,
    ListInForce,
    name_key,
    read_delta,
    verify_metadata,
)
from mamori.engine.files import mapped
from mamori.ground.errors import DomainError
from mamori.lists.distribution import models, store
from mamori.lists.distribution.keys import EditionKeys, load_keys
from mamori.lists.distribution.states import EditionState

if TYPE_CHECKING:
    from mamori.engine.editions.places import BasePlaces

KEPT_OPEN = 2  # bases, and files of changes
_KEEPING = threading.Lock()
K = TypeVar("K")
V = TypeVar("V")
NAMES = BASE_FILES[0]
METADATA = ("timestamp.json", "snapshot.json", "targets.json")


@dataclass(frozen=True)
class Base:
    """The base files of an edition: what they are, for the next edition to point to, and what they say."""

    digests: Mapping[str, FileDigest]
    files: Mapping[str, bytes | mmap.mmap]
    listed: ListInForce
    places: "BasePlaces | None"

    def with_changes(self, version: int, delta: Delta) -> ListInForce:
        """What edition `version` says, which adds changes to it."""
        return ListInForce(version, self.files, delta, sizes=self.listed.base_sizes, places=self.places)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of its names."""
        return self.digests[NAMES].sha256

    def names(self, more: frozenset[str]) -> Iterator[str]:
        """Its names and some more, in the order of zones."""
        return heapq.merge(self.listed.names(), sorted(more, key=name_key), key=name_key)


@dataclass(frozen=True)
class Opened:
    """An edition of ours."""

    row: models.Edition
    listed: ListInForce
    base: Base


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


class ListLost(DomainError):
    """The files of the edition in force are not there, or not as they were signed."""


def open_edition(held: EditionKeys, row: models.Edition) -> Opened:
    """An edition, verified as a subscriber of the first hour would at the time it was signed. ListLost."""
    try:
        return _open_edition(held, row)
    except EditionRefused as error:
        raise list_lost(row, error) from error


def list_lost(row: models.Edition, error: EditionRefused) -> ListLost:
    """The files of an edition are not there, or not as they were signed: what to say of it."""
    return ListLost(
        "list_lost",
        _("Edition %(version)d cannot be read from the folder of editions: %(why)s")
        % {"version": row.version, "why": str(error)},
        remedy=_(
            "Bring the folder back from a backup, or run “mamori list restore”, which makes it from the database."
        ),
        status=503,
    )


def is_gone() -> bool:
    """Whether a file of the edition that was made current last is not there, or no link says which one that is."""
    version = store.current(folder())
    return version is None or not all((folder() / str(version) / name).exists() for name in (*METADATA, *FILES))


def _open_edition(held: EditionKeys, row: models.Edition) -> Opened:
    return open_copy(held, row, folder() / str(row.version))


def open_copy(held: EditionKeys, row: models.Edition, place: Path) -> Opened:
    """An edition whose files lie in a folder, verified likewise. EditionRefused."""
    try:
        small = {name: (place / name).read_bytes() for name in (*METADATA, CHANGES)}
        small |= {path.name: path.read_bytes() for path in place.glob("*.root.json")}
    except FileNotFoundError as error:
        raise EditionRefused("missing_file") from error
    version, digests = verify_metadata(small, held.roots[0], row.built_at)
    if version != row.version:
        raise EditionRefused("altered")
    if FileDigest.of(small[CHANGES]) != digests.get(CHANGES):
        raise EditionRefused("altered")
    found = {name: digests[name] for name in BASE_FILES if name in digests}
    if set(found) != set(BASE_FILES):
        raise EditionRefused("missing_file")
    base = open_base(place, found)
    kept = version, (digests[CHANGES], *found.values())
    listed = _lists.get(kept)
    if listed is None:
        delta = _deltas.get(digests[CHANGES]) or read_delta(small[CHANGES])
        listed = base.with_changes(version, delta)
        _keep(_lists, kept, listed)
    return Opened(row, listed, base)


_deltas: dict[FileDigest, Delta] = {}
_lists: dict[tuple[int, tuple[FileDigest, ...]], ListInForce] = {}


def remember(digest: FileDigest, delta: Delta) -> None:
    """What a file of changes says: the next to open an edition with it need not read it."""
    _keep(_deltas, digest, delta)


_bases: dict[tuple[FileDigest, ...], Base] = {}


def open_base(place: Path, digests: Mapping[str, FileDigest]) -> Base:
    """The base files in a folder: read through once in the life of a process. EditionRefused."""
    key = tuple(digests[name] for name in BASE_FILES)
    base = _bases.get(key)
    try:
        lengths = [(place / name).stat().st_size for name in BASE_FILES]
    except FileNotFoundError as error:
        raise EditionRefused("missing_file") from error
    if lengths != [digest.length for digest in key]:
        raise EditionRefused("altered")
    if base is None:
        found = {name: mapped(place / name) for name in BASE_FILES}
        if any(FileDigest.of(found[name]) != digests[name] for name in BASE_FILES):
            raise EditionRefused("altered")
        from mamori.engine.editions.places import base_places  # noqa: PLC0415 - compiled code, for who opens a base

        base = Base(digests, found, ListInForce(0, found, Delta()), base_places(found))
        _keep(_bases, key, base)
        gc.collect()
        gc.freeze()  # what this process holds by now stays: to look through it amid a publication takes 0.15 s each time
    return base


def _keep(opened: dict[K, V], key: K, value: V) -> None:
    """Keep it as the newest; a fold and a publisher do so at the same time."""
    with _KEEPING:
        opened.pop(key, None)
        while len(opened) >= KEPT_OPEN:
            del opened[next(iter(opened))]
        opened[key] = value
