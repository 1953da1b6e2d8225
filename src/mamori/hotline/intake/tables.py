from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mamori.ground.ui.states import registered
from mamori.ground.ui.tables import ChoiceFilter, Column, DateFilter, Table
from mamori.hotline.intake.models import Report
from mamori.hotline.intake.permissions import EXPORT


def _words(machine: str) -> list[tuple[str, object]]:
    return [(value, look.word) for value, look in registered()[machine].items() if value]


def _page(report: Report) -> str:
    return reverse("intake_report_page", args=[report.id])


class ReportTable(Table):
    """All reports; nothing sealed."""

    caption = _("Reports")
    columns = (
        Column("received_hour", _("Received (hour)"), ("received_hour",), render="moment", link=_page),
        Column("url", _("Address"), render="address"),
        Column("source", _("Source"), render="state:report_source"),
        Column("child_at_risk", _("Child at risk"), render="yes_no"),
        Column("state", _("State"), ("state", "received_hour"), render="state:report"),
        Column("outcome", _("Outcome"), render="state:report_outcome"),
        Column("seen_on", _("Seen on"), render="day"),
    )
    filters = (
        ChoiceFilter("state", _("State"), lambda: _words("report")),  # type: ignore[arg-type,return-value]
        ChoiceFilter("source", _("Source"), lambda: _words("report_source")),  # type: ignore[arg-type,return-value]
        ChoiceFilter("outcome", _("Outcome"), lambda: _words("report_outcome")),  # type: ignore[arg-type,return-value]
        DateFilter("received", pgettext_lazy("day", "Received"), lookup="received_hour"),
    )
    order = "-received_hour"
    export_permission = EXPORT
    empty_title = _("No reports yet")
    empty_text = _("What people report at the public form, by phone, by API or by file appears here.")


class ScreeningTable(Table):
    """Reports a person looks at first."""

    caption = _("Reports to screen")
    columns = (
        Column("url", _("Address"), render="address"),
        Column("child_at_risk", _("Child at risk"), ("-child_at_risk", "received_hour"), render="yes_no"),
        Column("source", _("Source"), render="state:report_source"),
        Column("received_hour", _("Received (hour)"), ("received_hour",), render="moment"),
        Column("step", _("Step"), value=lambda _row: _("Screen it"), link=_page, export=False),
    )
    filters = (
        ChoiceFilter("source", _("Source"), lambda: _words("report_source")),  # type: ignore[arg-type,return-value]
        DateFilter("received", pgettext_lazy("day", "Received"), lookup="received_hour"),
    )
    order = "child_at_risk"
    export_permission = EXPORT
    empty_title = _("Nothing to screen")
    empty_text = _("Reports that need no person are accepted by themselves within a minute.")
