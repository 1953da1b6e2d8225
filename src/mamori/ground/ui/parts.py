"""What templates are given: navigation, clocks, key-value lists, the footer's pages."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mamori.ground.ui.states import Tone

Text = str | Promise


@dataclass(frozen=True)
class NavItem:
    """A desk in the left navigation. `count` waits there (None: not counted); `key` is its one-letter accelerator."""

    title: Text
    url: str
    current: bool = False
    count: int | None = None
    key: str = ""
    icon: str = "dot"


@dataclass(frozen=True)
class KeyValue:
    """A term and what it is. `render` as in `ui.cells`: text, address, moment, digest."""

    term: Text
    value: object
    render: str = "text"


@dataclass(frozen=True)
class Clock:
    """A deadline: derived from recorded events, never stored."""

    title: Text
    started_at: datetime
    due_at: datetime
    url: str = ""

    def at(self, now: datetime) -> "Reading":
        """Read the clock. A clock whose time is nothing is over at once."""
        whole = (self.due_at - self.started_at).total_seconds()
        used = (now - self.started_at).total_seconds()
        percent = max(0, int(100 * used / whole)) if whole > 0 else 100
        over = now >= self.due_at
        percent = 100 if over else min(percent, 99)
        tone, icon, word = _reading(percent)
        span = duration(abs(self.due_at - now))
        rest = _("%(time)s over") % {"time": span} if over else _("%(time)s left") % {"time": span}
        return Reading(percent, tone, icon, word, rest)


@dataclass(frozen=True)
class Reading:
    """A clock at a moment: percent used (100 when it is over), tone and word of its step, time left or over."""

    percent: int
    tone: Tone
    icon: str
    word: str
    rest: str


def _reading(percent: int) -> tuple[Tone, str, str]:
    if percent >= 100:
        return "error", "alert", _("Overdue")
    if percent >= 80:
        return "warning", "alert", _("Running out")
    if percent >= 50:
        return "info", "clock", _("Half gone")
    return "neutral", "clock", _("In time")


def duration(span: timedelta) -> str:
    """A span in its two largest units, rounded down: 3 days 4 h, 5 h 20 min, 12 min."""
    minutes = int(span.total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    if days:
        parts = [ngettext("%(n)d day", "%(n)d days", days) % {"n": days}]
        return " ".join([*parts, _("%(n)d h") % {"n": hours}] if hours else parts)
    if hours:
        parts = [_("%(n)d h") % {"n": hours}]
        return " ".join([*parts, _("%(n)d min") % {"n": minutes % 60}] if minutes % 60 else parts)
    return _("%(n)d min") % {"n": minutes}


def case_url(content_id: object) -> str:
    """Where the case of a content item is shown; empty where this face shows no cases."""
    try:
        return reverse("desks_case", args=[content_id])
    except NoReverseMatch:
        return ""


_public_pages: dict[str, tuple[int, Text]] = {}


def register_public_page(url_name: str, title: Text, *, order: int) -> None:
    """Put a page into the footer of every public page. Rooms do so for their own in `AppConfig.ready`."""
    _public_pages[url_name] = (order, title)


def public_pages(current: str = "") -> list[NavItem]:
    """The footer's links in their order; pages this face does not have are left out."""
    items = []
    for url_name, (_order, title) in sorted(_public_pages.items(), key=lambda page: (page[1][0], page[0])):
        try:
            items.append(NavItem(title, reverse(url_name), current=url_name == current))
        except NoReverseMatch:
            continue
    return items
