"""Charts: the picture, its words and its figures say the same."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from mamori.ground.ui.charts import Chart, Curve, Series, bar_chart, meter, step_chart
from mamori.ground.ui.parts import Clock, duration

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def bars(*series: Series, days: int = 3) -> Chart:
    with override("en"):
        return bar_chart("bars", "Reports", [f"11-0{day + 1}" for day in range(days)], series, label_title="Day")


def rectangles(chart: Chart) -> list[ET.Element]:
    return [part for part in ET.fromstring(chart.svg).iter() if part.tag == "rect"]


def test_bars_stack_to_the_totals() -> None:
    chart = bars(Series("Removed", [10, 0, 30]), Series("Open", [10, 20, 20]))
    heights = [float(part.get("height", 0)) for part in rectangles(chart)]
    assert heights == [40, 120, 40, 80, 80]  # 200 pixels for 50
    assert chart.rows == [["11-01", "10", "10", "20"], ["11-02", "0", "20", "20"], ["11-03", "30", "20", "50"]]
    assert chart.head == ["Day", "Removed", "Open", "Total"]
    assert chart.summary == "90 in all from 11-01 to 11-03 (Removed 40, Open 50). The most, 50, on 11-03."


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=40))
def test_no_bar_leaves_the_picture(values: list[int]) -> None:
    chart = bar_chart(
        "bars", "Reports", [str(day) for day in range(len(values))], [Series("All", values)], label_title="Day"
    )
    for part in rectangles(chart):
        assert float(part.get("y", -1)) >= 0
        assert float(part.get("y", 0)) + float(part.get("height", 0)) <= 200.2


@pytest.mark.parametrize("days", [0, 1, 400])
def test_none_one_or_many_days_are_drawn(days: int) -> None:
    chart = bar_chart(
        "bars", "Reports", [str(day) for day in range(days)], [Series("All", [1] * days)], label_title="Day"
    )
    assert len(rectangles(chart)) == days
    words = [part for part in ET.fromstring(chart.svg).iter("text") if part.get("class")]
    assert len(words) <= 6


def test_nothing_to_show_is_said() -> None:
    assert bars(days=0).summary == "There are no figures yet."
    assert bars(Series("Removed", [0, 0, 0])).summary == "There are no figures yet."


def test_values_must_fit_the_labels() -> None:
    with pytest.raises(ValueError, match="one value per label"):
        bars(Series("Removed", [1]))


def test_a_curve_steps_down_and_tells_its_median_and_rest() -> None:
    with override("en"):
        chart = step_chart("steps", "Online", [Curve("Domestic", [(10, 0.5), (20, 0.25)], [15])], until=40, unit="h")
    path, marks = [part.get("d") for part in ET.fromstring(chart.svg).iter("path")]
    assert path == "M0 0H250V100H500V150H1000"
    assert marks == "M375 95v10"
    assert chart.summary == "Domestic: half were gone after 10 h; 25 % were still there after 40 h."
    assert [row[1] for row in chart.rows] == ["100 %", "50 %", "25 %", "25 %", "25 %"]


def test_a_curve_that_never_halves_says_so_and_late_steps_are_left_out() -> None:
    with override("en"):
        chart = step_chart("steps", "Online", [Curve("Abroad", [(10, 0.8), (90, 0.1)])], until=40, unit="h")
    assert chart.summary == "Abroad: less than half were gone after 40 h; 80 % were still there."
    assert "H250V40H1000" in chart.svg


def test_a_curve_ends_where_too_few_were_watched() -> None:
    with override("en"):
        chart = step_chart("steps", "Online", [Curve("Abroad", [(10, 0.8)], until=25)], until=40, unit="h")
    assert next(ET.fromstring(chart.svg).iter("path")).get("d") == "M0 0H250V40H625"
    assert [row[1] for row in chart.rows] == ["100 %", "80 %", "80 %", "–", "–"]
    assert chart.summary == "Abroad: less than half were gone after 25 h; 80 % were still there."


def test_a_curve_must_rise_in_time() -> None:
    with pytest.raises(ValueError, match="rise"):
        step_chart("steps", "Online", [Curve("Abroad", [(10, 0.8), (5, 0.7)])], until=40, unit="h")


def test_names_are_escaped_and_nothing_is_styled_inline() -> None:
    chart = bars(Series("<script>", [1, 2, 3]))
    html = Template("{% load ui %}{% chart chart %}").render(Context({"chart": chart}))
    assert "<script" not in html
    assert "style=" not in html
    assert "&lt;script&gt;" in html


def test_a_picture_is_named_and_described_and_its_figures_follow() -> None:
    with override("en"):
        html = Template("{% load ui %}{% chart chart %}").render(Context({"chart": bars(Series("Removed", [1, 2, 3]))}))
    assert 'role="img" aria-labelledby="bars-title bars-desc"' in html
    assert '<title id="bars-title">Reports</title>' in html
    assert html.index("<details>") > html.index("</svg>")
    assert '<th scope="row">11-02</th>' in html


def test_figures_are_written_in_the_reader_s_language() -> None:
    with override("ja"):
        chart = bar_chart("bars", "通報", ["11-01"], [Series("削除済み", [1200])], label_title="日")
    assert chart.summary == "11-01から11-01まで合計1,200（削除済み 1,200）。最多は11-01の1,200。"


@pytest.mark.parametrize(("percent", "width"), [(-5, "0%"), (62.5, "62.5%"), (140, "100%")])
def test_a_meter_is_filled_within_its_ends(percent: float, width: str) -> None:
    assert f'class="meter-fill" width="{width}"' in meter(percent)


@pytest.mark.parametrize(
    ("hours", "tone", "word", "percent"),
    [(0, "neutral", "In time", 0), (23.9, "neutral", "In time", 49), (24, "info", "Half gone", 50), (38.4, "warning", "Running out", 80),
     (47.99, "warning", "Running out", 99), (48, "error", "Overdue", 100), (72, "error", "Overdue", 100), (9000, "error", "Overdue", 100)],
)  # fmt: skip
def test_a_clock_changes_at_50_80_and_100_percent(hours: float, tone: str, word: str, percent: int) -> None:
    with override("en"):
        reading = Clock("Hold", NOW, NOW + timedelta(hours=48)).at(NOW + timedelta(hours=hours))
    assert (reading.tone, reading.word, reading.percent) == (tone, word, percent)


def test_a_clock_tells_what_is_left_and_what_is_over() -> None:
    clock = Clock("Hold", NOW, NOW + timedelta(hours=48))
    with override("en"):
        assert clock.at(NOW + timedelta(hours=20, minutes=30)).rest == "1 day 3 h left"
        assert clock.at(NOW + timedelta(hours=50)).rest == "2 h over"
        assert duration(timedelta(minutes=12)) == "12 min"
    with override("ja"):
        assert clock.at(NOW + timedelta(hours=20)).rest == "残り1日 4時間"


def test_a_clock_without_time_is_over_at_once() -> None:
    with override("en"):
        assert Clock("Hold", NOW, NOW).at(NOW).word == "Overdue"
