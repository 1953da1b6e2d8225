"""The main job, whole, through the front doors: every station is reached, and the blocks are real."""

import io
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.console import Console

from demo.everything import bring_up
from demo.main_job import MainJob
from demo.platform import Ports
from demo.processes import WorldError, free_ports, wait_until
from demo.reports import not_reported, read_reports
from demo.timeline import PER_ENGINE, STATIONS, Timeline
from demo.visitor import Visitor
from demo.world import PORTS_NEEDED
from mamori.ground.audit.looks import things_known
from mamori.lists.distribution.services.following import STATUS
from tests.journeys.finished import Finished
from tests.platform import rows
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
    assert all(station["seconds"] >= 0 for station in written["stations"])


@needs("knotd", "knotc", "unbound", "named")
def test_the_feed_says_that_both_providers_have_the_edition_in_force(finished: Finished) -> None:
    """As the real primary's log tells the real worker."""
    file = finished.everything.platform.base / "editions" / STATUS

    def standing() -> list[tuple[str, bool]]:
        told = json.loads(file.read_text())
        return [(each["standing"], each["edition"] == told["edition"]) for each in told["subscribers"]]

    wait_until(lambda: standing() == [("has_it", True)] * 2, 30, "a provider does not have the edition in force")


def test_every_thing_the_log_names_has_a_word(finished: Finished) -> None:
    kinds = {kind for (kind,) in rows(finished.everything.platform, "SELECT DISTINCT subject_type FROM audit_event")}
    assert len(kinds) > 15
    assert sorted(kinds - things_known()) == []


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


def test_a_file_runs_without_resolvers_beside_what_was_reported_by_hand(world_folder: Path, tmp_path: Path) -> None:
    first = free_ports(4)
    with ExitStack() as stack:
        everything = bring_up(
            world_folder / "unresolved",
            stack,
            ports=Ports(first, first + 1, first + 2, first + 3),
            world_port=free_ports(PORTS_NEEDED),
            engines=(),
        )
        stack.callback(everything.postgres.destroy)
        everything.platform.world["MAMORI_LIST_MAX_ADDED"] = "2"  # in a day: the third site goes on the next
        everything.platform.stop()
        everything.platform.start()
        file = tmp_path / "reports.csv"
        sent = [f"http://brake-{n % 3}.example/{n},2026-11-0{n + 1}T10:00:00+09:00,page {n}" for n in range(4)]
        file.write_text("\n".join(["url,seen_at,comment", *sent, ""]))
        by_hand = "http://by-hand.example/page/"
        stranger = Visitor(everything.platform.url("public"))
        stranger.wait_turn(stranger.submit("/en/report/", "addresses", {"addresses": by_hand}))
        state = "SELECT state FROM assessment_contentitem WHERE url = '" + by_hand + "'"
        wait_until(lambda: rows(everything.platform, state), 60, "what was reported by hand does not come to the queue")
        timeline, said = Timeline([]), Console(file=io.StringIO(), record=True, width=200)
        MainJob(everything.platform, everything.world, timeline, said, read_reports(file)).run()
        assert timeline.missing() == []
        seen = rows(everything.platform, "SELECT url, seen_on::text FROM intake_report WHERE url LIKE '%/brake-%'")
        assert dict(seen) == {f"http://brake-{n % 3}.example/{n}": f"2026-11-0{n + 1}" for n in range(4)}
        assert rows(everything.platform, state) == [("awaiting_assessment",)], "the job left it to its own analyst"
        assert "the brake of the list: 2 of 3 entries so far" in said.export_text()
        timeline.write(tmp_path / "timeline.json")
        written = json.loads((tmp_path / "timeline.json").read_text())
        assert written["engines"] == []
        details = {s["detail"] for s in written["stations"] if s["name"] in PER_ENGINE}
        assert details == {"not loaded: no resolver installed"}
        again = [*read_reports(file), {"url": "http://brake-3.example/new"}]
        assert not_reported(again, everything.postgres.owner_dsn()) == again[-1:]


def test_the_command_fails_with_the_reason_before_anything_begins(tmp_path: Path) -> None:
    file = tmp_path / "reports.csv"
    file.write_text("url,seen_at,comment\nhttp://stranger.com/,,\n")
    base = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--once", "--folder", str(base), "--reports", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "line 2: stranger.com is not under .example" in " ".join(done.stdout.split())
    assert not base.exists()
