"""The plots in docs/figures are what docs/benchmarks.md says: made of the JSON beside them."""

import json
import re
from pathlib import Path

import pytest

from benchmarks import plot

ROOT = Path(__file__).resolve().parents[2]
PAPER = " ".join((ROOT / "docs" / "benchmarks.md").read_text().split())
COMMANDS = re.findall(r"`python -m benchmarks.plot ((?:--goals )?)(\S+) --out (docs/figures/\S+?)`", PAPER)


def files(pattern: str) -> list[Path]:
    """What a shell makes of `docs/figures/{a,b*}.json`."""
    found = re.fullmatch(r"([^{]*)\{([^}]*)\}([^}]*)", pattern)
    patterns = [found[1] + each + found[3] for each in found[2].split(",")] if found else [pattern]
    return [path for each in patterns for path in sorted(ROOT.glob(each))]


@pytest.mark.parametrize(("goals", "results", "out"), COMMANDS, ids=[each[2] for each in COMMANDS])
def test_a_plot_is_made_of_the_json_beside_it(goals: str, results: str, out: str) -> None:
    read, title = (plot.against_goals, plot.GOALS) if goals else (plot.bars, plot.PEER)
    rows = [bar for path in files(results) for bar in read(json.loads(path.read_text()))]
    assert plot.draw(rows, title) == (ROOT / out).read_text(), "make it anew by the command in docs/benchmarks.md"


def test_every_plot_has_its_command() -> None:
    assert {Path(out).name for _goals, _results, out in COMMANDS} == {
        path.name for path in (ROOT / "docs/figures").glob("*.svg")
    }


def test_goals_that_count_downwards_and_missed_ones_are_drawn_as_such() -> None:
    goals = [
        {"what": "kill switch s", "value": 1.0, "limit": 5, "at_least": False},
        {"what": "a change, p95 s", "value": 0.6, "limit": 0.3, "at_least": False},
        {"what": "answers that differ", "value": 0, "limit": 0, "at_least": False},
        {"what": "URLs/s", "value": 600, "limit": 300, "at_least": True},
    ]
    rows = plot.against_goals({"goals": goals})
    assert [(bar.name, bar.ratio) for bar in rows] == [
        ("kill switch s", 5.0),
        ("a change, p95 s", 0.5),
        ("URLs/s", 2.0),
    ]
    drawn = plot.draw(rows, plot.GOALS)
    assert drawn.count("#b3541e") == 1, "the missed one"
    assert ">0.1x<" in drawn
