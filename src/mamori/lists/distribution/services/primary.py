"""What the hidden primary holds: for each way of blocking a base zone and, in front of it, a hot zone.

The hot zone carries what changed since the oldest base a resolver may still hold, so that a change is effective with
the small zone alone. The base zone follows when the list is folded. Subscribers of an earlier ring (ADR 24) have a hot
zone of their own before the same base.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import F

from mamori.engine.editions import (
    HOT,
    LAST_RING,
    LIFT_ALL,
    Action,
    Record,
    block_target,
    blocked_owners,
    compile_hots,
    hot_names,
    hot_zone,
    set_digest,
)
from mamori.ground import clock
from mamori.lists.distribution import models, standings
from mamori.lists.distribution.control import KnotError
from mamori.lists.distribution.knot import Held, Knot, Large, Synced
from mamori.lists.distribution.making import Told
from mamori.lists.distribution.notifying import Endpoint, Notification, Notifier
from mamori.lists.distribution.press import Base, Opened
from mamori.lists.distribution.records import Owners
from mamori.lists.distribution.roundtrip import Judged, judge
from mamori.lists.distribution.services.following import offer_note
from mamori.lists.distribution.services.tsig import key_name, tsig_key
from mamori.lists.distribution.states import ALIVE, Delivery, EditionState

log = logging.getLogger("mamori.list")
NOTIFIER = Notifier(settings.NOTIFY_FROM)
HEAL_EVERY = timedelta(seconds=30)
GRACE = timedelta(days=7)  # how long the hot zone keeps what the base has by now: for resolvers that were away


@dataclass(frozen=True)
class Zones:
    """One way of blocking: the two zones' names, and what a blocked name gets. `ring`: whose hot zone it is."""

    base: str
    action: Action
    stop_host: str | None = None
    ring: int = LAST_RING

    @property
    def hot(self) -> str:
        """Stands first in every resolver's configuration."""
        return hot_zone(self.base, self.ring)

    @property
    def names(self) -> tuple[str, str]:
        """Both, in the order of a resolver's configuration."""
        return self.hot, self.base


def all_zones() -> tuple[Zones, Zones]:
    return (
        Zones(settings.LIST_ZONE_NXDOMAIN, "nxdomain"),
        Zones(settings.LIST_ZONE_STOP, "stop", settings.STOP_PAGE_HOST),
    )


def zones_of(subscriber: models.Subscriber) -> Zones:
    """The two zones a subscriber takes: the hot one goes first in its configuration."""
    nxdomain, stop = all_zones()
    return replace(nxdomain if subscriber.delivery == Delivery.NXDOMAIN else stop, ring=subscriber.ring)


def hot_zones() -> list[Zones]:
    """Every hot zone there is: of each way of blocking that of the last ring, then those of rings with a subscriber."""
    rows = models.Subscriber.objects.filter(state__in=ALIVE, ring__lt=LAST_RING)
    rings = sorted(set(rows.values_list("delivery", "ring")))
    ways = {str(zones.action): zones for zones in all_zones()}
    return [*ways.values(), *(replace(ways[delivery], ring=ring) for delivery, ring in rings)]


def ring_zones_add(knot: Knot, wanted: Iterable[Zones]) -> None:
    """Let the primary serve these hot zones: a new one knows those of the last ring alone. KnotError.

    Each is in the catalog its base zone is in, if any, for relays that take their zones from it.
    """
    bases = {zones.hot: zones.base for zones in wanted if zones.ring < LAST_RING}
    missing = bases.keys() - knot.zones() if bases else set()
    catalogs = knot.catalogs() if missing else {}
    for zone in sorted(missing):
        knot.add_zone(zone, catalog=catalogs.get(bases[zone], ""))


def ring_zones_sync(knot: Knot) -> None:
    """Let the primary serve the hot zones of the rings that have a subscriber, and of no other. KnotError."""
    wanted = hot_zones()
    ring_zones_add(knot, wanted)
    earlier = {replace(zones, ring=ring).hot for zones in all_zones() for ring in range(LAST_RING)}
    for zone in sorted(earlier & knot.zones() - {zones.hot for zones in wanted}):
        knot.drop_zone(zone)
        models.KnotState.objects.filter(zone=zone).update(records=0, problem="")


def hot_canary() -> str:
    """Blocked in the base and let through in the hot zone: it answers only where the hot zone is there and comes first."""
    return f"{HOT}{settings.CANARY_NAME}"


def push_hot(opened: Opened, *, look: bool = False) -> None:
    """Bring the hot zones to what the edition asks for; under the kill switch they let everything pass. KnotError.

    `look`: also read zones that have the serial number we left them with.
    """
    every = hot_zones()
    killed = opened.row.kill_id is not None
    wanted = dict.fromkeys(every, LIFT_ALL)
    for ring in set() if killed else {zones.ring for zones in every}:
        of_ring = [zones for zones in every if zones.ring == ring]
        ways = [(zones.action, zones.stop_host) for zones in of_ring]
        wanted |= zip(of_ring, compile_hots(_hot_names(opened, ring), ways), strict=True)
    _bring(wanted, opened.row, look=look)


def lift_all() -> None:
    """Let every name pass, whatever the list is. KnotError."""
    _bring(dict.fromkeys(hot_zones(), LIFT_ALL))


_left: dict[tuple[str, str], Held] = {}
"""By the primary's socket and the zone: what this process left in hot zones, which need not be read again."""


def _bring(wanted: Mapping[Zones, frozenset[Record]], row: models.Edition | None = None, *, look: bool = False) -> None:
    """Bring hot zones to these records, and note that they hold them since; `row`: the edition they say. KnotError."""
    knot = Knot(settings.KNOT_SOCKET)
    ring_zones_add(knot, wanted)
    synced = knot.sync_all(
        {
            zones.hot: (records, _last_serial(zones.hot), None if look else _left.get((knot.socket, zones.hot)))
            for zones, records in wanted.items()
        },
        partial(_notify, knot),
    )
    for zones, records in wanted.items():
        _left[knot.socket, zones.hot] = Held(synced[zones.hot].serial, records)
        _seen(zones.hot, synced[zones.hot], set_digest(records))
        if row is not None:
            offer_note(row, zones.hot, synced[zones.hot].serial)
    if row is not None and row.base == row.version:
        for base, serial in models.KnotState.objects.filter(zone__in=standings.bases().values()).values_list(
            "zone", "serial"
        ):
            offer_note(row, base, serial)


_told: dict[tuple[str, str], int] = {}
"""By the primary's socket and the zone: the serial number this process told its subscribers. Of others' it cannot know."""


def _notify(knot: Knot, serials: Mapping[str, int]) -> None:
    """Tell the subscribers of these zones those serial numbers that were not told yet, all at once.

    What fails here is logged and tried again with the next look at the primary: no change waits for it.
    """
    untold = {zone: serial for zone, serial in serials.items() if serial and _told.get((knot.socket, zone)) != serial}
    if not untold:
        return
    try:
        NOTIFIER.notify(_notifications(untold))
    except Exception:
        log.exception("Subscribers were not told of the last change")
    else:
        _told.update({(knot.socket, zone): serial for zone, serial in untold.items()})


def _notifications(serials: Mapping[str, int]) -> Iterator[Notification]:
    rows = models.Subscriber.objects.filter(state__in=ALIVE).exclude(delivery=Delivery.URL).exclude(notify="")
    if rows and not settings.SUBSCRIBER_KEY:
        log.error("No subscriber is told of the last change: MAMORI_SUBSCRIBER_KEY is not set")
        return
    for row in rows:
        try:
            endpoint = Endpoint.of(row.notify)
        except ValueError as error:
            log.warning("%s cannot be told of changes: %s", key_name(row), error)
            continue
        for zone in serials.keys() & set(zones_of(row).names):
            yield Notification(endpoint, zone, serials[zone], key_name(row), tsig_key(row))


def problem() -> str:
    """Why the primary was last seen not to hold the list; empty when it held it."""
    return models.KnotState.objects.exclude(problem="").values_list("problem", flat=True).first() or ""


def push_base(base: Base, before: Base | None = None) -> None:
    """Bring the base zones to a base. KnotError. `before`: the base they hold, if nobody changed them meanwhile.

    Also to one no edition points to yet: the hot zones are right over each base since the oldest they were made for.
    """
    knot = Knot(settings.KNOT_SOCKET, settings.KNOT_ZONE_DIR)
    serials = dict(models.KnotState.objects.filter(problem="").values_list("digest", "serial"))
    large = {
        zones: Large(
            zones.base,
            block_target(zones.action, zones.stop_host),
            after=_last_serial(zones.base),
            held=serials.get(_meant(before, zones)) if before is not None else None,
        )
        for zones in all_zones()
    }
    synced = knot.sync_large([*large.values()], base_owners(base), base_owners(before) if before is not None else None)
    _notify(knot, {zone: each.serial for zone, each in synced.items()})
    for zones in large:
        _seen(zones.base, synced[zones.base], _meant(base, zones))


def judge_base(base: Base, told: Told) -> None:
    """Have every engine that must judge load the base zones, and compare. RoundTripError, also where one is missing."""

    def verdict(one: Judged) -> None:
        told(f"{one.engine} holds the {one.records} records of {one.zone} that were meant ({one.seconds:.1f} s)")

    for zones in all_zones():
        judge(zones.base, base_records(base, zones), settings.LIST_JUDGES, verdict)


def look_at_base(base: Base) -> None:
    """A base zone with the serial we left it with is as we left it: only another one is read through. KnotError."""
    knot = Knot(settings.KNOT_SOCKET, settings.KNOT_ZONE_DIR)
    states = {state.zone: state for state in models.KnotState.objects.filter(problem="")}
    for zones in all_zones():
        state = states.get(zones.base)
        if state is None or state.digest != _meant(base, zones) or knot.serial(zones.base) != state.serial:
            push_base(base)
            return
    _notify(knot, {zones.base: states[zones.base].serial for zones in all_zones()})
    models.KnotState.objects.filter(zone__in=[zones.base for zones in all_zones()]).update(checked_at=clock.now())


def _meant(base: Base, zones: Zones) -> str:
    """SHA-256 (hex) of all that a base zone is made of."""
    ours = f"{base.digest} {zones.action} {zones.stop_host} {settings.CANARY_NAME}"
    return hashlib.sha256(ours.encode()).hexdigest()


def heal_hot(opened: Opened, *, look: bool = False) -> None:
    """Let the primary's hot zones say what the edition in force says, whatever they said. Faults are noted."""
    with _noting([zones.hot for zones in hot_zones()]):
        push_hot(opened, look=look)


def heal_base(base: Base) -> None:
    """Look whether the primary's base zones hold the base, and repair them. Faults are noted, not raised."""
    with _noting([zones.base for zones in all_zones()]):
        look_at_base(base)


@contextmanager
def _noting(zones: Iterable[str]) -> Iterator[None]:
    try:
        yield
    except KnotError as error:
        for zone in zones:
            models.KnotState.objects.update_or_create(
                zone=zone, defaults={"checked_at": clock.now(), "problem": str(error)[:200]}
            )


def is_fresh() -> bool:
    """Whether all zones were seen in order lately."""
    soon = clock.now() - HEAL_EVERY
    names = {*(zones.hot for zones in hot_zones()), *(zones.base for zones in all_zones())}
    return models.KnotState.objects.filter(zone__in=names, checked_at__gt=soon, problem="").count() == len(names)


def base_records(base: Base, zones: Zones) -> Iterator[Record]:
    """What the base zone holds, in the order of zones."""
    target = block_target(zones.action, zones.stop_host)
    return (Record(owner, target) for owner in base_owners(base)())


def base_owners(base: Base) -> Owners:
    """The owners of the records of each base zone: of the base's names and our canaries."""
    ours = frozenset({settings.CANARY_NAME, hot_canary()})
    return lambda: blocked_owners(base.names(ours), settings.STOP_PAGE_HOST)


def _hot_names(opened: Opened, ring: int) -> dict[str, bool]:
    listed = opened.listed.for_ring(ring)
    touched = _touched(opened, ring) | listed.delta.names_changed() | {hot_canary()}
    return hot_names(touched, covered=listed.covered, below=listed.below)


class _Change(NamedTuple):
    """In which edition a name first changed since the oldest base, and in which last.

    `fresh`: it was surely not there before. `there`: it is since.
    """

    first: int
    last: int
    fresh: bool
    there: bool


_changed_since: dict[tuple[UUID, int], tuple[int, dict[str, _Change]]] = {}
"""By the base and the ring: up to which edition it was read how which names changed since. One base is kept."""


def _touched(opened: Opened, ring: int) -> set[str]:
    """Every name of which a base that a resolver may hold says otherwise than the list of the ring now does, and some more.

    For the last ring, whose list the bases hold, not those that came and went again while no base was made.
    """
    oldest = _oldest(opened.row)
    changes = _changes(opened.row, ring, oldest)
    made = _lists_of_bases(opened.row, oldest) if ring == LAST_RING else None
    if made is None:
        return set(changes)
    return {
        name
        for name, (first, last, fresh, there) in changes.items()
        if not fresh or there or any(first <= version < last for version in made)
    }


def _changes(row: models.Edition, ring: int, base: models.Edition) -> dict[str, _Change]:
    """The names that came or went for a ring since a base, the oldest one a resolver may hold."""
    until, names = _changed_since.get((base.id, ring), (base.base_of or base.version, dict[str, _Change]()))
    if until < row.version:
        rows = models.EditionChange.objects.filter(
            method="dns", ring__gte=ring, edition__version__gt=until, edition__version__lte=row.version
        ).exclude(edition__state=EditionState.ABANDONED)
        for version, name, change in sorted(rows.values_list("edition__version", "target", "change")):
            before, comes = names.get(name), change != "removed"
            if before is None:
                names[name] = _Change(version, version, comes, comes)
            else:  # twice in one edition: it may have gone and come, or come and gone
                names[name] = _Change(before.first, version, before.fresh and version > before.last, comes)
        for other in [key for key in _changed_since if key[0] != base.id]:
            del _changed_since[other]
        _changed_since[base.id, ring] = row.version, names
    return names


def _lists_of_bases(row: models.Edition, oldest: models.Edition) -> set[int] | None:
    """The editions whose lists the bases are that a resolver may hold, those of folds that died too.

    None since the list was restored from the database: what went by that stands in no edition's changes.
    """
    bases = models.Edition.objects.filter(state=EditionState.PUBLISHED, version=F("base"), version__gt=oldest.version)
    made = [*bases.values_list("base_of", flat=True), *([row.base_of] if row.base == row.version else [])]
    if row.id != oldest.id and 0 in made:
        return None
    begun = models.Edition.objects.filter(folded_at__gt=clock.now() - GRACE).values_list("version", flat=True)
    return {*made, *begun}


def _oldest(row: models.Edition) -> models.Edition:
    """The edition that made the oldest base resolvers may still hold."""
    bases = models.Edition.objects.filter(state=EditionState.PUBLISHED, version=F("base"), version__lte=row.base)
    old = bases.filter(published_at__lt=clock.now() - GRACE).order_by("-version").first()
    return old or bases.order_by("version").first() or row


def _last_serial(zone: str) -> int:
    return models.KnotState.objects.filter(zone=zone).values_list("serial", flat=True).first() or 0


def _seen(zone: str, synced: Synced, digest: str) -> None:
    models.KnotState.objects.update_or_create(
        zone=zone,
        defaults={
            "checked_at": clock.now(),
            "records": synced.records,
            "digest": digest,
            "problem": "",
            "serial": synced.serial,
            **({"healed_at": clock.now()} if synced.changed else {}),
        },
    )
