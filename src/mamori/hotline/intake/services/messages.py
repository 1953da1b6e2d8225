"""Words between the hotline and a reporter, and the opening of what is sealed."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _
from nacl.public import PrivateKey

from mamori.engine.receipts import normalize_receipt_code
from mamori.ground import audit, clock
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.sealed.services import open_text, seal_texts
from mamori.hotline.intake import gate, receipts
from mamori.hotline.intake.models import Message, Report, Submission
from mamori.hotline.intake.permissions import OPEN_SEALED, REPLY
from mamori.hotline.intake.services.one_use import spend
from mamori.hotline.intake.states import Direction

MOST_MESSAGE = 4000
MOST_MESSAGES = 50
PARTS = {"text": "sealed_text", "contact": "sealed_contact", "case": "sealed_case"}


@dataclass(frozen=True)
class Word:
    """One message as its reader sees it; `text` None where it was destroyed."""

    direction: Direction
    hour: datetime
    text: str | None


@dataclass(frozen=True)
class Opened:
    """What the receipt page shows."""

    submission_id: UUID
    closed: bool
    words: Sequence[Word]


def receipt_open(code: str) -> Opened | None:
    """What a code opens, or None. The work is the same for unknown codes. ValueError for what is no code."""
    code = normalize_receipt_code(code)
    submission = (
        Submission.objects.filter(receipt_digest=receipts.digest(code)).only("id", "released_hour", "reply_key").first()
    )
    submission_id = submission.id if submission else UUID(bytes=secrets.token_bytes(16), version=4)
    key = receipts.reply_key(code, submission_id)
    words = _words(submission_id, key)
    if submission is None or bytes(submission.reply_key or b"") != bytes(key.public_key):
        return None
    return Opened(submission.id, submission.released_hour is not None, words)


@transaction.atomic
def message_answer(*, code: str, text: str, spent: gate.Spent) -> None:
    """A reporter writes to the hotline. `spent`: the page's own word, so that a reload sends nothing twice."""
    opened = receipt_open(code)
    if opened is None:
        raise NotFound
    spend(spent)
    submission = Submission.objects.only("id", "reply_key").get(id=opened.submission_id)
    _store(submission, Direction.TO_HOTLINE, text)


@transaction.atomic
def message_send(*, actor: Actor, submission_id: UUID, text: str) -> None:
    """The hotline writes to a reporter, who reads it with the receipt code."""
    actor.require(REPLY)
    submission = Submission.objects.filter(id=submission_id).first()
    if submission is None:
        raise NotFound
    if submission.reply_key is None:
        raise DomainError("no_receipt", _("This reporter has no receipt: nobody could read an answer."))
    message = _store(submission, Direction.TO_REPORTER, text, author_id=actor.id)
    audit.record("intake.message_sent", subject=message, actor=actor, submission=submission.id)


@transaction.atomic
def messages_read(*, actor: Actor, submission_id: UUID) -> list[Word]:
    """Open all messages of a submission and mark the reporter's as read. Each reading is in the log."""
    actor.require(OPEN_SEALED)
    rows = list(Message.objects.select_for_update().filter(submission_id=submission_id).order_by("place"))
    if rows:
        audit.record(
            "intake.messages_opened", subject=f"intake.submission:{submission_id}", actor=actor, count=len(rows)
        )
    Message.objects.filter(submission_id=submission_id, direction=Direction.TO_HOTLINE, read_at=None).update(
        read_at=clock.now()
    )
    return [Word(Direction(m.direction), m.sent_hour, _open(m.data_key, "message", bytes(m.sealed))) for m in rows]


@transaction.atomic
def sealed_open(*, actor: Actor, report_id: UUID, part: str) -> str:
    """Open a sealed part of a report's submission: text, contact, case reference, or the address as typed. Each reading is in the log."""
    actor.require(OPEN_SEALED)
    report = Report.objects.select_related("submission").filter(id=report_id).first()
    if report is None or part not in {*PARTS, "typed"}:
        raise NotFound
    sealed = report.sealed_typed if part == "typed" else getattr(report.submission, PARTS[part])
    if sealed is None or report.submission.data_key is None:
        raise NotFound
    audit.record("intake.sealed_opened", subject=report, actor=actor, part=part)
    return open_text(report.submission.data_key, f"typed:{report.id}" if part == "typed" else part, bytes(sealed))


def _store(submission: Submission, direction: Direction, text: str, *, author_id: UUID | None = None) -> Message:
    """Write the next message. Two at once take one place after the other: the public role may lock no row."""
    text = text.strip()
    if not text:
        raise DomainError("empty_message", _("The message is empty."), remedy=_("Write something first."), status=422)
    if len(text) > MOST_MESSAGE:
        raise DomainError("too_long", _("The text is too long."), status=422)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"intake:messages:{submission.id}"])
    place = Message.objects.filter(submission_id=submission.id).count() + 1
    if place > MOST_MESSAGES:
        raise DomainError("too_many_messages", _("No more messages fit here."), remedy=_("Please make a new report."))
    key_id, sealed = seal_texts({"message": text})
    message = Message(
        submission_id=submission.id,
        direction=direction,
        sent_hour=clock.this_hour(),
        place=place,
        data_key=key_id,
        sealed=sealed["message"],
        for_reporter=receipts.seal_to_reporter(text, bytes(submission.reply_key or b"")),
        author_id=author_id,
    )
    Message.objects.bulk_create([message])
    return message


def _words(submission_id: UUID, key: PrivateKey) -> list[Word]:
    rows = (
        Message.objects.filter(submission_id=submission_id)
        .order_by("place")
        .values_list("direction", "sent_hour", "for_reporter")
    )
    return [
        Word(Direction(direction), hour, receipts.open_as_reporter(bytes(sealed), key))
        for direction, hour, sealed in rows
    ]


def _open(key_id: UUID, name: str, sealed: bytes) -> str | None:
    try:
        return open_text(key_id, name, sealed)
    except DomainError as error:
        if error.code != "sealed_destroyed":
            raise
        return None
