"""The order of the queue: risk to a child first, and in words why.

Each sign is worth points; a point is worth an hour of waiting, so the order never changes by waiting alone and can be
stored and indexed. A child at risk now goes before everything.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

POINT = timedelta(hours=1)
RECENT = timedelta(days=1)
MOST_SOURCES = 5


class Sign(StrEnum):
    """Stored on the item. CHILD_AT_RISK: said by a report. CHILD_AT_RISK_SEEN: an analyst saw it."""

    CHILD_AT_RISK = "child_at_risk"
    CHILD_AT_RISK_SEEN = "child_at_risk_seen"
    POLICE_PATROL = "police_patrol"
    SOURCES = "sources"
    RECENT = "recent"
    HOST_KNOWN = "host_known"


POINTS = {
    Sign.CHILD_AT_RISK: 1_000_000,
    Sign.CHILD_AT_RISK_SEEN: 1_000_000,
    Sign.POLICE_PATROL: 48,
    Sign.SOURCES: 12,
    Sign.RECENT: 24,
    Sign.HOST_KNOWN: 24,
}


@dataclass(frozen=True)
class Signals:
    """What is known of an item. `sources`: distinct submissions. `host_known`: illegal items found on its host."""

    at_risk_reported: bool = False
    at_risk_seen: bool = False
    sources: int = 1
    police_patrol: bool = False
    last_seen_on: date | None = None
    host_known: int = 0


def assess(signals: Signals, today: date) -> tuple[int, dict[str, int]]:
    """Points, and the signs that gave them with their number."""
    found: dict[str, int] = {}
    if signals.at_risk_reported:
        found[Sign.CHILD_AT_RISK] = 1
    elif signals.at_risk_seen:
        found[Sign.CHILD_AT_RISK_SEEN] = 1
    if signals.police_patrol:
        found[Sign.POLICE_PATROL] = 1
    if signals.sources > 1:
        found[Sign.SOURCES] = signals.sources
    if signals.last_seen_on is not None and today - signals.last_seen_on <= RECENT:
        found[Sign.RECENT] = 1
    if signals.host_known:
        found[Sign.HOST_KNOWN] = signals.host_known
    points = sum(
        POINTS[Sign(sign)] * (min(number, MOST_SOURCES) - 1 if sign == Sign.SOURCES else 1)
        for sign, number in found.items()
    )
    return points, {str(sign): number for sign, number in found.items()}


def priority(points: int, opened_at: datetime) -> int:
    """The stored order, highest first: points in hours, less the hour of opening."""
    return points * int(POINT.total_seconds()) - int(opened_at.timestamp())
