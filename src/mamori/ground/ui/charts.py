"""Charts as SVG made on the server: classes only (no inline style), so that the strict CSP, dark mode and print hold.

Shapes lie in a stretched inner picture, words in the outer one: a chart fills any width, its words keep their size.
Each chart carries its figures as a table and a sentence, so that nothing is told by the picture alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Literal

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

Text = str | Promise
Hue = Literal["blue", "green", "orange", "yellow", "grey", "red"]
HUES: tuple[Hue, ...] = ("blue", "green", "orange", "grey", "yellow", "red")
_LEFT = 9.0  # percent of the width kept for the words of the vertical axis
_TOP, _HEIGHT = 16, 200  # pixels
_WIDE = 1000  # units of the inner picture's width
_MAX_WORDS = 6


@dataclass(frozen=True)
class Series:
    """Values of one kind, one per label of the chart."""

    name: Text
    values: Sequence[int]
    hue: Hue | None = None


@dataclass(frozen=True)
class Curve:
    """A survival curve: steps (x, share still there 0..1), x rising; `censored`: x of items last seen still there.

    `until`: where the curve ends, for too few items were watched longer; None when it goes on.
    """

    name: Text
    steps: Sequence[tuple[float, float]]
    censored: Sequence[float] = ()
    hue: Hue | None = None
    until: float | None = None


@dataclass(frozen=True)
class Chart:
    """What `{% chart chart %}` draws: picture, legend (class, name), sentence, figures."""

    id: str
    caption: Text
    svg: SafeString
    legend: Sequence[tuple[str, Text]]
    summary: str
    head: Sequence[Text]
    rows: Sequence[Sequence[str]]


def bar_chart(key: str, caption: Text, labels: Sequence[str], series: Sequence[Series], *, label_title: Text) -> Chart:
    """Stacked bars, one per label (a day). Values are whole numbers from 0."""
    if any(len(part.values) != len(labels) for part in series):
        raise ValueError("each series needs one value per label")
    totals = (
        [sum(values) for values in zip(*(part.values for part in series), strict=True)] if series else [0] * len(labels)
    )
    top, ticks = _scale(max(totals, default=0))
    slot = _WIDE / max(1, len(labels))
    bars: list[tuple[str, str, str, str, str, str]] = []
    floor = [0] * len(labels)
    for order, part in enumerate(series):
        for place, value in enumerate(part.values):
            if value:
                floor[place] += value
                y, height = _HEIGHT * (1 - floor[place] / top), _HEIGHT * value / top
                told = f"{labels[place]} · {part.name}: {_figure(value)}"
                bars.append(
                    (_hue(part.hue, order), _n(place * slot + slot * 0.1), _n(y), _n(slot * 0.8), _n(height), told)
                )
    shapes = format_html_join(
        "", '<rect class="fill {}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>', bars
    )
    words = [(_LEFT + (100 - _LEFT) * (place + 0.5) / len(labels), label) for place, label in enumerate(labels)]
    summary = _summary_of_bars(labels, series, totals)
    return Chart(
        id=key,
        caption=caption,
        svg=_picture(key, caption, summary, shapes, [(tick / top, _figure(tick)) for tick in ticks], _thinned(words)),
        legend=[(_hue(part.hue, order), part.name) for order, part in enumerate(series)],
        summary=summary,
        head=[label_title, *(part.name for part in series), _("Total")],
        rows=[
            [label, *(_figure(part.values[place]) for part in series), _figure(totals[place])]
            for place, label in enumerate(labels)
        ],
    )


def step_chart(key: str, caption: Text, curves: Sequence[Curve], *, until: float, unit: Text) -> Chart:
    """Survival curves (Kaplan-Meier) from 0 to `until`, x in `unit`; ticks mark items last seen still there."""
    shapes: list[SafeString] = []
    for order, curve in enumerate(curves):
        hue = f"{_hue(curve.hue, order)} dash-{order % 3}"
        path, height = ["M0 0"], 0.0
        for x, share in _within(curve.steps, until):
            height = _HEIGHT * (1 - share)
            path.append(f"H{_n(_WIDE * x / until)}V{_n(height)}")
        path.append(f"H{_n(_WIDE * _end(curve, until) / until)}")
        shapes.append(
            format_html('<path class="line {}" d="{}"><title>{}</title></path>', hue, "".join(path), curve.name)
        )
        marks = "".join(
            f"M{_n(_WIDE * x / until)} {_n(_HEIGHT * (1 - _share(curve, x)) - 5)}v10"
            for x in curve.censored
            if 0 <= x <= until
        )
        if marks:
            shapes.append(format_html('<path class="line mark {}" d="{}"/>', _hue(curve.hue, order), marks))
    places = [until * part / 4 for part in range(5)]
    summary = " ".join(_summary_of_curve(curve, until, unit) for curve in curves) or _("There are no figures yet.")
    return Chart(
        id=key,
        caption=caption,
        svg=_picture(
            key,
            caption,
            summary,
            SafeString("".join(shapes)),
            [(share / 4, f"{share * 25} %") for share in range(5)],
            [(_LEFT + (100 - _LEFT) * x / until, f"{_figure(x)} {unit}" if x else "0") for x in places],
        ),
        legend=[(f"{_hue(curve.hue, order)} dash-{order % 3}", curve.name) for order, curve in enumerate(curves)],
        summary=summary,
        head=[_("After (%(unit)s)") % {"unit": unit}, *(_("%(name)s: still there") % {"name": c.name} for c in curves)],
        rows=[
            [
                _figure(x),
                *(f"{_percent(_share(curve, x))} %" if x <= _end(curve, until) else "–" for curve in curves),
            ]
            for x in places
        ],
    )


def meter(percent: float, tone: str = "info") -> SafeString:
    """A bar filled to `percent` (cut at 0 and 100) with marks at 50 and 80; its words stand beside it in the page."""
    return format_html(
        '<svg class="meter tone-{}" width="100%" height="8" aria-hidden="true">'
        '<rect class="meter-track" width="100%" height="8"/>'
        '<rect class="meter-fill" width="{}%" height="8"/><rect class="meter-mark" x="50%" width="2" height="8"/>'
        '<rect class="meter-mark" x="80%" width="2" height="8"/></svg>',
        tone,
        _n(min(100.0, max(0.0, percent))),
    )


def _picture(  # noqa: PLR0917 - the parts of one picture
    key: str,
    caption: Text,
    summary: str,
    shapes: SafeString,
    levels: Sequence[tuple[float, str]],
    words: Sequence[tuple[float, str]],
) -> SafeString:
    """The outer picture: levels are (share of the height, word), words (percent of the width, word)."""
    heights = [(_n(_TOP + _HEIGHT * (1 - share)), word) for share, word in levels]
    return format_html(
        '<svg class="picture" role="img" aria-labelledby="{id}-title {id}-desc" width="100%" height="{whole}">'
        '<title id="{id}-title">{caption}</title><desc id="{id}-desc">{summary}</desc>{grid}'
        '<svg x="{left}%" y="{top}" width="{wide}%" height="{height}" viewBox="0 0 {units} {height}"'
        ' preserveAspectRatio="none" overflow="visible">{shapes}</svg>{levels}{words}</svg>',
        id=key,
        caption=caption,
        summary=summary,
        whole=_TOP + _HEIGHT + 28,
        grid=format_html_join(
            "", '<line class="grid" x1="0" x2="100%" y1="{0}" y2="{0}"/>', ((y,) for y, _w in heights)
        ),
        left=_LEFT,
        top=_TOP,
        wide=100 - _LEFT,
        height=_HEIGHT,
        units=_WIDE,
        shapes=shapes,
        levels=format_html_join("", '<text x="0" y="{}">{}</text>', ((_n(float(y) - 4), word) for y, word in heights)),
        words=format_html_join(
            "",
            '<text class="{}" x="{}%" y="{}">{}</text>',
            (
                ("end" if x > 96 else "start" if x < 2 else "middle", _n(x), _TOP + _HEIGHT + 20, word)
                for x, word in words
            ),
        ),
    )


def _scale(largest: int) -> tuple[int, list[int]]:
    """The top of an axis and its ticks: steps of 1, 2 or 5 times a power of ten, at most five of them."""
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in steps if step * 5 >= largest)
    ticks = max(1, -(-largest // step))
    return step * ticks, [step * tick for tick in range(ticks + 1)]


def _thinned(words: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    step = -(-len(words) // _MAX_WORDS) or 1
    return list(words[::step])


def _within(steps: Sequence[tuple[float, float]], until: float) -> list[tuple[float, float]]:
    if any(later[0] < earlier[0] for earlier, later in pairwise(steps)):
        raise ValueError("steps must rise in x")
    return [(x, share) for x, share in steps if 0 <= x <= until]


def _share(curve: Curve, x: float) -> float:
    return next((share for at, share in reversed(curve.steps) if at <= x), 1.0)


def _end(curve: Curve, until: float) -> float:
    """Where the curve ends within a chart that ends at `until`."""
    return until if curve.until is None else min(until, curve.until)


def _summary_of_bars(labels: Sequence[str], series: Sequence[Series], totals: Sequence[int]) -> str:
    if not any(totals):
        return _("There are no figures yet.")
    top = totals.index(max(totals))
    parts = ", ".join(f"{part.name} {_figure(sum(part.values))}" for part in series)
    return _("%(total)s in all from %(first)s to %(last)s (%(parts)s). The most, %(most)s, on %(day)s.") % {
        "total": _figure(sum(totals)),
        "first": labels[0],
        "last": labels[-1],
        "parts": parts,
        "most": _figure(totals[top]),
        "day": labels[top],
    }


def _summary_of_curve(curve: Curve, until: float, unit: Text) -> str:
    until = _end(curve, until)
    half = next((x for x, share in curve.steps if share <= 0.5 and x <= until), None)
    told = {"name": curve.name, "unit": unit, "until": _figure(until), "rest": _percent(_share(curve, until))}
    if half is None:
        return _("%(name)s: less than half were gone after %(until)s %(unit)s; %(rest)s %% were still there.") % told
    return _(
        "%(name)s: half were gone after %(half)s %(unit)s; %(rest)s %% were still there after %(until)s %(unit)s."
    ) % {
        **told,
        "half": _figure(half),
    }


def _hue(hue: Hue | None, order: int) -> str:
    return f"hue-{hue or HUES[order % len(HUES)]}"


def _percent(share: float) -> str:
    return _figure(round(share * 100))


def _figure(value: float) -> str:
    whole = int(value) if float(value).is_integer() else round(value, 1)
    return str(number_format(whole, use_l10n=True, force_grouping=True))


def _n(value: float) -> str:
    """A coordinate: at most one decimal, no thousands."""
    return f"{value:.1f}".removesuffix(".0")
