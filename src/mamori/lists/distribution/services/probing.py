"""Ask resolvers what they do. Listed names are asked only of our own; outside ones are asked for our canary alone."""

import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timedelta
from threading import Event
from uuid import UUID

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from mamori.engine.editions import LAST_RING
from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM
from mamori.ground.facts import announce
from mamori.lists.distribution.facts import EntryEffective
from mamori.lists.distribution.models import Edition, EditionChange, Probe
from mamori.lists.distribution.queries import LATE_AT_MOST, late_probes
from mamori.lists.distribution.services.primary import hot_canary
from mamori.lists.distribution.services.rings import rings_of_resolvers
from mamori.lists.distribution.states import EditionState
from mamori.lists.listing import queries as listing

PAUSE = 0.02  # seconds between rounds
LONGEST = 10.0  # seconds until a resolver counts as lagging
MOST_NAMES = 200
RECENT = timedelta(minutes=10)


def is_blocked(resolver: str, name: str, *, timeout: float = 0.5) -> bool | None:
    """Whether a resolver ("host:port") blocks a name by the list; None when it does not answer.

    Blocked: a CNAME to the stop page, or NXDOMAIN that does not come from the name's own zone.
    """
    host, _colon, port = resolver.rpartition(":")
    question = dns.message.make_query(name, "A")
    try:
        answer = dns.query.udp(question, host.strip("[]"), port=int(port), timeout=timeout)
    except (dns.exception.DNSException, OSError):
        return None
    if answer.rcode() == dns.rcode.NXDOMAIN:
        asked = dns.name.from_text(name)
        return not any(
            rrset.rdtype == dns.rdatatype.SOA and asked.is_subdomain(rrset.name) and rrset.name != dns.name.root
            for rrset in answer.authority
        )
    stop = dns.name.from_text(settings.STOP_PAGE_HOST)
    return any(
        rrset.rdtype == dns.rdatatype.CNAME and any(record.target == stop for record in rrset)
        for rrset in answer.answer
    )


def probe_run(edition_id: UUID | None = None) -> int:
    """Ask our own resolvers until an edition's changes are effective, at most 10 s. Returns how many lag.

    Each is asked for what its ring has. Without an id: the editions of the last minutes that were not probed, for a process that died.
    """
    if not settings.PROBE_RESOLVERS:
        return 0
    if edition_id is None:
        now = clock.now()
        recent = Edition.objects.filter(
            ~Exists(Probe.objects.filter(edition=OuterRef("pk"), entry_id__isnull=False)),
            state=EditionState.PUBLISHED,
            published_at__range=(now - RECENT, now - timedelta(seconds=2 * LONGEST)),
        )
        return sum(probe_run(edition.id) for edition in recent.order_by("version"))
    edition = Edition.objects.get(id=edition_id)
    changes = list(EditionChange.objects.filter(edition=edition, method="dns").order_by("id")[:MOST_NAMES])
    if not changes or Probe.objects.filter(edition=edition, entry_id__isnull=False).exists():
        return 0
    still = {change.target for change in changes if _blocks(change)}
    still |= listing.names_covered({change.target for change in changes if not _blocks(change)} - still)
    asked = [change for change in changes if _blocks(change) or change.target not in still]
    if not asked:
        return 0
    rings = rings_of_resolvers()
    of_each = {
        name: [change for change in asked if rings.get(name, LAST_RING) <= change.ring]
        for name in settings.PROBE_RESOLVERS
    }
    if not any(of_each.values()):
        return 0
    with ThreadPoolExecutor(len(of_each)) as pool:
        seen = pool.map(lambda name: _watch(settings.PROBE_RESOLVERS[name], of_each[name]), of_each)
    return _keep(edition, of_each, dict(zip(of_each, seen, strict=True)))


def _blocks(change: EditionChange) -> bool:
    return change.change != "removed"


def probe_late() -> int:
    """Ask again what a resolver did not do within 10 s, at growing intervals of up to a day, until it does.

    The real seconds are then kept, which ends the alarm. Returns how many lag still.
    """
    if not settings.PROBE_RESOLVERS:
        return 0
    still = 0
    rows = late_probes().filter(resolver__in=settings.PROBE_RESOLVERS, target__isnull=False).order_by("at")
    found = list(rows[:MOST_NAMES])
    covered = listing.names_covered({probe.target for probe in found if not probe.blocked})
    for probe in found:
        now = clock.now()
        if not probe.blocked and probe.target in covered:  # another entry blocks it by now: nothing to wait for
            probe.delete()
            continue
        begun = probe.edition.published_at or probe.edition.built_at
        pause = min(max((probe.at - begun) / 2, timedelta(seconds=LONGEST)), LATE_AT_MOST)
        if now - probe.at < pause:
            continue
        done = is_blocked(settings.PROBE_RESOLVERS[probe.resolver], probe.target) is probe.blocked
        still += not done
        _asked_again(probe, done=done)
    return still


@transaction.atomic
def _asked_again(probe: Probe, *, done: bool) -> None:
    probe.at, entry_id = clock.now(), probe.entry_id
    if not done or entry_id is None:
        probe.save(update_fields=["at"])
        return
    change = EditionChange.objects.filter(edition_id=probe.edition_id, entry_id=entry_id).earliest("id")
    probe.seconds = (probe.at - change.since).total_seconds()
    probe.save(update_fields=["at", "seconds"])
    audit.record("distribution.followed", subject=probe.edition, actor=SYSTEM, resolver=probe.resolver)
    if (
        probe.blocked
        and change.ring == LAST_RING
        and not Probe.objects.filter(edition_id=probe.edition_id, entry_id=entry_id, seconds=None).exists()
    ):
        announce(EntryEffective(entry_id))


def seconds_until_free(
    names: Collection[str], *, longest: float = 60.0, began: float | None = None
) -> Iterator[tuple[str, float | None]]:
    """Each of our resolvers, and after how many seconds from `began` it blocks none of the names; None: not in time.

    `began`: a moment of `time.monotonic`, now when none is given; `longest` counts from now.

    Each is asked by itself: a silent one costs no other its seconds.
    """
    now, given_up = time.monotonic(), Event()
    began = now if began is None else began
    with ThreadPoolExecutor(len(settings.PROBE_RESOLVERS) or 1) as pool:
        asked = {
            pool.submit(_free, address, names, now + longest, given_up): resolver
            for resolver, address in settings.PROBE_RESOLVERS.items()
        }
        try:
            for one in as_completed(asked):
                at = one.result()
                yield asked[one], None if at is None else at - began
        finally:
            given_up.set()


def _free(resolver: str, names: Collection[str], deadline: float, given_up: Event) -> float | None:
    """The moment when a resolver was seen to block none of the names."""
    for name in names:
        while is_blocked(resolver, name) is not False:
            if time.monotonic() > deadline or given_up.wait(PAUSE):
                return None
    return time.monotonic()


def canary_watch() -> None:
    """Ask every resolver, ours and outside ones, for our canaries; keep the answer when it changed.

    One stands in the base zone; the other is let through by the hot zone, so that a missing or wrongly placed one shows.
    """
    edition = Edition.objects.filter(state=EditionState.PUBLISHED).order_by("-version").first()
    if edition is None:
        return
    wanted = edition.kill_id is None
    for outside, resolvers in ((False, settings.PROBE_RESOLVERS), (True, settings.PROBE_OUTSIDE)):
        for name, resolver in resolvers.items():
            right = is_blocked(resolver, settings.CANARY_NAME) is wanted
            right = right and is_blocked(resolver, hot_canary()) is False
            last = Probe.objects.filter(resolver=name, entry_id=None).order_by("-id").first()
            if last is None or (last.seconds is not None) != right or last.blocked != wanted:
                Probe.objects.create(
                    edition=edition,
                    resolver=name,
                    outside=outside,
                    blocked=wanted,
                    seconds=0.0 if right else None,
                    at=clock.now(),
                )


def _watch(resolver: str, changes: list[EditionChange], *, longest: float = LONGEST) -> dict[UUID, datetime]:
    """Entry id -> when the resolver was first seen to do what the change asks for."""
    seen: dict[UUID, datetime] = {}
    deadline = time.monotonic() + longest
    waiting = changes
    while True:
        left = []
        for change in waiting:
            if time.monotonic() > deadline:
                return seen
            if is_blocked(resolver, change.target) is _blocks(change):
                seen[change.entry_id] = clock.now()
            else:
                left.append(change)
        waiting = left
        if not waiting:
            return seen
        time.sleep(PAUSE)


@transaction.atomic
def _keep(edition: Edition, asked: dict[str, list[EditionChange]], seen: dict[str, dict[UUID, datetime]]) -> int:
    """Keep one probe per change and resolver that was asked for it, and announce entries that every resolver enforces."""
    now = clock.now()
    lagging = 0
    changes = {change.id: change for each in asked.values() for change in each}
    for change in changes.values():
        found = {name: seen[name].get(change.entry_id) for name, each in asked.items() if change in each}
        lagging += sum(moment is None for moment in found.values())
        Probe.objects.bulk_create(
            [
                Probe(
                    edition=edition,
                    entry_id=change.entry_id,
                    resolver=name,
                    blocked=_blocks(change),
                    seconds=None if at is None else (at - change.since).total_seconds(),
                    at=at or now,
                )
                for name, at in found.items()
            ],
            ignore_conflicts=True,
        )
        if _blocks(change) and change.ring == LAST_RING and None not in found.values():
            announce(EntryEffective(change.entry_id))
    audit.record("distribution.probed", subject=edition, actor=SYSTEM, changes=len(changes), lagging=lagging)
    return lagging
