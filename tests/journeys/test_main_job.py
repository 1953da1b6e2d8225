"""The main job, whole, through the front doors: every station is reached, and the blocks are real."""

import json
from pathlib import Path

import pytest

from demo.processes import WorldError
from demo.reports import read_reports
from demo.timeline import PER_ENGINE, STATIONS
from tests.journeys.finished import Finished
from tests.programs import needs, program


@needs("knotd", "knotc", "unbound", "named")
def test_every_station_is_reached_in_every_engine(finished: Finished, tmp_path: Path) -> None:
    for name in ("knotd", "knotc", "unbound", "named"):
        program(name)
    assert finished.timeline.missing() == []
    finished.timeline.write(tmp_path / "timeline.json")
    written = json.loads((tmp_path / "timeline.json").read_text())
    assert [engine["name"] for engine in written["engines"]] == ["unbound", "bind"]
    assert list(dict.fromkeys(station["name"] for station in written["stations"])) == list(STATIONS)
    for name in PER_ENGINE:
        assert {s["engine"] for s in written["stations"] if s["name"] == name} == {"unbound", "bind"}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("url,seen_at,comment\nhttp://a.example/x,,\nhttp://stranger.com/,,\n", "line 3"),
        ("address\nhttp://a.example/\n", "no column"),
        ("url\n", "0 reports"),
        ("url\nhttp://\n", "line 2"),
        ("url,seen_at,comment\nhttp://a.example/,yesterday,\n", "line 2"),
        ("url\nhttp://stop.mamori.example/\n", "demo world itself"),
        ("url\nhttp://a.example:8080/\n", "80 and 443"),
    ],
)
def test_a_file_that_names_a_stranger_or_is_no_use_is_refused(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "reports.csv"
    file.write_text(text)
    with pytest.raises(WorldError, match=wrong):
        read_reports(file)
