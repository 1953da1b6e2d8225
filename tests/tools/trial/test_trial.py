"""The whole trial, small, in namespaces of its own: every method really blocks, and what each is known to get wrong shows."""

import json
import os
import re

import pytest
from typer.testing import CliRunner

from mamori.tools.cli import app
from mamori.tools.trial.arms import ARMS
from mamori.tools.trial.network import TrialError, apart
from mamori.tools.trial.report import page, print_pdf
from tests.programs import needs

DNS = {"dns-unbound", "dns-bind", "dns-powerdns"}


def may_make_namespaces() -> str:
    """Why not; empty where they may."""
    try:
        apart()
    except TrialError as error:
        return str(error)
    return ""


why_not = may_make_namespaces()
apart_or_failing = pytest.mark.skipif(bool(why_not) and os.environ.get("CI") != "true", reason=why_not)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial")
    ran = CliRunner().invoke(
        app, ["trial", "--size", "small", "--json", str(folder / "t.json"), "--html", str(folder / "t.html")]
    )
    assert ran.exit_code == 0, ran.output
    assert "over-blocked" in ran.stdout
    figures = json.loads((folder / "t.json").read_text())
    assert (folder / "t.html").read_text() == page(figures)
    return figures


@apart_or_failing
def test_every_method_blocks_and_shows_its_known_faults(result):
    arms = result["arms"]
    assert set(arms) == set(ARMS)
    for name, arm in arms.items():
        assert arm["unreachable_without"] == 0, name
        assert arm["lawful_fetches"] > 100
        assert arm["unlawful_fetches"] > 100
        assert 0 < arm["unlawful_reached"] < arm["unlawful_fetches"], name
        assert sum(arm["unlawful_reached_by"].values()) == arm["unlawful_reached"]
        assert arm["over_blocking"] == arm["lawful_refused"] / arm["lawful_fetches"]
        assert arm["under_blocking"] == arm["unlawful_reached"] / arm["unlawful_fetches"]
        assert arm["effect_s"] > 0 < arm["lift_s"], name
    for name in DNS:
        assert arms[name]["lawful_hosts_refused"] == arms[name]["lawful_refused"] == 0, name
        assert set(arms[name]["refused_as"]) == {"no such name"}
        assert set(arms[name]["unlawful_reached_by"]) == {"single_page", "out_of_reach"}
    for name in ("two-stage", "client-hash"):
        assert arms[name]["lawful_refused"] == 0, name
    assert set(arms["client-hash"]["unlawful_reached_by"]) == {"out_of_reach"}
    assert arms["client-hash"]["under_blocking"] == pytest.approx(result["out_of_reach_share"])
    assert arms["ip-route"]["over_blocking"] > arms["sni"]["over_blocking"] > 0
    assert arms["two-stage"]["under_blocking"] < arms["dns-unbound"]["under_blocking"]
    assert set(arms["two-stage"]["refused_as"]) == {"no such name", "status 403"}


@apart_or_failing
@needs("chromium")
def test_the_report_is_printed_with_its_japanese(result, tmp_path):
    print_pdf(page(result), tmp_path / "trial.pdf")
    printed = (tmp_path / "trial.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type ?/Page\b", printed)) >= 2
    assert b"CJK" in printed


def test_what_cannot_be_done_is_told_in_one_line():
    ran = CliRunner().invoke(app, ["trial", "--size", "huge"])
    assert (ran.exit_code, ran.stderr) == (2, "mamori: --size is one of small, full\n")


def test_a_missing_program_is_named(monkeypatch):
    monkeypatch.setattr("mamori.tools.trial.network.PROGRAMS", ("no-such-program",))
    ran = CliRunner().invoke(app, ["trial"])
    assert (ran.exit_code, ran.stderr) == (2, "mamori: the program no-such-program is not installed\n")
