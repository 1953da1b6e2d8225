"""The whole trial, small, in namespaces of its own: every method really blocks, and what each is known to get wrong shows."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demo.processes import wait_until
from mamori.tools.cli import app
from mamori.tools.trial.arms import ARMS
from mamori.tools.trial.network import PROGRAMS, TrialError, apart, search_path
from mamori.tools.trial.report import page, print_pdf
from mamori.tools.trial.words import WORDS
from tests.programs import needs

ROOT = Path(__file__).resolve().parents[3]
DNS = {"dns-unbound", "dns-bind", "dns-powerdns"}


def why_no_namespaces() -> str:
    """Why the machine lets nobody make them; empty where it does, and where a program is missing (see `needs`)."""
    if any(shutil.which(name, path=search_path()) is None for name in PROGRAMS):
        return ""
    try:
        apart()
    except TrialError as error:
        return str(error)
    return ""


why_not = why_no_namespaces()
may_make_namespaces = pytest.mark.skipif(bool(why_not), reason=why_not)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial")
    asked = ["trial", "--size", "small", "--json", str(folder / "t.json"), "--report", str(folder / "t.html")]
    ran = CliRunner().invoke(app, asked)
    assert ran.exit_code == 0, ran.output
    assert max(len(line) for line in ran.stdout.splitlines()) <= 80
    assert "…" not in ran.stdout
    assert set(ARMS) < set(ran.stdout.split())
    figures = json.loads((folder / "t.json").read_text())
    assert (folder / "t.html").read_text() == page(figures)
    return figures


@may_make_namespaces
@needs(*PROGRAMS)
def test_every_method_blocks_and_shows_its_known_faults(result):
    arms = result["arms"]
    assert set(arms) == set(ARMS)
    for name, arm in arms.items():
        assert arm["faults"] == 0, name
        assert arm["lawful_fetches"] > arm["lawful_hosts"] > 100
        assert 0 <= arm["unlawful_reached"] < arm["unlawful_fetches"] > 150, name
        assert sum(arm["unlawful_reached_by"].values()) == arm["unlawful_reached"]
        assert arm["over_blocking"] == arm["lawful_hosts_refused"] / arm["lawful_hosts"]
        assert arm["under_blocking"] == arm["unlawful_reached"] / arm["unlawful_fetches"]
        assert arm["latency_pairs"] == arm["lawful_fetches"] - arm["lawful_refused"]
        assert isinstance(arm["latency_p50_ms"], float) and isinstance(arm["latency_p95_ms"], float)
        assert arm["effect_s"] > 0 < arm["lift_s"], name
        assert arm["cpu_s"] > 0 < arm["rss_mb"]
    control = result["control"]["dns-ungated"]
    assert control["lawful_hosts_refused"] >= arms["sni"]["lawful_hosts_refused"] > 0, "without the gate DNS does harm"
    assert set(control["unlawful_reached_by"]) == {"out_of_reach"}
    gaps = result["control"]["dns-unknown-platforms"]
    assert 0 < gaps["lawful_hosts_refused"] == result["gate"]["unknown_to_lists"] < control["lawful_hosts_refused"]
    assert gaps["loaded"]["names"] == arms["dns-unbound"]["loaded"]["names"] + gaps["lawful_hosts_refused"]
    assert len({arms[name]["unlawful_reached"] for name in DNS}) == 1
    for name in DNS:
        assert arms[name]["lawful_hosts_refused"] == arms[name]["lawful_refused"] == 0, name
        assert set(arms[name]["refused_as"]) == {"no such name"}
        assert set(arms[name]["unlawful_reached_by"]) == {"single_page", "out_of_reach"}
    for name in ("two-stage", "client-hash"):
        assert arms[name]["lawful_refused"] == 0, name
    assert set(arms["client-hash"]["unlawful_reached_by"]) == {"out_of_reach"}
    assert arms["client-hash"]["under_blocking"] == pytest.approx(result["out_of_reach_share"])
    assert arms["ip-route"]["unlawful_reached"] == 0
    assert arms["ip-route"]["over_blocking"] > arms["sni"]["over_blocking"] > 0
    assert set(arms["sni"]["unlawful_reached_by"]) == {"not_seen"}
    assert set(arms["two-stage"]["unlawful_reached_by"]) == {"not_seen", "out_of_reach"}
    assert arms["two-stage"]["under_blocking"] < arms["dns-unbound"]["under_blocking"]
    assert set(arms["two-stage"]["refused_as"]) == {"no such name", "status 403"}


@may_make_namespaces
@needs(*PROGRAMS)
def test_the_report_says_in_both_languages_whom_dns_stopped(result):
    hosts = result["arms"]["dns-unbound"]["lawful_hosts"]
    report = page(result)
    assert f"on which others publish, stopped none of {hosts} lawful hosts" in report
    assert f"合法なホスト {hosts} のうち 1 つも止めませんでした" in report
    harmed = result["control"]["dns-ungated"]["lawful_hosts_refused"]
    assert f"no gate judged, stopped {harmed} of {hosts} lawful hosts" in report
    gaps = result["control"]["dns-unknown-platforms"]["lawful_hosts_refused"]
    assert f"the same by DNS stopped {gaps} of {hosts} lawful hosts" in report
    assert f"審査を通った名前で合法なホスト {hosts} のうち {gaps} を止めました" in report
    assert result["machine"]["commit"] in report and result["machine"]["at"].startswith(result["held_on"])
    result = copy.deepcopy(result)
    result["arms"]["dns-bind"]["lawful_hosts_refused"] = 3
    report = page(result)
    assert f"stopped 3 of {hosts} lawful hosts by mistake" in report
    assert f"合法なホスト {hosts} のうち 3 を誤って止めました" in report


def test_the_figures_of_the_paper_make_a_report_also_where_an_older_program_held_no_control():
    figures = json.loads((ROOT / "docs/figures/trial.json").read_text())
    report = page(figures)
    for name in ("dns-ungated", "dns-unknown-platforms"):
        for told in WORDS[f"no {name}"]:
            assert (told in report) == (name not in figures.get("control", {})), name
    assert "{" not in re.sub("<style>.*?</style>", "", report, flags=re.DOTALL)
    for name in ("control", "machine"):
        figures.pop(name, None)
    assert all(told in page(figures) for told in WORDS["no dns-ungated"])


@may_make_namespaces
@needs(*PROGRAMS, "chromium")
def test_the_report_is_printed_with_its_japanese(result, tmp_path):
    print_pdf(page(result), tmp_path / "trial.pdf")
    printed = (tmp_path / "trial.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type ?/Page\b", printed)) >= 2
    assert b"CJK" in printed


def of_the_trial(seed: str) -> list[str]:
    """The trial's processes: those in the namespace of processes of the one that holds it."""
    spaces: dict[str, list[str]] = {}
    found = None
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            space, words = str((place / "ns" / "pid").readlink()), (place / "cmdline").read_bytes().decode().split("\0")
            spaces.setdefault(space, []).append(place.name)
            if seed in words and words[0] == sys.executable and space != str(Path("/proc/self/ns/pid").readlink()):
                found = space
    return spaces[found] if found else []


@may_make_namespaces
@needs(*PROGRAMS)
def test_whoever_kills_the_command_leaves_nothing_running():
    seed = str(os.getpid())
    command = [sys.executable, "-c", "from mamori.tools.cli import app; app()", "trial", "--seed", seed]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        wait_until(lambda: len(of_the_trial(seed)) > 4, 60, "the trial runs")
        begun = of_the_trial(seed)
        running.kill()
    wait_until(lambda: not any(Path("/proc", pid).exists() for pid in begun), 60, "the trial is over")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--size", "huge"], "--size is one of small, full"),
        (["--json", "no/such/trial.json"], "no/such/trial.json: there is no such folder"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_and_at_once(asked, told):
    ran = CliRunner().invoke(app, ["trial", *asked])
    assert (ran.exit_code, ran.stderr) == (2, f"mamori: {told}\n")


def test_a_missing_program_is_named(monkeypatch):
    monkeypatch.setattr("mamori.tools.trial.network.PROGRAMS", ("no-such-program",))
    ran = CliRunner().invoke(app, ["trial"])
    assert (ran.exit_code, ran.stderr) == (2, "mamori: the program no-such-program is not installed\n")


def test_a_missing_browser_is_named_before_the_trial(monkeypatch):
    monkeypatch.setattr("mamori.tools.trial.network._SBIN", ())
    monkeypatch.setenv("PATH", "")
    ran = CliRunner().invoke(app, ["trial", "--pdf", "trial.pdf"])
    told = "mamori: the program chromium is not installed: --pdf needs it; --report FILE.html does not\n"
    assert (ran.exit_code, ran.stderr) == (2, told)
