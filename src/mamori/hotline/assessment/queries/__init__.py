"""What others may read of this room."""

from mamori.hotline.assessment.queries.items import (
    ContentView,
    DecisionView,
    ReportView,
    at_risk_since,
    closed_before,
    confirmed_since,
    content_address,
    content_at,
    content_state,
    content_urls,
    content_view,
    contents_on_host,
    decision_of,
    is_at_risk,
    reports_of,
    submissions_of,
    timeline,
)
from mamori.hotline.assessment.queries.queue import desk, queue
from mamori.hotline.assessment.queries.statistics import Agreement, OutcomeCount, agreement, outcomes_per_day

__all__ = [
    "Agreement",
    "ContentView",
    "DecisionView",
    "OutcomeCount",
    "ReportView",
    "agreement",
    "at_risk_since",
    "closed_before",
    "confirmed_since",
    "content_address",
    "content_at",
    "content_state",
    "content_urls",
    "content_view",
    "contents_on_host",
    "decision_of",
    "desk",
    "is_at_risk",
    "outcomes_per_day",
    "queue",
    "reports_of",
    "submissions_of",
    "timeline",
]
