"""Lock and move notices, items and removals: what every service of this room does."""

from datetime import timedelta
from uuid import UUID

from mamori.ground import audit, clock, states
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import NotFound
from mamori.ground.facts import announce
from mamori.hotline.takedown.facts import RemovalTooSlow
from mamori.hotline.takedown.models import Notice, NoticeItem, Removal
from mamori.hotline.takedown.permissions import CLOSE
from mamori.hotline.takedown.states import (
    FINISHED,
    ITEM,
    ITEM_OPEN,
    NOTICE,
    REMOVAL,
    ItemState,
    NoticeState,
    RemovalState,
)

# A notice is in such a state only while an item is.
_ANSWERED_BY = {NoticeState.REMOVAL_CLAIMED: ItemState.CLAIMED, NoticeState.DISPUTED: ItemState.DISPUTED}

PAUSE = {ItemState.CLAIMED: timedelta(hours=24), ItemState.DISPUTED: timedelta(hours=48)}
"""How long an answer stops the clocks of an item: counted from its first answer, so that none stops them twice."""


TOO_SLOW = timedelta(hours=72)
"""From the first letter, or from when a notice was wanted and nobody was found to write to."""


def clock_runs(item: NoticeItem) -> bool:
    """Whether it is reminded of and taken to the next rung."""
    pause = PAUSE.get(ItemState(item.state))
    if pause is None or item.answered_at is None:
        return item.state in {ItemState.WAITING, ItemState.TOLD}
    return clock.now() - item.answered_at >= pause


def notice_locked(notice_id: UUID) -> Notice:
    notice = Notice.objects.select_for_update().filter(id=notice_id).first()
    if notice is None:
        raise NotFound
    return notice


def removal_locked(content_id: UUID) -> Removal | None:
    return Removal.objects.select_for_update().filter(content_id=content_id).first()


def open_item(content_id: UUID) -> NoticeItem | None:
    """The one open item of a content, its notice locked before it."""
    found = (
        NoticeItem.objects.filter(content_id=content_id, state__in=list(ITEM_OPEN))
        .values_list("id", "notice_id")
        .first()
    )
    if found is None:
        return None
    Notice.objects.select_for_update().get(id=found[1])
    return (
        NoticeItem.objects.select_for_update(of=("self",))
        .select_related("notice")
        .filter(id=found[0], state__in=list(ITEM_OPEN))
        .first()
    )


def notice_move(notice: Notice, to: NoticeState, *, actor: Actor = SYSTEM, changed: tuple[str, ...] = ()) -> None:
    """Move a locked notice; to the state it is in: only save."""
    if notice.state == to:
        if changed:
            notice.save(update_fields=list(changed))
        return
    if to in FINISHED and notice.finished_at is None:
        notice.finished_at = clock.now()
        changed = ("finished_at", *changed)
    states.move(notice, to, machine=NOTICE, actor=actor, event=f"takedown.notice_{to}", changed=changed)


def item_move(item: NoticeItem, to: ItemState, *, actor: Actor = SYSTEM, changed: tuple[str, ...] = ()) -> None:
    """Move a locked item; one that ends keeps the moment. Its page is sealed anew soon."""
    if to not in ITEM_OPEN:
        item.ended_at = clock.now()
        changed = ("ended_at", *changed)
    if item.obstacle:  # it was of the state before
        item.obstacle = ""
        changed = ("obstacle", *changed)
    states.move(
        item, to, machine=ITEM, actor=actor, event=f"takedown.item_{to}", changed=changed, content=item.content_id
    )
    Notice.objects.filter(id=item.notice_id).update(page_stale=True)
    item.notice.page_stale = True


def removal_move(removal: Removal, to: RemovalState, *, actor: Actor = SYSTEM, changed: tuple[str, ...] = ()) -> None:
    states.move(removal, to, machine=REMOVAL, actor=actor, event=f"takedown.removal_{to}", changed=changed)


def say_too_slow(removal: Removal) -> None:
    """The list body may consider the content of a locked removal. Told once."""
    if removal.too_slow_at is None:
        removal.too_slow_at = clock.now()
        removal.save(update_fields=["too_slow_at"])
        audit.record("takedown.too_slow", subject=removal, actor=SYSTEM, level=removal.level)
        announce(RemovalTooSlow(removal.content_id))


def notice_settle(notice: Notice, *, actor: Actor = SYSTEM) -> None:
    """Draw the conclusion for a locked notice from its items: finished, suspended, or going on."""
    if notice.state in FINISHED:
        return
    found = set(NoticeItem.objects.filter(notice=notice).order_by().values_list("state", flat=True).distinct())
    if not found & set(ITEM_OPEN):
        if ItemState.ESCALATED in found:
            to = NoticeState.ESCALATED
        else:
            to = NoticeState.VERIFIED_REMOVED if ItemState.REMOVED in found else NoticeState.CLOSED
        notice_move(notice, to, actor=actor if to == NoticeState.CLOSED and actor.may(CLOSE) else SYSTEM)
    elif found & set(ITEM_OPEN) == {ItemState.SUSPENDED}:
        notice_move(notice, NoticeState.SUSPENDED)
    elif notice.state == NoticeState.SUSPENDED:
        notice_move(notice, NoticeState.DELIVERED if notice.delivered_at else NoticeState.GROUPING)
    elif _ANSWERED_BY.get(NoticeState(notice.state), next(iter(found))) not in found:
        notice_move(notice, NoticeState.ACKNOWLEDGED)
