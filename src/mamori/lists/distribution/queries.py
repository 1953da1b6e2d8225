"""What the pages and the desks show of editions, resolvers and subscribers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Exists, Max, OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.ground.ui.moments import Moment, Waiting
from mamori.lists.distribution import standings
from mamori.lists.distribution.models import (
    Edition,
    EditionChange,
    Halt,
    KillOrder,
    KnotState,
    Probe,
    Subscriber,
    Wait,
)
from mamori.lists.distribution.permissions import FOLLOW, SEE, SUBSCRIBERS
from mamori.lists.distribution.states import ALIVE, Delivery, EditionState, Standing
from mamori.lists.listing import queries as listing
from mamori.lists.listing.permissions import SEE as LISTING_SEE

STUCK = timedelta(minutes=1)
LATE_AT_MOST = timedelta(days=1)  # between two questions to a resolver that is late
MOST = 1000
RESTORED_TOLD = timedelta(days=3)  # how long it is told that files were lost


@dataclass(frozen=True)
class Effect:
    """What one of our resolvers did with one change. `seconds` None: not seen yet."""

    resolver: str
    blocked: bool
    seconds: float | None
    at: datetime


def editions(actor: Actor) -> QuerySet[Edition]:
    actor.require(SEE)
    return Edition.objects.all()


def edition_of(actor: Actor, version: int) -> Edition:
    row = Edition.objects.filter(version=version).first() if actor.may(SEE) else None
    if row is None:
        raise NotFound
    return row


def in_force() -> Edition | None:
    """The last published edition."""
    return Edition.objects.filter(state=EditionState.PUBLISHED).order_by("-version").first()


def added_by(version: int | None = None) -> tuple[int, list[str]]:
    """An edition that brought entries (the last one when none is given): its number, and the names still listed of it.

    The number 0 when there is none.
    """
    rows = Edition.objects.filter(Exists(EditionChange.objects.filter(edition=OuterRef("pk"), change="added")))
    rows = rows.filter(state=EditionState.PUBLISHED).order_by("-version")
    for row in rows.filter(version=version) if version else rows.iterator():
        if found := brought(row):
            return row.version, [name for method, name in found.values() if method == "dns"][:MOST]
    return 0, []


def brought(edition: Edition) -> dict[UUID, tuple[str, str]]:
    """What an edition blocked that was not blocked before it: entry id -> method and target. Renewals are none of it."""
    places: dict[str, dict[UUID, tuple[str, str]]] = {"added": {}, "removed": {}}
    rows = edition.changes.filter(change__in=places).order_by("id")
    for change, entry_id, method, target in rows.values_list("change", "entry_id", "method", "target"):
        places[change][entry_id] = method, target
    before = set(places["removed"].values())
    return {entry_id: place for entry_id, place in places["added"].items() if place not in before}


def brought_by(version: int) -> list[UUID]:
    """The ids of the entries an edition brought."""
    rows = EditionChange.objects.filter(edition__version=version, change="added")
    return list(rows.values_list("entry_id", flat=True))


def is_carried_out(order: KillOrder) -> bool:
    """Whether the list in force is the empty one that an order asks for."""
    row = in_force()
    return row is not None and row.kill_id == order.id


def open_kill() -> KillOrder | None:
    return KillOrder.objects.select_related("by").filter(lifted_at=None).first()


def slowest(edition_ids: list[UUID]) -> dict[UUID, list[tuple[str, float | None]]]:
    """Edition id -> (resolver, seconds of its slowest change; None when one was not seen), by resolver."""
    rows = Probe.objects.filter(edition_id__in=edition_ids, entry_id__isnull=False)
    late = set(rows.filter(seconds=None).values_list("edition_id", "resolver"))
    found: dict[UUID, list[tuple[str, float | None]]] = {}
    for edition, resolver, most in (
        rows.values_list("edition_id", "resolver").annotate(most=Max("seconds")).order_by("resolver")
    ):
        found.setdefault(edition, []).append((resolver, None if (edition, resolver) in late else most))
    return found


def effects_of(entry_id: UUID) -> list[Effect]:
    """When our resolvers began and ceased to enforce an entry."""
    rows = Probe.objects.filter(entry_id=entry_id).order_by("at", "resolver")
    return [Effect(row.resolver, row.blocked, row.seconds, row.at) for row in rows[:200]]


def sees_targets(actor: Actor) -> bool:
    """Whether the actor may read what is listed. Who only runs the machine sees numbers and health."""
    return actor.may(LISTING_SEE)


def changes_of(actor: Actor, edition: Edition) -> QuerySet[EditionChange]:
    """What came and went with an edition; nothing for those who may not read what is listed."""
    return edition.changes.all() if sees_targets(actor) else edition.changes.none()


def seconds_of(changes: Iterable[EditionChange]) -> dict[tuple[UUID, UUID], list[tuple[str, float | None]]]:
    """By edition and entry: each resolver that was asked, by name, and the seconds it took; None: not yet."""
    rows = list(changes)
    probes = Probe.objects.filter(
        edition_id__in={row.edition_id for row in rows}, entry_id__in=[row.entry_id for row in rows]
    )
    found: dict[tuple[UUID, UUID], list[tuple[str, float | None]]] = {}
    for probe in probes.order_by("resolver"):
        if probe.entry_id is not None:
            found.setdefault((probe.edition_id, probe.entry_id), []).append((probe.resolver, probe.seconds))
    return found


def late_probes() -> QuerySet[Any]:
    """Changes a resolver does not do yet, and no later edition undid. Annotated with their `target`."""
    change = EditionChange.objects.filter(edition_id=OuterRef("edition_id"), entry_id=OuterRef("entry_id"))
    later = EditionChange.objects.filter(
        target=OuterRef("target"), method="dns", edition__version__gt=OuterRef("edition__version")
    )
    rows = Probe.objects.filter(seconds=None, entry_id__isnull=False).select_related("edition")
    return rows.annotate(target=Subquery(change.values("target")[:1])).filter(~Exists(later))


def waiting(actor: Actor) -> QuerySet[Any]:
    """Entries that not every ring has yet, with `target` and `method`; none for those who may not read what is listed."""
    actor.require(SEE)
    if not sees_targets(actor):
        return Wait.objects.none()
    came = EditionChange.objects.filter(entry_id=OuterRef("entry_id"), change="added").order_by("-id")
    return Wait.objects.annotate(target=Subquery(came.values("target")[:1]), method=Subquery(came.values("method")[:1]))


def waiting_number() -> int:
    """How many entries wait."""
    return Wait.objects.count()


def open_halt() -> Halt | None:
    """The halt under which nothing reaches a further ring."""
    return Halt.objects.select_related("by").filter(ended_at=None).first()


def found_by_prober(halt: Halt | None) -> list[str]:
    """What made the prober halt, in plain language."""
    words = {
        "canary": _("%(resolver)s does not block our canary %(name)s, or does not answer."),
        "hot_canary": _("%(resolver)s does not let our canary %(name)s through, or does not answer."),
        "unwatched": _(
            "No resolver in ring %(name)s is one that we may ask: nobody would see what additions do there."
        ),
        "protected": _("%(resolver)s blocks %(name)s, which must never be blocked."),
    }
    return [str(words[each["code"]]) % each for each in halt.faults] if halt else []


def primary() -> list[KnotState]:
    return list(KnotState.objects.order_by("zone"))


def primary_problem() -> str:
    """Why the primary does not hold the list; empty when it does, or when there is none."""
    bad = next((state for state in primary() if state.problem), None)
    return f"The primary does not hold the list: {bad.problem}" if bad else ""


def canaries() -> list[Probe]:
    """The last word of every resolver on our canary name."""
    return list(Probe.objects.filter(entry_id=None).order_by("resolver", "-id").distinct("resolver"))


def subscribers(actor: Actor) -> QuerySet[Subscriber]:
    actor.require(SUBSCRIBERS)
    return Subscriber.objects.select_related("organisation")


def subscribers_by_ring() -> dict[int, int]:
    """Ring -> how many subscribers take zones in it."""
    rows = Subscriber.objects.filter(state__in=ALIVE).exclude(delivery=Delivery.URL)
    return dict(rows.values_list("ring").annotate(number=Count("id")))


def mute_subscribers() -> list[str]:
    """Organisations whose DNS subscription has no address to ask from: only who transfers unasked follows."""
    rows = Subscriber.objects.filter(state__in=ALIVE, notify="", asks_from=[]).exclude(delivery=Delivery.URL)
    return list(rows.order_by("organisation__name").values_list("organisation__name", flat=True))


def subscriber_of(actor: Actor, subscriber_id: UUID) -> Subscriber:
    row = subscribers(actor).filter(id=subscriber_id).first()
    if row is None:
        raise NotFound
    return row


def following(actor: Actor) -> QuerySet[Any]:
    """Active subscribers, with the edition each has and how it stands."""
    actor.require(FOLLOW)
    return standings.standings()


def late(actor: Actor, standing: Standing) -> int:
    """How many subscribers stand so."""
    actor.require(FOLLOW)
    return standings.late(standing)


def followed_by(actor: Actor, row: Subscriber) -> QuerySet[Any]:
    """Each edition a subscriber was offered, and when it fetched it."""
    actor.require(FOLLOW)
    return standings.offers_to(row)


def watched() -> list[str]:
    """Names of the resolvers that are asked, ours and outside ones."""
    return [probe.resolver for probe in canaries()]


def timeline(actor: Actor, content_id: UUID) -> list[Moment]:
    """Moments of the content's entries at the resolvers."""
    entries = {entry.id: entry for entry in listing.entries_of(actor, content_id)}
    if not entries or not actor.may(SEE):
        return []
    moments = [
        Moment(change.edition.published_at, "list", _("Reached a further ring") if change.change == "moved" else _("Edition published"),
               _("Edition %(version)d") % {"version": change.edition.version}, tone="info")
        for change in EditionChange.objects.filter(entry_id__in=entries).select_related("edition")[:200]
        if change.edition.published_at
    ]  # fmt: skip
    for probe in Probe.objects.filter(entry_id__in=entries).order_by("at")[:200]:
        if probe.seconds is None:
            word, tone = _("Not effective yet"), "error"
        else:
            word, tone = (_("Block effective"), "success") if probe.blocked else (_("Block lifted"), "success")
        detail = (
            _("%(resolver)s, after %(seconds).2f s") % {"resolver": probe.resolver, "seconds": probe.seconds}
            if probe.seconds is not None
            else probe.resolver
        )
        moments.append(Moment(probe.at, "block" if probe.blocked else "check", word, detail, tone=tone))
    return moments


def desk(actor: Actor) -> list[Waiting]:
    """Alarms of the distribution."""
    if not actor.may(SEE):
        return []
    found: list[Waiting] = []
    url = reverse("distribution_editions")

    def alarm(title: object, count: int = 1, where: str = url) -> None:
        found.append(Waiting(title, count, where, "error", alarm=True))  # type: ignore[arg-type]

    if open_kill():
        alarm(_("The list is emptied by the kill switch"), where=reverse("distribution_kill"))
    if open_halt():
        alarm(_("Additions are halted in the rings"), max(1, waiting_number()), reverse("distribution_waiting"))
    last = Edition.objects.exclude(state=EditionState.ABANDONED).order_by("-version").first()
    if last and last.state == EditionState.REFUSED:
        alarm(_("The last edition was refused"), where=reverse("distribution_edition", args=[last.version]))
    if Edition.objects.filter(state=EditionState.SIGNED, built_at__lt=clock.now() - STUCK).exists():
        alarm(_("An edition is signed but does not reach the primary"))
    since = clock.now() - RESTORED_TOLD
    lost = (
        Edition.objects.filter(restored=True, state=EditionState.PUBLISHED, built_at__gt=since)
        .order_by("-version")
        .first()
    )
    if lost:
        page = reverse("distribution_edition", args=[lost.version])
        alarm(_("The list's files were lost and brought back: find out why"), where=page)
    if any(state.problem for state in primary()):
        alarm(_("The primary does not hold the list"))
    asked = clock.now() - 2 * LATE_AT_MOST  # a resolver that was taken out is asked no more
    if late := late_probes().filter(at__gt=asked)[:MOST].count():
        alarm(_("Resolvers do not follow the list yet"), late)
    if late := sum(probe.seconds is None for probe in canaries()):
        alarm(_("Resolvers do not enforce the list (canary)"), late)
    if late := standings.late():
        alarm(
            _("Subscribers lag behind the list"), late, reverse("distribution_following") if actor.may(FOLLOW) else url
        )
    return found


def resolvers() -> list[str]:
    """Names of our own resolvers, in order."""
    return sorted(settings.PROBE_RESOLVERS)
