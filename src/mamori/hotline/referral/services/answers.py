"""What police do with a referral: get it, acknowledge it, hold it, release it, say what came of it."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.ground.facts import announce
from mamori.ground.sealed.services import seal_texts
from mamori.hotline.referral.facts import PoliceDelivered, PoliceHeld
from mamori.hotline.referral.models import Hold, Referral
from mamori.hotline.referral.permissions import ANSWER, HAND_OVER
from mamori.hotline.referral.services.rows import clear, locked, locked_for_police, move, step
from mamori.hotline.referral.services.sending import referral_sent
from mamori.hotline.referral.states import Delivery, FeedbackKind, HoldEnd, PolicyKind, ReferralState, StepKind

_S = ReferralState
_BEFORE_DELIVERY = {_S.DRAFTED, _S.QUEUED, _S.SENT}


@transaction.atomic
def referral_opened_by_officer(*, actor: Actor, referral_id: UUID, officer: str) -> None:
    """A named officer opened it on the police desk: it is delivered. Opening it again changes nothing.

    Where a new report says that a child is at risk, opening it says that an officer knows.
    """
    actor.require(ANSWER)
    referral = locked_for_police(actor, referral_id)
    _seen(referral, officer, actor=actor)
    if referral.state in _BEFORE_DELIVERY:
        _deliver(referral, Delivery.DESK, officer, actor=actor)


@transaction.atomic
def acknowledge(*, actor: Actor, referral_id: UUID, officer: str, reference: str = "") -> None:
    """Police acknowledge it under their own number. By the police's system, this also delivers it."""
    actor.require(ANSWER)
    referral = locked_for_police(actor, referral_id)
    if referral.state in _BEFORE_DELIVERY:
        _deliver(referral, Delivery.API if actor.kind == "partner" else Delivery.DESK, officer, actor=actor)
    if _seen(referral, officer, actor=actor) and referral.state != _S.DELIVERED:
        return
    if referral.state == _S.ACKNOWLEDGED and referral.officer == officer.strip() and referral.reference == reference:
        return
    _acknowledge(referral, actor=actor, reference=reference)


@transaction.atomic
def handed_over_by_phone(
    *, actor: Actor, referral_id: UUID, officer: str, number: str, talked_at: datetime, note: str = ""
) -> None:
    """A senior analyst records that a named officer took it by phone: it is delivered. Number and note are sealed."""
    actor.require(HAND_OVER)
    referral = locked(referral_id)
    if referral.state not in {_S.QUEUED, _S.SENT} and referral.unseen_since is None:
        raise DomainError("already_delivered", _("Police have this already, or its way is not chosen yet."))
    since = referral.unseen_since or referral.opened_at
    if not number.strip():
        raise DomainError("no_number", _("Enter the number you called."), status=422)
    if talked_at > clock.now() or talked_at < since - timedelta(minutes=1):
        raise DomainError(
            "bad_time",
            _("The call was not between the opening of the referral and now."),
            remedy=_("Correct the time of the call."),
            status=422,
        )
    call = f"{number.strip()}\n{note.strip()}"
    if referral.unseen_since is not None:
        key, sealed = seal_texts({"reason": call})
        _seen(referral, officer, actor=actor, sealed=(key, sealed["reason"]))
        return
    referral.data_key, sealed = seal_texts({"call": call})
    referral.sealed_call = sealed["call"]
    referral.save(update_fields=["data_key", "sealed_call"])
    _deliver(referral, Delivery.PHONE, officer, actor=actor)


@transaction.atomic
def hold_request(*, actor: Actor, referral_id: UUID, until: datetime, reason: str) -> None:
    """Police ask to wait until a moment: notices and listing stop. It may come late, after notices were free to go."""
    actor.require(ANSWER)
    referral = locked_for_police(actor, referral_id)
    if referral.state == _S.DELIVERED:
        _acknowledge(referral, actor=actor, reference="")
    late = referral.cleared_at is not None
    move(referral, _S.HOLD_REQUESTED, actor=actor)
    _check_until(referral, until, since=clock.now())
    key, sealed = _seal(reason)
    hold = Hold.objects.create(
        referral=referral,
        asked_at=clock.now(),
        asked_by=actor.id or referral.id,
        until=until,
        data_key=key,
        sealed_reason=sealed,
        late=late,
    )
    audit.record("referral.hold_began", subject=hold, actor=actor, late=late)
    step(referral, StepKind.HOLD_REQUESTED, actor=actor)
    announce(PoliceHeld(referral.content_id))


@transaction.atomic
def hold_renew(*, actor: Actor, referral_id: UUID, until: datetime, reason: str) -> None:
    """Renew a hold with a reason, up to the policy's longest."""
    actor.require(ANSWER)
    referral = locked_for_police(actor, referral_id)
    hold = _hold(referral)
    if until <= hold.until:
        raise DomainError("not_longer", _("A renewal ends later than the hold it renews."), status=422)
    _check_until(referral, until, since=hold.asked_at)
    hold.until, hold.written_at, hold.told_at = until, None, None
    hold.save(update_fields=["until", "written_at", "told_at"])
    audit.record("referral.hold_renewed", subject=hold, actor=actor)
    step(referral, StepKind.HOLD_RENEWED, actor=actor, sealed=_seal(reason))


@transaction.atomic
def release(*, actor: Actor, referral_id: UUID) -> None:
    """Police have no objection, or end their hold: notices may go."""
    actor.require(ANSWER)
    referral = locked_for_police(actor, referral_id)
    if referral.state == _S.DELIVERED:
        _acknowledge(referral, actor=actor, reference="")
    if referral.state == _S.HOLD_REQUESTED:
        end_hold(_hold(referral), HoldEnd.RELEASED)
    move(referral, _S.RELEASED, actor=actor)
    step(referral, StepKind.RELEASED, actor=actor)
    clear(referral)


@transaction.atomic
def feedback(*, actor: Actor, referral_id: UUID, kind: FeedbackKind, case_no: str = "") -> None:
    """Police say what came of it. While their answer to the referral is open, only the word is kept."""
    actor.require(ANSWER)
    referral = locked_for_police(actor, referral_id)
    if referral.state in _BEFORE_DELIVERY:
        raise DomainError("not_delivered", _("Open the referral first."))
    if kind == FeedbackKind.CASE_NO and not case_no.strip():
        raise DomainError("no_case_no", _("Enter the case number."), status=422)
    referral.feedback, referral.case_no = kind, case_no.strip()[:80]
    referral.save(update_fields=["feedback", "case_no"])
    audit.record("referral.feedback_given", subject=referral, actor=actor, kind=str(kind))
    step(referral, StepKind.FEEDBACK, actor=actor)
    if referral.state in {_S.RELEASED, _S.NO_OBJECTION}:
        move(referral, _S.FEEDBACK, actor=actor)


def end_hold(hold: Hold, how: HoldEnd) -> None:
    hold.ended_at, hold.ended_how = clock.now(), how
    hold.save(update_fields=["ended_at", "ended_how"])


def _deliver(referral: Referral, how: Delivery, officer: str, *, actor: Actor) -> None:
    if not officer.strip():
        raise DomainError("no_officer", _("Enter the name of the officer."), status=422)
    if referral.state == _S.DRAFTED:
        raise DomainError("not_queued", _("An analyst has still to choose the way of this referral."))
    if referral.state == _S.QUEUED:
        referral_sent(referral)
    referral.delivered_at, referral.delivered_by = clock.now(), how
    referral.officer = officer.strip()[:120]
    move(referral, _S.DELIVERED, actor=actor, changed=("delivered_at", "delivered_by", "officer"))
    step(referral, StepKind.DELIVERED, actor=actor)
    announce(PoliceDelivered(referral.content_id))
    if referral.kind == PolicyKind.SIMULTANEOUS and referral.cleared_at is None:
        clear(referral)


def _seen(referral: Referral, officer: str, *, actor: Actor, sealed: tuple[UUID, bytes] | None = None) -> bool:
    """A named officer knows that a child is at risk: its clock ends. False when no such report waited."""
    if referral.unseen_since is None:
        return False
    if not officer.strip():
        raise DomainError("no_officer", _("Enter the name of the officer."), status=422)
    referral.unseen_since, referral.officer = None, officer.strip()[:120]
    referral.save(update_fields=["unseen_since", "officer"])
    audit.record("referral.urgent_seen", subject=referral, actor=actor)
    step(referral, StepKind.URGENT_SEEN, actor=actor, sealed=sealed)
    return True


def _acknowledge(referral: Referral, *, actor: Actor, reference: str) -> None:
    referral.acknowledged_at, referral.reference = clock.now(), reference.strip()[:80]
    move(referral, _S.ACKNOWLEDGED, actor=actor, changed=("acknowledged_at", "reference"))
    step(referral, StepKind.ACKNOWLEDGED, actor=actor)


def _hold(referral: Referral) -> Hold:
    hold = referral.holds.select_for_update().filter(ended_at=None).first()
    if hold is None:
        raise DomainError("no_hold", _("There is no hold in force."))
    return hold


def _check_until(referral: Referral, until: datetime, *, since: datetime) -> None:
    """A hold ends later than now, and all holds of a referral together are no longer than the policy's longest."""
    if until <= clock.now():
        raise DomainError("past", _("A hold ends in the future."), status=422)
    ended = referral.holds.filter(ended_at__isnull=False).values_list("asked_at", "ended_at")
    before = sum((end - start for start, end in ended if end), timedelta())
    if before + (until - since) > timedelta(days=referral.policy.longest_hold_days):
        raise DomainError(
            "too_long",
            _("All holds of one referral together may not last longer than %(days)d days.")
            % {"days": referral.policy.longest_hold_days},
            remedy=_("Choose an earlier end."),
            status=422,
        )


def _seal(reason: str) -> tuple[UUID, bytes]:
    if not reason.strip():
        raise DomainError("no_reason", _("Give a reason."), status=422)
    key, sealed = seal_texts({"reason": reason.strip()[:2000]})
    return key, sealed["reason"]
