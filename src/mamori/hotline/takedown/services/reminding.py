"""Letters about what was told before: a reminder a day, and a bounced letter sent again. Each only about what passes
the last look: seen online just now, its host unchanged, nothing held.
"""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.letters.services import letter_resolve
from mamori.hotline.takedown import readiness
from mamori.hotline.takedown.models import Notice, NoticeItem, NoticeLetter
from mamori.hotline.takedown.permissions import SEND
from mamori.hotline.takedown.services.rows import clock_runs, item_move, notice_locked, notice_move
from mamori.hotline.takedown.services.sending import MOST_ITEMS, look_last, post_letter
from mamori.hotline.takedown.states import TOLD, ItemState, LetterKind, NoticeState

REMIND_EVERY = timedelta(hours=24)
_ANSWERABLE = (ItemState.TOLD, ItemState.CLAIMED, ItemState.DISPUTED)


def notice_remind(*, notice_id: UUID) -> None:
    """Remind of what is told, not answered and still online. One reminder a day, whatever runs twice."""
    rows = NoticeItem.objects.filter(
        notice_id=notice_id, state__in=_ANSWERABLE, told_at__lte=clock.now() - REMIND_EVERY
    )
    ready = _ready([item for item in _oldest(rows) if clock_runs(item)])
    if ready:
        _remind(notice_id, ready)


def notice_resend(*, actor: Actor, notice_id: UUID) -> None:
    """Send the last letter of a bounced notice again: its address works now. What is not in order any more is left out.

    The same letter goes when all it told is in order, else a new one about the rest.
    """
    actor.require(SEND)
    last = _bounced_letter(notice_id)
    told = list(_oldest(_told_by(last)))
    ready = _ready(told)
    if not ready:
        raise DomainError(
            "nothing_ready",
            _("Nothing was sent: no address of this notice is ready."),
            remedy=_("The notice says for each address what it still waits for."),
        )
    _resend(actor, last, ready)


@transaction.atomic
def _remind(notice_id: UUID, ready: list[UUID]) -> None:
    notice = Notice.objects.select_for_update(of=("self",)).select_related("contact__replaced_by").get(id=notice_id)
    now = clock.now()
    if notice.state not in TOLD or not notice.last_letter_at or notice.last_letter_at > now - REMIND_EVERY:
        return
    items = _locked(notice, ready)
    if not items:
        return
    notice.last_letter_at, notice.reminders = now, notice.reminders + 1
    notice_move(notice, NoticeState.OVERDUE, changed=("last_letter_at", "reminders"))
    post_letter(notice, LetterKind.REMINDER, items)


@transaction.atomic
def _resend(actor: Actor, last: NoticeLetter, ready: list[UUID]) -> None:
    notice = notice_locked(last.notice_id)
    if _bounced_letter(notice.id).id != last.id:
        raise _not_bounced()
    items = _locked(notice, ready)
    told = list(_told_by(last).select_for_update().select_related("notice"))
    notice_move(notice, NoticeState.SENDING, actor=actor)
    if len(items) == len(told):
        letter_resolve(actor=actor, letter_id=last.letter_id, send_again=True)
        return
    if last.kind != LetterKind.REMINDER:
        for item in told:
            if item.id not in ready:
                item.told_in = None
                item_move(item, ItemState.WAITING, changed=("told_in",))
        NoticeItem.objects.filter(notice=notice, told_in=last.n, told_at=None).update(told_in=None)
    post_letter(notice, LetterKind(last.kind), items)


def _bounced_letter(notice_id: UUID) -> NoticeLetter:
    """The last letter of a bounced notice."""
    notice = Notice.objects.filter(id=notice_id).first()
    if notice is None:
        raise NotFound
    last = notice.letters.order_by("-n").first()
    if last is None or notice.state != NoticeState.BOUNCED:
        raise _not_bounced()
    return last


def _not_bounced() -> DomainError:
    return DomainError("not_bounced", _("No letter of this notice came back."))


def _told_by(letter: NoticeLetter) -> QuerySet[NoticeItem]:
    """What a letter tells: those first told in it, or for a reminder all that were told."""
    rows = NoticeItem.objects.filter(notice_id=letter.notice_id, state=ItemState.TOLD)
    if letter.kind == LetterKind.REMINDER:
        return rows.filter(told_at__isnull=False)
    return rows.filter(told_in=letter.n)


def _oldest(rows: QuerySet[NoticeItem]) -> QuerySet[NoticeItem]:
    return rows.select_related("notice").order_by(F("looked_at").asc(nulls_first=True), "number")[:MOST_ITEMS]


def _ready(items: list[NoticeItem]) -> list[UUID]:
    """Look at each for the last time, and write down what stands before its letter. Those in order."""
    asked: set[str] = set()
    ready = []
    for item in items:
        obstacle = look_last(item, asked)
        NoticeItem.objects.filter(id=item.id, state=item.state).update(looked_at=clock.now(), obstacle=obstacle or "")
        if obstacle is None:
            ready.append(item.id)
    return ready


def _locked(notice: Notice, ready: list[UUID]) -> list[NoticeItem]:
    """Those still to be told, under their locks: not answered, not held meanwhile."""
    rows = NoticeItem.objects.select_for_update().filter(id__in=ready, notice=notice, state__in=_ANSWERABLE)
    return [
        item
        for item in rows.order_by("number")
        if clock_runs(item) and readiness.may_be_noticed(item.content_id) is None
    ]
