"""What people do by hand: send now, close, send again, settle disputes, tell the regulator, keep the ledger."""

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, Forbidden, NotFound
from mamori.hotline.assessment.services import content_changed
from mamori.hotline.referral import queries as referral
from mamori.hotline.takedown.models import HosterAnswer, LedgerEntry, NoticeItem, Removal, Step
from mamori.hotline.takedown.permissions import CLOSE, SEND, WARN
from mamori.hotline.takedown.services.climbing import content_climb
from mamori.hotline.takedown.services.rows import (
    item_move,
    notice_locked,
    notice_move,
    notice_settle,
    open_item,
    removal_locked,
    removal_move,
)
from mamori.hotline.takedown.services.sending import notice_verify
from mamori.hotline.takedown.states import (
    FINISHED,
    ITEM_OPEN,
    AnswerKind,
    ItemState,
    Level,
    NoticeState,
    RemovalState,
    StepReason,
    WarningKind,
)
from mamori.hotline.tracing.queries import contact_of


def notice_send_now(*, actor: Actor, notice_id: UUID) -> None:
    """Do not wait for more addresses: verify and send now. Every last look still has to pass."""
    actor.require(SEND)
    with transaction.atomic():
        audit.record("takedown.send_asked", subject=notice_locked(notice_id), actor=actor)
    NoticeItem.objects.filter(notice_id=notice_id, state=ItemState.WAITING).update(looked_at=None)
    if not notice_verify(notice_id=notice_id, actor=actor):
        raise DomainError(
            "nothing_ready",
            _("Nothing was sent: no address of this notice is ready."),
            remedy=_("The notice says for each address what it still waits for."),
        )


@transaction.atomic
def notice_close(*, actor: Actor, notice_id: UUID) -> None:
    """Close a notice by hand: its addresses are asked for no more, unless they are assessed anew or come back."""
    actor.require(CLOSE)
    found = NoticeItem.objects.filter(notice_id=notice_id, state__in=list(ITEM_OPEN))
    contents = list(found.order_by("content_id").values_list("content_id", flat=True))
    removals = list(Removal.objects.select_for_update().filter(content_id__in=contents).order_by("content_id"))
    notice = notice_locked(notice_id)
    if notice.state in FINISHED and notice.state != NoticeState.ESCALATED:
        raise DomainError("already_closed", _("This notice is closed already."))
    for item in found.select_for_update(of=("self",)).select_related("notice"):
        item_move(item, ItemState.WITHDRAWN, actor=actor)
    for removal in removals:
        if removal.state == RemovalState.NOTICED:
            removal_move(removal, RemovalState.DROPPED, actor=actor)
    notice_move(notice, NoticeState.CLOSED, actor=actor)


@transaction.atomic
def answer_settle(*, actor: Actor, answer_id: UUID, upheld: bool | None = None) -> None:
    """A person read an answer and dealt with it. A dispute about open addresses needs `upheld`: whether it is right."""
    actor.require(SEND)
    answer = HosterAnswer.objects.filter(id=answer_id, notice__isnull=False).first()
    if answer is None:
        raise NotFound
    disputed = disputed_items(answer)
    if upheld is None and disputed:
        raise DomainError(
            "dispute_open",
            _("This dispute is not decided yet."),
            remedy=_("Say whether they are right: then it is dealt with."),
        )
    for item in disputed:
        dispute_settle(actor=actor, item_id=item.id, keep=not upheld)
    answer = HosterAnswer.objects.select_for_update().get(id=answer_id)
    if answer.settled_at is None:
        answer.settled_at = clock.now()
        answer.save(update_fields=["settled_at"])
        audit.record("takedown.answer_settled", subject=answer, actor=actor, kind=answer.kind)


@transaction.atomic
def dispute_settle(*, actor: Actor, item_id: UUID, keep: bool) -> None:
    """A person decides on a disputed address: `keep` asks on, and goes to the next rung.

    Else it is asked for no more, and two people judge it anew; what is listed stays listed until they have.
    """
    actor.require(SEND)
    found = NoticeItem.objects.filter(id=item_id).first()
    if found is None:
        raise NotFound
    removal = removal_locked(found.content_id)
    item = open_item(found.content_id)
    if removal is None or item is None or item.id != item_id or item.state != ItemState.DISPUTED:
        raise DomainError("not_disputed", _("This address is not disputed any more."))
    if keep:
        item_move(item, ItemState.TOLD, actor=actor)
        notice_settle(item.notice)
        content_climb(content_id=item.content_id, reason=StepReason.REFUSED)
        return
    item_move(item, ItemState.WITHDRAWN, actor=actor)
    removal_move(removal, RemovalState.DROPPED, actor=actor)
    notice_settle(item.notice, actor=actor)
    content_changed(actor=SYSTEM, content_id=item.content_id)


@transaction.atomic
def regulator_told(*, actor: Actor, content_id: UUID, reference: str) -> None:
    """The last rung: a person told the regulator, and says under which reference."""
    actor.require(WARN)
    removal = removal_locked(content_id)
    if removal is None or removal.exhausted_at is None:
        raise DomainError("ladder_not_over", _("There are others to ask before the regulator."))
    if referral.is_held(content_id):
        raise DomainError(
            "held",
            _("Police ask to wait: nobody is told of it now."),
            remedy=_("Tell the regulator when the hold is over."),
        )
    removal.level = Level.REGULATOR
    removal.save(update_fields=["level"])
    Step.objects.create(
        content_id=content_id,
        level=Level.REGULATOR,
        reason=StepReason.PERSON,
        at=clock.now(),
        by_id=_person(actor),
        reference=reference,
    )
    audit.record("takedown.regulator_told", subject=removal, actor=actor)


@transaction.atomic
def warning_record(*, actor: Actor, kind: WarningKind, contact_id: UUID, reference: str = "") -> UUID:
    """Enter a warning, recommendation or charge to an administrator into the ledger."""
    actor.require(WARN)
    warning = LedgerEntry.objects.create(
        kind=kind,
        contact_id=contact_of(contact_id).contact_id,
        reference=reference,
        at=clock.now(),
        by_id=_person(actor),
    )
    audit.record("takedown.warning", subject=warning, actor=actor, kind=kind, contact=contact_id)
    return warning.id


def disputed_items(answer: HosterAnswer) -> list[NoticeItem]:
    """The addresses an answer disputes and nobody has decided on."""
    if answer.kind != AnswerKind.DISPUTE:
        return []
    rows = NoticeItem.objects.filter(notice=answer.notice_id, state=ItemState.DISPUTED).order_by("content_id")
    return list(rows.filter(id__in=answer.items) if answer.items else rows)


def _person(actor: Actor) -> UUID:
    """The person who acts: what the ledger names. Forbidden for machines."""
    if actor.kind != "person" or actor.id is None:
        raise Forbidden(WARN)
    return actor.id
