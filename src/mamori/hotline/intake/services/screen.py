"""Move reports along: screened, linked, closed; tell reporters later and in batches."""

import math
import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Random
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock, states
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.facts import announce
from mamori.hotline.intake.facts import ReportAccepted, UrgentReportArrived
from mamori.hotline.intake.models import HELD, DayCount, OneUse, Report, Submission
from mamori.hotline.intake.permissions import WITHHOLD
from mamori.hotline.intake.states import ENDS, REPORT, Outcome, ReportState, Screening, Source

CHUNK = 500
MOST = 20_000  # in one run of the sweep
RELEASE_HOUR = 4  # of the site's day: when closings are shown
RELEASE_AFTER = timedelta(hours=24)


def reports_screen_new() -> int:
    """Accept new reports that need no person, in random order. Those of a child at risk wait for a person.

    Whether a public report is taken now is drawn anew at each sweep: its wait is random, without memory and stored
    nowhere, so that the precise moment of its screening does not tell when it came.
    """
    waiting = Report.objects.filter(state=ReportState.RECEIVED, child_at_risk=False).annotate(draw=Random())
    due = waiting.filter(~Q(source=Source.PUBLIC) | Q(draw__lt=_chance())).order_by("received_hour")
    ids = list(due.values_list("id", flat=True)[:MOST])
    random.SystemRandom().shuffle(ids)
    return sum(accept_some(ids[at : at + CHUNK]) for at in range(0, len(ids), CHUNK))


def _chance() -> float:
    """Of a report to be taken in one sweep, so that it waits SCREENING_DELAY_SECONDS in the mean."""
    mean = settings.SCREENING_DELAY_SECONDS
    return 1 - math.exp(-settings.SWEEP_SECONDS / mean) if mean > 0 else 1.0


@transaction.atomic
def accept_some(ids: Sequence[UUID]) -> int:
    """Accept those of `ids` that are new and need no person. Returns how many."""
    rows = Report.objects.filter(id__in=ids, state=ReportState.RECEIVED, child_at_risk=False)
    found = list(rows.select_for_update(skip_locked=True).only("id", "source", "received_hour", "state"))
    if not found:
        return 0
    random.SystemRandom().shuffle(found)
    REPORT.check(SYSTEM, ReportState.RECEIVED, ReportState.SCREENED)
    now = clock.now()
    Report.objects.filter(id__in=[r.id for r in found]).update(
        state=ReportState.SCREENED, screening=Screening.ACCEPTED, screened_at=now
    )
    _record_public_receipt(found)
    audit.record_many(
        "intake.screened",
        subjects=[(r, {"was": "received", "now": "screened", "screening": "accepted", "by": "rule"}) for r in found],
        actor=SYSTEM,
    )
    _count([(r, "", 1) for r in found])
    announce(*(ReportAccepted(r.id) for r in found))
    return len(found)


@transaction.atomic
def report_screen(*, actor: Actor, report_id: UUID, outcome: Screening) -> None:
    """A person screens a report that waits. What is out of remit or spam is closed with it."""
    report = _lock(report_id)
    screening = Screening(outcome)
    report.screening, report.screened_at = screening, clock.now()
    states.move(
        report,
        ReportState.SCREENED,
        machine=REPORT,
        actor=actor,
        event="intake.screened",
        changed=("screening", "screened_at"),
        screening=screening,
    )
    _record_public_receipt([report])
    _count([(report, "", 1)])
    if screening in ENDS:
        _close(actor, report, ENDS[screening])
        return
    urgent = screening == Screening.URGENT_CHILD_AT_RISK
    announce(UrgentReportArrived(report.id) if urgent else ReportAccepted(report.id))


@transaction.atomic
def report_link(*, actor: Actor, report_id: UUID, content_id: UUID) -> None:
    """Link a screened report to its content item. The same link again changes nothing."""
    report = _lock(report_id)
    if report.content_id is not None:
        if report.content_id != content_id:
            raise DomainError("linked_elsewhere", _("This report is linked to other content."))
        return
    report.content_id = content_id
    states.move(
        report,
        ReportState.LINKED,
        machine=REPORT,
        actor=actor,
        event="intake.linked",
        changed=("content_id",),
        content=content_id,
    )


@transaction.atomic
def report_close(*, actor: Actor, report_id: UUID, outcome: Outcome) -> None:
    """Close a report. Closing a closed one changes nothing: the first outcome stands."""
    report = _lock(report_id)
    if report.state != ReportState.CLOSED:
        _close(actor, report, Outcome(outcome))


@transaction.atomic
def closings_release() -> int:
    """Once a day, let receipts say "closed" whose reports have all been closed for a day and are not held."""
    now = clock.now()
    local = timezone.localtime(now)
    gate = local.replace(hour=RELEASE_HOUR, minute=0, second=0, microsecond=0)
    if local < gate:
        gate -= timedelta(days=1)
    due = Submission.objects.filter(
        ~HELD, released_hour=None, closed_at__isnull=False, closed_at__lte=gate - RELEASE_AFTER
    )
    ids = list(due.select_for_update(skip_locked=True).values_list("id", flat=True)[:10_000])
    random.SystemRandom().shuffle(ids)
    Submission.objects.filter(id__in=ids).update(released_hour=clock.this_hour())
    if ids:
        audit.record("intake.closings_released", subject="intake:closings", actor=SYSTEM, count=len(ids))
    return len(ids)


@transaction.atomic
def submission_withhold(*, actor: Actor, submission_id: UUID, withheld: bool) -> None:
    """A person's legal hold: its closing is not shown and nothing of it destroyed, until a person ends that."""
    actor.require(WITHHOLD)
    submission = _submission(submission_id)
    _hold(submission, legal=withheld, police=submission.police_hold)
    audit.record("intake.withheld", subject=submission, actor=actor, withheld=withheld)


@transaction.atomic
def submission_police_hold(*, actor: Actor, submission_id: UUID, is_held: Callable[[UUID], bool]) -> None:
    """Hold a submission while police hold any of its contents; a person's legal hold is not touched. Safe to run again."""
    actor.require("system.only")
    submission = _submission(submission_id)
    contents = submission.reports.filter(content_id__isnull=False).values_list("content_id", flat=True)
    police = any(is_held(content_id) for content_id in contents if content_id)
    if police != submission.police_hold:
        _hold(submission, legal=submission.legal_hold, police=police)
        audit.record("intake.police_hold", subject=submission, actor=actor, held=police)


@transaction.atomic
def counts_compact() -> None:
    """Sum up the changes of each day's counts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH gone AS (DELETE FROM intake_daycount WHERE day IN (SELECT day FROM intake_daycount"
            " GROUP BY day, outcome HAVING count(*) > 1) RETURNING day, outcome, count)"
            " INSERT INTO intake_daycount (day, outcome, count)"
            " SELECT day, outcome, sum(count) FROM gone GROUP BY day, outcome HAVING sum(count) <> 0"
        )


@transaction.atomic
def used_forget() -> None:
    """Forget proofs and tickets that no longer hold anyway."""
    OneUse.objects.filter(expires_hour__lte=clock.now()).delete()


def _submission(submission_id: UUID) -> Submission:
    submission = Submission.objects.select_for_update().filter(id=submission_id).first()
    if submission is None:
        raise NotFound
    return submission


def _hold(submission: Submission, *, legal: bool, police: bool) -> None:
    held = submission.legal_hold or submission.police_hold
    if held and not (legal or police) and submission.closed_at is not None:
        submission.closed_at = clock.now()  # the day's wait begins anew: the end of a hold must not show
    submission.legal_hold, submission.police_hold = legal, police
    submission.save(update_fields=["legal_hold", "police_hold", "closed_at"])


def _lock(report_id: UUID) -> Report:
    report = Report.objects.select_for_update().filter(id=report_id).first()
    if report is None:
        raise NotFound
    return report


def _close(actor: Actor, report: Report, outcome: Outcome) -> None:
    now = clock.now()
    report.outcome, report.closed_at = outcome, now
    states.move(
        report,
        ReportState.CLOSED,
        machine=REPORT,
        actor=actor,
        event="intake.closed",
        changed=("outcome", "closed_at"),
        outcome=outcome,
    )
    _count([(report, "", -1), (report, outcome, 1)])
    submission = Submission.objects.select_for_update().get(id=report.submission_id)
    if not submission.reports.exclude(state=ReportState.CLOSED).exists():
        submission.closed_at = now
        submission.save(update_fields=["closed_at"])


def _record_public_receipt(reports: Sequence[Report]) -> None:
    """The log learns of a public report only now, and no more than its hour."""
    for hour in {r.received_hour for r in reports if r.source == Source.PUBLIC}:
        audit.record_many(
            "intake.received",
            subjects=[
                (r, {"source": r.source}) for r in reports if r.source == Source.PUBLIC and r.received_hour == hour
            ],
            actor=SYSTEM,
            at=hour,
        )


def _count(changes: Sequence[tuple[Report, str, int]]) -> None:
    sums: dict[tuple[date, str], int] = {}
    for report, outcome, change in changes:
        key = (timezone.localtime(report.received_hour).date(), str(outcome))
        sums[key] = sums.get(key, 0) + change
    DayCount.objects.bulk_create(
        [DayCount(day=day, outcome=outcome, count=count) for (day, outcome), count in sums.items()]
    )
