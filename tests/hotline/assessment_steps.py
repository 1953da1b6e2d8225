"""Steps that tests of the assessment share: reports come in through intake's own services and the stored jobs."""

from itertools import count
from uuid import UUID

from mamori.engine.addresses import canonicalize
from mamori.ground import clock
from mamori.ground.accounts.models import User
from mamori.ground.actors import SYSTEM
from mamori.ground.facts import announce
from mamori.hotline.assessment import services
from mamori.hotline.assessment.models import ContentItem
from mamori.hotline.assessment.states import Verdict
from mamori.hotline.intake.facts import ReportAccepted, UrgentReportArrived
from mamori.hotline.intake.models import Report, Submission

_numbers = count(1)
CODES = ["JP-7-6"]


def report(url: str = "", *, source: str = "public", urgent: bool = False, **fields: object) -> UUID:
    """A screened report as intake leaves it, and its announcement."""
    hour = clock.this_hour()
    submission = Submission.objects.create(source=source, received_hour=hour, locale="ja")
    address = canonicalize(url or f"https://site.example/{next(_numbers)}")
    row = Report.objects.create(
        submission=submission,
        source=source,
        received_hour=hour,
        url=address.url,
        digest=address.digest,
        state="screened",
        screening="urgent_child_at_risk" if urgent else "accepted",
        screened_at=clock.now(),
        **fields,
    )
    announce(UrgentReportArrived(row.id) if urgent else ReportAccepted(row.id))
    return row.id


def item(url: str = "", **fields: object) -> ContentItem:
    """A content item of one report, without the detour over jobs."""
    row = Report.objects.get(id=report(url, **fields))
    return ContentItem.objects.get(
        id=services.content_open(actor=SYSTEM, report_id=row.id, urgent=row.screening == "urgent_child_at_risk")
    )


def give(user: User, content: ContentItem, verdict: Verdict, **more: object) -> UUID:
    """Take an item and give an opinion."""
    services.lease_take(actor=user.actor, content_id=content.id)
    codes = CODES if verdict.illegal else []
    return services.decide(actor=user.actor, content_id=content.id, verdict=verdict, law_codes=codes, **more)


def confirmed(first: User, second: User, url: str = "", verdict: Verdict = Verdict.NATIONAL) -> ContentItem:
    """An item that two persons found illegal."""
    content = item(url)
    give(first, content, verdict)
    give(second, content, verdict)
    content.refresh_from_db()
    return content
