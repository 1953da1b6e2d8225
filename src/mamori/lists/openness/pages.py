"""Public figures of the list: a page, JSON and CSV. They read published figures only; no script, no cookie."""

import csv
import io
from collections.abc import Mapping

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from mamori.lists.openness import queries

WORDS = {
    ("in_force", "dns"): gettext_lazy("In force at the end: whole names"),
    ("in_force", "url"): gettext_lazy("In force at the end: single pages"),
    ("added", "dns"): gettext_lazy("Added: whole names"),
    ("added", "url"): gettext_lazy("Added: single pages"),
    ("removed", "dns"): gettext_lazy("Removed: whole names"),
    ("removed", "url"): gettext_lazy("Removed: single pages"),
    ("appeals", "received"): gettext_lazy("Complaints received"),
    ("appeals", "upheld"): gettext_lazy("Complaints decided: the block stays"),
    ("appeals", "suspended"): gettext_lazy("Complaints decided: the block is suspended"),
    ("appeals", "removed"): gettext_lazy("Complaints decided: the block is removed"),
    ("appeals", "rejected"): gettext_lazy("Complaints decided: no block, or no control shown"),
    ("days_to_removal", "median"): gettext_lazy("Median days from block to removal of the content"),
    ("incidents", "list_switched_off"): gettext_lazy("Incidents: the whole list was switched off"),
    ("incidents", "editions_refused"): gettext_lazy("Incidents: an edition was refused before it went out"),
    ("incidents", "additions_halted"): gettext_lazy("Incidents: additions were halted before all had them"),
    ("incidents", "editions_taken_back"): gettext_lazy("Incidents: what an edition brought was taken back as a whole"),
}


@login_not_required
@require_GET
def figures(request: HttpRequest) -> HttpResponse:
    periods = queries.published()
    rows = [
        (word, [(one.begins_on.isoformat(), _shown(group, name, one.figures)) for one in periods])
        for (group, name), word in WORDS.items()
    ]
    return render(request, "openness/figures.html", {"periods": periods, "rows": rows})


def _shown(group: str, name: str, figures: Mapping[str, Mapping[str, int | None]]) -> str:
    if name not in figures.get(group, {}):
        return _("not counted")
    number = figures[group][name]
    if number is None:
        return _("too few") if group == "days_to_removal" else _("under 5")
    return str(number)


@login_not_required
@require_GET
def figures_json(_request: HttpRequest) -> HttpResponse:
    """{"periods": [{"begins_on", "ends_on", "figures"}]}, the newest first; null: under five, or too few for a median."""
    periods = [
        {"begins_on": one.begins_on, "ends_on": one.ends_on, "figures": one.figures} for one in queries.published()
    ]
    return JsonResponse({"periods": periods})


@login_not_required
@require_GET
def figures_csv(_request: HttpRequest) -> HttpResponse:
    """One line for each figure that was counted; an empty number: under five, or too few for a median."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["begins_on", "ends_on", "group", "figure", "number"])
    for one in queries.published():
        for group, name in WORDS:
            if name not in one.figures.get(group, {}):
                continue
            number = one.figures[group][name]
            table.writerow([one.begins_on, one.ends_on, group, name, "" if number is None else number])
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="list-figures.csv"'
    return answer
