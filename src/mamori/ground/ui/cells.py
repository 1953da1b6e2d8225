"""How a single value is shown: as HTML in a table or a list, and as plain text in an export."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from mamori.engine.addresses import defang
from mamori.ground.ui.icons import icon
from mamori.ground.ui.states import look


def state(machine: str, value: str) -> SafeString:
    """The tag of a state: its one word in its one colour, with an icon."""
    shown = look(machine, value)
    return format_html('<span class="tag tone-{}">{}{}</span>', shown.tone, icon(shown.icon), shown.word)


def defanged(url: str) -> str:
    """An address, or a bare name, nobody can click or paste by mistake."""
    return defang(url) if "://" in url else url.replace(".", "[.]")


def address(url: str) -> SafeString:
    """An address as defanged text in mono, never a link."""
    return format_html('<bdi class="address" translate="no">{}</bdi>', defanged(url))


def digest(value: str | bytes) -> SafeString:
    """A hash in mono; long ones are cut in the middle, the whole is in the title."""
    text = value.hex() if isinstance(value, bytes) else value
    short = text if len(text) <= 20 else f"{text[:10]}…{text[-6:]}"
    return format_html('<span class="mono" translate="no" title="{}">{}</span>', text, short)


def grouped(value: str) -> str:
    """A hash as people read it out and compare it: in groups of 16."""
    return " ".join(value[n : n + 16] for n in range(0, len(value), 16))


def spoken(value: str) -> SafeString:
    """A whole hash in mono, in groups."""
    return format_html('<span class="mono" translate="no">{}</span>', grouped(value))


def code(value: str) -> SafeString:
    """A reference that stays in one line, so that it can be read out and compared."""
    return format_html('<span class="code">{}</span>', value)


def moment(at: datetime) -> SafeString:
    """A moment in the site's own time zone, to the minute."""
    local = timezone.localtime(at)
    return format_html('<time datetime="{}">{}</time>', at.isoformat(timespec="seconds"), f"{local:%Y-%m-%d %H:%M}")


def day(on: date) -> SafeString:
    return format_html('<time datetime="{0}">{0}</time>', on.isoformat())


def number(value: float) -> SafeString:
    return format_html('<span class="number">{}</span>', number_format(value, use_l10n=True, force_grouping=True))


def ordinal(value: int) -> SafeString:
    """A number that names something: nothing stands between its digits."""
    return format_html('<span class="number">{}</span>', str(value))


def actor_kind(kind: str) -> str:
    """The word of an `Actor.kind`: a timeline names no person."""
    words = {
        "person": _("a member"),
        "partner": _("a partner's machine"),
        "system": _("the system"),
        "public": _("the public"),
    }
    return words[kind]


def yes_no(value: bool) -> str:
    return _("Yes") if value else _("No")


_HTML: dict[str, Callable[[Any], str]] = {
    "text": conditional_escape,
    "address": address,
    "digest": digest,
    "spoken": spoken,
    "code": code,
    "moment": moment,
    "day": day,
    "number": number,
    "ordinal": ordinal,
    "yes_no": yes_no,
}


def known(render: str) -> bool:
    return render in _HTML or render.startswith("state:")


def html(render: str, value: Any) -> str:
    """The value as HTML; nothing becomes a dash that a screen reader names."""
    if value is None or value == "":
        return format_html(
            '<span class="muted"><span aria-hidden="true">–</span><span class="hidden">{}</span></span>', _("none")
        )
    shown = partial(state, render.removeprefix("state:")) if render.startswith("state:") else _HTML[render]
    return conditional_escape(shown(value))


def plain(render: str, value: Any) -> Any:
    """The value for an export: numbers stay numbers, moments become ISO 8601, addresses stay defanged."""
    if value is None:
        return ""
    if render == "address":
        return defanged(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, int | float) else str(value)
