"""Store letters, hand them to the mail server once, understand bounces."""

import email
import email.policy
import logging
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage, Message
from email.utils import format_datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock, jobs, states
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.facts import Fact, announce
from mamori.ground.letters import smtp
from mamori.ground.letters.facts import LetterFailed, LetterHanded, LetterWithdrawn
from mamori.ground.letters.models import Letter
from mamori.ground.letters.states import LETTER, LetterState

log = logging.getLogger("mamori.letters")
MOST_ATTEMPTS = 600  # two days: our own mail server's bad night is nobody's refusal
FINISHED = (LetterState.HANDED, LetterState.REFUSED, LetterState.BOUNCED, LetterState.WITHDRAWN)
_UNDER_WAY = (LetterState.SENDING, LetterState.HANDING_OVER, LetterState.UNCERTAIN)
JOB_LOST = timedelta(hours=6)  # a letter not once tried in this time has lost its job: it gets another
Guard = Callable[[UUID], bool]
_guards: dict[str, tuple[Guard, bool]] = {}  # and whether the room sends its letters again itself


class Overtaken(Exception):
    """Another sender has the letter now, or it was held back: this one must not say the last dot."""


def guards(prefix: str, *, resends: bool = True) -> Callable[[Guard], Guard]:
    """Register who is asked, with its id, whether a letter of a kind beginning so may go: just before each attempt, at
    the last dot, and when a person sends it again. A room that answers no hears LetterWithdrawn. `resends`: such a
    letter is sent again by its room only.
    """

    def register(guard: Guard) -> Guard:
        _guards[prefix] = guard, resends
        return guard

    return register


def guarded(kind: str) -> bool:
    """Whether letters of this kind are sent again by their own room only, which looks at what they tell once more."""
    return any(resends and kind.startswith(prefix) for prefix, (_guard, resends) in _guards.items())


@transaction.atomic
def letter_post(
    *,
    key: str,
    kind: str,
    to: str,
    subject: str,
    body: str,
    attachment: tuple[str, str, bytes] | None = None,
) -> UUID:
    """Store a letter and the job that sends it. The same `key` again returns the first letter's id.

    `attachment` is (file name, content type, bytes). The subject and the body must not name a listed address.
    """
    name, content_type, data = attachment or ("", "", None)
    letter, new = Letter.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "to": to,
            "subject": subject,
            "body": body,
            "attachment_name": name,
            "attachment_type": content_type,
            "attachment": data,
            "queued_at": clock.now(),
        },
    )
    if new:
        audit.record("letters.queued", subject=letter, actor=SYSTEM, kind=kind)
        jobs.defer("letters.send", letter_id=str(letter.id))
    return letter.id


def letter_send(letter_id: UUID) -> None:
    """Hand one letter to the mail server. Safe to run twice and after a crash at any point."""
    attempt = _begin(letter_id)
    if attempt is None:
        return
    letter = Letter.objects.get(id=letter_id)
    try:
        outcome = smtp.hand_over(
            compose(letter),
            sender=bounce_address(letter.id),
            to=letter.to,
            before_last_dot=lambda: _handing_over(letter.id, attempt),
        )
    except Overtaken:
        return
    _ended(letter_id, attempt, outcome)


@transaction.atomic
def letters_recover() -> None:
    """Put letters whose sender died back in the queue; where the server may have taken one, say uncertain."""
    for letter in Letter.objects.select_for_update(skip_locked=True).filter(
        state__in=[LetterState.SENDING, LetterState.HANDING_OVER], tried_at__lt=clock.now() - smtp.LONGEST
    ):
        if letter.state == LetterState.SENDING:
            _move(letter, LetterState.QUEUED, "letters.recovered")
        else:
            _move(letter, LetterState.UNCERTAIN, "letters.uncertain")
            announce(LetterFailed(letter.id))
    now = clock.now()
    again = Q(tried_at__lt=now - smtp.PAUSE, attempts__lte=smtp.FAST) | Q(tried_at__lt=now - smtp.LONG_PAUSE)
    due = Letter.objects.filter(
        again | Q(tried_at=None, queued_at__lt=now - JOB_LOST), state=LetterState.QUEUED
    ).values_list("id", flat=True)
    jobs.defer_many("letters.send", [{"letter_id": str(i)} for i in due[:500]])


@transaction.atomic
def letter_resolve(*, actor: Actor, letter_id: UUID, send_again: bool) -> None:
    """A person decides about a letter that was refused, bounced or is uncertain."""
    letter = Letter.objects.select_for_update().filter(id=letter_id).first()
    if letter is None:
        raise NotFound
    to = LetterState.QUEUED if send_again else LetterState.HANDED
    if not send_again:
        letter.handed_at = clock.now()
    elif not _may_go(letter):
        raise DomainError(
            "letter_withheld",
            _("This letter may not go now: what it tells is held back."),
            remedy=_("It is told anew by itself when nothing holds it back any more."),
        )
    letter.attempts = 0
    states.move(letter, to, machine=LETTER, actor=actor, event="letters.resolved", changed=("handed_at", "attempts"))
    if send_again:
        jobs.defer("letters.send", letter_id=str(letter.id))
    else:
        announce(LetterHanded(letter.id))


@transaction.atomic
def bounce_receive(raw: bytes) -> bool:
    """Take an incoming delivery status notification (RFC 3464). True if it named a letter of ours and failed.

    Whatever a stranger sends there is not raised: the mail server would bring it again for days.
    """
    told = _bounce(raw)
    if told is None:
        return False
    letter_id, answer = told
    letter = Letter.objects.select_for_update().filter(id=letter_id, state=LetterState.HANDED).first()
    if letter is None:
        return False
    letter.answer = answer
    _move(letter, LetterState.BOUNCED, "letters.bounced", "answer")
    announce(LetterFailed(letter.id))
    return True


def bounce_address(letter_id: UUID) -> str:
    """The envelope sender of a letter: its bounce comes back under the letter's own name."""
    return f"b+{letter_id.hex}@{settings.MAIL_BOUNCE_DOMAIN}"


def compose(letter: Letter) -> EmailMessage:
    """The mail of a letter, the same bytes each time: its Message-ID is the letter's id."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = settings.MAIL_FROM
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.queued_at)
    message["Message-ID"] = f"<{letter.id}@{settings.MAIL_FROM.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    if letter.attachment is not None:
        main, _, sub = letter.attachment_type.partition("/")
        message.add_attachment(
            bytes(letter.attachment), maintype=main, subtype=sub, filename=letter.attachment_name, cte="base64"
        )
    return message


@transaction.atomic
def _begin(letter_id: UUID) -> datetime | None:
    """Begin an attempt; its moment is its name. None when the letter is not to be sent."""
    letter = Letter.objects.select_for_update().filter(id=letter_id, state=LetterState.QUEUED).first()
    if letter is None:
        return None
    if not _may_go(letter):
        _withdraw(letter)
        return None
    letter.attempts += 1
    letter.tried_at = clock.now()
    _move(letter, LetterState.SENDING, "letters.sending", "attempts", "tried_at")
    return letter.tried_at


def _handing_over(letter_id: UUID, attempt: datetime) -> None:
    """The moment before the last dot. Overtaken when another attempt began meanwhile, or the letter is held back."""
    with transaction.atomic():
        letter = Letter.objects.select_for_update().get(id=letter_id)
        mine = letter.state == LetterState.SENDING and letter.tried_at == attempt
        if mine and _may_go(letter):
            _move(letter, LetterState.HANDING_OVER, "letters.handing_over")
            return
        if mine:
            _withdraw(letter)
    raise Overtaken


@transaction.atomic
def _ended(letter_id: UUID, attempt: datetime, outcome: smtp.Outcome) -> None:
    """Write down how an attempt ended. What happened to a letter that another attempt has now is that one's to say."""
    letter = Letter.objects.select_for_update().get(id=letter_id)
    if letter.tried_at != attempt or letter.state not in _UNDER_WAY:
        return
    letter.answer = outcome.answer[:300]
    if outcome.taken:
        letter.handed_at = clock.now()
        to: LetterState = LetterState.HANDED
        fact: Fact = LetterHanded(letter.id)
    elif outcome.final or letter.attempts >= MOST_ATTEMPTS:
        to, fact = LetterState.REFUSED, LetterFailed(letter.id)
    else:
        _move(letter, LetterState.QUEUED, "letters.postponed", "answer")
        return
    _move(letter, to, f"letters.{to}", "answer", "handed_at")
    announce(fact)


def _may_go(letter: Letter) -> bool:
    return all(guard(letter.id) for prefix, (guard, _resends) in _guards.items() if letter.kind.startswith(prefix))


def _withdraw(letter: Letter) -> None:
    _move(letter, LetterState.WITHDRAWN, "letters.withdrawn")
    announce(LetterWithdrawn(letter.id))


def _move(letter: Letter, to: LetterState, event: str, *changed: str) -> None:
    states.move(letter, to, machine=LETTER, actor=SYSTEM, event=event, changed=changed, kind=letter.kind)


def _bounce(raw: bytes) -> tuple[UUID, str] | None:
    """Which letter failed and what was said of it; None for any other mail, and for what cannot be read."""
    try:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        letter_id = _bounced_letter(message)
        if letter_id is None or not _failed(message):
            return None
        return letter_id, _diagnostic(message).replace("\0", "")[:300]
    except Exception:  # noqa: BLE001 - a stranger's mail may break the parser in any way, such as by parts within parts
        log.warning("a mail to the address of bounces cannot be read")
        return None


def _bounced_letter(message: Message) -> UUID | None:
    for header in ("To", "Delivered-To", "X-Original-To"):
        found = re.search(r"\bb\+([0-9a-f]{32})@", str(message.get(header, "")))
        if found:
            return UUID(found[1])
    return None


def _status_fields(message: Message) -> list[Message]:
    return [
        part
        for report in message.walk()
        if report.get_content_type() == "message/delivery-status"
        for part in report.get_payload()
        if isinstance(part, Message)
    ]


def _failed(message: Message) -> bool:
    return any(str(f.get("Action", "")).strip().lower() == "failed" for f in _status_fields(message))


def _diagnostic(message: Message) -> str:
    return next((str(f["Diagnostic-Code"]) for f in _status_fields(message) if f.get("Diagnostic-Code")), "bounced")


@transaction.atomic
def letters_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    """Forget the words and attachments of letters that are finished; retention only."""
    rows = Letter.objects.filter(id__in=ids, state__in=FINISHED)
    return rows.update(body="", attachment=None, attachment_name="", attachment_type="")
