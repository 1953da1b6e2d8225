"""The one source of time. A demo may run ahead of real time by an offset kept in a file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC) + _demo_offset()  # noqa: TID251 - the one place that may ask the machine


def of_the_machine(moment: datetime) -> datetime:
    """A moment that another program noted by the machine's clock, as `now` tells time at present."""
    return moment + _demo_offset()


def this_hour() -> datetime:
    """The present moment cut to the hour: the finest time kept about a reporter."""
    return now().replace(minute=0, second=0, microsecond=0)


def _demo_offset() -> timedelta:
    path: Path | None = settings.DEMO_CLOCK_FILE
    if path is None:
        return timedelta()
    try:
        return timedelta(seconds=float(path.read_text()))
    except FileNotFoundError:
        return timedelta()
