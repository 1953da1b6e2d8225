from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mamori.ground.ui.states import choices
from mamori.ground.ui.tables import ChoiceFilter, Column, DateFilter, Filter, Table
from mamori.hotline.intake.models import Report
from mamori.hotline.intake.permissions import EXPORT


def _page(report: Report) -> str:
    return reverse("intake_report_page", args=[report.id])


_ADDRESS = Column("url", _("Address"), render="address")
_SOURCE = Column("source", _("Source"), render="state:report_source")
_BY_SOURCE = ChoiceFilter("source", _("Source"), lambda: choices("report_source"))
_BY_DAY = DateFilter("received", pgettext_lazy("day", "Received"), lookup="received_hour")


class CaseFilter(Filter):
    """The reports linked to one content item, by its number as the Case page has it."""

    def fields(self) -> Mapping[str, forms.Field]:
        return {self.name: forms.UUIDField(label=str(self.title), required=False)}

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        return rows.filter(content_id=cleaned[self.name]) if cleaned[self.name] else rows


class ReportTable(Table):
    """All reports; nothing sealed."""

    caption = _("Reports")
    columns = (
        Column("received_hour", _("Received (hour)"), ("received_hour",), render="moment", link=_page),
        _ADDRESS,
        _SOURCE,
        Column("child_at_risk", _("Child at risk"), render="yes_no"),
        Column("state", _("State"), ("state", "received_hour"), render="state:report"),
        Column("outcome", _("Outcome"), render="state:report_outcome"),
        Column("seen_on", _("Seen on"), render="day"),
    )
    filters = (
        ChoiceFilter("state", _("State"), lambda: choices("report")),
        _BY_SOURCE,
        ChoiceFilter("outcome", _("Outcome"), lambda: choices("report_outcome")),
        _BY_DAY,
        CaseFilter("content", _("Case")),
    )
    order = "-received_hour"
    export_permission = EXPORT
    empty_title = _("No reports yet")
    empty_text = _("What people report at the public form, by phone, by API or by file appears here.")


class MessageTable(Table):
    """Reporters who wrote, and the report their words are opened at."""

    caption = _("Messages from reporters")
    columns = (
        Column(
            "open",
            _("Report"),
            value=lambda _row: _("Open the report"),
            link=lambda row: f"{reverse('intake_report_page', args=[row.report_id])}#messages",
            export=False,
        ),
        _ADDRESS,
        Column("sent_hour", _("Written (hour)"), ("sent_hour",), render="moment"),
    )
    filters = (DateFilter("sent", _("Written"), lookup="sent_hour"),)
    order = "sent_hour"
    export_permission = EXPORT
    empty_title = _("No unread messages")
    empty_text = _("When a reporter answers with the receipt number, it appears here.")


class ScreeningTable(Table):
    """Reports a person looks at first."""

    caption = _("Reports to screen")
    columns = (
        _ADDRESS,
        Column("child_at_risk", _("Child at risk"), ("-child_at_risk", "received_hour"), render="yes_no"),
        _SOURCE,
        Column("received_hour", _("Received (hour)"), ("received_hour",), render="moment"),
        Column("step", _("Step"), value=lambda _row: _("Screen it"), link=_page, export=False),
    )
    filters = (_BY_SOURCE, _BY_DAY)
    order = "child_at_risk"
    export_permission = EXPORT
    empty_title = _("Nothing to screen")
    empty_text = _("Reports that need no person are accepted by themselves within a minute.")
