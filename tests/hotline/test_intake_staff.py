"""The staff pages of intake, through the front door."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from typer.testing import CliRunner

from mamori.engine.keys import create_signing_key
from mamori.ground import clock, jobs
from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.hotline.intake import gate, receipts, services
from mamori.hotline.intake.models import Report, Submission
from mamori.tools.cli import app
from tests.hotline.intake_steps import audit_rows, code_of, data_url, plain_static, take

pytestmark = pytest.mark.django_db
Person = Callable[..., User]
BrowserOf = Callable[[User], Client]
LANGUAGE = {"headers": {"Accept-Language": "en"}}


@pytest.fixture(autouse=True)
def static(settings: Any) -> None:
    plain_static(settings)


@pytest.fixture
def analyst(person: Person) -> User:
    return person(Role.ANALYST)


@pytest.fixture
def browser(analyst: User, browser_of: BrowserOf) -> Client:
    return browser_of(analyst)


def test_an_operator_takes_a_report_and_reads_the_receipt_out(browser: Client) -> None:
    assert browser.get("/intake/phone/", **LANGUAGE).status_code == 200
    page = browser.post(
        "/intake/phone/",
        {"channel": "walk_in", "addresses": "https://site.example/a", "contact": "at the desk"},
        **LANGUAGE,
    )
    opened = services.receipt_open(code_of(page.content))
    assert opened is not None
    submission = Submission.objects.get(id=opened.submission_id)
    assert (submission.source, submission.channel, submission.received_hour.minute) == ("operator", "walk_in", 0)
    assert audit_rows("intake.received")[0]["actor_kind"] == "person"


def test_an_operator_s_mistake_is_named(browser: Client) -> None:
    page = browser.post("/intake/phone/", {"addresses": "nonsense", "text": "kept"}, **LANGUAGE)
    assert page.status_code == 422
    assert b"kept" in page.content
    assert b"Line 1" in page.content


def test_the_police_hand_over_what_their_patrol_found(person: Person, browser_of: BrowserOf) -> None:
    police = browser_of(person(Role.POLICE_LIAISON))
    fields = {
        "addresses": "https://site.example/a\nhttps://site.example/b",
        "category": "csam",
        "found_by": "patrol",
        "prefecture": "13",
        "case": "R8-123",
    }
    assert code_of(police.post("/intake/patrol/", fields, **LANGUAGE).content)
    submission = Submission.objects.get()
    assert submission.source == "patrol"
    assert submission.details == {"category": "csam", "found_by": "patrol", "prefecture": "13"}
    stored = str(list(Submission.objects.values())) + str(list(Report.objects.values()))
    assert "R8-123" not in stored
    report = submission.reports.order_by("id")[0]
    analyst = browser_of(person(Role.ANALYST))
    shut = analyst.get(f"/reports/{report.id}/", **LANGUAGE).content
    assert b"Open the case reference" in shut and b"R8-123" not in shut
    assert b"R8-123" in analyst.post(f"/reports/{report.id}/", {"part": "case"}, **LANGUAGE).content
    assert len(audit_rows("intake.sealed_opened")) == 1
    assert submission.organisation_id is not None
    assert submission.reports.count() == 2
    wrong = police.post("/intake/patrol/", {**fields, "prefecture": "48"}, **LANGUAGE)
    assert wrong.status_code == 422
    jobs.run_sweep("intake.screen_new")
    assert set(Report.objects.values_list("state", flat=True)) == {"screened"}


@pytest.mark.parametrize("path", ["/intake/phone/", "/intake/patrol/"])
def test_who_tells_a_person_gets_the_same_receipt_signed_on_request(
    path: str, person: Person, browser_of: BrowserOf, settings: Any, tmp_path: Path
) -> None:
    settings.RECEIPT_KEY_FILE = tmp_path / "receipt.pem"
    create_signing_key(settings.RECEIPT_KEY_FILE)
    browser = browser_of(person(Role.ANALYST, Role.POLICE_LIAISON))
    fields = {
        "addresses": "https://site.example/a",
        "channel": "walk_in",
        "category": "csam",
        "found_by": "patrol",
        "prefecture": "13",
    }
    plain = browser.post(path, fields, **LANGUAGE).content
    assert code_of(plain) and b"receipt.txt" not in plain
    page = browser.post(path, {**fields, "signed": "on"}, **LANGUAGE).content
    assert code_of(page)
    (tmp_path / "receipt.txt").write_text(data_url(page, "receipt.txt"))
    (tmp_path / "opening.json").write_text(data_url(page, "opening.json"))
    key = receipts.sign(["https://site.example/a"], clock.this_hour()).key
    checked = CliRunner().invoke(
        app,
        ["receipt", "verify", str(tmp_path / "receipt.txt"), "--opening", str(tmp_path / "opening.json"), "--key", key],
    )
    assert checked.exit_code == 0, checked.output
    assert "yes, they are what was reported" in " ".join(checked.output.split())


PAGES = {
    "/screening/": {Role.ANALYST, Role.SENIOR_ANALYST},
    "/reports/": {Role.ANALYST, Role.SENIOR_ANALYST, Role.AUDITOR},
    "/intake/phone/": {Role.ANALYST, Role.SENIOR_ANALYST},
    "/intake/patrol/": {Role.POLICE_LIAISON},
    "/intake/messages/": {Role.ANALYST, Role.SENIOR_ANALYST},
}


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_for_its_roles_only(path: str, person: Person, browser_of: BrowserOf) -> None:
    assert Client().get(path).status_code == 302
    for role in Role:
        status = browser_of(person(role)).get(path).status_code
        assert (status == 200) == (role in PAGES[path]), role
        assert status in {200, 403, 404}


def test_a_report_at_risk_is_screened_on_its_page(browser: Client, analyst: User) -> None:
    _code, [report] = take(analyst, child_at_risk=True, text="a room with a red door")
    queue = browser.get("/screening/", **LANGUAGE).content.decode()
    assert f"/reports/{report.id}/" in queue
    assert "hxxps://site[.]example/page" in queue
    page = browser.get(f"/reports/{report.id}/", **LANGUAGE).content.decode()
    assert "red door" not in page
    opened = browser.post(f"/reports/{report.id}/", {"part": "text"}, **LANGUAGE).content.decode()
    assert "red door" in opened
    done = browser.post(f"/reports/{report.id}/screen/", {"outcome": "urgent_child_at_risk"}, **LANGUAGE)
    assert done.status_code == 302
    assert Report.objects.get().screening == "urgent_child_at_risk"
    assert browser.post(f"/reports/{report.id}/screen/", {"outcome": "accepted"}, **LANGUAGE).status_code == 409
    assert browser.post(f"/reports/{report.id}/screen/", {"outcome": "whatever"}, **LANGUAGE).status_code == 422


def test_a_message_goes_to_the_reporter_and_the_answer_comes_back(browser: Client, analyst: User) -> None:
    code, [report] = take(analyst)
    browser.post(f"/reports/{report.id}/reply/", {"message": "Which page?"}, **LANGUAGE)
    services.message_answer(code=code, text="The second one", spent=gate.once("x"))
    assert f"/reports/{report.id}/" in browser.get("/intake/messages/", **LANGUAGE).content.decode()
    page = browser.get(f"/reports/{report.id}/", **LANGUAGE).content.decode()
    assert "The second one" not in page
    page = browser.post(f"/reports/{report.id}/", {"part": "messages"}, **LANGUAGE).content.decode()
    assert "Which page?" in page
    assert "The second one" in page
    assert "No unread messages" in browser.get("/intake/messages/", **LANGUAGE).content.decode()


def test_the_auditor_sees_reports_and_opens_nothing(person: Person, browser_of: BrowserOf, analyst: User) -> None:
    _code, [report] = take(analyst, text="seen there")
    auditor = browser_of(person(Role.AUDITOR))
    assert "does not open it" in auditor.get(f"/reports/{report.id}/", **LANGUAGE).content.decode()
    assert auditor.post(f"/reports/{report.id}/", {"part": "text"}, **LANGUAGE).status_code == 403
    assert auditor.post(f"/reports/{report.id}/reply/", {"message": "x"}, **LANGUAGE).status_code == 403


def test_reports_are_filtered_sorted_and_exported_without_sealed_text(
    person: Person, browser_of: BrowserOf, analyst: User
) -> None:
    take(analyst, "https://site.example/a", text="seen there", contact="call me")
    take(analyst, "https://site.example/b", child_at_risk=True)
    jobs.run_sweep("intake.screen_new")
    senior = browser_of(person(Role.SENIOR_ANALYST))
    page = senior.get("/reports/?state=received&sort=-received_hour", **LANGUAGE).content.decode()
    assert "site[.]example/b" in page
    assert "site[.]example/a" not in page
    export = senior.get("/reports/?export=csv", **LANGUAGE)
    assert export["Content-Type"].startswith("text/csv")
    text = export.content.decode("utf-8-sig")
    assert "hxxps://site[.]example/a" in text
    assert "seen there" not in text
    assert "call me" not in text
    assert browser_of(analyst).get("/reports/?export=csv", **LANGUAGE).status_code == 403


def test_a_senior_withholds_a_submission(person: Person, browser_of: BrowserOf, analyst: User) -> None:
    _code, [report] = take(analyst)
    senior = browser_of(person(Role.SENIOR_ANALYST))
    senior.post(f"/reports/{report.id}/withhold/", {"withheld": "yes"}, **LANGUAGE)
    assert "Withheld" in senior.get(f"/reports/{report.id}/", **LANGUAGE).content.decode()
    assert browser_of(analyst).post(f"/reports/{report.id}/withhold/", {}, **LANGUAGE).status_code == 403


@pytest.mark.parametrize("path", ["/reports/", "/screening/", "/intake/messages/"])
def test_the_number_of_queries_does_not_grow_with_the_rows(path: str, browser: Client, analyst: User) -> None:
    counts = []
    for _round in range(2):
        for _number in range(10):
            code, [_report] = take(analyst, child_at_risk=True)
            services.message_answer(code=code, text="x", spent=gate.once(code))
        browser.get(path, **LANGUAGE)
        with CaptureQueriesContext(connection) as seen:
            browser.get(path, **LANGUAGE)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 20
