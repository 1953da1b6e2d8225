"""The demo clock: what it told is found in real time, however often it was moved since."""

import time
from pathlib import Path

import pytest

from demo.platform import Platform


def test_a_moment_of_the_demo_clock_is_found_in_real_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform.__new__(Platform)
    platform.clock_file, platform._moves = tmp_path / "clock", []
    platform.clock_file.write_text("500")  # of an earlier demo
    real = 1_000_000.0
    monkeypatch.setattr(time, "time", lambda: real)
    told = [(real, real + platform.ahead())]
    for seconds in (3600.0, 1200.0, 86400.0):
        real += 10
        platform.forward(seconds)
        real += 5
        told.append((real, real + platform.ahead()))
    assert platform.ahead() == 500 + 3600 + 1200 + 86400
    assert [platform.real_time(moment) for _real, moment in told] == [at for at, _moment in told]
