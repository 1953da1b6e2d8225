"""Whether content may be noticed, to whom, and whether everything before a letter is in order. Writes no table here."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from mamori.ground import clock
from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.assessment.states import ContentState
from mamori.hotline.checks import queries as checks
from mamori.hotline.checks import services as check_services
from mamori.hotline.referral import queries as referral
from mamori.hotline.referral import services as referral_services
from mamori.hotline.takedown.states import Level
from mamori.hotline.tracing import queries as tracing
from mamori.hotline.tracing import services as tracing_services

log = logging.getLogger("mamori.takedown")
TRACE_FRESH = timedelta(minutes=15)
_ORDER = list(Level)


class Obstacle(StrEnum):
    """What still stands before a letter."""

    NOT_CONFIRMED = "not_confirmed"
    NOT_CLEARED = "not_cleared"
    HELD = "held"
    HOST = "host"
    CONTACT = "contact"
    TRACE = "trace"
    ONLINE = "online"
    EVIDENCE = "evidence"


@dataclass(frozen=True)
class Place:
    """A rung and its contact."""

    level: Level
    contact_id: UUID


def may_be_noticed(content_id: UUID) -> Obstacle | None:
    """Confirmed by two, to be acted on, told to police and not held."""
    if not checks.is_confirmed(content_id):
        return Obstacle.NOT_CONFIRMED
    if assessment.content_state(content_id) not in {ContentState.ACTIONING, ContentState.MONITORING}:
        return Obstacle.NOT_CONFIRMED
    if referral.is_held(content_id):
        return Obstacle.HELD
    return None if referral.is_cleared(content_id) else Obstacle.NOT_CLEARED


def first_place(content_id: UUID, *, urgent: bool) -> Place | Obstacle:
    """Where the first notice goes: the hoster, or the site's operator where a person approved that contact.

    Nobody runs the risk to warn an offender by itself: an operator nobody approved is passed over.
    """
    host = tracing.host_of(content_id)
    if host is None or not host.confirmed:
        tracing_services.contact_needed(actor=SYSTEM, content_id=content_id, urgent=urgent)
        return Obstacle.HOST if host is None or host.contact_id is None else Obstacle.CONTACT
    for rung in tracing.ladder(content_id):
        if Level(rung.level) == Level.SITE_OPERATOR and tracing.contact_of(rung.contact_id).approved:
            return Place(Level.SITE_OPERATOR, rung.contact_id)
    assert host.contact_id is not None
    return Place(Level.HOSTER, tracing.contact_of(host.contact_id).contact_id)


def next_place(content_id: UUID, *, after: Level, passed: frozenset[UUID]) -> Place | Obstacle | None:
    """The next rung with a contact not told before. CONTACT: it waits for approval. None: only the regulator is left."""
    for rung in tracing.ladder(content_id):
        level = Level(rung.level)
        if _ORDER.index(level) <= _ORDER.index(after) or rung.contact_id in passed:
            continue
        if not tracing.contact_of(rung.contact_id).approved:
            tracing_services.contact_request(actor=SYSTEM, contact_id=rung.contact_id, urgent=True)
            return Obstacle.CONTACT
        return Place(level, rung.contact_id)
    return None


def before_letter(content_id: UUID, *, contact_id: UUID, level: Level) -> Obstacle | None:
    """The last look before a letter: None when all is in order. May ask for a check.

    Content still online, host traced anew within a quarter of an hour and unchanged, nothing held.
    """
    obstacle = may_be_noticed(content_id)
    if obstacle is not None:
        return obstacle
    now = clock.now()
    if not _same_contact(content_id, contact_id, level):
        return Obstacle.HOST
    if not checks.is_surely_online(content_id, now):
        check_services.check_now(actor=SYSTEM, content_id=content_id)
        return Obstacle.ONLINE
    return None if _trace_is_fresh(content_id, now) else Obstacle.TRACE


def secure(wanted: Mapping[UUID, datetime]) -> dict[UUID, str]:
    """Sign and keep the evidence of each, then ask the provider to preserve, in one letter.

    `wanted`: the content items, and since when a notice about each is wanted: what was done before was for what came back.
    Returns, by content item, the reference under which the provider was asked. What is missing is not in order.
    """
    signed = []
    for content_id, since in wanted.items():
        try:
            seen = checks.evidence_of(content_id)
            referral_services.evidence_bundle(actor=SYSTEM, content_id=content_id, seen=seen, since=since)
        except DomainError as error:
            log.warning("no evidence bundle: %s", error.code)
            continue
        host = tracing.host_of(content_id)
        if host is not None and host.contact_approved:
            signed.append(content_id)
    asked = referral_services.preservation_request(actor=SYSTEM, content_ids=signed)
    return {content_id: referral_services.preservation_reference(each) for content_id, each in asked.items()}


def trace_anew(content_id: UUID, asked: set[str]) -> None:
    """Ask every source again, outside any transaction; for a host in `asked` its answers of just now are taken."""
    host = assessment.content_address(content_id).host
    tracing_services.trace_run(actor=SYSTEM, content_id=content_id, fresh=host not in asked)
    asked.add(host)


def _same_contact(content_id: UUID, contact_id: UUID, level: Level) -> bool:
    host = tracing.host_of(content_id)
    if host is None or not host.confirmed:
        return False
    current = tracing.contact_of(contact_id).contact_id
    return any(Level(rung.level) == level and rung.contact_id == current for rung in tracing.ladder(content_id))


def _trace_is_fresh(content_id: UUID, now: datetime) -> bool:
    host = tracing.host_of(content_id)
    return host is not None and host.traced_at is not None and now - host.traced_at <= TRACE_FRESH
