"""What other rooms and the desks may know of notices."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.ground.sealed.services import open_text
from mamori.ground.ui.moments import Moment, Waiting
from mamori.ground.ui.parts import Clock
from mamori.ground.ui.states import look
from mamori.hotline.assessment.states import ILLEGAL
from mamori.hotline.takedown.links import Token, token_for
from mamori.hotline.takedown.models import (
    HosterAnswer,
    HosterPage,
    LedgerEntry,
    Notice,
    NoticeItem,
    NoticeLetter,
    Removal,
    Step,
)
from mamori.hotline.takedown.permissions import CASE, SEE, SEND, WARN
from mamori.hotline.takedown.readiness import Obstacle
from mamori.hotline.takedown.services.climbing import CLIMB_AT
from mamori.hotline.takedown.services.people import disputed_items
from mamori.hotline.takedown.services.rows import PAUSE
from mamori.hotline.takedown.services.sending import ANSWER_WITHIN, GROUPING
from mamori.hotline.takedown.states import (
    FINISHED,
    GATHERING,
    TOLD,
    AnswerKind,
    ItemState,
    LetterKind,
    Level,
    NoticeState,
    RemovalState,
)

MOST = 1000


@dataclass(frozen=True)
class RemovalTried:
    """What was tried for a content, and since when. `level`: the rung it stands on; `too_slow`: the clock ran out."""

    first_notice_at: datetime | None
    notices: int
    level: Level | None
    too_slow: bool
    exhausted: bool


@dataclass(frozen=True)
class NoticeView:
    """One notice a content was in, for its Case page. `url`: empty for whom the notice itself is closed."""

    notice_id: UUID
    reference: str
    state: NoticeState
    item_state: ItemState
    level: Level
    organisation: str
    joined_at: datetime
    told_at: datetime | None
    reminders: int
    url: str


@dataclass(frozen=True)
class Duration:
    """One content in the removal survival curve: hours from the first delivered notice to its end or to now."""

    hours: float
    removed: bool
    domestic: bool


def removal_tried(content_id: UUID) -> RemovalTried | None:
    """What was tried; None when nobody was told yet and nothing failed."""
    removal = Removal.objects.filter(content_id=content_id).first()
    if removal is None or (removal.first_told_at is None and removal.too_slow_at is None):
        return None
    return RemovalTried(
        removal.first_told_at,
        NoticeItem.objects.filter(content_id=content_id, told_in__isnull=False).count(),
        Level(removal.level) if removal.level else None,
        removal.too_slow_at is not None,
        removal.exhausted_at is not None,
    )


def notices_of(actor: Actor, content_id: UUID) -> list[NoticeView]:
    """The notices a content was in, newest first."""
    if not actor.may(CASE):
        return []
    items = NoticeItem.objects.filter(content_id=content_id).select_related("notice__contact__replaced_by")
    return [
        NoticeView(
            item.notice_id,
            item.notice.reference,
            NoticeState(item.notice.state),
            ItemState(item.state),
            Level(item.notice.level),
            item.notice.contact.current.organisation or item.notice.contact.current.mail,
            item.joined_at,
            item.told_at,
            item.notice.reminders,
            reverse("takedown_notice", args=[item.notice_id]) if actor.may(SEE) else "",
        )
        for item in items.order_by("-joined_at")[:100]
    ]


def timeline(actor: Actor, content_id: UUID) -> list[Moment]:
    """The way of a content through notices as moments of its case."""
    if not actor.may(CASE):
        return []
    return sorted(_moments(content_id), key=lambda moment: moment.at)


def desk(actor: Actor) -> list[Waiting]:
    """What waits for a person here: undelivered letters first."""
    if not actor.may(SEND):
        return []
    waiting = []
    here = reverse("takedown_notices")
    bounced = Notice.objects.filter(state=NoticeState.BOUNCED)[:MOST].count()
    if bounced:
        waiting.append(
            Waiting(_("Notices that were not delivered"), bounced, f"{here}?state=bounced", "error", alarm=True)
        )
    unsettled = HosterAnswer.objects.filter(
        settled_at=None, notice__isnull=False, kind__in=[AnswerKind.DISPUTE, AnswerKind.QUESTION]
    )
    first = unsettled.order_by("at").values_list("at", flat=True).first()
    if first:
        count = unsettled[:MOST].count()
        due = first + timedelta(hours=24)
        waiting.append(
            Waiting(_("Answers of hosting providers to read"), count, reverse("takedown_answers"), "warning", due)
        )
    failed = HosterAnswer.objects.filter(settled_at=None).exclude(problem="")[:MOST].count()
    if failed:
        title = _("Answers of hosting providers that could not be worked off: read them and act by hand")
        waiting.append(Waiting(title, failed, reverse("takedown_answers"), "error", alarm=True))
    disputed = NoticeItem.objects.filter(
        state=ItemState.DISPUTED, disputed_at__lte=clock.now() - PAUSE[ItemState.DISPUTED] / 2
    )[:MOST].count()
    if disputed:
        title = _("Disputes nobody decided for a day: soon the next level is told")
        url = f"{reverse('takedown_addresses')}?addresses-state=disputed"
        waiting.append(Waiting(title, disputed, url, "error", alarm=True))
    if not settings.RECHECK:
        rows = NoticeItem.objects.filter(Q(obstacle=Obstacle.ONLINE) | Q(state=ItemState.CLAIMED))
        found = list(rows.values_list("obstacle", "state")[: 2 * MOST])
        unseen = sum(obstacle == Obstacle.ONLINE for obstacle, _state in found)
        claimed = sum(state == ItemState.CLAIMED for _obstacle, state in found)
        if unseen:
            title = _("Addresses to be seen online before their letter goes")
            waiting.append(Waiting(title, unseen, f"{reverse('takedown_addresses')}?addresses-obstacle=online", "info"))
        if claimed:
            title = _("Removals to be looked at: re-check is off")
            waiting.append(
                Waiting(title, claimed, f"{reverse('takedown_addresses')}?addresses-state=claimed", "warning")
            )
    ended = Removal.objects.filter(state=RemovalState.NOTICED, exhausted_at__isnull=False).exclude(
        level=Level.REGULATOR
    )
    if actor.may(WARN) and (count := ended[:MOST].count()):
        waiting.append(
            Waiting(
                _("Nobody is left to ask: tell the regulator"), count, reverse("takedown_ended"), "error", alarm=True
            )
        )
    return waiting


def removal_durations(since: datetime) -> list[Duration]:
    """All content first noticed since then, with what is still online kept in (right-censored).

    What was found not to be illegal after all is left out; what a person gave up asking for is not.
    """
    now = clock.now()
    rows = Removal.objects.filter(
        ~Q(state=RemovalState.DROPPED) | Q(content__verdict__in=ILLEGAL), first_told_at__gte=since
    )
    return [
        Duration(((gone or now) - told).total_seconds() / 3600, gone is not None, domestic is not False)
        for told, gone, domestic in rows.values_list("first_told_at", "gone_at", "domestic").iterator(10_000)
        if told is not None
    ]


def notices(actor: Actor) -> QuerySet[Notice]:
    """All notices with their contacts and the state of their last letter, for the desk's table."""
    actor.require(SEE)
    last = NoticeLetter.objects.filter(notice=OuterRef("pk")).order_by("-n").values("letter__state")[:1]
    return Notice.objects.select_related("contact__replaced_by").annotate(letter_state=Subquery(last))


def addresses(actor: Actor) -> QuerySet[NoticeItem]:
    """Addresses in notices, for the desk's table."""
    actor.require(SEE)
    return NoticeItem.objects.select_related("notice__contact__replaced_by", "content")


def answers(actor: Actor) -> QuerySet[HosterAnswer]:
    """Disputes, questions, and what could not be worked off, for the desk's table."""
    actor.require(SEE)
    return HosterAnswer.objects.filter(
        Q(kind__in=[AnswerKind.DISPUTE, AnswerKind.QUESTION]) | ~Q(problem=""), notice__isnull=False
    ).select_related("notice__contact__replaced_by")


def ended(actor: Actor) -> QuerySet[Removal]:
    """Content for which nobody is left to ask but the regulator."""
    actor.require(SEE)
    return Removal.objects.filter(state=RemovalState.NOTICED, exhausted_at__isnull=False).select_related("content")


def ledger(actor: Actor) -> QuerySet[LedgerEntry]:
    """Warnings, recommendations and charges, with their administrators."""
    actor.require(SEE)
    return LedgerEntry.objects.select_related("contact__replaced_by", "by")


def notice_of(actor: Actor, notice_id: UUID) -> Notice:
    """One notice. NotFound when there is none, or the actor may see none."""
    notice = Notice.objects.select_related("contact__replaced_by").filter(id=notice_id).first()
    if notice is None or not actor.may(SEE):
        raise NotFound
    return notice


def letters_of(notice: Notice) -> list[tuple[NoticeLetter, str]]:
    """Its letters, oldest first, each with its text as it was sent, but for the key in its link."""
    rows = notice.letters.select_related("letter").order_by("n")[:200]
    return [(row, row.letter.body.replace(token_for(notice.id, row.page_until).text, "…")) for row in rows]


def answers_of(actor: Actor, notice: Notice) -> list[tuple[HosterAnswer, str, int]]:
    """Its answers with their texts, opened only for those who may act on them, and how many addresses they dispute."""
    rows = notice.answers.order_by("-at")[:100]
    return [
        (row, _text(row) if actor.may(SEND) else "", 0 if row.settled_at else len(disputed_items(row))) for row in rows
    ]


def items_of(notice: Notice) -> QuerySet[NoticeItem]:
    return NoticeItem.objects.filter(notice=notice).select_related("content", "notice")


def hoster_payload(token: Token) -> dict[str, Any]:
    """What a hoster's link opens. NotFound when the page is gone."""
    row = HosterPage.objects.filter(token_digest=token.digest, until__gt=clock.now()).first()
    if row is None:
        raise NotFound
    return token.open(bytes(row.payload))


def next_reminder(notice: Notice) -> datetime | None:
    """When what is told and not answered is reminded of next."""
    if notice.last_letter_at is None or notice.state not in TOLD:
        return None
    return notice.last_letter_at + ANSWER_WITHIN


def clocks_of(notice: Notice) -> list[Clock]:
    """The clocks that run for a notice, computed from what was recorded."""
    if notice.state in FINISHED:
        return []
    if notice.state in GATHERING:
        return [Clock(_("Addresses are gathered"), notice.opened_at, notice.opened_at + GROUPING)]
    told = notice.items.filter(state=ItemState.TOLD, told_at__isnull=False).order_by("told_at").first()
    clocks = []
    disputed = notice.items.filter(state=ItemState.DISPUTED, disputed_at__isnull=False).order_by("disputed_at").first()
    if disputed and disputed.disputed_at:
        due_at = disputed.disputed_at + PAUSE[ItemState.DISPUTED]
        clocks.append(Clock(_("Decide on the dispute"), disputed.disputed_at, due_at))
    if notice.last_letter_at and told:
        clocks.append(Clock(_("Next reminder"), notice.last_letter_at, notice.last_letter_at + ANSWER_WITHIN))
    removal = Removal.objects.filter(content_id=told.content_id).first() if told else None
    if removal and removal.first_told_at and removal.steps < len(CLIMB_AT) and removal.exhausted_at is None:
        due_at = removal.first_told_at + CLIMB_AT[removal.steps]
        clocks.append(Clock(_("Next level is told"), removal.first_told_at, due_at))
    return clocks


def has_waiting(notice: Notice) -> bool:
    return notice.items.filter(state=ItemState.WAITING).exists()


def waiting_count(notice: Notice) -> int:
    return notice.items.filter(state=ItemState.WAITING)[:MOST].count()


def next_kind(notice: Notice) -> LetterKind:
    return LetterKind.FURTHER if notice.delivered_at else LetterKind.FIRST


def answer_due() -> datetime:
    """By when a letter of now asks for an answer."""
    return clock.now() + ANSWER_WITHIN


def item_notice(actor: Actor, item_id: UUID) -> Notice:
    """The notice of an item. NotFound when there is none, or the actor may see none."""
    return _seen(actor, Notice.objects.filter(items__id=item_id))


def answer_notice(actor: Actor, answer_id: UUID) -> Notice:
    """The notice of an answer. NotFound when there is none, or the actor may see none."""
    return _seen(actor, Notice.objects.filter(answers__id=answer_id))


def _seen(actor: Actor, rows: QuerySet[Notice]) -> Notice:
    notice = rows.first()
    if notice is None or not actor.may(SEE):
        raise NotFound
    return notice


def _text(answer: HosterAnswer) -> str:
    if answer.text is None or answer.text_key is None:
        return ""
    return open_text(answer.text_key, "text", bytes(answer.text))


def _moments(content_id: UUID) -> Iterator[Moment]:
    items = list(
        NoticeItem.objects.filter(content_id=content_id)
        .select_related("notice__contact__replaced_by")
        .order_by("joined_at")
    )
    for item in items:
        contact = item.notice.contact.current
        name = contact.organisation or contact.mail
        level = look("notice_level", item.notice.level).word
        yield Moment(item.joined_at, "inbox", _("Joined a notice"), f"{level}: {name}")
        if item.told_at:
            yield Moment(
                item.told_at, "mail", _("Notice delivered"), f"{item.notice.reference}, {name}", tone="success"
            )
        if item.claimed_at:
            yield Moment(item.claimed_at, "refresh", _("Provider says it is removed"), name, "public", "info")
        if item.disputed_at:
            yield Moment(item.disputed_at, "scale", _("Disputed by the provider"), name, "public", "warning")
        if item.ended_at:
            shown = look("notice_item", item.state)
            yield Moment(item.ended_at, shown.icon, shown.word, item.notice.reference, tone=shown.tone)
    notices = {item.notice_id for item in items}
    told = {item.notice_id: item.told_in for item in items if item.told_in}
    for row in NoticeLetter.objects.filter(notice__in=notices, kind="reminder").order_by("posted_at")[:100]:
        if told.get(row.notice_id, row.n) < row.n:
            yield Moment(row.posted_at, "clock", _("Reminder"), tone="warning")
    for step in Step.objects.filter(content_id=content_id).order_by("at"):
        detail = look("notice_level", step.level).word
        kind = "person" if step.by_id else "system"
        yield Moment(step.at, "arrow-right", _("Taken to the next level"), detail, kind, "warning")
    removal = Removal.objects.filter(content_id=content_id).first()
    if removal and removal.too_slow_at:
        yield Moment(removal.too_slow_at, "alert", _("Removal is too slow"), tone="error")
