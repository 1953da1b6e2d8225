"""Which edition each subscriber has, since when, and who lags. Reads only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Case, CharField, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest

from mamori.engine.editions import LAST_RING, hot_zone
from mamori.ground import clock
from mamori.lists.distribution.models import Offer, Probe, Subscriber, Taken
from mamori.lists.distribution.states import Delivery, Standing, SubscriberState

OLD = timedelta(hours=1)
"""A base that was offered so long ago and not fetched is an alarm: the hot zone makes up for it for seven days alone."""


@dataclass(frozen=True)
class Effect:
    """What resolvers of a subscriber did with an edition. `seconds` since it was offered; None: not all do it, or asked.

    `canary`: whether all of them had our canaries right when last asked; None where none was asked.
    """

    asked: bool = False
    seconds: float | None = None
    canary: bool | None = None


def place_of(delivery: str, ring: int = LAST_RING) -> str:
    """Where a subscriber gets changes first: the hot zone of its way of blocking and of its ring; "" for files."""
    base = bases().get(delivery)
    return hot_zone(base, ring) if base else ""


def bases() -> dict[str, str]:
    """The base zone of each way to take the list by DNS."""
    return {str(Delivery.NXDOMAIN): settings.LIST_ZONE_NXDOMAIN, str(Delivery.STOP): settings.LIST_ZONE_STOP}


def places() -> dict[tuple[str, int], str]:
    """`place_of` each way to take the list and each ring."""
    return {(str(each), ring): place_of(each, ring) for each in Delivery for ring in range(LAST_RING + 1)}


def taker_of(row: Subscriber) -> UUID | None:
    """Under which id it is noted what a subscriber took."""
    return row.token_id if row.delivery == Delivery.URL else row.id


def standings() -> QuerySet[Any]:
    """Active subscribers, each with what is known of it.

    `version`: the edition it has; `offered_at`, `fetched_at` of that one (an edition that changed nothing for it, it had at
    once); `missing_since`: since when it could have had
    the first it has not; `old_base_since`: the same of its base zone; `standing`. None for what is not known or not there.
    """
    rows = Subscriber.objects.filter(state=SubscriberState.ACTIVE).select_related("organisation")
    rows = rows.annotate(
        place=Case(
            *(When(delivery=each, ring=ring, then=Value(place)) for (each, ring), place in places().items()),
            output_field=CharField(),
        ),
        base=Case(*(When(delivery=each, then=Value(zone)) for each, zone in bases().items()), output_field=CharField()),
        taker=Case(When(delivery=Delivery.URL, then=F("token_id")), default=F("id")),
    )
    taken = Taken.objects.filter(taker=OuterRef("taker"), zone=OuterRef("place"))
    offers = Offer.objects.filter(zone=OuterRef("place"))
    of_base = Taken.objects.filter(taker=OuterRef("taker"), zone=OuterRef("base")).order_by("-number")
    rows = rows.annotate(
        number=Subquery(taken.order_by("-number").values("number")[:1]),
        base_number=Coalesce(Subquery(of_base.values("number")[:1]), 0),
    )
    newer = Offer.objects.filter(zone=OuterRef("base"), number__gt=OuterRef("base_number")).order_by("number", "id")
    has = offers.filter(number__lte=OuterRef("number")).order_by("-number", "-id")
    missing = offers.filter(number__gt=Coalesce(OuterRef("number"), 0)).order_by("number", "id")
    rows = rows.annotate(
        version=Subquery(has.values("edition__version")[:1]),
        offered_at=Subquery(has.values("at")[:1]),
        offered=Subquery(has.values("number")[:1]),
        missing_at=Subquery(missing.values("at")[:1]),
        base_missing_at=Subquery(newer.values("at")[:1]),
    ).annotate(
        fetched_at=Greatest(
            "offered_at", Subquery(taken.filter(number__gte=OuterRef("offered")).order_by("number").values("at")[:1])
        ),
        missing_since=Case(When(missing_at__isnull=False, then=Greatest("missing_at", "applied_at"))),
        old_base_since=Case(When(base_missing_at__isnull=False, then=Greatest("base_missing_at", "applied_at"))),
    )
    return rows.annotate(standing=_standing())


def _standing() -> Case:
    now, files = clock.now(), Q(delivery=Delivery.URL)
    late = files & Q(missing_since__lt=now - timedelta(seconds=settings.LAG_FILES_SECONDS))
    late |= ~files & Q(missing_since__lt=now - timedelta(seconds=settings.LAG_SECONDS))
    unknown = [] if settings.KNOT_LOG else [When(~files, then=Value(Standing.UNKNOWN))]
    return Case(
        *unknown,
        When(late, then=Value(Standing.LATE)),
        When(old_base_since__lt=now - OLD, then=Value(Standing.OLD_BASE)),
        When(missing_since=None, number__isnull=False, then=Value(Standing.HAS_IT)),
        default=Value(Standing.WAITING),
        output_field=CharField(),
    )


def late(*standing: Standing) -> int:
    """How many subscribers lag, or stand so."""
    return standings().filter(standing__in=standing or (Standing.LATE, Standing.OLD_BASE)).count()


def offers_to(row: Subscriber) -> QuerySet[Any]:
    """Each edition since the subscriber was set up, with the moment it fetched it (`fetched_at`) as far as that is known."""
    taken = Taken.objects.filter(taker=taker_of(row) or row.id, zone=OuterRef("zone"), number__gte=OuterRef("number"))
    return (
        Offer.objects.filter(zone=place_of(row.delivery, row.ring), at__gte=row.applied_at or clock.now())
        .select_related("edition")
        .annotate(taken_at=Subquery(taken.order_by("number").values("at")[:1]))
        .annotate(fetched_at=Case(When(taken_at__isnull=False, then=Greatest("at", "taken_at"))))
    )


def seconds_between(offered_at: datetime | None, at: datetime | None) -> float | None:
    """How long something took. The primary writes whole seconds, so that it may seem to come before."""
    return max(0.0, (at - offered_at).total_seconds()) if at and offered_at else None


def effects(asked: Iterable[tuple[Any, Iterable[str], int | None, datetime | None]]) -> Mapping[Any, Effect]:
    """For each (key, names of resolvers, edition, when it was offered): what they did with it. Two queries for all."""
    rows = [(key, set(names), version, at) for key, names, version, at in asked]
    names = {name for _key, each, _version, _at in rows for name in each}
    versions = {version for _key, each, version, _at in rows if each and version}
    probes: dict[tuple[str, int], list[tuple[float | None, datetime]]] = {}
    for name, version, seconds, at in Probe.objects.filter(
        resolver__in=names, edition__version__in=versions, entry_id__isnull=False
    ).values_list("resolver", "edition__version", "seconds", "at"):
        probes.setdefault((name, version), []).append((seconds, at))
    canaries = dict(
        Probe.objects.filter(entry_id=None, resolver__in=names)
        .order_by("resolver", "-id").distinct("resolver").values_list("resolver", "seconds")
    )  # fmt: skip
    return {key: _effect(each, version, at, probes, canaries) for key, each, version, at in rows}


def _effect(
    names: set[str],
    version: int | None,
    offered_at: datetime | None,
    probes: Mapping[tuple[str, int], list[tuple[float | None, datetime]]],
    canaries: Mapping[str, float | None],
) -> Effect:
    seen = [probe for name in names for probe in probes.get((name, version or 0), [])]
    right = [canaries[name] is not None for name in names if name in canaries]
    done = bool(seen) and all(seconds is not None for seconds, _at in seen)
    seconds = seconds_between(offered_at, max(at for _seconds, at in seen)) if done else None
    return Effect(bool(seen), seconds, all(right) if right else None)


def feed() -> list[dict[str, Any]]:
    """How every active subscriber stands, as JSON."""
    rows = list(standings().order_by("organisation__name", "id"))
    done = effects((row.id, row.resolvers, row.version, row.offered_at) for row in rows)
    return [
        {
            "id": str(row.id),
            "organisation_id": str(row.organisation_id),
            "organisation": row.organisation.name,
            "delivery": row.delivery,
            "standing": row.standing,
            "edition": row.version,
            "offered_at": _text(row.offered_at),
            "fetched_at": _text(row.fetched_at),
            "fetch_seconds": seconds_between(row.offered_at, row.fetched_at),
            "effective_seconds": done[row.id].seconds,
            "canary_in_force": done[row.id].canary,
            "missing_since": _text(row.missing_since),
            "old_base_since": _text(row.old_base_since),
        }
        for row in rows
    ]


def _text(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds") if at else None
