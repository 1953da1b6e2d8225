"""Template tags of the look: `{% load ui %}`."""

from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.template import Context
from django.urls import translate_url
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from mamori.ground import clock as time
from mamori.ground.ui import cells, charts, icons
from mamori.ground.ui.charts import Chart
from mamori.ground.ui.parts import Clock, KeyValue, NavItem, case_url, duration, public_pages
from mamori.ground.ui.tables import Table

register = template.Library()

register.simple_tag(cells.state, name="state")
register.simple_tag(cells.address, name="address")
register.simple_tag(cells.actor_kind, name="actor_kind")
register.simple_tag(cells.digest, name="digest")
register.simple_tag(cells.moment, name="moment")
register.simple_tag(icons.icon, name="icon")
register.simple_tag(icons.sprite, name="icons")
register.simple_tag(charts.meter, name="meter")
register.filter("duration", duration)


class RememberNode(template.Node):
    """Draws what it holds and keeps it in the page's context, so that the title can be the heading too."""

    def __init__(self, name: str, nodelist: template.NodeList) -> None:
        self.name = name
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        text = self.nodelist.render(context)
        context[self.name] = text
        return text


@register.tag
def remember(parser: template.base.Parser, token: template.base.Token) -> RememberNode:
    """`{% remember name %}…{% endremember %}`"""
    _tag, name = token.split_contents()
    nodelist = parser.parse(("endremember",))
    parser.delete_first_token()
    return RememberNode(name, nodelist)


@register.simple_tag(takes_context=True)
def public_links(context: Context) -> list[NavItem]:
    """The footer's pages."""
    match = getattr(context.get("request"), "resolver_match", None)
    return public_pages(match.view_name if match else "")


@register.simple_tag(takes_context=True)
def language_links(context: Context) -> list[tuple[str, str, str]]:
    """(code, own name, this page's address in that language), where the language stands in the address."""
    request = context.get("request")
    here = request.get_full_path() if request else "/"
    return [
        (code, get_language_info(code)["name_local"], translate_url(here, code)) for code, _name in settings.LANGUAGES
    ]


@register.inclusion_tag("ui/clock.html", name="clock")
def clock_tag(clock: Clock, now: datetime | None = None) -> dict[str, Any]:
    """A deadline with its share used, its word and the time left."""
    return {"clock": clock, "reading": clock.at(now or time.now())}


@register.inclusion_tag("ui/table.html", name="table")
def table_tag(table: Table) -> dict[str, Any]:
    return {"table": table}


@register.inclusion_tag("ui/chart.html", name="chart")
def chart_tag(chart: Chart) -> dict[str, Any]:
    return {"chart": chart}


@register.simple_tag
def case_button(content_id: object) -> SafeString:
    """Leads to the case of a content item."""
    url = case_url(content_id)
    if not url:
        return SafeString("")
    return format_html('<a class="button secondary" href="{}">{}{}</a>', url, icons.icon("archive"), _("Open the case"))


@register.filter
def shown(item: KeyValue) -> SafeString:
    """The value of a key-value pair as HTML."""
    return SafeString(cells.html(item.render, item.value))
