"""What is due, found from recorded moments: alerts, the end of silence, paging, holds that are over."""

from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM
from mamori.hotline.referral.models import Hold, Mailing, Policy, Referral
from mamori.hotline.referral.queries import overdue
from mamori.hotline.referral.services.answers import end_hold
from mamori.hotline.referral.services.policies import policy_now
from mamori.hotline.referral.services.rows import clear, locked, move, step
from mamori.hotline.referral.services.sending import post
from mamori.hotline.referral.services.withholding import closings_withhold
from mamori.hotline.referral.states import (
    ALERTS,
    LAPSE_AFTER,
    UNANSWERED,
    WRITE_AGAIN_AFTER,
    HoldEnd,
    PolicyKind,
    ReferralState,
    StepKind,
)

BATCH = 500


def clocks_run() -> None:
    """All clocks, each in its own transaction. Safe to run twice."""
    duty_page()
    silence_alert()
    silence_end()
    holds_over()
    holds_lapse()


@transaction.atomic
def duty_page() -> None:
    """Undelivered for 4 hours, a child at risk not looked at for 15 minutes: page the duty officer, once each.

    The one its policy names, or that of the policy in force. Where nobody is named nobody is paged, and nothing says
    so: the alarm on the desk stays alone until somebody is named.
    """
    now, named_now = clock.now(), policy_now().duty_mail
    rows = (
        Referral.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("policy")
        .filter(overdue(now), paged_at=None)
        .order_by("queued_at")
    )
    if not named_now:
        rows = rows.exclude(policy__duty_mail="")
    by_box: dict[str, list[Referral]] = {}
    for referral in rows[:BATCH]:
        referral.paged_at = now
        referral.save(update_fields=["paged_at"])
        step(referral, StepKind.PAGED)
        audit.record("referral.paged", subject=referral, actor=SYSTEM)
        by_box.setdefault(referral.policy.duty_mail or named_now, []).append(referral)
    for box, referrals in by_box.items():
        first = referrals[0]
        since = f"{first.urgent_at:%Y%m%d%H%M%S}" if first.urgent_at else ""
        post("page", box, len(referrals), key=f"police:page:{first.id}:{since}", urgent=True)


@transaction.atomic
def silence_alert() -> None:
    """50, 80 and 100 percent of the silence clock: recorded once each; police get a letter at 50 and 80."""
    now = clock.now()
    by_box: dict[tuple[str, int], list[Referral]] = {}
    for policy in _silent():
        for mark in ALERTS:
            for referral in _unanswered(policy, now, mark / 100).filter(alerted__lt=mark)[:BATCH]:
                referral.alerted = mark
                referral.save(update_fields=["alerted"])
                step(referral, StepKind.ALERT, number=mark)
                audit.record("referral.alert", subject=referral, actor=SYSTEM, percent=mark)
                if policy.notification_mail and mark < 100:
                    by_box.setdefault((policy.notification_mail, mark), []).append(referral)
    for (box, mark), referrals in by_box.items():
        post("alert", box, len(referrals), key=f"police:alert:{mark}:{referrals[0].id}")


@transaction.atomic
def silence_end() -> None:
    """The time to object is over: no objection, notices may go."""
    now = clock.now()
    for policy in _silent():
        for referral in _unanswered(policy, now, 1)[:BATCH]:
            move(referral, ReferralState.NO_OBJECTION, actor=SYSTEM)
            step(referral, StepKind.NO_OBJECTION)
            clear(referral)


@transaction.atomic
def holds_over() -> None:
    """A hold's time is over: the named supervisors are written to: its policy's, or those of the policy in force.

    Told they are when the mail server of one of them took the letter (`mailing_handed`). Where every letter failed they
    are written to again after an hour. Where nobody is told it does not lapse either: an alarm for seniors.
    """
    now = clock.now()
    named_now = policy_now().supervisors
    holds = (
        Hold.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("referral__policy")
        .filter(Q(written_at=None) | Q(written_at__lte=now - WRITE_AGAIN_AFTER), _no_letter_on_its_way())
        .filter(ended_at=None, until__lte=now, told_at=None)
        .order_by("until")[:BATCH]
    )
    by_box: dict[str, list[Hold]] = {}
    for hold in holds:
        supervisors = hold.referral.policy.supervisors or named_now
        if not supervisors:
            continue
        if hold.written_at is None:
            step(hold.referral, StepKind.HOLD_OVER)
            audit.record("referral.hold_over", subject=hold, actor=SYSTEM)
        hold.written_at = now
        hold.save(update_fields=["written_at"])
        for box in supervisors:
            by_box.setdefault(box, []).append(hold)
    for box, over in by_box.items():
        key = f"police:over:{over[0].id}:{over[0].until:%Y%m%d%H%M%S}:{now:%Y%m%d%H%M}:{_short(box)}"
        post("supervisors", box, len(over), key=key).holds.add(*over)


def _no_letter_on_its_way() -> Q:
    return ~Q(Exists(Mailing.objects.filter(holds=OuterRef("pk"), handed_at=None, failed_at=None)))


@transaction.atomic
def holds_lapse() -> None:
    """24 hours after its end a hold lapses: released. Where only a release clears, it goes back to acknowledged."""
    due = clock.now() - LAPSE_AFTER
    ids = Hold.objects.filter(ended_at=None, until__lte=due, told_at__lte=due, told_at__gte=F("until")).values_list(
        "referral_id", flat=True
    )
    for referral_id in list(ids[:BATCH]):
        referral = locked(referral_id)
        hold = referral.holds.filter(ended_at=None, until__lte=due, told_at__lte=due).first()
        if hold is None:
            continue
        end_hold(hold, HoldEnd.LAPSED)
        step(referral, StepKind.HOLD_LAPSED)
        if referral.kind == PolicyKind.APPROVAL and referral.cleared_at is None:
            move(referral, ReferralState.ACKNOWLEDGED, actor=SYSTEM)
            closings_withhold(actor=SYSTEM, content_id=referral.content_id)
        else:
            move(referral, ReferralState.RELEASED, actor=SYSTEM)
            clear(referral)


def _silent() -> list[Policy]:
    """Policies under which silence may clear something; per item, an analyst may have chosen it."""
    kinds = [PolicyKind.SILENT_CONSENT, PolicyKind.PER_ITEM]
    return list(Policy.objects.filter(kind__in=kinds, jurisdiction=settings.JURISDICTION).order_by("version"))


def _unanswered(policy: Policy, now: datetime, share: float) -> QuerySet[Referral]:
    """Locked referrals of which police have had this share of the time to object, and said nothing against it."""
    return (
        Referral.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("policy")
        .filter(
            policy=policy,
            kind=PolicyKind.SILENT_CONSENT,
            state__in=UNANSWERED,
            cleared_at=None,
            delivered_at__lte=now - timedelta(hours=policy.silence_hours) * share,
        )
        .order_by("delivered_at")
    )


def _short(box: str) -> str:
    return sha256(box.encode()).hexdigest()[:12]
