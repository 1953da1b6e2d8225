"""The negative bank: two persons say a value is harmless, for a time."""

from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock, jobs, states
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.lists.fingerprints.models import Disagreement, Harmless
from mamori.lists.fingerprints.permissions import CONFIRM, PROPOSE
from mamori.lists.fingerprints.states import (
    DISAGREEMENT,
    EXACT,
    HARMLESS,
    HARMLESS_DAYS,
    LENGTHS,
    Algorithm,
    DisagreementState,
    HarmlessState,
    Outcome,
)

MOST_ENDED = 500


@transaction.atomic
def harmless_propose(*, actor: Actor, algorithm: str, value: bytes, reason: str, days: int = 180) -> Harmless:
    """Propose a value (raw bytes) for the negative bank. It says nothing before a second person agreed."""
    actor.require(PROPOSE)
    assert actor.id is not None
    if algorithm not in (Algorithm.PDQ, *EXACT) or len(value) != LENGTHS[Algorithm(algorithm)]:
        raise DomainError("bad_fingerprint", _("A fingerprint has not the length of its kind."), status=422)
    if days not in HARMLESS_DAYS or len(reason.strip()) < 10:
        raise DomainError("reason_missing", _("Say why, in at least one sentence, and for how long."), status=422)
    now = clock.now()
    row = Harmless(
        algorithm=str(algorithm),
        value=value,
        reason=reason.strip()[:300],
        proposed_by_id=actor.id,
        proposed_at=now,
        expires_on=now.date() + timedelta(days=days),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise DomainError("known_already", _("The negative bank has this value already.")) from error
    audit.record("fingerprints.harmless_proposed", subject=row, actor=actor, algorithm=algorithm)
    return row


@transaction.atomic
def harmless_confirm(*, actor: Actor, harmless_id: UUID) -> None:
    """A second person agrees: similar pictures match no more, and whoever listed the same value hears of it."""
    actor.require(CONFIRM)
    row = _locked(harmless_id)
    row.confirmed_by_id, row.confirmed_at = actor.id, clock.now()
    states.move(
        row,
        HarmlessState.ACTIVE,
        machine=HARMLESS,
        actor=actor,
        event="fingerprints.harmless_confirmed",
        first_person=row.proposed_by_id,
        changed=("confirmed_by", "confirmed_at"),
    )
    jobs.defer("fingerprints.compare_harmless", harmless_id=str(row.id))


@transaction.atomic
def harmless_end(*, actor: Actor, harmless_id: UUID) -> None:
    """One person takes a value out of the negative bank: it can match again at once."""
    actor.require(PROPOSE)
    _end(_locked(harmless_id), actor=actor)


@transaction.atomic
def harmless_expire() -> int:
    """End what has run out. Two persons may put it in again."""
    due = Harmless.objects.select_for_update(skip_locked=True).filter(expires_on__lte=clock.now().date())
    rows = list(due.exclude(state=HarmlessState.ENDED)[:MOST_ENDED])
    for row in rows:
        _end(row, actor=SYSTEM)
    return len(rows)


def _end(row: Harmless, *, actor: Actor) -> None:
    row.ended_at = clock.now()
    states.move(
        row,
        HarmlessState.ENDED,
        machine=HARMLESS,
        actor=actor,
        event="fingerprints.harmless_ended",
        changed=("ended_at",),
    )
    for dispute in Disagreement.objects.select_for_update().filter(harmless=row, state=DisagreementState.OPEN):
        dispute.settled_at, dispute.settled_by_id, dispute.outcome = row.ended_at, actor.id, str(Outcome.HARMLESS_ENDED)
        states.move(
            dispute,
            DisagreementState.SETTLED,
            machine=DISAGREEMENT,
            actor=SYSTEM,
            event="fingerprints.disagreement_settled",
            changed=("settled_at", "settled_by", "outcome"),
            outcome=Outcome.HARMLESS_ENDED,
        )


def _locked(harmless_id: UUID) -> Harmless:
    row = Harmless.objects.select_for_update().filter(id=harmless_id).first()
    if row is None:
        raise NotFound
    return row
