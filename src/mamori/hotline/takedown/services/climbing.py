"""Clocks: reminders each 24 hours, the next rung at 24 h, 72 h, 6 and 9 days, and when removal counts as too slow.

All are computed from when the first letter about a content was delivered. Nothing stops at weekends. An answer stops
an item's clocks once: "removed" for 24 hours, unless a look bears it out; a dispute for 48, in which a person decides.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from mamori.ground import audit, clock, jobs
from mamori.ground.actors import SYSTEM
from mamori.hotline.takedown import readiness
from mamori.hotline.takedown.models import Notice, NoticeItem, NoticeLetter, Removal, Step
from mamori.hotline.takedown.readiness import Obstacle
from mamori.hotline.takedown.services.joining import join
from mamori.hotline.takedown.services.reminding import REMIND_EVERY
from mamori.hotline.takedown.services.rows import (
    PAUSE,
    TOO_SLOW,
    clock_runs,
    item_move,
    notice_settle,
    open_item,
    removal_locked,
    say_too_slow,
)
from mamori.hotline.takedown.states import (
    TOLD,
    ItemState,
    Level,
    NoticeState,
    RemovalState,
    StepReason,
)

CLIMB_AT = (timedelta(hours=24), timedelta(hours=72), timedelta(days=6), timedelta(days=9))
LOOK_AGAIN = timedelta(minutes=10)
MOST = 500
MOST_REMINDERS = 100
_LONGEST_AGO = (F("looked_at").asc(nulls_first=True),)


def clocks_run() -> None:
    """Do what is due: say "too slow", let claims lapse, climb, remind. So that what climbs is not reminded too."""
    now = clock.now()
    noticed = Removal.objects.filter(state=RemovalState.NOTICED)
    slow = noticed.filter(first_told_at__lte=now - TOO_SLOW, too_slow_at=None)
    for content_id in list(slow.values_list("content_id", flat=True)[:MOST]):
        too_slow(content_id=content_id)
    lapsed = NoticeItem.objects.filter(state=ItemState.CLAIMED, claimed_at__lte=now - PAUSE[ItemState.CLAIMED])
    for content_id in list(lapsed.order_by("claimed_at").values_list("content_id", flat=True)[:MOST]):
        claim_lapse(content_id=content_id)
    noticed = noticed.filter(_not_looked_at_since(now - LOOK_AGAIN), exhausted_at=None).order_by(*_LONGEST_AGO)
    for steps, after in enumerate(CLIMB_AT):
        due = noticed.filter(steps=steps, first_told_at__lte=now - after)
        for content_id in list(due.values_list("content_id", flat=True)[:MOST]):
            content_climb(content_id=content_id, reason=StepReason.CLOCK)
    bounced = NoticeItem.objects.filter(
        notice__state=NoticeState.BOUNCED, state__in=[ItemState.TOLD, ItemState.WAITING]
    ).exclude(Exists(NoticeLetter.objects.filter(notice=OuterRef("notice"), letter__state="uncertain")))
    waiting = noticed.filter(content_id__in=bounced.values("content_id"))
    for content_id in list(waiting.values_list("content_id", flat=True)[:MOST]):
        content_climb(content_id=content_id, reason=StepReason.BOUNCED)
    _ask_reminders()


@transaction.atomic
def too_slow(*, content_id: UUID) -> None:
    """Removal is too slow, or its contact cannot be reached or refuses: the list body may consider it. Told once."""
    removal = removal_locked(content_id)
    if removal is None or removal.state != RemovalState.NOTICED:
        return
    item = open_item(content_id)
    if item is not None and item.state != ItemState.SUSPENDED:
        say_too_slow(removal)


@transaction.atomic
def content_climb(*, content_id: UUID, reason: StepReason) -> None:
    """Take the content to the next rung. An item that is suspended, or lately claimed or disputed, stays where it is."""
    removal = removal_locked(content_id)
    item = open_item(content_id)
    if removal is None or removal.state != RemovalState.NOTICED or item is None:
        return
    removal.looked_at = clock.now()  # before all else: what stays where it is lets others come to their turn
    removal.save(update_fields=["looked_at"])
    if not clock_runs(item) or not _is_due(removal, item, reason):
        return
    if reason != StepReason.CLOCK:
        too_slow(content_id=content_id)
        removal.refresh_from_db()
    told = NoticeItem.objects.filter(content_id=content_id, joined_at__gte=removal.wanted_at)
    place = readiness.next_place(
        content_id, after=Level(removal.level), passed=frozenset(told.values_list("notice__contact_id", flat=True))
    )
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
def claim_lapse(*, content_id: UUID) -> None:
    """Nobody saw within a day that it is gone: as if it had never been said."""
    removal = removal_locked(content_id)
    item = open_item(content_id)
    if removal is None or item is None or item.state != ItemState.CLAIMED:
        return
    if item.claimed_at is None or item.claimed_at > clock.now() - PAUSE[ItemState.CLAIMED]:
        return
    removal.looked_at = None
    removal.save(update_fields=["looked_at"])
    item_move(item, ItemState.TOLD)
    notice_settle(item.notice)


@transaction.atomic
def _ask_reminders() -> None:
    """Store a job for each notice whose day is over."""
    now = clock.now()
    due = Notice.objects.filter(state__in=list(TOLD), finished_at=None, last_letter_at__lte=now - REMIND_EVERY)
    due = due.filter(_not_looked_at_since(now - LOOK_AGAIN)).order_by(*_LONGEST_AGO, "last_letter_at")
    found = list(due.values_list("id", flat=True)[:MOST_REMINDERS])
    Notice.objects.filter(id__in=found).update(looked_at=now)
    jobs.defer_many("takedown.remind", [{"notice_id": str(notice_id)} for notice_id in found])


def _not_looked_at_since(moment: datetime) -> Q:
    return Q(looked_at=None) | Q(looked_at__lte=moment)


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
