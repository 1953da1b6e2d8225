"""Whatever takes long tells what goes on: a bar on a terminal, lines elsewhere, however few its steps are."""

import time
from io import StringIO

import pytest
from rich.console import Console

from demo.processes import wait_until
from demo.watching import Telling


@pytest.mark.parametrize(("terminal", "total"), [(False, 20), (False, 2), (True, 20), (True, 2)])
def test_work_in_steps_is_counted(terminal: bool, total: int) -> None:
    out = StringIO()
    with (
        Telling(Console(file=out, force_terminal=terminal, width=80), first=0, every=0) as telling,
        telling.counting("opinions", total) as step,
    ):
        step()
        if not terminal:
            wait_until(lambda: f"  … opinions: 1 of {total}\n" in out.getvalue(), 5, "nothing was told")
    said = out.getvalue()
    assert "opinions" in said
    assert ("…" in said) is not terminal


def test_one_long_step_is_told_too_and_what_is_quick_is_not() -> None:
    out = StringIO()
    with Telling(Console(file=out, width=80), first=0.5, every=0.5) as telling:
        telling.doing("a quick thing")
        telling.doing("the list body looks again")
        with telling.counting("police open the referrals", 1) as step:
            wait_until(lambda: "0 of 1" in out.getvalue(), 5, "nothing was told")
            step()
        telling.say("  police.delivered: 1")
        wait_until(lambda: "looks again" in out.getvalue(), 5, "what goes on was forgotten")
    assert out.getvalue().splitlines()[:3] == [
        "  … police open the referrals: 0 of 1",
        "  police.delivered: 1",
        "  … the list body looks again",
    ]


def test_after_two_seconds_by_default() -> None:
    out, begun = StringIO(), time.monotonic()
    with Telling(Console(file=out, width=80)) as telling:
        telling.doing("logging in")
        wait_until(lambda: "logging in" in out.getvalue(), 5, "nothing was told")
        assert time.monotonic() - begun >= 2
