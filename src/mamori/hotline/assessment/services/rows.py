"""Lock, move and rate an item: what every service of this room does."""

from uuid import UUID

from django.utils import timezone

from mamori.ground import audit, clock, states
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.hotline.assessment import risk
from mamori.hotline.assessment.models import ContentEvent, ContentItem, ContentReport
from mamori.hotline.assessment.states import CONTENT, ILLEGAL, ContentState
from mamori.hotline.intake.services import report_close
from mamori.hotline.intake.states import Outcome

MOST_HOST = 100


def locked(content_id: UUID) -> ContentItem:
    content = ContentItem.objects.select_for_update().filter(id=content_id).first()
    if content is None:
        raise NotFound
    return content


def move(
    content: ContentItem, to: ContentState, *, actor: Actor, code: str = "", changed: tuple[str, ...] = ()
) -> None:
    """Move a locked item, and keep the event."""
    was, content.state_at = content.state, clock.now()
    states.move(
        content,
        to,
        machine=CONTENT,
        actor=actor,
        event=f"assessment.{to}",
        changed=("state_at", *changed),
        **({"code": code} if code else {}),
    )
    event_add(content, was=was, actor=actor, code=code)


def event_add(content: ContentItem, *, was: str, actor: Actor, code: str = "") -> None:
    ContentEvent.objects.create(
        content=content, at=content.state_at, was=was, now=content.state, code=code, actor_kind=actor.kind
    )


def rate(content: ContentItem) -> None:
    """Compute and save the place in the queue."""
    on_host = ContentItem.objects.filter(host=content.host, verdict__in=list(ILLEGAL)).exclude(id=content.id)
    content.risk_points, content.risk_signs = risk.assess(
        risk.Signals(
            at_risk_reported=content.at_risk_reported,
            at_risk_seen=content.at_risk,
            sources=content.sources,
            police_patrol=content.patrolled,
            last_seen_on=content.last_seen_on,
            host_known=on_host[:MOST_HOST].count(),
        ),
        timezone.localdate(clock.now()),
    )
    content.priority = risk.priority(content.risk_points, content.opened_at)
    content.save(
        update_fields=[
            *("at_risk", "at_risk_reported", "patrolled", "report_count", "sources", "last_seen_on"),
            *("risk_points", "risk_signs", "priority"),
        ]
    )


def again(content: ContentItem, *, actor: Actor, code: str) -> None:
    """Back to the queue for a new round of opinions."""
    content.round += 1
    content.position = 1
    content.reason = ""
    move(
        content,
        ContentState.AWAITING_ASSESSMENT,
        actor=actor,
        code=code,
        changed=("round", "position", "reason"),
    )


def reports_close(content: ContentItem, outcome: Outcome, *, actor: Actor) -> None:
    """Close the item's open reports in intake."""
    rows = list(ContentReport.objects.select_for_update().filter(content=content, closed_at=None))
    for row in rows:
        report_close(actor=actor, report_id=row.report_id, outcome=outcome)
        row.closed_at = clock.now()
    ContentReport.objects.bulk_update(rows, ["closed_at"], batch_size=1000)
    if rows:
        audit.record("assessment.reports_closed", subject=content, actor=actor, number=len(rows), outcome=str(outcome))
