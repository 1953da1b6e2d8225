"""The public form, its gate, the receipt and the pages around it."""

import hashlib
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from nacl.pwhash import argon2id

from mamori.engine.keys import create_signing_key
from mamori.ground import clock
from mamori.hotline.intake import gate, services
from mamori.hotline.intake.models import Message, OneUse, Report, Submission
from tests.hotline.intake_steps import code_of, data_url, public_face, send, solve

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(settings: Any) -> Client:
    return public_face(settings)


def look_up(browser: Client, code: str, language: str = "en", **fields: str) -> Any:
    return browser.post(f"/{language}/receipt/", {"code": code, **fields})


def test_a_report_with_a_proof_of_work_is_stored_and_answered_with_a_receipt(browser: Client, frozen: Any) -> None:
    frozen.shift(timedelta(minutes=17, seconds=3))
    page = send(browser, addresses="https://Site.example/a\n\nsite.example/b", text="A drawing", seen_on="2026-11-20")
    assert page.status_code == 200
    submission = Submission.objects.get(receipt_digest__isnull=False)
    assert submission.received_hour == clock.this_hour() != clock.now()
    assert {r.url for r in submission.reports.all()} == {"https://site.example/a", "https://site.example/b"}
    assert {str(r.seen_on) for r in submission.reports.all()} == {"2026-11-20"}
    assert look_up(browser, code_of(page.content)).status_code == 200


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("path", ["", "report/", "receipt/", "law/", "help/"])
def test_each_public_page_is_there_in_both_languages_and_sets_no_cookie(
    browser: Client, language: str, path: str
) -> None:
    page = browser.get(f"/{language}/{path}")
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.content.decode()
    assert not page.cookies
    assert "no-store" in page["Cache-Control"]
    assert page["Referrer-Policy"] == "no-referrer"
    assert b"csrf" not in page.content


def test_the_children_s_numbers_stand_first_and_the_japanese_page_has_furigana(browser: Client) -> None:
    for language in ("ja", "en"):
        page = browser.get(f"/{language}/help/").content.decode()
        places = [page.index(number) for number in ("110", "189", "0120-0-78310", "0120-99-7777")]
        assert places == sorted(places)
    assert "<ruby>" in browser.get("/ja/help/").content.decode()


def test_the_same_proof_is_refused_the_second_time(browser: Client) -> None:
    proof = solve(browser.get("/en/report/").content.decode())
    fields = {"addresses": "https://site.example/page", "proof": proof}
    assert browser.post("/en/report/", fields).status_code == 200
    again = browser.post("/en/report/", fields)
    assert again.status_code == 409
    assert b"already sent" in again.content
    assert Report.objects.count() == 1


@pytest.mark.parametrize("change", ["", "x", "bm9uc2Vuc2U=", "e30="])
def test_a_made_up_proof_is_refused_and_nothing_typed_is_lost(browser: Client, change: str) -> None:
    page = browser.post(
        "/en/report/", {"addresses": "https://site.example/page", "text": "my words", "proof": change or "a" * 500}
    )
    assert page.status_code == 422
    assert b"my words" in page.content
    assert b"press Send again" in page.content
    assert not Report.objects.exists()


def test_a_proof_is_too_old_after_its_life(browser: Client, frozen: Any) -> None:
    proof = solve(browser.get("/en/report/").content.decode())
    frozen.shift(gate.LIFE)
    page = browser.post("/en/report/", {"addresses": "https://site.example/page", "proof": proof})
    assert page.status_code == 422
    assert not Report.objects.exists()


def test_checking_a_proof_does_none_of_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    page = f'data-challenge="{gate.challenge().replace(chr(34), "&quot;")}"'
    proof = solve(page)
    worked: list[str] = []
    monkeypatch.setattr(hashlib, "pbkdf2_hmac", lambda *_given, **_more: worked.append("work") or b"")
    gate.challenge()
    assert worked, "the work is counted here"
    worked.clear()
    gate.check_proof(proof)
    assert worked == []


def test_an_unknown_number_takes_the_work_of_a_known_one(
    browser: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    """Times are measured by `python -m benchmarks.oracle`; here: one derivation of a key each, by as many queries."""
    code = code_of(send(browser).content)
    derived: list[int] = []
    kdf = argon2id.kdf
    monkeypatch.setattr(argon2id, "kdf", lambda *given, **more: derived.append(1) or kdf(*given, **more))
    for number, status in ((code, 200), ("0000-1111-2222-3333", 422)):
        derived.clear()
        with django_assert_num_queries(2):
            assert browser.post("/en/receipt/", {"code": number}).status_code == status
        assert derived == [1]


def test_spent_proofs_are_forgotten_when_they_no_longer_hold(browser: Client, frozen: Any) -> None:
    send(browser)
    services.used_forget()
    assert OneUse.objects.count() == 1
    frozen.shift(gate.LIFE)
    services.used_forget()
    assert not OneUse.objects.exists()


def hidden(page: str) -> dict[str, str]:
    import re
    from html import unescape

    return {
        name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    }


def test_without_javascript_the_form_goes_through_a_short_queue(browser: Client, frozen: Any, settings: Any) -> None:
    settings.QUEUE_SECONDS = 20
    page = browser.post(
        "/en/report/", {"addresses": "https://site.example/a", "text": "two\nlines", "child_at_risk": "on"}
    )
    assert page.status_code == 200
    fields = hidden(page.content.decode())
    assert fields["text"] == "two\nlines"
    assert not Report.objects.exists()

    early = browser.post("/en/report/", fields)
    assert b"a little too early" in early.content
    assert hidden(early.content.decode()) == fields

    frozen.shift(timedelta(seconds=21))
    done = browser.post("/en/report/", fields)
    assert code_of(done.content)
    assert Report.objects.get().child_at_risk
    assert browser.post("/en/report/", fields).status_code == 409


def test_the_queue_lets_so_many_through_in_a_minute(browser: Client, frozen: Any, settings: Any) -> None:
    settings.QUEUE_SECONDS, settings.QUEUE_PER_MINUTE = 1, 6
    given = {"addresses": "https://site.example/a"}
    waiting = [hidden(browser.post("/en/report/", given).content.decode()) for _ in range(4)]
    frozen.shift(timedelta(seconds=2))
    assert code_of(browser.post("/en/report/", waiting[0]).content)
    for again in range(3):  # a used one takes no place from anybody
        assert browser.post("/en/report/", waiting[0]).status_code == 409, again
    assert code_of(browser.post("/en/report/", waiting[1]).content)
    page = browser.post("/en/report/", waiting[2])
    assert b"Please wait 10 seconds" in page.content
    assert hidden(page.content.decode()) == waiting[2]
    frozen.shift(timedelta(seconds=10))
    assert code_of(browser.post("/en/report/", waiting[2]).content)
    assert b"Please wait 10 seconds" in browser.post("/en/report/", waiting[3]).content
    assert Report.objects.count() == 3


def test_tickets_that_nobody_uses_delay_nobody(browser: Client, frozen: Any, settings: Any) -> None:
    """A flood of forms without proof, half a day's worth of places, moves an honest reporter back by no second."""
    settings.QUEUE_SECONDS, settings.QUEUE_PER_MINUTE = 20, 60
    given = {"addresses": "https://flood.example/a"}
    for _ in range(100):
        assert browser.post("/en/report/", given).status_code == 200
    for _ in range(43_200):
        gate.ticket()
    for path, kind in (("/en/report/", "addresses"), ("/en/list/appeal/", "address")):
        page = browser.post(path, {kind: "https://site.example/a", "text": "Mine.", "contact": "a@site.example"})
        assert b"Please wait 21 seconds" in page.content, path
    page = browser.post("/en/report/", {"addresses": "https://site.example/a"})
    frozen.shift(timedelta(seconds=21))
    assert code_of(browser.post("/en/report/", hidden(page.content.decode())).content)


def test_a_ticket_of_another_s_making_is_refused(browser: Client) -> None:
    page = browser.post("/en/report/", {"addresses": "https://site.example/a", "ticket": "1.9999999999.aa.bb"})
    assert page.status_code == 422
    assert not Report.objects.exists()


def test_bad_lines_are_named_and_nothing_typed_is_lost(browser: Client) -> None:
    page = send(browser, addresses="https://site.example/a\nftp://site.example\nnonsense", text="my words")
    assert page.status_code == 422
    text = page.content.decode()
    assert "Line 2: Only addresses beginning with http" in text
    assert "Line 3: The text holds no host name" in text
    assert "nonsense" in text
    assert "my words" in text
    assert 'aria-invalid="true"' in text
    assert not Report.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"addresses": " \n "}, "Enter at least one address"),
        ({"addresses": "\n".join(f"https://site.example/{i}" for i in range(11))}, "There are 11 addresses"),
        ({"seen_on": "2099-01-01"}, "in the future"),
        ({"seen_on": "yesterday"}, "for example 2026-11-24"),
    ],
)
def test_each_error_says_how_to_mend(browser: Client, fields: dict[str, str], said: str) -> None:
    page = send(browser, **fields)
    assert page.status_code == 422
    assert said in page.content.decode()


def test_the_receipt_says_received_or_closed_and_unknown_numbers_nothing(browser: Client) -> None:
    code = code_of(send(browser).content)
    shown = look_up(browser, code.replace("-", " "))
    assert b"Received" in shown.content
    Submission.objects.update(closed_at=clock.now(), released_hour=clock.this_hour())
    assert b"Closed" in look_up(browser, code).content
    unknown = look_up(browser, "0000-0000-0000-0000")
    assert unknown.status_code == 422
    assert b"no report with this number" in unknown.content
    short = look_up(browser, "1234")
    assert b"has 16 digits" in short.content


def test_the_reporter_answers_once_and_reads_the_conversation(browser: Client) -> None:
    import re

    code = code_of(send(browser).content)
    page = look_up(browser, code).content.decode()
    once = re.search(r'name="once" value="(\w+)"', page)
    assert once
    sent = look_up(browser, code, message="It was on the second page", once=once[1])
    assert b"Your message has arrived" in sent.content
    assert b"It was on the second page" in sent.content
    assert look_up(browser, code, message="It was on the second page", once=once[1]).status_code == 409
    assert Message.objects.count() == 1
    empty = look_up(browser, code, message=" ", once="x")
    assert b"Write something first" in empty.content


def test_no_address_of_the_receipt_page_holds_the_code(browser: Client) -> None:
    code = code_of(send(browser).content)
    page = look_up(browser, code)
    assert "Location" not in page
    assert code not in page.content.decode().replace(f'value="{code}"', "")


def test_a_signed_receipt_is_verified_by_the_command_line_alone(browser: Client, settings: Any, tmp_path: Path) -> None:
    settings.RECEIPT_KEY_FILE = tmp_path / "receipt.pem"
    create_signing_key(settings.RECEIPT_KEY_FILE)
    page = send(browser, addresses="https://site.example/a\nhttps://site.example/b", signed="on")
    text = page.content.decode()
    receipt, opening = data_url(page.content, "receipt.txt"), data_url(page.content, "opening.json")
    assert "site.example" not in receipt
    (tmp_path / "receipt.txt").write_text(receipt)
    (tmp_path / "opening.json").write_text(opening)
    key = text.split("--key ")[1].split("<")[0].strip()
    command = [
        sys.executable,
        "-c",
        "from mamori.tools.cli import app; app()",
        "receipt",
        "verify",
        "receipt.txt",
        "--key",
        key,
    ]
    done = subprocess.run(
        [*command, "--opening", "opening.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "yes, they are what was reported" in " ".join(done.stdout.split())
    (tmp_path / "opening.json").write_text(opening.replace("/b", "/c"))
    forged = subprocess.run(
        [*command, "--opening", "opening.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert forged.returncode != 0


def test_without_a_key_no_signed_receipt_is_offered(browser: Client, settings: Any) -> None:
    settings.RECEIPT_KEY_FILE = None
    assert b"signed" not in browser.get("/en/report/").content
