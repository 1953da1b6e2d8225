"""Clocks: reminders each 24 hours, the next rung at 24 h, 72 h, 6 and 9 days, and when removal counts as too slow.

All are computed from when the first letter about a content was delivered. Nothing stops at weekends.
"""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM
from mamori.ground.facts import announce
from mamori.hotline.takedown import readiness
from mamori.hotline.takedown.facts import RemovalTooSlow
from mamori.hotline.takedown.models import Notice, NoticeItem, NoticeLetter, Removal, Step
from mamori.hotline.takedown.readiness import Obstacle
from mamori.hotline.takedown.services.joining import join
from mamori.hotline.takedown.services.rows import item_move, notice_move, notice_settle, open_item, removal_locked
from mamori.hotline.takedown.services.sending import post_letter
from mamori.hotline.takedown.states import (
    TOLD,
    ItemState,
    LetterKind,
    Level,
    NoticeState,
    RemovalState,
    StepReason,
)

REMIND_EVERY = timedelta(hours=24)
CLIMB_AT = (timedelta(hours=24), timedelta(hours=72), timedelta(days=6), timedelta(days=9))
TOO_SLOW = timedelta(hours=72)
LOOK_AGAIN = timedelta(minutes=10)
MOST = 500


def clocks_run() -> None:
    """Do what is due: say "too slow", climb, remind. In this order, so that what climbs is not reminded too."""
    now = clock.now()
    noticed = Removal.objects.filter(state=RemovalState.NOTICED)
    slow = noticed.filter(first_told_at__lte=now - TOO_SLOW, too_slow_at=None)
    for content_id in list(slow.values_list("content_id", flat=True)[:MOST]):
        too_slow(content_id=content_id)
    may_look = Q(looked_at=None) | Q(looked_at__lte=now - LOOK_AGAIN)
    for steps, after in enumerate(CLIMB_AT):
        due = noticed.filter(may_look, steps=steps, first_told_at__lte=now - after, exhausted_at=None)
        for content_id in list(due.values_list("content_id", flat=True)[:MOST]):
            content_climb(content_id=content_id, reason=StepReason.CLOCK)
    bounced = NoticeItem.objects.filter(
        notice__state=NoticeState.BOUNCED, state__in=[ItemState.TOLD, ItemState.WAITING]
    ).exclude(Exists(NoticeLetter.objects.filter(notice=OuterRef("notice"), letter__state="uncertain")))
    waiting = noticed.filter(may_look, exhausted_at=None, content_id__in=bounced.values("content_id")[:MOST])
    for content_id in list(waiting.values_list("content_id", flat=True)):
        content_climb(content_id=content_id, reason=StepReason.BOUNCED)
    remind = Notice.objects.filter(state__in=list(TOLD), finished_at=None, last_letter_at__lte=now - REMIND_EVERY)
    for notice_id in list(remind.order_by("last_letter_at").values_list("id", flat=True)[:MOST]):
        notice_remind(notice_id=notice_id)


@transaction.atomic
def too_slow(*, content_id: UUID) -> None:
    """Removal is too slow, or its contact cannot be reached or refuses: the list body may consider it. Told once."""
    removal = removal_locked(content_id)
    if removal is None or removal.state != RemovalState.NOTICED or removal.too_slow_at is not None:
        return
    item = open_item(content_id)
    if item is None or item.state == ItemState.SUSPENDED:
        return
    removal.too_slow_at = clock.now()
    removal.save(update_fields=["too_slow_at"])
    audit.record("takedown.too_slow", subject=removal, actor=SYSTEM, level=removal.level)
    announce(RemovalTooSlow(content_id))


@transaction.atomic
def content_climb(*, content_id: UUID, reason: StepReason) -> None:
    """Take the content to the next rung. A claimed, disputed or suspended item stays where it is."""
    removal = removal_locked(content_id)
    item = open_item(content_id)
    if removal is None or removal.state != RemovalState.NOTICED or item is None:
        return
    if item.state not in {ItemState.TOLD, ItemState.WAITING} or not _is_due(removal, item, reason):
        return
    if reason != StepReason.CLOCK:
        too_slow(content_id=content_id)
        removal.refresh_from_db()
    removal.looked_at = clock.now()
    removal.save(update_fields=["looked_at"])
    told = NoticeItem.objects.filter(content_id=content_id).values_list("notice__contact_id", flat=True)
    place = readiness.next_place(content_id, after=Level(removal.level), passed=frozenset(told))
    if place == Obstacle.CONTACT:
        return
    removal.steps += 1
    if not isinstance(place, readiness.Place):
        removal.exhausted_at = clock.now()
        removal.save(update_fields=["steps", "exhausted_at"])
        audit.record("takedown.ladder_ended", subject=removal, actor=SYSTEM, reason=reason)
        return
    removal.save(update_fields=["steps"])
    item_move(item, ItemState.ESCALATED)
    notice_settle(item.notice)
    join(removal, place)
    Step.objects.create(content_id=content_id, level=place.level, reason=reason, at=clock.now())


@transaction.atomic
def notice_remind(*, notice_id: UUID) -> None:
    """Remind of what is told and not answered. One reminder a day, whatever runs twice."""
    notice = Notice.objects.select_for_update(of=("self",)).select_related("contact__replaced_by").get(id=notice_id)
    now = clock.now()
    if notice.state not in TOLD or not notice.last_letter_at or notice.last_letter_at > now - REMIND_EVERY:
        return
    items = list(NoticeItem.objects.filter(notice=notice, state=ItemState.TOLD, told_at__lte=now - REMIND_EVERY))
    items = [item for item in items if readiness.may_be_noticed(item.content_id) is None]
    notice.last_letter_at = now
    if not items:
        notice.save(update_fields=["last_letter_at"])
        return
    notice.reminders += 1
    notice_move(notice, NoticeState.OVERDUE, changed=("last_letter_at", "reminders"))
    post_letter(notice, LetterKind.REMINDER, items)


def _is_due(removal: Removal, item: NoticeItem, reason: StepReason) -> bool:
    """Looked at again under the locks: two sweeps at once climb one rung."""
    if removal.exhausted_at is not None:
        return False
    if reason == StepReason.BOUNCED:
        return item.notice.state == NoticeState.BOUNCED
    if reason == StepReason.CLOCK:
        steps = removal.steps
        first = removal.first_told_at
        return first is not None and steps < len(CLIMB_AT) and clock.now() - first >= CLIMB_AT[steps]
    return True
