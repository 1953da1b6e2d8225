"""`make demo` as the command it is: a station that fails, the start after it, the same file again, serving on."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from demo.postgres import Postgres
from demo.processes import free_ports, wait_until
from demo.timeline import PER_ENGINE, STATIONS
from demo.world import PORTS_NEEDED

STATION = re.compile(rf"^  ({'|'.join(map(re.escape, STATIONS))}): ", re.MULTILINE)


@dataclass
class Command:
    """`python -m demo` on a folder and ports of its own."""

    folder: Path
    port: int
    world_port: int

    @contextmanager
    def running(self, *arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", Callable[[], str]]]:
        """The process, and what it said so far."""
        place = ["--folder", str(self.folder), "--port", str(self.port), "--world-port", str(self.world_port)]
        said = self.folder.with_suffix(".said")
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        with said.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-u", "-m", "demo", *place, *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=environment,
            )
        try:
            yield process, said.read_text
        finally:
            process.terminate()
            process.wait(60)

    def done(self, *arguments: str) -> tuple[int, str]:
        """Exit code and words, when it ended by itself."""
        with self.running(*arguments) as (process, said):
            return process.wait(600), said()


@pytest.fixture(scope="module")
def command(world_folder: Path) -> Iterator[Command]:
    folder = world_folder / "command"
    yield Command(folder, free_ports(4), free_ports(PORTS_NEEDED))
    Postgres(folder).destroy()


def test_a_station_that_fails_is_an_exit_code_and_the_next_starts_go_on(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "reports.csv"
    file.write_text("url,seen_at,comment\nhttp://again-1.example/a,,\nhttp://again-2.example/b,,\n")
    timeline = command.folder / "timeline.json"

    with command.running("--once", "--reports", str(file)) as (process, said):
        wait_until(lambda: "  report.received: 2" in said() or process.poll() is not None, 300, "nothing was reported")
        staff = int((command.folder / "log" / "staff.pid").read_text().split()[0])
        os.kill(staff, signal.SIGTERM)  # in the middle: the analysts' desk goes away
        assert process.wait(200) == 1
        words = " ".join(said().split())
    assert re.search(r"The demo stopped: (GET|POST) \S+ got no answer", words), words[-2000:]
    assert "The next start goes on from there" in words
    reached = [station["name"] for station in json.loads(timeline.read_text())["stations"]]
    assert reached[0] == "report.received"
    assert reached == list(STATIONS[: len(reached)])
    assert len(reached) < 4

    code, words = command.done("--once")
    assert code == 0, words[-2000:]
    assert "An earlier run was interrupted: it goes on with its reports (2)." in words
    assert "report.received" not in STATION.findall(words), "what was reached is not run again"
    written = json.loads(timeline.read_text())
    assert list(dict.fromkeys(station["name"] for station in written["stations"])) == list(STATIONS)
    for name in PER_ENGINE:
        engines = [station.get("engine", "none") for station in written["stations"] if station["name"] == name]
        assert sorted(engines) == (sorted(engine["name"] for engine in written["engines"]) or ["none"])
    assert set(written) == {"stations", "engines"}

    code, words = command.done("--once", "--reports", str(file))
    assert code == 0, words[-2000:]
    assert "Reports of the file: 2; reported before: 2." in words
    assert "Nothing is new in the file. The table of the earlier run:" in words
    assert "audit.verified" in words
    assert STATION.findall(words) == []

    with command.running() as (process, said):
        wait_until(lambda: "Stop with Ctrl-C" in said() or process.poll() is not None, 120, "it does not serve")
        assert process.poll() is None, said()[-2000:]
        assert STATION.findall(said()) == [], "the second start runs no job"
        assert urllib3.request("GET", f"http://127.0.0.1:{command.port}/en/", retries=False).status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 1
        assert "The demo stopped" not in said()

    other = Command(command.folder, command.port + 4, command.world_port)
    code, words = other.done("--once")
    assert code == 1
    assert f"made with --port {command.port} --world-port {command.world_port}:" in " ".join(words.split())
