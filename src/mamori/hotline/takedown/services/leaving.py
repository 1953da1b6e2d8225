"""Items leave a notice, or wait: gone, held by police, moved to another host, not illegal after all."""

from uuid import UUID

from django.db import transaction

from mamori.ground import clock
from mamori.hotline.checks.queries import online_since
from mamori.hotline.takedown.models import NoticeItem, Removal
from mamori.hotline.takedown.services.rows import item_move, notice_settle, open_item, removal_locked, removal_move
from mamori.hotline.takedown.states import ItemState, RemovalState


@transaction.atomic
def content_gone(*, content_id: UUID) -> None:
    """Found gone, or finished by a person. Safe to call again."""
    removal = removal_locked(content_id)
    if removal is None:
        return
    _end_item(content_id, ItemState.REMOVED)
    for item in NoticeItem.objects.select_for_update().filter(content_id=content_id, state=ItemState.ESCALATED):
        item_move(item, ItemState.REMOVED)  # the page of the rung before says so too
    if removal.state in {RemovalState.WANTED, RemovalState.NOTICED}:
        removal.gone_at = clock.now()
        removal_move(removal, RemovalState.GONE, changed=("gone_at",))
    elif removal.state == RemovalState.DROPPED and removal.gone_at is None:  # given up by a person
        removal.gone_at = clock.now()
        removal.save(update_fields=["gone_at"])


@transaction.atomic
def content_dropped(*, content_id: UUID) -> None:
    """Found not to be illegal: nobody is asked for it any more."""
    removal = removal_locked(content_id)
    if removal is None:
        return
    _end_item(content_id, ItemState.WITHDRAWN)
    for item in NoticeItem.objects.select_for_update().filter(content_id=content_id, state=ItemState.ESCALATED):
        item_move(item, ItemState.WITHDRAWN)
    if removal.state in {RemovalState.WANTED, RemovalState.NOTICED}:
        removal_move(removal, RemovalState.DROPPED)


@transaction.atomic
def content_suspend(*, content_id: UUID) -> None:
    """Police ask to wait: no further letter about it, no reminder, no step up."""
    removal_locked(content_id)
    item = open_item(content_id)
    if item is not None and item.state != ItemState.SUSPENDED:
        item_move(item, ItemState.SUSPENDED)
        notice_settle(item.notice)


def content_moved_host(*, content_id: UUID) -> None:
    """Another host has it: the notice to the old contact waits for the new trace (`content_consider` goes on)."""
    content_suspend(content_id=content_id)


@transaction.atomic
def content_online(*, content_id: UUID) -> None:
    """A check found it online: a waiting letter can go; a claim of removal made before that check is not true."""
    if not Removal.objects.filter(content_id=content_id, state=RemovalState.NOTICED).exists():
        return
    item = open_item(content_id)
    if item is None:
        return
    if item.state == ItemState.WAITING and item.looked_at is not None:
        item.looked_at = None
        item.save(update_fields=["looked_at"])
    seen = online_since(content_id)
    if item.state == ItemState.CLAIMED and item.claimed_at and seen and seen > item.claimed_at:
        item_move(item, ItemState.TOLD)
        notice_settle(item.notice)


def _end_item(content_id: UUID, to: ItemState) -> None:
    item = open_item(content_id)
    if item is not None:
        item_move(item, to)
        notice_settle(item.notice)
