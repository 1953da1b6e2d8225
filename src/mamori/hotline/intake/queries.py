"""What others read of reports. Nothing sealed is opened here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.ground.ui.moments import Moment, Waiting
from mamori.ground.ui.states import look
from mamori.hotline.intake.models import DayCount, Message, Report, Submission
from mamori.hotline.intake.permissions import OPEN_SEALED, SEE
from mamori.hotline.intake.states import SCREEN, Direction, ReportState, Source

COUNT_LIMIT = 1000


@dataclass(frozen=True)
class ReportView:
    """A report without anything of its reporter. `url` is canonical; "" when its retention period is over."""

    id: UUID
    submission_id: UUID
    source: Source
    url: str
    digest: str
    received_hour: datetime
    seen_on: date | None
    child_at_risk: bool
    state: ReportState
    screening: str
    screened_at: datetime | None
    content_id: UUID | None
    outcome: str
    closed_at: datetime | None


@dataclass(frozen=True)
class ReportPage:
    """What the staff page of a report shows: which sealed parts there are, never what they say."""

    report: ReportView
    channel: str
    details: dict[str, str]
    has_text: bool
    has_contact: bool
    has_typed: bool
    has_case: bool
    has_receipt: bool
    legal_hold: bool
    police_hold: bool
    messages: int
    unread: int
    others: list[ReportView]


@dataclass(frozen=True)
class DayFigure:
    """How many reports received on a day have an outcome; "" means still open."""

    day: date
    outcome: str
    count: int


def report_get(actor: Actor, report_id: UUID) -> ReportView:
    """One report, or NotFound."""
    found = _seen(actor).filter(id=report_id).first()
    if found is None:
        raise NotFound
    return _view(found)


def report_page(actor: Actor, report_id: UUID) -> ReportPage:
    """One report with what its page needs, in three queries, or NotFound."""
    found = _seen(actor).filter(id=report_id).annotate(typed=Q(sealed_typed__isnull=False)).first()
    if found is None:
        raise NotFound
    submission = (
        Submission.objects.filter(id=found.submission_id)
        .annotate(
            text=Q(sealed_text__isnull=False),
            contact=Q(sealed_contact__isnull=False),
            case=Q(sealed_case__isnull=False),
            receipt=Q(reply_key__isnull=False),
            written=Count("messages"),
            unread=Count("messages", filter=Q(messages__direction=Direction.TO_HOTLINE, messages__read_at=None)),
        )
        .values(
            "channel", "details", "text", "contact", "case", "receipt", "legal_hold", "police_hold", "written", "unread"
        )
        .get()
    )
    others = _seen(actor).filter(submission_id=found.submission_id).exclude(id=found.id).order_by("id")[:20]
    return ReportPage(
        report=_view(found),
        channel=submission["channel"],
        details=submission["details"],
        has_text=submission["text"],
        has_contact=submission["contact"],
        has_typed=found.typed,
        has_case=submission["case"],
        has_receipt=submission["receipt"],
        legal_hold=submission["legal_hold"],
        police_hold=submission["police_hold"],
        messages=submission["written"],
        unread=submission["unread"],
        others=[_view(r) for r in others],
    )


def contents_held(content_ids: Iterable[UUID]) -> set[UUID]:
    """Those contents of which a report is under a person's legal hold or the police's: nothing of them is destroyed."""
    rows = Report.objects.filter(content_id__in=list(content_ids))
    held = rows.filter(Q(submission__legal_hold=True) | Q(submission__police_hold=True))
    return {found for found in held.values_list("content_id", flat=True).distinct() if found is not None}


def police_hold_differs(submission_ids: Iterable[UUID], held: Iterable[UUID]) -> set[UUID]:
    """Which of these submissions are held though none of their contents is in `held`, or the other way round."""
    ids = list(submission_ids)
    should = Report.objects.filter(submission_id__in=ids, content_id__in=list(held)).values_list(
        "submission_id", flat=True
    )
    now = Submission.objects.filter(id__in=ids, police_hold=True).values_list("id", flat=True)
    return set(should) ^ set(now)


def messages_waiting(actor: Actor) -> QuerySet[Message]:
    """The first message nobody opened yet of each submission, with its `report_id` and `url`: all are opened there."""
    actor.require(OPEN_SEALED)
    unread = Message.objects.filter(direction=Direction.TO_HOTLINE, read_at=None)
    earlier = unread.filter(submission_id=OuterRef("submission_id"), place__lt=OuterRef("place"))
    report = Report.objects.filter(submission_id=OuterRef("submission_id")).order_by("id")
    return unread.filter(~Exists(earlier)).annotate(
        report_id=Subquery(report.values("id")[:1]), url=Subquery(report.values("url")[:1])
    )


def reports_of_content(actor: Actor, content_id: UUID) -> list[ReportView]:
    """The reports linked to a content item, the oldest first, at most 200."""
    return [_view(r) for r in _seen(actor).filter(content_id=content_id).order_by("received_hour", "id")[:200]]


def reports_rows(actor: Actor) -> QuerySet[Report]:
    """All reports, for a table."""
    return _seen(actor)


def reports_waiting(actor: Actor) -> QuerySet[Report]:
    """Reports that wait for a person's screening, for a table: a child at risk first, then the oldest."""
    return _seen(actor).filter(state=ReportState.RECEIVED).order_by("-child_at_risk", "received_hour", "id")


def reports_received_per_day(actor: Actor, since: date) -> list[DayFigure]:
    """Screened reports by day of receipt (the site's day) and outcome, from kept counts."""
    actor.require(SEE)
    rows = (
        DayCount.objects.filter(day__gte=since)
        .values("day", "outcome")
        .annotate(total=Sum("count"))
        .filter(total__gt=0)
        .order_by("day", "outcome")
    )
    return [DayFigure(r["day"], r["outcome"], r["total"]) for r in rows]


def desk(actor: Actor) -> list[Waiting]:
    """What waits here for this person."""
    waiting = []
    if actor.may(SCREEN):
        urgent = _count(Report.objects.filter(state=ReportState.RECEIVED, child_at_risk=True))
        if urgent:
            waiting.append(
                Waiting(
                    _("Reports of a child at risk, to screen"), urgent, reverse("intake_screening"), "error", alarm=True
                )
            )
    if actor.may(OPEN_SEALED):
        unread = _count(Message.objects.filter(direction=Direction.TO_HOTLINE, read_at=None))
        if unread:
            waiting.append(Waiting(_("Messages from reporters"), unread, reverse("intake_messages"), "info"))
    return waiting


def timeline(actor: Actor, content_id: UUID) -> list[Moment]:
    """What reports say about a content item; receipt to the hour."""
    moments = []
    for report in reports_of_content(actor, content_id):
        source = look("report_source", report.source).word
        moments.append(Moment(report.received_hour, "inbox", _("Reported"), source, "public", "info"))
        if report.screened_at is not None:
            shown = look("screening", report.screening)
            moments.append(Moment(report.screened_at, shown.icon, _("Screened"), shown.word, "system", shown.tone))
        if report.closed_at is not None:
            shown = look("report_outcome", report.outcome)
            moments.append(Moment(report.closed_at, shown.icon, _("Report closed"), shown.word, "system", shown.tone))
    return moments


def _seen(actor: Actor) -> QuerySet[Report]:
    if not actor.may(SEE):
        raise NotFound
    return Report.objects.defer("sealed_typed", "external_id")


def _count(rows: QuerySet[Any]) -> int:
    return rows[: COUNT_LIMIT + 1].count()


def _view(r: Report) -> ReportView:
    return ReportView(
        r.id,
        r.submission_id,
        Source(r.source),
        r.url,
        r.digest,
        r.received_hour,
        r.seen_on,
        r.child_at_risk,
        ReportState(r.state),
        r.screening,
        r.screened_at,
        r.content_id,
        r.outcome,
        r.closed_at,
    )
