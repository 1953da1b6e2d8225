"""Open a referral and send it on its way to police."""

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef
from django.utils import translation
from django.utils.translation import gettext as _text
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from mamori.ground import audit, clock, jobs
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError
from mamori.ground.facts import announce
from mamori.ground.letters.services import letter_post
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.referral.facts import PoliceCleared
from mamori.hotline.referral.models import Mailing, Referral
from mamori.hotline.referral.permissions import CHOOSE
from mamori.hotline.referral.services.policies import policy_now, require_way
from mamori.hotline.referral.services.rows import clear, locked, move, step
from mamori.hotline.referral.states import (
    CHOICES,
    TOLD_AGAIN_AFTER,
    Channel,
    PolicyKind,
    ReferralState,
    StepKind,
)

BATCH = 500
MENDED_AFTER = timedelta(minutes=5)  # the job of the fact has had its time
MENDED_FOR = timedelta(days=60)  # how far back a missing referral is looked for
log = logging.getLogger("mamori.referral")


@transaction.atomic
def referral_open(*, actor: Actor, content_id: UUID, urgent: bool = False, cause_id: UUID | None = None) -> UUID:
    """Refer a content item to police. Safe to call again; `urgent` makes it urgent, and police hear of it each time.

    With `cause_id`, the opinion or report that makes it urgent, they hear once of each cause.

    Under a policy per item it waits for an analyst's choice, but never when a child is at risk: that goes at once, and
    nothing is noticed before police release it.
    """
    policy, now = policy_now(), clock.now()
    per_item = policy.kind == PolicyKind.PER_ITEM
    referral, made = Referral.objects.select_for_update(of=("self",)).get_or_create(
        content_id=content_id,
        defaults={
            "policy": policy,
            "kind": policy.kind if not per_item else PolicyKind.APPROVAL if urgent else "",
            "urgent": urgent,
            "urgent_at": now if urgent else None,
            "opened_at": now,
        },
    )
    if made:
        audit.record("referral.opened", subject=referral, actor=actor, urgent=urgent, policy=policy.id)
        step(referral, StepKind.OPENED, actor=actor, cause_id=cause_id)
        if urgent or not per_item:
            _queue(referral, actor=SYSTEM)
    elif urgent:
        if cause_id is None or not referral.steps.filter(cause_id=cause_id).exists():
            _urgent(referral, actor=actor, cause_id=cause_id)
    elif is_clear(referral):
        announce(PoliceCleared(content_id))  # assessed again: police were told of this address before
    return referral.id


@transaction.atomic
def referral_choose(*, actor: Actor, referral_id: UUID, kind: PolicyKind) -> None:
    """An analyst chooses what clears this item (policy per item), and sends it on its way."""
    actor.require(CHOOSE)
    referral = locked(referral_id)
    if kind not in CHOICES:
        raise DomainError("not_a_choice", _("Choose one of the three ways."), status=422)
    require_way(kind, referral.policy.channel, referral.policy.notification_mail)
    referral.kind = kind
    _queue(referral, actor=actor)


@transaction.atomic
def referrals_send() -> None:
    """Notify police of all that is queued: one letter for each mailbox. Without one, the desk shows it and clears none."""
    waiting = list(
        Referral.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("policy")
        .filter(state=ReferralState.QUEUED, mailing=None, policy__channel=Channel.DESK)
        .order_by("queued_at")[:BATCH]
    )
    by_box: dict[tuple[str, bool], list[Referral]] = {}
    for referral in waiting:
        if referral.policy.notification_mail:
            by_box.setdefault((referral.policy.notification_mail, referral.urgent), []).append(referral)
        else:
            referral_sent(referral, handed=False)
    for (box, urgent), referrals in by_box.items():
        mailing = post("notify", box, len(referrals), key=f"police:notify:{referrals[0].id}:{urgent}", urgent=urgent)
        for referral in referrals:
            referral.mailing = mailing
            referral.save(update_fields=["mailing"])


@transaction.atomic
def mailing_handed(*, letter_id: UUID) -> None:
    """The police's mail server took a letter: what it told of is sent. It is not delivered by that."""
    mailing = Mailing.objects.select_for_update().filter(letter_id=letter_id).first()
    if mailing is None:
        return
    mailing.handed_at, mailing.failed_at = clock.now(), None
    mailing.save(update_fields=["handed_at", "failed_at"])
    for referral in _of_mailing(mailing):
        if referral.state == ReferralState.QUEUED:
            referral_sent(referral)
        elif referral.state == ReferralState.SENT and referral.kind == PolicyKind.SIMULTANEOUS:
            clear(referral)
    for hold in mailing.holds.select_for_update().filter(ended_at=None, told_at=None, until__lte=mailing.posted_at):
        hold.told_at = mailing.handed_at
        hold.save(update_fields=["told_at"])


@transaction.atomic
def mailing_failed(*, letter_id: UUID) -> None:
    """A letter to police failed: an alarm on the desk. What it told of never counts as told, nor a hold's end.

    What was cleared by sending alone is taken back when its letter bounces, unless police opened it meanwhile.
    """
    mailing = Mailing.objects.select_for_update().filter(letter_id=letter_id).first()
    if mailing is None or mailing.failed_at is not None:
        return
    mailing.failed_at = clock.now()
    mailing.save(update_fields=["failed_at"])
    for referral in _of_mailing(mailing):
        if referral.state == ReferralState.SENT and referral.cleared_at is not None:
            referral.cleared_at = None
            referral.save(update_fields=["cleared_at"])
        step(referral, StepKind.LETTER_FAILED)
        audit.record("referral.letter_failed", subject=referral, actor=SYSTEM, letter=letter_id)
    for hold in mailing.holds.select_for_update().filter(ended_at=None):
        if not hold.mailings.filter(handed_at__isnull=False, failed_at=None, posted_at__gte=hold.until).exists():
            hold.told_at = None
            hold.save(update_fields=["told_at"])
        audit.record("referral.letter_failed", subject=hold, actor=SYSTEM, letter=letter_id)


def referral_sent(referral: Referral, *, handed: bool = True) -> None:
    """Move a locked, queued referral to sent. A simultaneous one is cleared by it when something was really handed over.

    Not `handed`: it only stands on the desk here, and police may know nothing of it until an officer opens it.
    """
    referral.sent_at = clock.now()
    move(referral, ReferralState.SENT, actor=SYSTEM, changed=("sent_at",))
    step(referral, StepKind.SENT)
    if referral.kind == PolicyKind.SIMULTANEOUS and handed:
        clear(referral)


@transaction.atomic
def referral_tell_again(*, actor: Actor, content_id: UUID) -> None:
    """Tell police that content they know is online again, or judged anew. Safe to call again: once an hour at most.

    No clock begins anew: they may ask to wait at any time, which stops notices and listing. While it is not delivered
    yet there is nothing to tell again.
    """
    referral = (
        Referral.objects.select_for_update(of=("self",))
        .select_related("policy")
        .filter(content_id=content_id, delivered_at__isnull=False)
        .first()
    )
    if referral is None:
        return
    told = referral.steps.filter(kind=StepKind.TOLD_AGAIN)
    if told.filter(at__gt=clock.now() - TOLD_AGAIN_AFTER).exists():
        return
    step(referral, StepKind.TOLD_AGAIN, actor=actor)
    audit.record("referral.told_again", subject=referral, actor=actor)
    if box := referral.policy.notification_mail or referral.policy.duty_mail:
        key = f"police:again:{referral.id}:{told.count()}"
        referral.mailing = post("again", box, 1, key=key, urgent=referral.urgent)
        referral.save(update_fields=["mailing"])


def referrals_mend() -> int:
    """Refer what two persons confirmed, or where a child is at risk, and police have no referral of. Returns how many.

    The fact refers it within seconds; this finds what a failed job left behind. One that cannot be referred is
    written into the worker's log and does not hold up the others.
    """
    now = clock.now()
    missing = ~Exists(Referral.objects.filter(content_id=OuterRef("id")))
    urgent = assessment.at_risk_since(now - MENDED_FOR).filter(missing).values_list("id", flat=True)[:BATCH]
    settled = assessment.confirmed_since(now - MENDED_FOR, now - MENDED_AFTER).filter(missing)
    found = dict.fromkeys(settled.values_list("id", flat=True)[:BATCH], False) | dict.fromkeys(urgent, True)
    done = 0
    for content_id, at_once in found.items():
        try:
            referral_open(actor=SYSTEM, content_id=content_id, urgent=at_once)
        except (DomainError, DatabaseError):
            log.exception("content %s cannot be referred", content_id)
        else:
            done += 1
    if done:
        log.warning("%s contents without a referral were referred", done)
    return done


def is_clear(referral: Referral) -> bool:
    return referral.cleared_at is not None and not referral.holds.filter(ended_at=None).exists()


def post(purpose: str, box: str, count: int, *, key: str, urgent: bool = False) -> Mailing:
    """Post a letter to police. It says how many, and to log in: nothing else."""
    subject, body = _letter(purpose, count, urgent=urgent)
    letter_id = letter_post(key=key, kind=f"police_{purpose}", to=box, subject=subject, body=body)
    mailing, _made = Mailing.objects.get_or_create(
        letter_id=letter_id, defaults={"purpose": purpose, "count": count, "posted_at": clock.now()}
    )
    return mailing


def _letter(purpose: str, count: int, *, urgent: bool) -> tuple[str, str]:
    with translation.override(settings.LANGUAGE_CODE):
        subjects = {
            "notify": _text("Referrals wait for you"),
            "again": _text("Content you know is online again or looked at anew"),
            "urgent": _text("A child may be at risk now: a referral you have"),
            "alert": _text("The time to object is running"),
            "page": _text("Duty officer: referrals were not opened"),
            "supervisors": _text("A hold is over"),
        }
        words = {
            "notify": ngettext("You have %(n)d new referral.", "You have %(n)d new referrals.", count),
            "again": _text("A referral you have is online again, or it is being looked at anew."),
            "urgent": _text("A new report says that a child is at risk now. It concerns a referral you have."),
            "alert": ngettext(
                "The time to object to %(n)d referral is running out.",
                "The time to object to %(n)d referrals is running out.",
                count,
            ),
            "page": ngettext(
                "%(n)d referral was not opened in the agreed time.",
                "%(n)d referrals were not opened in the agreed time.",
                count,
            ),
            "supervisors": ngettext(
                "The time of %(n)d hold is over. It is released in 24 hours unless it is renewed with a reason.",
                "The time of %(n)d holds is over. They are released in 24 hours unless they are renewed with a reason.",
                count,
            ),
        }
        subject = subjects[purpose]
        if urgent:
            subject = f"[{_text('urgent')}] {subject}"
        body = words[purpose] % {"n": count} + "\n" + _text("Please log in:") + f" {settings.STAFF_URL}/police/\n"
        return subject, body


def _queue(referral: Referral, *, actor: Actor) -> None:
    referral.queued_at = clock.now()
    move(referral, ReferralState.QUEUED, actor=actor, changed=("queued_at", "kind"))
    step(referral, StepKind.QUEUED, actor=actor)
    if referral.urgent:
        jobs.defer("referral.send")


def _urgent(referral: Referral, *, actor: Actor, cause_id: UUID | None) -> None:
    """A report says that a child is at risk now. A short clock that runs already is not put back by another report."""
    told_before = referral.urgent
    running = referral.unseen_since is not None if referral.delivered_at else told_before
    referral.urgent = True
    referral.kind = referral.kind or PolicyKind.APPROVAL
    if not running or referral.paged_at is not None:
        referral.urgent_at, referral.paged_at = clock.now(), None  # the short clock begins
        if referral.delivered_at is not None:
            referral.unseen_since = referral.urgent_at
    if referral.state == ReferralState.QUEUED and not told_before:
        referral.mailing = None  # told once more, as urgent
    referral.save(update_fields=["urgent", "urgent_at", "unseen_since", "kind", "paged_at", "mailing"])
    audit.record("referral.urgent", subject=referral, actor=actor)
    step(referral, StepKind.URGENT, actor=actor, cause_id=cause_id)
    if referral.state == ReferralState.DRAFTED:
        _queue(referral, actor=SYSTEM)
    elif referral.state == ReferralState.QUEUED:
        jobs.defer("referral.send")
    else:
        _tell_urgent(referral)


def _tell_urgent(referral: Referral) -> None:
    """A letter about a child at risk, to police who were sent the referral before."""
    policy, times = referral.policy, referral.steps.filter(kind=StepKind.URGENT).count()
    if referral.delivered_at is None:
        if policy.notification_mail:
            key = f"police:notify:{referral.id}:urgent:{times}"
            post("notify", policy.notification_mail, 1, key=key, urgent=True)
    elif box := policy.notification_mail or policy.duty_mail:
        referral.mailing = post("urgent", box, 1, key=f"police:urgent:{referral.id}:{times}", urgent=True)
        referral.save(update_fields=["mailing"])


def _of_mailing(mailing: Mailing) -> list[Referral]:
    return list(
        Referral.objects.select_for_update(of=("self",)).select_related("policy").filter(mailing=mailing).order_by("id")
    )
