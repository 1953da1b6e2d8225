"""What a benchmark refuses is told at once: one that hangs costs an hour of an idle machine."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.publish import beside_fold, least_base, let_in

ROOT = Path(__file__).resolve().parents[2]


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
