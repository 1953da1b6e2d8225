"""What a benchmark refuses is told at once, for one that hangs costs an hour of an idle machine; what it tells is what it saw."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.publish import beside_fold, killed, least_base, let_in, row_of, summary
from benchmarks.reloading import WAYS

ROOT = Path(__file__).resolve().parents[2]


def test_the_figures_of_publishing_are_what_their_steps_say() -> None:
    """Who reads them finds them under these names (docs/benchmarks.md)."""
    found = json.loads((ROOT / "docs" / "figures" / "publish.json").read_text())
    steps, engines = found["steps"], found["ours"]["engines"]
    assert engines == summary(steps)
    assert found["peer"]["engines"] == {way: row_of(steps, f"peer {way}") for way in WAYS}
    assert {key: found["ours"][key] for key in killed(steps)} == killed(steps)
    wanted = {"effective_p50_s", "effective_p95_s", "lifted_p50_s", "lifted_p95_s", "thousand_p95_s"}
    assert {engine for engine, row in engines.items() if wanted <= row.keys()} == {"unbound", "bind", "powerdns"}
    assert min(row["effective_n"] for row in engines.values()) >= 20


@pytest.mark.parametrize("way", [["-m", "benchmarks.publish"], ["benchmarks/publish.py"]])
def test_a_base_too_small_for_the_gates_brake_is_refused_with_the_size_that_is_needed(way: list[str]) -> None:
    least = least_base(2, 1)
    asked = [sys.executable, *way, "--base", str(least - 1), "--changes", "2", "--thousands", "1"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert f"these changes need {least} names" in done.stderr


@pytest.mark.parametrize(("changes", "thousands"), [(2, 1), (20, 10), (1, 0)])
def test_the_least_base_takes_all_changes_in_and_some_beside_the_fold(changes: int, thousands: int) -> None:
    least = least_base(changes, thousands)
    added = changes + 1000 * thousands
    assert all(let_in(least, each, changes) for each in range(1, added + 100, 97))
    assert let_in(least, added + 100, changes)
    assert not let_in(least - 1, added + 100, changes)
    assert beside_fold(least, changes, thousands) >= 100 > beside_fold(least - 20, changes, thousands)
