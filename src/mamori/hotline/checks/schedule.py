"""When content is looked at again: computed from recorded checks only."""

from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GONE_AFTER = 3
WEEK = 7 * DAY
GONE_SPAN = timedelta(minutes=30)
BANDS = ((DAY, HOUR), (3 * DAY, 4 * HOUR), (14 * DAY, 12 * HOUR))
"""Age of the watch up to which an interval holds; daily after the last."""
COMES_BACK = (DAY, WEEK, 30 * DAY, 90 * DAY)
JITTER = 0.1


def interval(age: timedelta) -> timedelta:
    return next((every for until, every in BANDS if age < until), DAY)


def next_while_watching(content_id: UUID, *, since: datetime, last_at: datetime | None, negatives: int) -> datetime:
    """After a negative the next comes in 16 to 24 minutes, so that three fit into 30 to 60."""
    if last_at is None:
        return since
    chance = _chance(content_id, last_at)
    if negatives:
        return last_at + timedelta(minutes=16 + 8 * chance)
    return last_at + interval(last_at - since) * (1 - JITTER + 2 * JITTER * chance)


def next_for_people(*, since: datetime, last_at: datetime | None, asked_at: datetime | None) -> datetime:
    """When a person should look, where re-check is off: when asked for, daily in the first week, weekly later."""
    if asked_at is not None and (last_at is None or asked_at > last_at):
        return asked_at
    seen = last_at or since
    return seen + (DAY if seen - since < WEEK else WEEK)


def next_after_gone(*, gone_at: datetime, last_at: datetime) -> datetime | None:
    """The next look for content that may come back; None when the last has been."""
    return next((gone_at + after for after in COMES_BACK if gone_at + after > last_at), None)


def soonest(every: timedelta) -> timedelta:
    """The shortest an interval can become by jitter."""
    return every * (1 - JITTER)


def _chance(content_id: UUID, at: datetime) -> float:
    """Between 0 and 1; the same for the same content and moment, foreseeable by nobody outside."""
    seed = sha256(content_id.bytes + at.isoformat().encode()).digest()
    return int.from_bytes(seed[:4]) / 2**32
