"""How far an import has come, in words; and what to think of one that does not move."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from mamori.ground.ui.parts import duration
from mamori.lists.fingerprints.models import ImportRun
from mamori.lists.fingerprints.states import UNREAD, ImportState

REFRESH_SECONDS = 5
SILENT = timedelta(minutes=1)  # without a batch kept: then the page says so, and asks no more by itself
_LEAST = 0.5  # seconds of reading from which a rate means something


@dataclass(frozen=True)
class Progress:
    """`percent`: None for a file whose records nobody counted. `silent`: nothing was kept for a while."""

    counted: str
    percent: int | None
    rate: str
    left: str
    waits: bool
    silent: bool


def progress_of(run: ImportRun, now: datetime) -> Progress | None:
    """None for an import that has ended."""
    if run.state not in UNREAD:
        return None
    each = rate_of(run)
    left = ""
    if each and run.total:
        span = timedelta(seconds=(run.total - run.read) / each)
        left = _("less than a minute") if span < timedelta(minutes=1) else duration(span)
    last = max(at for at in (run.started_at, run.reading_at, run.moved_at) if at)
    return Progress(
        counted=_counted(run),
        percent=100 * run.read // run.total if run.total else None,
        rate=_("%(number)s records a second") % {"number": _number(each)} if each else "",
        left=left,
        waits=run.state == ImportState.WAITING,
        silent=now - last >= SILENT,
    )


def rate_of(run: ImportRun) -> float | None:
    """Records a second of the present or last reading; None where it was too short to tell."""
    if run.reading_at is None or run.moved_at is None:
        return None
    seconds = (run.moved_at - run.reading_at).total_seconds()
    return (run.read - run.reading_from) / seconds if seconds >= _LEAST else None


def _counted(run: ImportRun) -> str:
    if run.total is None:
        return _("%(read)s records read") % {"read": _number(run.read)}
    return _("%(read)s of %(total)s records read") % {"read": _number(run.read), "total": _number(run.total)}


def _number(value: float) -> str:
    return number_format(round(value), use_l10n=True, force_grouping=True)
