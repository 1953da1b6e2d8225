"""The life of a content item, apart from the opinions about it."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import canonicalize
from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError
from mamori.ground.facts import announce
from mamori.hotline.assessment.criteria import VERSIONS
from mamori.hotline.assessment.facts import (
    ChildAtRiskFound,
    ContentFinished,
    ContentOpened,
    ContentReopened,
    ContentReported,
)
from mamori.hotline.assessment.models import ContentItem, ContentReport, Criteria
from mamori.hotline.assessment.permissions import ASSESS, REOPEN
from mamori.hotline.assessment.services.leases import end_lease, own_lease
from mamori.hotline.assessment.services.rows import again, event_add, locked, move, rate, reports_close
from mamori.hotline.assessment.states import (
    ENDS,
    GONE_REASONS,
    ILLEGAL,
    UNDER_LEASE,
    UNSEEN_REASONS,
    WAITING,
    ContentState,
    LeaseEnd,
    Reason,
    Verdict,
)
from mamori.hotline.intake.queries import report_get
from mamori.hotline.intake.services import report_close, report_link
from mamori.hotline.intake.states import Outcome

S = ContentState
TRACE_WAIT = timedelta(minutes=10)
SETTLED_FOR = timedelta(hours=24)  # a new report within this time of a dismissal gets the same answer
UNSEEN_FOR = timedelta(days=7)  # how long content that cannot be seen may be tried again
WATCH_FROM = timedelta(days=1)
WATCH_FOR = timedelta(days=91)  # past the last look of the watch, at 90 days
BATCH = 500
OUTCOME_OF = {
    Verdict.NOT_ILLEGAL: Outcome.NOT_ILLEGAL,
    Verdict.IGNORE: Outcome.OUT_OF_REMIT,
    Verdict.UNDETERMINED: Outcome.INSUFFICIENT_INFORMATION,
}


@transaction.atomic
def content_open(*, actor: Actor, report_id: UUID, urgent: bool = False) -> UUID:
    """Link a screened report to the item of its canonical address, which is made if it is new. Safe to run twice."""
    actor.require("system.only")
    report = report_get(actor, report_id)
    address = canonicalize(report.url)
    now = clock.now()
    content, new = ContentItem.objects.get_or_create(
        digest=address.digest,
        defaults={
            "url": address.url,
            "host": address.host,
            "registrable": address.registrable or "",
            "state": S.TRACING,
            "opened_at": now,
            "state_at": now,
        },
    )
    content = locked(content.id)
    if not content.url:
        content.url, content.host, content.registrable = address.url, address.host, address.registrable or ""
        content.save(update_fields=["url", "host", "registrable"])
    if new:
        event_add(content, was="", actor=actor)
        audit.record("assessment.opened", subject=content, actor=actor)
        announce(ContentOpened(content.id))
    link, linked = ContentReport.objects.get_or_create(
        report_id=report_id,
        defaults={
            "content": content,
            "submission_id": report.submission_id,
            "source": report.source,
            "seen_on": report.seen_on,
            "linked_at": now,
        },
    )
    if linked:
        report_link(actor=actor, report_id=report_id, content_id=content.id)
        _count(content, link)
    alarmed = urgent and not link.urgent
    if alarmed:
        link.urgent = True
        link.save(update_fields=["urgent"])
        content.at_risk = content.at_risk_reported = True
        audit.record("assessment.child_at_risk", subject=content, actor=actor, report=report_id)
        announce(ChildAtRiskFound(content.id, report_id))
    rate(content)
    if linked and not new:
        announce(ContentReported(content.id))
    if (linked or alarmed) and not new:
        _reported_again(content, link, actor=actor)
    return content.id


def _count(content: ContentItem, link: ContentReport) -> None:
    others = ContentReport.objects.filter(content=content, submission_id=link.submission_id).exclude(id=link.id)
    content.report_count += 1
    content.sources += 0 if others.exists() else 1
    content.patrolled |= link.source == "patrol"
    if link.seen_on and (content.last_seen_on is None or link.seen_on > content.last_seen_on):
        content.last_seen_on = link.seen_on


def _reported_again(content: ContentItem, link: ContentReport, *, actor: Actor) -> None:
    """Somebody saw it after it was ended: look again, unless it was dismissed only now."""
    if content.state not in {*ENDS, S.NOT_ILLEGAL, S.WATCH, S.CLOSED, S.CANNOT_ACCESS}:
        return
    dismissed = content.verdict and Verdict(content.verdict) not in ILLEGAL
    recent = content.settled_at is not None and clock.now() - content.settled_at < SETTLED_FOR
    if dismissed and recent and content.state in {S.NOT_ILLEGAL, S.CLOSED} and not link.urgent:
        report_close(actor=actor, report_id=link.report_id, outcome=OUTCOME_OF[Verdict(content.verdict)])
        link.closed_at = clock.now()
        link.save(update_fields=["closed_at"])
        return
    _once_more(content, actor=actor, code="reported_again")


@transaction.atomic
def content_traced(*, actor: Actor, content_id: UUID) -> None:
    """The trace came to an end, whatever it found. Nothing happens when the item has moved on already."""
    content = locked(content_id)
    if content.state == S.TRACING:
        move(content, S.AWAITING_ASSESSMENT, actor=actor)


@transaction.atomic
def content_monitored(*, actor: Actor, content_id: UUID) -> None:
    """The first notice is out: from now on its removal is watched. Safe to call again."""
    content = locked(content_id)
    if content.state == S.ACTIONING:
        move(content, S.MONITORING, actor=actor)


@transaction.atomic
def content_finish(*, actor: Actor, content_id: UUID, end: ContentState, reason: Reason | None = None) -> None:
    """It is removed, unavailable or moved (or turned out not illegal): closes its reports. Safe to call again."""
    content = locked(content_id)
    if content.state == end:
        return
    if end not in {*ENDS, S.NOT_ILLEGAL}:
        raise DomainError("not_an_end", _("A content item cannot end like that."), status=422)
    unseen = content.state == S.CANNOT_ACCESS
    content.reason = str(reason or content.reason)
    move(content, end, actor=actor, code=content.reason, changed=("reason",))
    reports_close(content, _outcome(end, content.reason, unseen=unseen), actor=SYSTEM)
    announce(ContentFinished(content.id))


def _outcome(end: ContentState, reason: str, *, unseen: bool) -> Outcome:
    if unseen:
        return Outcome.ALREADY_GONE if reason in GONE_REASONS else Outcome.INSUFFICIENT_INFORMATION
    return {S.REMOVED: Outcome.REMOVED, S.NOT_ILLEGAL: Outcome.NOT_ILLEGAL}.get(end, Outcome.ACTIONED)


@transaction.atomic
def content_resurfaced(*, actor: Actor, content_id: UUID) -> None:
    """Content that was confirmed illegal and gone is online again as it was: act again, without a new opinion."""
    content = locked(content_id)
    if content.state in {S.ACTIONING, S.MONITORING}:
        return
    if content.verdict not in ILLEGAL or not content.url:
        raise DomainError(
            "not_confirmed", _("This was never confirmed as illegal."), remedy=_("Have it assessed anew instead.")
        )
    content.reason = ""
    move(content, S.ACTIONING, actor=actor, code="resurfaced", changed=("reason",))
    announce(ContentReopened(content.id))


@transaction.atomic
def content_reassess(*, actor: Actor, content_id: UUID) -> None:
    """The content changed, or can be seen again: a new round of opinions."""
    content = locked(content_id)
    actor.require(ASSESS if content.state == S.CANNOT_ACCESS else REOPEN)
    _once_more(content, actor=actor, code="reassess")


@transaction.atomic
def content_changed(*, actor: Actor, content_id: UUID) -> None:
    """Another page stands where confirmed content stood: a new round of opinions. One that is open is not disturbed.

    Nothing is announced: what two persons found stands until the round is over, so that a block is not lifted by
    changing a page.
    """
    content = locked(content_id)
    if content.state in {S.ACTIONING, S.MONITORING} and content.url:
        again(content, actor=actor, code="reassess")


@transaction.atomic
def content_reopen(*, actor: Actor, content_id: UUID) -> None:
    """An appeal asks for another look at a settled item."""
    actor.require(REOPEN)
    _once_more(locked(content_id), actor=actor, code="appeal")


def _once_more(content: ContentItem, *, actor: Actor, code: str) -> None:
    """A new round. One that is still open is not disturbed."""
    if content.state in {*WAITING, *UNDER_LEASE, S.ASSESSED}:
        raise DomainError(
            "round_open",
            _("This item is being assessed already."),
            remedy=_("Wait until the opinions are given."),
        )
    if not content.url:
        raise DomainError(
            "address_forgotten",
            _("The address was destroyed when its retention period ended."),
            remedy=_("A new report of it brings it back."),
        )
    reopened = content.state != S.CANNOT_ACCESS
    again(content, actor=actor, code=code)
    if reopened:
        announce(ContentReopened(content.id))


@transaction.atomic
def content_cannot_access(*, actor: Actor, content_id: UUID, reason: Reason) -> None:
    """The analyst who holds the lease cannot see the content."""
    if reason not in UNSEEN_REASONS:
        raise DomainError("wrong_reason", _("This is not a reason why content cannot be seen."), status=422)
    content = locked(content_id)
    lease = own_lease(actor, content)
    content.reason = str(reason)
    move(content, S.CANNOT_ACCESS, actor=actor, code=content.reason, changed=("reason",))
    end_lease(lease, LeaseEnd.RELEASED)


@transaction.atomic
def contents_age() -> None:
    """What time alone brings about: no wait for a slow trace, the watch, and the end of it."""
    now = clock.now()
    due = Q(state=S.TRACING, state_at__lt=now - TRACE_WAIT)
    due |= Q(state=S.CANNOT_ACCESS, state_at__lt=now - UNSEEN_FOR)
    due |= Q(state__in=list(ENDS), state_at__lt=now - WATCH_FROM)
    due |= Q(state__in=[S.WATCH, S.NOT_ILLEGAL], state_at__lt=now - WATCH_FOR)
    rows = ContentItem.objects.select_for_update(skip_locked=True).filter(due).order_by("state_at")
    for content in rows[:BATCH]:
        if content.state == S.CANNOT_ACCESS:
            content_finish(actor=SYSTEM, content_id=content.id, end=S.UNAVAILABLE)
            continue
        to = {S.TRACING: S.AWAITING_ASSESSMENT, S.WATCH: S.CLOSED, S.NOT_ILLEGAL: S.CLOSED}
        move(content, to.get(ContentState(content.state), S.WATCH), actor=SYSTEM, code="time")


def criteria_install() -> None:
    """Store the versions of the criteria that this release ships. A stored version is never changed."""
    if Criteria._meta.db_table not in connection.introspection.table_names():
        return
    Criteria.objects.bulk_create([Criteria(**version) for version in VERSIONS], ignore_conflicts=True)


def criteria_now() -> Criteria:
    """The criteria in force in this jurisdiction."""
    today = clock.now().date()
    criteria = (
        Criteria.objects.filter(jurisdiction=settings.JURISDICTION, in_force_from__lte=today)
        .order_by("-in_force_from")
        .first()
    )
    if criteria is None:
        raise DomainError(
            "no_criteria",
            _("No criteria are in force for this country."),
            remedy=_("The operator sets MAMORI_JURISDICTION to a country whose criteria are installed."),
            status=503,
        )
    return criteria
