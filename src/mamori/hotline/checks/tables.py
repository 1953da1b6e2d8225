from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.ui.states import choices
from mamori.ground.ui.tables import ChoiceFilter, Column, DateFilter, Table
from mamori.hotline.checks import queries
from mamori.hotline.checks.models import Check
from mamori.hotline.checks.permissions import EXPORT


class DueFilter(ChoiceFilter):
    """What a person should look at now, where re-check is off: "due" or "late"."""

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        asked = cleaned[self.name]
        return rows.filter(queries.due_for_people(clock.now(), late=asked == "late")) if asked else rows


class WatchTable(Table):
    id = "watches"
    caption = _("Content that is looked at again")
    columns = (
        Column("content__url", _("Address"), render="address"),
        Column(
            "open",
            _("Checks"),
            value=lambda _row: _("Open"),
            link=lambda row: reverse("checks_content", args=[row.pk]),
            export=False,
        ),
        Column("state", _("Watch"), render="state:watch"),
        Column("last_result", _("Newest check"), render="state:check"),
        Column("last_at", _("Looked at"), sort=("last_at",), render="moment"),
        Column("next", _("Next look"), render="moment", value=queries.next_check),
    )
    filters = (
        ChoiceFilter("state", _("Watch"), choices=lambda: choices("watch")),
        ChoiceFilter("last_result", _("Newest check"), choices=lambda: choices("check")),
        DueFilter("due", _("For people"), choices=[("due", _("To look at now")), ("late", _("For twice the time"))]),
    )
    order = "-last_at"
    export_permission = EXPORT
    empty_title = _("Nothing is watched yet")
    empty_text = _("Content is looked at again from the moment two people have confirmed it.")


def _by(row: Check) -> str:
    if row.attested_by is not None:
        return row.attested_by.name
    return gettext("the re-check, from place %(place)s") % {"place": row.vantage}


class CheckTable(Table):
    """Every look at one content."""

    id = "checks"
    caption = _("What was found")
    columns = (
        Column("at", _("At"), sort=("at", "id"), render="moment"),
        Column("result", _("Found"), render="state:check"),
        Column("note", _("Remark"), render="code"),
        Column("by", _("By"), value=_by),
        Column("status", _("Response code"), render="number"),
        Column(
            "fingerprint",
            _("Fingerprint"),
            render="digest",
            value=lambda row: bytes(row.fingerprint).hex() if row.fingerprint else None,
        ),
    )
    filters = (
        ChoiceFilter("result", _("Found"), choices=lambda: choices("check")),
        DateFilter("at", _("At")),
    )
    order = "-at"
    export_permission = EXPORT
    empty_title = _("Nobody has looked yet")
