"""What hosters answer: dropped into the box by the public face, worked off by the worker."""

import json
import logging
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from mamori.ground import audit, clock
from mamori.ground.actors import PUBLIC, SYSTEM
from mamori.ground.facts import announce
from mamori.ground.sealed.services import seal_texts
from mamori.hotline.checks.services import check_now
from mamori.hotline.takedown.facts import RemovalClaimed
from mamori.hotline.takedown.links import Token
from mamori.hotline.takedown.models import HosterAnswer, Notice, NoticeItem, NoticeLetter
from mamori.hotline.takedown.services.rows import item_move, notice_locked, notice_move
from mamori.hotline.takedown.states import FINISHED, NOTICE, AnswerKind, ItemState, NoticeState

_CLAIMABLE = frozenset({ItemState.TOLD, ItemState.DISPUTED, ItemState.CLAIMED, ItemState.ESCALATED})
MOST_TEXT = 4000
log = logging.getLogger("mamori.takedown")
MOST = 200


@transaction.atomic
def answer_record(*, token: Token, kind: AnswerKind, items: list[UUID], text: str = "") -> None:
    """Drop an answer into the box, its text sealed. The same answer within an hour is stored, and logged, once."""
    now = clock.now()
    key, sealed = (None, None)
    if text:
        key, texts = seal_texts({"text": text[:MOST_TEXT]})
        sealed = texts["text"]
    named = json.dumps([str(item) for item in items])
    with connection.cursor() as cursor:  # the public face may only insert: how many rows are new, nothing else tells it
        cursor.execute(
            "INSERT INTO takedown_hosteranswer (id, token_digest, kind, items, text_key, text, at, problem)"
            " VALUES (%s, %s, %s, %s::jsonb, %s, %s, %s, '') ON CONFLICT DO NOTHING",
            [_answer_id(token, kind, items, text, now), token.digest, str(kind), named, key, sealed, now],
        )
        if cursor.rowcount == 0:
            transaction.set_rollback(True)  # said before: its seal is not kept either
            return
    audit.record("takedown.answered", subject=f"hoster_page:{token.digest}", actor=PUBLIC, kind=kind)


def answers_process() -> int:
    """Work off what is in the box, oldest first. Returns how many.

    One that cannot be worked off holds up no other: it is kept with its problem, an alarm on the desk. Where the
    database failed it is tried again with the next run.
    """
    found = list(HosterAnswer.objects.filter(processed_at=None).order_by("at").values_list("id", flat=True)[:MOST])
    for answer_id in found:
        try:
            _process(answer_id)
        except DatabaseError:
            log.exception("answer %s waits", answer_id)
        except Exception as error:  # whatever it is, others wait behind it
            log.exception("answer %s cannot be worked off", answer_id)
            _keep(answer_id, error)
    return len(found)


@transaction.atomic
def _keep(answer_id: UUID, error: Exception) -> None:
    """An answer that a person has to deal with."""
    answer = HosterAnswer.objects.select_for_update().filter(id=answer_id, processed_at=None).first()
    if answer is None:
        return
    answer.processed_at, answer.notice_id = clock.now(), _notice_of(answer.token_digest)
    answer.problem = str(getattr(error, "code", type(error).__name__))[:80]
    answer.save(update_fields=["processed_at", "notice", "problem"])
    audit.record("takedown.answer_failed", subject=answer, actor=SYSTEM)


@transaction.atomic
def _process(answer_id: UUID) -> None:
    answer = HosterAnswer.objects.select_for_update().filter(id=answer_id, processed_at=None).first()
    if answer is None:
        return
    answer.processed_at = clock.now()
    notice_id = _notice_of(answer.token_digest)
    if notice_id is not None:
        notice = notice_locked(notice_id)
        answer.notice = notice
        if notice.state not in FINISHED or notice.state == NoticeState.ESCALATED:
            _ANSWERS[AnswerKind(answer.kind)](notice, _items(notice, answer), answer)
    answer.save(update_fields=["processed_at", "notice"])


def _opened(notice: Notice, _items: list[NoticeItem], answer: HosterAnswer) -> None:
    if notice.seen_at is None:
        notice.seen_at = answer.at
        notice.save(update_fields=["seen_at"])
        audit.record("takedown.page_opened", subject=notice, actor=SYSTEM)


def _acknowledge(notice: Notice, _items: list[NoticeItem], _answer: HosterAnswer) -> None:
    if notice.state in {NoticeState.SENDING, NoticeState.DELIVERED, NoticeState.OVERDUE, NoticeState.BOUNCED}:
        notice_move(notice, NoticeState.ACKNOWLEDGED)


def _claim_removed(notice: Notice, items: list[NoticeItem], answer: HosterAnswer) -> None:
    """A claim closes nothing: it is looked at again at once."""
    claimed = [item for item in items if item.state in _CLAIMABLE]
    for item in claimed:
        if item.state == ItemState.ESCALATED:  # a late answer counts too: whoever removed it
            item.claimed_at = answer.at
            item.save(update_fields=["claimed_at"])
        elif item.state != ItemState.CLAIMED:  # said again, it stops no clock for longer
            item.claimed_at, item.answered_at = answer.at, item.answered_at or answer.at
            item_move(item, ItemState.CLAIMED, changed=("claimed_at", "answered_at"))
        check_now(actor=SYSTEM, content_id=item.content_id)
    if any(item.state == ItemState.CLAIMED for item in claimed):
        _move_if_open(notice, NoticeState.REMOVAL_CLAIMED)
    if claimed:
        announce(RemovalClaimed(notice.id))


def _dispute(notice: Notice, items: list[NoticeItem], answer: HosterAnswer) -> None:
    disputed = [item for item in items if item.state in {ItemState.TOLD, ItemState.CLAIMED}]
    for item in disputed:
        item.disputed_at, item.answered_at = answer.at, item.answered_at or answer.at
        item_move(item, ItemState.DISPUTED, changed=("disputed_at", "answered_at"))
    if disputed:
        _move_if_open(notice, NoticeState.DISPUTED)


_ANSWERS = {
    AnswerKind.OPENED: _opened,
    AnswerKind.ACKNOWLEDGE: _acknowledge,
    AnswerKind.REMOVED: _claim_removed,
    AnswerKind.DISPUTE: _dispute,
    AnswerKind.QUESTION: _acknowledge,
}


def _move_if_open(notice: Notice, to: NoticeState) -> None:
    """An answer that comes while a notice is held back by police, or after its end, changes its items only."""
    if (NoticeState(notice.state), to) in NOTICE.moves:
        notice_move(notice, to)


def _items(notice: Notice, answer: HosterAnswer) -> list[NoticeItem]:
    """The items an answer is about, locked: those named, or all that were told."""
    rows = NoticeItem.objects.select_for_update().filter(notice=notice, told_in__isnull=False).order_by("number")
    items = list(rows.filter(id__in=answer.items) if answer.items else rows)
    for item in items:
        item.notice = notice
    return items


def _notice_of(digest: str) -> UUID | None:
    return NoticeLetter.objects.filter(page_digest=digest).values_list("notice_id", flat=True).first()


def _answer_id(token: Token, kind: AnswerKind, items: list[UUID], text: str, now: datetime) -> UUID:
    hour = now.strftime("%Y%m%d%H")
    said = "|".join([hour, kind, ",".join(sorted(map(str, items))), text])
    return UUID(bytes=sha256(token.raw + said.encode()).digest()[:16])
