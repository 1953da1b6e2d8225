"""Rings (ADR 24): which subscribers get an addition first, what waits, and what may reach the next ring."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Max

from mamori.engine.editions import LAST_RING, ListEntry, ListInForce
from mamori.ground import clock
from mamori.lists.distribution.models import Edition, KillOrder, Subscriber, Wait
from mamori.lists.distribution.queries import open_halt
from mamori.lists.distribution.states import ALIVE, Delivery
from mamori.lists.listing import queries as listing

OURS = 0  # the ring of canary subscribers of our own
OF = 20  # of so many subscribers one is in ring 1


def first_ring() -> int:
    """Where an addition begins; the last ring where none waits."""
    return _next(-1)


def drawn_ring(subscriber_id: UUID) -> int:
    """The ring of a subscriber: drawn by its id, so that nobody chooses it. The last one where nothing waits."""
    if first_ring() == LAST_RING:
        return LAST_RING
    number = int.from_bytes(hashlib.sha256(subscriber_id.bytes).digest()[:8])
    return 1 if number % OF == 0 else LAST_RING


def rings_of_resolvers() -> dict[str, int]:
    """Names of the watched resolvers that are in an earlier ring than the last: those of subscribers in one."""
    rows = Subscriber.objects.filter(state__in=ALIVE, ring__lt=LAST_RING).exclude(delivery=Delivery.URL)
    return {name: ring for ring, names in rows.values_list("ring", "resolvers") for name in names}


def waits_of(listed: ListInForce, coming: Collection[ListEntry]) -> dict[str, int]:
    """Entry id -> the last ring that gets it now, of those that come and wait. `listed`: the edition before.

    What is urgent does not wait. Nor does an entry wait before a ring in which its target is blocked already, so that a
    renewal opens nothing.
    """
    first = first_ring()
    if first == LAST_RING or not coming:
        return {}
    urgent = listing.urgent(entry.entry_id for entry in coming)
    before = {ring: listed.for_ring(ring) for ring in range(LAST_RING, first, -1)}
    found = {}
    for entry in coming:
        ring = next((ring for ring, had in before.items() if _blocks(had, entry)), first)
        if ring < LAST_RING and entry.entry_id not in urgent:
            found[entry.entry_id] = ring
    return found


def _blocks(listed: ListInForce, entry: ListEntry) -> bool:
    if entry.method == "dns":
        return listed.is_covered(entry.target)
    return listed.find("url", entry.target) is not None


def moves_due(waits: Mapping[str, int]) -> dict[str, int]:
    """Entry id -> the ring it may reach now, of those that waited long enough or became urgent. None while moves are halted.

    What the kill switch took away meanwhile waits anew.
    """
    if not waits or open_halt() is not None:
        return {}
    due = dict.fromkeys(listing.urgent(waits), LAST_RING)
    lifted = KillOrder.objects.aggregate(at=Max("lifted_at"))["at"]
    for row in Wait.objects.all():
        ring = waits.get(str(row.entry_id), LAST_RING)
        since = max(row.since, lifted) if lifted else row.since
        if ring == row.ring and clock.now() >= since + timedelta(seconds=settings.RING_SECONDS[ring]):
            due.setdefault(str(row.entry_id), _next(ring))
    return due


def _next(ring: int) -> int:
    """The next ring in which an addition waits, or the last one."""
    return next((each for each in range(ring + 1, LAST_RING) if settings.RING_SECONDS[each]), LAST_RING)


def waiting_note(edition: Edition, waits: Mapping[str, int]) -> None:
    """Note what waits by an edition that is out. Within the transaction that says so; safe to run twice."""
    noted = {str(row.entry_id): row.ring for row in Wait.objects.all()}
    if noted == dict(waits):
        return
    assert edition.published_at is not None
    Wait.objects.filter(entry_id__in=[UUID(each) for each in noted.keys() - waits.keys()]).delete()
    Wait.objects.bulk_create(
        (
            Wait(entry_id=UUID(each), ring=ring, since=edition.published_at)
            for each, ring in waits.items()
            if noted.get(each) != ring
        ),
        update_conflicts=True,
        unique_fields=["entry_id"],
        update_fields=["ring", "since"],
    )


def waiting_among(ids: Iterable[str]) -> dict[str, int]:
    """Those of the entries that wait, by the database's notes: entry id -> the last ring that has it."""
    wanted = set(ids)
    return {str(row.entry_id): row.ring for row in Wait.objects.all() if str(row.entry_id) in wanted}
