"""The index as the partner face reads it: all threads at once, a new generation when the follower made one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mamori.engine.matching import DigestIndex, HammingIndex
from mamori.engine.similar import RADIUS
from mamori.ground.errors import DomainError
from mamori.lists.exchange.items import Item
from mamori.lists.fingerprints.queries.folder import DIGESTS, PDQ, STALE_SECONDS, Opened, State, read_state

__all__ = ["STALE_SECONDS", "Hit", "IndexMissing", "Reader", "Status", "reader"]
NEAREST = 1000  # fingerprints that one value may meet: a family of near-duplicates is cut there


class IndexMissing(DomainError):
    """There is no index, or it is damaged: nothing can be matched until the follower has made it anew."""

    headers = {"Retry-After": "5"}

    def __init__(self) -> None:
        super().__init__(
            "index_missing",
            _("The index of known images is not ready."),
            remedy=_("Ask again in some seconds. The operator starts `mamori images index`."),
            status=503,
        )


@dataclass(frozen=True, slots=True)
class Status:
    """What is told of an index: fingerprints of pictures (PDQ) and digests in it."""

    version: int
    at: datetime
    age: int
    pictures: int
    digests: int


@dataclass(frozen=True, slots=True)
class Hit:
    """One fingerprint of the index that a file met. `distance`: of PDQ values; 0 for a digest."""

    fingerprint_id: int
    distance: int
    exact: bool


class Reader:
    """Opens the generation that counts, and the next one when the follower has made the index anew."""

    def __init__(self, folder: Path) -> None:
        self._open = Opened(folder, lambda place: (HammingIndex.open(place / PDQ), DigestIndex.open(place / DIGESTS)))

    def status(self) -> Status:
        place, pictures, digests = self._opened()
        state = _state(place)
        return Status(state.seq, state.at, state.age, len(pictures), len(digests))

    def search(self, items: Sequence[Item], most: int | None = None) -> tuple[State, list[list[Hit]], set[int]]:
        """The state the search began with; for each file the fingerprints it meets, the nearest first, at most so many
        pictures (NEAREST by default); and the places of the files whose pictures were cut there.
        """
        most = most or NEAREST
        place, pictures, digests = self._opened()
        state = _state(place)
        hits: list[list[Hit]] = [[] for _item in items]
        cut: set[int] = set()
        asked = [n for n, item in enumerate(items) if item.pdq is not None and not item.too_plain]
        if asked:
            values = np.frombuffer(b"".join(items[n].pdq or b"" for n in asked), np.uint8).reshape(-1, 32)
            found = pictures.search_many(values, RADIUS, limit=most)
            cut = {n for row, n in enumerate(asked) if found.counts[row] > most}
            for row, n in enumerate(asked):
                part = slice(int(found.offsets[row]), int(found.offsets[row + 1]))
                pairs = zip(found.ids[part].tolist(), found.distances[part].tolist(), strict=True)
                hits[n] = [Hit(number, distance, exact=False) for number, distance in pairs]
        of = [(n, value) for n, item in enumerate(items) for value in item.digests.values()]
        if of:
            for (n, _value), numbers in zip(of, digests.search_many([value for _n, value in of]), strict=True):
                hits[n][:0] = [Hit(number, 0, exact=True) for number in numbers[:NEAREST]]
        return state, hits, cut

    def _opened(self) -> tuple[Path, HammingIndex, DigestIndex]:
        """What was opened is searched by all threads at once; only opening is one thread's."""
        try:
            place, (pictures, digests) = self._open.get()
        except (OSError, ValueError) as error:
            raise IndexMissing from error
        return place, pictures, digests


def _state(place: Path) -> State:
    try:
        return read_state(place)
    except (OSError, ValueError) as error:
        raise IndexMissing from error


def reader() -> Reader:
    """This process's reader. IndexMissing when no folder is set."""
    folder: Path | None = settings.IMAGE_INDEX
    if folder is None:
        raise IndexMissing
    return _reader(folder)


@cache
def _reader(folder: Path) -> Reader:
    return Reader(folder)
