"""Content joins the notice of the contact that can remove it."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, Q

from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.checks.queries import is_confirmed
from mamori.hotline.takedown import readiness
from mamori.hotline.takedown.models import Notice, NoticeItem, Removal
from mamori.hotline.takedown.readiness import Obstacle, Place
from mamori.hotline.takedown.services.rows import (
    TOO_SLOW,
    item_move,
    notice_move,
    notice_settle,
    open_item,
    removal_locked,
    removal_move,
    say_too_slow,
)
from mamori.hotline.takedown.states import FINISHED, OPEN, ItemState, NoticeState, RemovalState
from mamori.hotline.tracing.queries import contact_of, host_of

LOOK_AGAIN = timedelta(minutes=10)
MOST = 500


@transaction.atomic
def content_consider(*, content_id: UUID) -> None:
    """Something changed for this content: open or resume what can be. Safe to call at any time, again and again."""
    if not is_confirmed(content_id):
        return
    Removal.objects.get_or_create(content_id=content_id, defaults={"wanted_at": clock.now()})
    removal = removal_locked(content_id)
    assert removal is not None
    item = open_item(content_id)
    if item is not None:
        if item.state == ItemState.SUSPENDED:
            _resume(removal, item)
        return
    if removal.state != RemovalState.WANTED:
        return
    removal.looked_at = clock.now()
    removal.save(update_fields=["looked_at"])
    if readiness.may_be_noticed(content_id) is not None:
        return
    place = readiness.first_place(content_id, urgent=assessment.is_at_risk(content_id))
    if isinstance(place, Place):
        join(removal, place)
    elif clock.now() - removal.wanted_at >= TOO_SLOW:
        say_too_slow(removal)


@transaction.atomic
def content_confirmed(*, content_id: UUID) -> None:
    """Two people found it illegal: what ended before that is wanted again. Safe to call again."""
    removal = removal_locked(content_id)
    decision = assessment.decision_of(content_id)
    if removal is not None and decision is not None and decision.confirmed_at is not None:
        last = NoticeItem.objects.filter(content_id=content_id).aggregate(at=Max("ended_at"))["at"]
        ended_at = removal.gone_at or last
        if ended_at is None or decision.confirmed_at >= ended_at:
            content_reopened(content_id=content_id)
            return
    content_consider(content_id=content_id)


@transaction.atomic
def content_reopened(*, content_id: UUID) -> None:
    """It came back or is assessed anew: what was gone may be wanted again."""
    removal = removal_locked(content_id)
    if removal is not None and removal.state in {RemovalState.GONE, RemovalState.DROPPED}:
        if not is_confirmed(content_id):
            return
        removal.wanted_at, removal.gone_at, removal.first_told_at = clock.now(), None, None
        removal.too_slow_at, removal.exhausted_at, removal.steps, removal.level = None, None, 0, ""
        changed = ("wanted_at", "gone_at", "first_told_at", "too_slow_at", "exhausted_at", "steps", "level")
        removal_move(removal, RemovalState.WANTED, changed=changed)
    content_consider(content_id=content_id)


def contact_approved() -> None:
    """A contact was approved: all that waits is looked at again by the next sweep."""
    Removal.objects.filter(state=RemovalState.WANTED).update(looked_at=None)
    Removal.objects.filter(state=RemovalState.NOTICED, exhausted_at=None).exclude(looked_at=None).update(looked_at=None)


def notices_prepare() -> int:
    """The sweep behind the listeners: no content is forgotten. Returns how many were looked at."""
    before = clock.now() - LOOK_AGAIN
    rows = Removal.objects.filter(Q(looked_at=None) | Q(looked_at__lte=before), state=RemovalState.WANTED)
    found = list(rows.order_by(F("looked_at").asc(nulls_first=True)).values_list("content_id", flat=True)[:MOST])
    for content_id in found:
        content_consider(content_id=content_id)
    return len(found)


def join(removal: Removal, place: Place) -> NoticeItem:
    """Put a locked removal's content into the contact's open notice, which is made if there is none."""
    content_id, now = removal.content_id, clock.now()
    host = host_of(content_id)
    domestic = host.domestic if host is not None else True
    notice = _open_notice(place, domestic=domestic)
    notice.item_count += 1
    notice.save(update_fields=["item_count"])
    item = NoticeItem.objects.create(
        notice=notice,
        content_id=content_id,
        number=notice.item_count,
        urgent=assessment.is_at_risk(content_id),
        joined_at=now,
    )
    audit.record("takedown.joined", subject=item, actor=SYSTEM, notice=notice.id, content=content_id, level=place.level)
    removal.level, removal.domestic, removal.looked_at = place.level, domestic, None
    changed = ("level", "domestic", "looked_at")
    if removal.state == RemovalState.WANTED:
        removal_move(removal, RemovalState.NOTICED, changed=changed)
    else:
        removal.save(update_fields=list(changed))
    if notice.state in {NoticeState.DRAFT, NoticeState.SUSPENDED}:
        notice_move(notice, NoticeState.DELIVERED if notice.delivered_at else NoticeState.GROUPING)
    return item


def _open_notice(place: Place, *, domestic: bool) -> Notice:
    """The contact's open notice, locked. Two at once make one: the database allows no second."""
    defaults = {"level": place.level, "opened_at": clock.now(), "domestic": domestic}
    while True:
        row, new = Notice.objects.get_or_create(contact_id=place.contact_id, state__in=list(OPEN), defaults=defaults)
        if new:
            audit.record("takedown.notice_opened", subject=row, actor=SYSTEM, level=place.level)
        notice = Notice.objects.select_for_update().get(id=row.id)
        if notice.state not in FINISHED:
            return notice


def _resume(removal: Removal, item: NoticeItem) -> None:
    """Go on with an item that was held back, or let go of it when another host has the content now."""
    if readiness.may_be_noticed(item.content_id) is not None:
        return
    place = readiness.first_place(item.content_id, urgent=item.urgent)
    if isinstance(place, Obstacle):
        return
    if contact_of(item.notice.contact_id).contact_id == place.contact_id or removal.level != place.level:
        item.looked_at = None
        item_move(item, ItemState.TOLD if item.told_in else ItemState.WAITING, changed=("looked_at",))
        notice_settle(item.notice)
        return
    item_move(item, ItemState.WITHDRAWN)
    notice_settle(item.notice)
    join(removal, place)
