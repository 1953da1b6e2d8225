from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.ui.filters import ChoiceFilter, TextFilter
from mamori.ground.ui.states import look
from mamori.ground.ui.tables import Column, Table
from mamori.hotline.assessment.permissions import EXPORT
from mamori.hotline.assessment.queries.queue import why_first
from mamori.hotline.assessment.states import WAITING


def _states() -> list[tuple[str, Any]]:
    return [(str(state), look("content", state).word) for state in WAITING]


class QueueTable(Table):
    """What the person may take, the highest risk to a child first."""

    id = "queue"
    caption = _("Content that waits for an opinion")
    order = "why"
    page_size = 25
    export_permission = EXPORT
    columns = (
        Column(
            "why",
            _("Why first"),
            sort=("-priority", "id"),
            value=lambda c: " · ".join(why_first(c, clock.now())),
            link=lambda c: reverse("assessment_assess", args=[c.id]),
        ),
        Column("url", _("Address"), render="address", export=False),
        Column("state", _("State"), render="state:content"),
        Column("report_count", _("Reports"), render="number"),
        Column("opened_at", _("Opened"), sort=("opened_at",), render="moment"),
    )
    filters = (
        ChoiceFilter("state", _("State"), choices=_states),
        TextFilter("host", _("Host name"), lookup="host"),
    )
    empty_title = _("Nothing waits for you")
    empty_text = _("New content appears here when a report was screened. Rest your eyes meanwhile.")
