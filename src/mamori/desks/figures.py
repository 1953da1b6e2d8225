"""The figures of the Figures page: computed in the worker, drawn on the staff face."""

from datetime import date, datetime, timedelta
from math import inf
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mamori.engine.survival import Step, quantile, survival_curve, told_until
from mamori.ground.actors import SYSTEM
from mamori.ground.ui.charts import Chart, Curve, Hue, Series, bar_chart, step_chart
from mamori.ground.ui.states import look
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.intake import queries as intake
from mamori.hotline.takedown import queries as takedown

DAYS = 30
REMOVAL_DAYS = 365
UNTIL_HOURS = 28 * 24
WITHIN_HOURS = (1, 24, 48, 72, 168, 672)
MOST_STEPS = 300
HUES: dict[str, Hue] = {
    "actioned": "blue",
    "removed": "green",
    "already_gone": "grey",
    "not_illegal": "orange",
    "": "yellow",
    "BASELINE": "red",
    "NATIONAL": "blue",
    "NOT_ILLEGAL": "grey",
    "IGNORE": "yellow",
    "UNDETERMINED": "orange",
}
PLACES = ("domestic", "abroad")
Json = dict[str, Any]


def compute(now: datetime) -> Json:
    """All figures, free of language: reports and outcomes of 30 days, survival of all content told to a host."""
    since = now - timedelta(days=DAYS)
    found = takedown.removal_durations(now - timedelta(days=REMOVAL_DAYS))
    return {
        "from": str(since.date()),
        "to": str(now.date()),
        "reports": [[str(f.day), f.outcome, f.count] for f in intake.reports_received_per_day(SYSTEM, since.date())],
        "outcomes": [[str(o.on), str(o.verdict), o.count] for o in assessment.outcomes_per_day(SYSTEM, since)],
        "removal": {
            place: _survival([(item.hours, item.removed) for item in found if item.domestic is (place == "domestic")])
            for place in PLACES
        },
    }


def _survival(items: list[tuple[float, bool]]) -> Json:
    """Kaplan-Meier of (hours since the first notice, whether it is gone): what is still online stays in the count.

    Nothing is told of times for which too few items were watched (`until`; None: no such time).
    """
    durations, gone = [item[0] for item in items], [item[1] for item in items]
    until = told_until(durations, gone)
    last = inf if until is None else until
    curve = [step for step in survival_curve(durations, gone) if step.time <= last]
    return {
        "until": until,
        "items": len(items),
        "online": sum(1 for _hours, gone in items if not gone),
        "median": quantile(curve, 0.5),
        "within": {str(hours): 1 - _at(curve, hours) for hours in WITHIN_HOURS if hours <= last} if items else {},
        "steps": _thinned([[step.time, step.survival] for step in curve if step.time <= UNTIL_HOURS]),
    }


def _at(curve: list[Step], hours: float) -> float:
    return next((step.survival for step in reversed(curve) if step.time <= hours), 1.0)


def _thinned(steps: list[list[float]]) -> list[list[float]]:
    every = -(-len(steps) // MOST_STEPS) or 1
    return [*steps[:-1:every], *steps[-1:]]


_PLACES: tuple[tuple[str, Any, Hue], ...] = (
    ("domestic", gettext_lazy("Domestic"), "blue"),
    ("abroad", gettext_lazy("Abroad"), "orange"),
)


def charts(data: Json) -> list[Chart]:
    """The charts in the reader's language."""
    return [
        _bars("reports-per-day", _("Reports per day and outcome"), "report_outcome", data["reports"], data),
        _bars("outcomes-per-day", _("Content decided per day and verdict"), "verdict", data["outcomes"], data),
        step_chart(
            "removal",
            _("How long illegal content stays online after the first notice"),
            [
                Curve(name, [(hours, share) for hours, share in found["steps"]], until=found["until"], hue=hue)
                for place, name, hue in _PLACES
                if (found := data["removal"][place])["items"]
            ],
            until=UNTIL_HOURS,
            unit=_("h"),
        ),
    ]


def shares(data: Json) -> list[Json]:
    """One row for each place: items, still online, median hours, and percent gone within each span."""
    words = {"domestic": _("Domestic"), "abroad": _("Abroad")}
    rows = []
    for place in PLACES:
        found = data["removal"][place]
        gone = [found["within"].get(str(hours)) for hours in WITHIN_HOURS]
        percents = [None if share is None else 100 * share for share in gone]
        rows.append(
            {
                "place": words[place],
                **{key: found[key] for key in ("items", "online", "median")},
                "percents": percents,
            }
        )
    return rows


def spans() -> list[str]:
    """The words of WITHIN_HOURS."""
    return [_("1 h"), _("24 h"), _("48 h"), _("3 days"), _("7 days"), _("28 days")]


def _bars(key: str, caption: str, machine: str, rows: list[list[Any]], data: Json) -> Chart:
    first, last = date.fromisoformat(data["from"]), date.fromisoformat(data["to"])
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    table: dict[str, dict[str, int]] = {}
    for on, value, count in rows:
        table.setdefault(value, {})[on] = count
    series = [
        Series(look(machine, value).word, [table[value].get(str(day), 0) for day in days], HUES.get(value))
        for value in sorted(table, key=lambda value: (list(HUES).index(value) if value in HUES else len(HUES), value))
    ]
    return bar_chart(key, caption, [f"{day:%m-%d}" for day in days], series, label_title=_("Day"))
