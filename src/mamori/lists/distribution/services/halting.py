"""What waits moves on while the first rings show no harm; a fault there, or a member, halts it (ADR 24)."""

from collections.abc import Iterator
from secrets import SystemRandom
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import protected_classes
from mamori.engine.editions import LAST_RING
from mamori.ground import audit, clock, jobs
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError
from mamori.lists.distribution import press
from mamori.lists.distribution.models import Halt, KillOrder, Wait
from mamori.lists.distribution.permissions import HALT
from mamori.lists.distribution.queries import open_halt, subscribers_by_ring
from mamori.lists.distribution.services.editions import edition_publish
from mamori.lists.distribution.services.primary import hot_canary
from mamori.lists.distribution.services.probing import is_blocked
from mamori.lists.distribution.services.rings import rings_of_resolvers
from mamori.lists.listing import services as listing_services
from mamori.lists.listing.case import content_rules, own_hosts

DRAWN = 4  # names that must never be blocked, drawn anew of each class for each look
TRIES = 3
Fault = dict[str, str]


def rings_move() -> UUID | None:
    """Look at the first rings; halt at a fault, else let what waited long enough reach its next ring. Runs as a sweep."""
    if not press.configured() or not Wait.objects.exists():
        return None
    if faults := list(_faults()):
        _halt_by_prober(faults)
    return edition_publish(moving=True) if open_halt() is None else None


def _faults() -> Iterator[Fault]:
    """What is wrong at the watched resolvers of the first rings."""
    if KillOrder.objects.filter(lifted_at=None).exists():
        return
    drawn, watched = _never_blocked(), rings_of_resolvers()
    for ring in sorted(_rings_at_stake()):
        asked = sorted(name for name, of in watched.items() if of == ring)
        if not any(name in settings.PROBE_RESOLVERS or name in settings.PROBE_OUTSIDE for name in asked):
            yield {"code": "unwatched", "resolver": "", "name": str(ring)}
    for resolver in sorted(watched):
        if address := settings.PROBE_RESOLVERS.get(resolver):
            yield from _faults_of(resolver, address, drawn)
        elif address := settings.PROBE_OUTSIDE.get(resolver):  # a subscriber's own is asked for our canaries alone
            yield from _faults_of(resolver, address, [])


def _rings_at_stake() -> set[int]:
    """The rings with a subscriber that have an addition which waits there, or further on."""
    furthest = Wait.objects.aggregate(ring=Max("ring"))["ring"]
    return {
        ring for ring in subscribers_by_ring() if ring < LAST_RING and ring <= furthest and settings.RING_SECONDS[ring]
    }


def _never_blocked() -> list[str]:
    """Names to ask for: some of each class of those that an entry is held against, and all of ours."""
    rules = content_rules()
    found = set(own_hosts())
    for names in (rules.popular.names, rules.shared_platforms.names, *protected_classes()):
        askable = sorted(name for name in names if "*" not in name)
        found.update(SystemRandom().sample(askable, min(DRAWN, len(askable))))
    return sorted(found)


def _faults_of(resolver: str, address: str, drawn: list[str]) -> Iterator[Fault]:
    """An answer that is lost is asked for again, so that one packet halts nothing."""
    for code, name, wanted in (("canary", settings.CANARY_NAME, True), ("hot_canary", hot_canary(), False)):
        if not any(is_blocked(address, name) is wanted for _try in range(TRIES)):
            yield {"code": code, "resolver": resolver, "name": name}
            return
    for name in drawn:
        if is_blocked(address, name):
            yield {"code": "protected", "resolver": resolver, "name": name}


@transaction.atomic
def _halt_by_prober(faults: list[Fault]) -> None:
    if open_halt() is None:
        halt = Halt.objects.create(at=clock.now(), faults=faults)
        audit.record("distribution.halted", subject=halt, actor=SYSTEM, faults=len(faults))


@transaction.atomic
def rings_halt(*, actor: Actor, reason: str) -> Halt:
    """Let nothing reach a further ring until a member says so. Ordered twice is ordered once."""
    actor.require(HALT)
    halt = open_halt()
    if halt is None:
        halt = Halt.objects.create(at=clock.now(), by_id=actor.id, reason=_reason(reason))
        audit.record("distribution.halted", subject=halt, actor=actor)
    return halt


@transaction.atomic
def rings_release(*, actor: Actor, reason: str) -> None:
    """Let what waits move on. While the prober still finds a fault, it halts again with its next look."""
    _end(actor, "released", reason, "distribution.halt_released")
    jobs.defer("distribution.move")


@transaction.atomic
def rings_withdraw(*, actor: Actor, reason: str) -> int:
    """Take back, in every ring, all that waits; the halt is over then. Returns how many entries."""
    _end(actor, "withdrawn", reason, "distribution.halt_withdrawn")
    waiting = list(Wait.objects.values_list("entry_id", flat=True))
    return listing_services.entries_withdraw(actor=actor, entry_ids=waiting)


def _end(actor: Actor, how: str, reason: str, event: str) -> None:
    actor.require(HALT)
    halt = Halt.objects.select_for_update().filter(ended_at=None).first()
    if halt is None:
        raise DomainError("not_halted", _("Nothing is halted."))
    halt.ended_at, halt.ended_by_id, halt.how, halt.end_reason = clock.now(), actor.id, how, _reason(reason)
    halt.save(update_fields=["ended_at", "ended_by", "how", "end_reason"])
    audit.record(event, subject=halt, actor=actor)


def _reason(text: str) -> str:
    if not text.strip():
        raise DomainError("reason_missing", _("Say why."), status=422)
    return text.strip()[:300]
