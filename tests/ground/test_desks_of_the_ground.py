"""The Audit and Letters desks through the front door."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from mamori.engine.keys import create_signing_key
from mamori.ground import audit
from mamori.ground.accounts.models import Organisation, User
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.audit import services
from mamori.ground.audit.models import Event, Verification
from mamori.ground.audit.services import Sealer
from mamori.ground.letters.models import Letter
from mamori.ground.letters.services import letter_post
from mamori.tools.audit_verify import verify_export

pytestmark = pytest.mark.django_db


@pytest.fixture
def log_key(settings: Any, tmp_path: Path) -> Iterator[None]:
    create_signing_key(tmp_path / "log.pem")
    settings.LOG_KEY_FILE = tmp_path / "log.pem"
    services.signer.cache_clear()
    yield
    services.signer.cache_clear()


@pytest.fixture
def auditor(person: Callable[..., User], browser_of: Callable[[User], Client]) -> Client:
    return browser_of(person(Role.AUDITOR))


def test_events_are_found_by_event_thing_actor_and_number(auditor: Client, person: Callable[..., User]) -> None:
    user = person(Role.ANALYST, name="Hara")
    audit.record("test.one", subject=user, actor=user.actor, code="alpha")
    audit.record("test.two", subject="thing:7", actor=SYSTEM, code="beta")

    def told(query: str) -> tuple[bool, bool]:
        page = auditor.get(f"/audit/?{query}").content.decode()
        return "alpha" in page, "beta" in page

    assert told("") == (True, True)
    assert told("event=test.one") == (True, False)
    assert told(f"actor={user.id}") == (True, False)
    assert told(f"subject={user.id}") == (True, False)
    assert told("subject=thing:7") == (False, True)
    assert told(f"before={Event.objects.get(event='test.one').id}") == (True, False)
    assert told("at_to=2000-01-01") == (False, False)
    assert "Hara" in auditor.get("/audit/?event=test.one").content.decode()


@pytest.mark.parametrize(("language", "phrase"), [("en", "A letter came back"), ("ja", "メールが不達で戻った")])
def test_an_event_reads_in_the_readers_language_and_its_code_stands_beside_it(
    auditor: Client, language: str, phrase: str
) -> None:
    audit.record("letters.bounced", subject="thing:7", actor=SYSTEM)
    audit.record("test.one", subject="thing:8", actor=SYSTEM)
    auditor.cookies["django_language"] = language
    page = auditor.get("/audit/").content.decode()
    assert f'{phrase} <span class="event" translate="no">letters.<wbr>bounced</span>' in page
    assert f'<option value="letters.bounced">{phrase}</option>' in page
    assert "test.one" in page, "an event no room knows shows its code"
    chosen = auditor.get("/audit/?event=letters.bounced").content.decode()
    assert f'<option value="letters.bounced" selected>{phrase}</option>' in chosen
    assert "thing 8" not in chosen
    table = auditor.get("/audit/?export=csv&event=letters.bounced").getvalue().decode()
    assert "letters.bounced" in table
    assert phrase not in table


@pytest.mark.parametrize("event", ["%00", "Letters", "letters.bounced%20or"])
def test_what_is_no_name_of_an_event_is_refused(auditor: Client, event: str) -> None:
    assert "error-summary" in auditor.get(f"/audit/?event={event}").content.decode()


def test_a_senior_sees_the_events_of_the_own_organisation_only(
    person: Callable[..., User], browser_of: Callable[[User], Client]
) -> None:
    senior, officer = person(Role.SENIOR_ANALYST), person(Role.POLICE_LIAISON)
    audit.record("test.ours", subject="thing:1", actor=senior.actor)
    audit.record("test.theirs", subject="thing:2", actor=officer.actor)
    page = browser_of(senior).get("/audit/").content.decode()
    assert "test.ours" in page
    assert "test.theirs" not in page


def test_the_auditor_has_the_log_verified_and_tampering_shows(
    auditor: Client, log_key: None, run_jobs: Callable[[], int]
) -> None:
    sealer = Sealer.resume()
    sealer.seal()
    sealer.checkpoint()
    auditor.post("/audit/verify/")
    auditor.post("/audit/verify/")
    assert Verification.objects.count() == 1
    run_jobs()
    first = Verification.objects.get()
    assert first.ok is True, first.findings
    assert first.events > 0
    for language, told in (("en", "not confirmed by the witness itself"), ("ja", "立会人自身の確認なし")):
        auditor.cookies["django_language"] = language
        page = auditor.get("/audit/checkpoints/").content.decode()
        assert told in page
        assert "mamori doctor" in page
        assert ("Whole and unchanged" in page, "完全で変更なし" in page) == (False, False)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_event SET event = 'test.forged' WHERE id = (SELECT min(event_id) FROM audit_seal)")
    auditor.post("/audit/verify/")
    run_jobs()
    last = Verification.objects.order_by("-asked_at").first()
    assert last is not None
    assert last.ok is False
    page = auditor.get("/audit/checkpoints/").content.decode()
    assert last.findings[0].split(":")[0] in page
    assert 'role="alert"' in auditor.get("/").content.decode()


def test_the_export_is_verified_by_the_tool_without_the_platform(
    auditor: Client, log_key: None, tmp_path: Path
) -> None:
    audit.record("test.one", subject="thing:1", actor=SYSTEM)
    sealer = Sealer.resume()
    sealer.seal()
    answer = auditor.get("/audit/export.jsonl")
    file = tmp_path / "audit.jsonl"
    file.write_bytes(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    report = verify_export(file, [], [], None, [])
    assert report.ok
    assert report.events == sealer.tree.size
    assert Event.objects.filter(event="audit.exported").exists()


def test_the_list_of_events_costs_the_same_for_few_and_many(
    auditor: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(120):
        audit.record("test.one", subject=f"thing:{number}", actor=SYSTEM)
    auditor.get("/audit/")
    with django_assert_max_num_queries(14):
        auditor.get("/audit/")


def uncertain() -> Letter:
    letter = letter_post(
        key="k", kind="notice", to="abuse@host.example", subject="N-1", body="See https://mamori.example/hoster/secret"
    )
    Letter.objects.filter(id=letter).update(state="uncertain")
    return Letter.objects.get(id=letter)


def test_an_uncertain_letter_is_sent_again_or_taken_after_one_question(
    person: Callable[..., User], browser_of: Callable[[User], Client]
) -> None:
    letter, senior = uncertain(), browser_of(person(Role.SENIOR_ANALYST))
    assert str(letter.id) in senior.get("/letters/?state=uncertain").content.decode()
    asked = senior.get(f"/letters/{letter.id}/resend/").content.decode()
    assert "abuse@host.example" in asked
    letter.refresh_from_db()
    assert letter.state == "uncertain"
    senior.post(f"/letters/{letter.id}/take/")
    letter.refresh_from_db()
    assert letter.state == "handed"
    assert senior.post(f"/letters/{letter.id}/resend/").status_code == 409


def test_links_of_letters_are_never_shown(person: Callable[..., User], browser_of: Callable[[User], Client]) -> None:
    analyst, letter = browser_of(person(Role.ANALYST)), uncertain()
    assert "hoster/secret" not in analyst.get(f"/letters/{letter.id}/").content.decode()
    invitation = letter_post(key="i", kind="invitation", to="a@b.example", subject="s", body="x/invitation/secret")
    assert "invitation/secret" not in analyst.get(f"/letters/{invitation}/").content.decode()


def test_letters_that_failed_wait_on_the_seniors_first_page(
    person: Callable[..., User], browser_of: Callable[[User], Client]
) -> None:
    uncertain()
    assert "/letters/?state=uncertain" in browser_of(person(Role.SENIOR_ANALYST)).get("/").content.decode()
    assert "/letters/?state=uncertain" not in browser_of(person(Role.ANALYST)).get("/").content.decode()
    assert Organisation.objects.count() == 1
