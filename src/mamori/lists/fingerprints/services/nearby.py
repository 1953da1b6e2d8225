"""Which values of the bank lie near some values: by the follower's index where it can be trusted, without reading the bank."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db.models import Value
from django.db.models.functions import Concat
from numpy.typing import NDArray

from mamori.engine.similar import LEAST_QUALITY, RADIUS
from mamori.lists.fingerprints.models import Entry, Fingerprint
from mamori.lists.fingerprints.queries.bank import changes_since
from mamori.lists.fingerprints.queries.folder import PDQ, Opened, State, is_of_this_feed, read_state
from mamori.lists.fingerprints.states import Algorithm, EntryState

BATCH = 100_000
ENTRIES = 5000
AT_ONCE = 256  # values looked up in one call of the index
LAG = 2000  # changes the index may be behind
NOT_IN_INDEX = (EntryState.PROPOSED, EntryState.QUARANTINED)
FEW = 32  # values compared one by one; more are put into an index first
# Of an entry: class, scale and code as stated, in one text.
SAID = Concat("entry__classification", Value(" "), "entry__scale", Value(" "), "entry__stated")
Values = NDArray[np.uint8]
Near = tuple[UUID, int, int, str]
Row = tuple[UUID, bytes, str]


def near_all(values: Values, own: set[UUID]) -> Iterator[Near]:
    """(entry, row of `values`, distance, SAID) of all others that have not ended and are near.

    With an index that follows the bank only what is not in it is read: what waits or is held, and the latest changes.
    Without one the bank is read once.
    """
    rows = Fingerprint.objects.filter(algorithm=Algorithm.PDQ).exclude(entry__state=EntryState.WITHDRAWN)
    rows = rows.exclude(quality__lt=LEAST_QUALITY)
    found = _followed()
    if found is None:
        yield from _compared(values, own, _batches(rows))
        return
    state, pictures = found
    for at in range(0, len(values), AT_ONCE):
        yield from _indexed(pictures, values[at : at + AT_ONCE], at, own, rows)
    # In this order: what comes into force meanwhile is met by one of the two.
    waiting = Entry.objects.filter(state__in=NOT_IN_INDEX).values_list("id", flat=True)
    yield from _of_entries(values, own, rows, waiting.iterator(chunk_size=ENTRIES))
    yield from _of_entries(values, own, rows, {change.entry_id for change in changes_since(state.seq, BATCH)})


def distances(values: Values, value: bytes) -> NDArray[np.int64]:
    """Hamming distances of one 32-byte value to each row of `values` (n, 32)."""
    words = np.ascontiguousarray(values).view(np.uint64) ^ np.frombuffer(value, np.uint64)
    counts: NDArray[np.int64] = np.bitwise_count(words).sum(axis=1, dtype=np.int64)
    return counts


def said_of(text: str) -> tuple[str, str, str]:
    """SAID as class, scale and code."""
    kind, scale, stated = text.split(" ", 2)
    return kind, scale, stated


def stack(values: list[bytes]) -> Values:
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, 32)


def _followed() -> tuple[State, Any] | None:
    """The index and how far it is; None where there is none, or it is damaged, of another feed or far behind."""
    folder: Path | None = settings.IMAGE_INDEX
    if folder is None:
        return None
    try:
        place, pictures = _opened(folder).get()
        state = read_state(place)
    except (OSError, ValueError):
        return None
    if not is_of_this_feed(state) or len(changes_since(state.seq, LAG + 1)) > LAG:
        return None
    return state, pictures


@cache
def _opened(folder: Path) -> Opened[Any]:
    from mamori.engine.matching import HammingIndex  # noqa: PLC0415 - compiles on first use

    return Opened(folder, lambda place: HammingIndex.open(place / PDQ))


def _indexed(pictures: Any, values: Values, first: int, own: set[UUID], rows: Any) -> Iterator[Near]:
    found = pictures.search_many(np.ascontiguousarray(values), RADIUS)
    ends: NDArray[np.int64] = np.asarray(found.offsets, np.int64)
    places = np.repeat(np.arange(len(values)), ends[1:] - ends[:-1])
    for at in range(0, len(found.ids), AT_ONCE * 16):
        part = slice(at, at + AT_ONCE * 16)
        ids = found.ids[part].tolist()
        told = {
            number: (entry, kind)
            for number, entry, kind in rows.filter(id__in=set(ids)).values_list("id", "entry_id", SAID)
        }
        for number, place, distance in zip(ids, places[part].tolist(), found.distances[part].tolist(), strict=True):
            if number in told and told[number][0] not in own:
                yield told[number][0], first + place, distance, told[number][1]


def _of_entries(values: Values, own: set[UUID], rows: Any, entries: Iterable[UUID]) -> Iterator[Near]:
    """Those of `rows` that belong to the entries: asked for by them, so that no index of the whole is walked."""
    waiting = iter(entries)
    while some := list(islice(waiting, ENTRIES)):
        found = rows.filter(entry_id__in=some).values_list("entry_id", "value", SAID)
        yield from _compared(values, own, [[(entry, bytes(value), kind) for entry, value, kind in found]])


def _compared(values: Values, own: set[UUID], batches: Iterable[list[Row]]) -> Iterator[Near]:
    """All rows of the batches, one after the other."""
    index: Any = None
    for batch in batches:
        others = stack([value for _entry, value, _kind in batch])
        if len(others) <= FEW:
            for entry, value, kind in batch:
                near = distances(values, value)
                if entry not in own:
                    yield from ((entry, int(at), int(near[at]), kind) for at in np.flatnonzero(near <= RADIUS))
        elif len(values) <= FEW:
            for at, value in enumerate(values):
                near = distances(others, value.tobytes())
                for hit in np.flatnonzero(near <= RADIUS):
                    entry, _value, kind = batch[hit]
                    if entry not in own:
                        yield entry, at, int(near[hit]), kind
        else:
            index = _index(values) if index is None else index
            found = index.search_many(others, RADIUS)
            for position, (entry, _value, kind) in enumerate(batch):
                for place in range(int(found.offsets[position]), int(found.offsets[position + 1])):
                    if entry not in own:
                        yield entry, int(found.ids[place]), int(found.distances[place]), kind


def _index(values: Values) -> Any:
    from mamori.engine.matching import HammingIndex  # noqa: PLC0415 - compiles on first use: only for many values

    return HammingIndex.build(values, np.arange(len(values), dtype=np.uint32))


def _batches(rows: Any) -> Iterator[list[Row]]:
    """(entry, PDQ value, SAID), in batches."""
    last = 0
    while True:
        found = rows.filter(id__gt=last).order_by("id").values_list("id", "entry_id", "value", SAID)
        batch = list(found[:BATCH])
        if not batch:
            return
        last = batch[-1][0]
        yield [(entry, bytes(value), kind) for _id, entry, value, kind in batch]
