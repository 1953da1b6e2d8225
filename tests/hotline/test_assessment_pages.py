"""The queue and the assessment as a person meets them: pages, refusals, the blind gate, bounded queries."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mamori.ground import clock, jobs
from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.hotline.assessment import services
from mamori.hotline.assessment.models import ContentItem, Decision, Lease
from mamori.hotline.assessment.states import ContentState, Verdict
from tests.hotline.assessment_steps import CODES, give, item

pytestmark = [pytest.mark.django_db, pytest.mark.urls("mamori.site.urls_staff")]
S = ContentState
Browser = Callable[[User], Client]


@pytest.fixture(autouse=True)
def _english(settings: object) -> None:
    settings.LANGUAGE_CODE = "en"
    settings.QA_SHARE = 0.0


@pytest.fixture
def ana(person: Callable[..., User]) -> User:
    return person(Role.ANALYST, name="Ana")


@pytest.fixture
def ben(person: Callable[..., User]) -> User:
    return person(Role.ANALYST, name="Ben")


def assess(content: ContentItem) -> str:
    return reverse("assessment_assess", args=[content.id])


def opinion(verdict: Verdict, **more: object) -> dict[str, object]:
    return {"verdict": str(verdict), "law_codes": CODES if verdict.illegal else [], **more}


def test_the_way_through_the_pages(ana: User, ben: User, browser_of: Browser) -> None:
    content = item("https://site.example/picture?x=1", urgent=True)
    window = browser_of(ana)
    page = window.get(reverse("assessment_queue")).content.decode()
    assert "A child may be at risk now" in page
    assert "Take the next item" in page
    answer = window.post(reverse("assessment_next"))
    assert answer.url == assess(content)
    page = window.get(assess(content)).content.decode()
    assert "hxxps://site[.]example/picture?x=1" in page
    assert "https://site.example" not in page
    assert "JP-7-6" in page
    assert "JP-2014.1" in page
    assert window.post(assess(content), opinion(Verdict.NATIONAL)).url == reverse("assessment_queue")
    window = browser_of(ben)
    assert "Take this item" in window.get(assess(content)).content.decode()
    window.post(reverse("assessment_take", args=[content.id]))
    window.post(assess(content), opinion(Verdict.NATIONAL))
    content.refresh_from_db()
    assert (content.state, content.verdict) == (S.ACTIONING, "NATIONAL")


def test_an_address_is_never_a_link(ana: User, browser_of: Browser) -> None:
    content = item("https://site.example/never")
    window = browser_of(ana)
    pages = [window.get(reverse("assessment_queue")), window.get(assess(content))]
    window.post(reverse("assessment_take", args=[content.id]))
    pages.append(window.get(assess(content)))
    for page in pages:
        links = re.findall(r'(?:href|action|src)="([^"]*)"', page.content.decode())
        assert not [link for link in links if "never" in link]


def test_the_second_analyst_sees_nothing_of_the_first_opinion(ana: User, ben: User, browser_of: Browser) -> None:
    """The page is the same, to the byte but for tokens, whatever the first opinion was."""
    pages = []
    for verdict, risk in ((Verdict.BASELINE, True), (Verdict.NATIONAL, False)):
        content = item("https://blind.example/a")
        give(ana, content, verdict, note="I am sure", child_at_risk=risk)
        window = browser_of(ben)
        before = [window.get(reverse("assessment_queue")), window.get(assess(content))]
        window.post(reverse("assessment_take", args=[content.id]))
        before.append(window.get(assess(content)))
        ids = [str(content.id), *map(str, content.reports.values_list("report_id", flat=True))]
        pages.append([_plain(p.content.decode(), ids) for p in before])
        assert "I am sure" not in "".join(pages[-1])
        services.lease_release(actor=ben.actor, content_id=content.id)
        content.url, content.digest = f"https://gone.example/{content.id}", uuid4().hex
        content.state = S.CLOSED
        content.save()
    assert pages[0] == pages[1]


def _plain(page: str, ids: list[str]) -> str:
    for number, name in enumerate(ids):
        page = page.replace(name, f"id{number}")
    page = re.sub(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>', "", page)
    page = re.sub(r"\d+ (seconds?|min|h)\b", "n", page)
    return re.sub(r"\d+ %|width=\"[\d.]+%\"|<time.*?</time>", "", page)


def test_the_third_sees_both_opinions(ana: User, ben: User, person: Callable[..., User], browser_of: Browser) -> None:
    content = item()
    give(ana, content, Verdict.BASELINE, note="reason of the first")
    give(ben, content, Verdict.UNDETERMINED)
    window = browser_of(person(Role.SENIOR_ANALYST))
    window.post(reverse("assessment_take", args=[content.id]))
    page = window.get(assess(content)).content.decode()
    assert "The two opinions that disagree" in page
    first = Decision.objects.get(position=1)
    assert "reason of the first" not in page
    assert "reason of the first" in window.post(reverse("assessment_note", args=[first.id])).content.decode()
    assert browser_of(ben).post(reverse("assessment_note", args=[first.id])).status_code == 404


def test_a_verdict_that_does_not_hold_together_is_told_and_nothing_is_lost(ana: User, browser_of: Browser) -> None:
    content = item()
    window = browser_of(ana)
    window.post(reverse("assessment_take", args=[content.id]))
    answer = window.post(assess(content), {"verdict": "NATIONAL", "note": "typed for a minute"})
    assert answer.status_code == 422
    assert "Choose at least one law code" in answer.content.decode()
    assert "typed for a minute" in answer.content.decode()
    assert window.post(assess(content), {}).status_code == 422
    assert not Decision.objects.exists()


def test_undo_stands_on_the_queue_for_five_minutes(
    frozen: time_machine.Traveller, ana: User, browser_of: Browser
) -> None:
    content = item()
    decision = give(ana, content, Verdict.NOT_ILLEGAL)
    window = browser_of(ana)
    assert "Take it back" in window.get(reverse("assessment_queue")).content.decode()
    window.post(reverse("assessment_withdraw", args=[decision]))
    assert "Take it back" not in window.get(reverse("assessment_queue")).content.decode()
    give(ana, content, Verdict.NOT_ILLEGAL)
    frozen.shift(timedelta(minutes=6))
    assert "Take it back" not in window.get(reverse("assessment_queue")).content.decode()


def test_release_extend_and_unseen(frozen: time_machine.Traveller, ana: User, browser_of: Browser) -> None:
    content = item()
    window = browser_of(ana)
    window.post(reverse("assessment_take", args=[content.id]))
    assert "Back to my item" in window.get(reverse("assessment_queue")).content.decode()
    frozen.shift(timedelta(minutes=10))
    window.post(reverse("assessment_extend", args=[content.id]))
    assert Lease.objects.get().until - Lease.objects.get().taken_at == timedelta(minutes=40)
    window.post(reverse("assessment_release", args=[content.id]))
    assert ContentItem.objects.get().state == S.AWAITING_ASSESSMENT
    window.post(reverse("assessment_take", args=[content.id]))
    assert window.post(reverse("assessment_unseen", args=[content.id]), {"unseen_reason": "adult"}).status_code == 422
    window.post(reverse("assessment_unseen", args=[content.id]), {"unseen_reason": "premium_account"})
    assert ContentItem.objects.get().state == S.CANNOT_ACCESS


def test_the_budget_is_shown_and_at_its_end_nothing_new_is_given(
    frozen: time_machine.Traveller, ana: User, person: Callable[..., User], browser_of: Browser
) -> None:
    content = item()
    window = browser_of(ana)
    for _ in range(8):
        services.lease_take(actor=ana.actor, content_id=content.id)
        frozen.shift(timedelta(minutes=30))
        jobs.run_sweep("assessment.leases_expire")
    page = window.get(reverse("assessment_queue")).content.decode()
    assert "Your budget for today is used up" in page
    assert "Please rest for ten minutes" in page
    assert window.post(reverse("assessment_next")).status_code == 409
    senior = browser_of(person(Role.SENIOR_ANALYST, name="Sen"))
    assert "Ana" in senior.get(reverse("assessment_exposure")).content.decode()
    bad = senior.post(reverse("assessment_exposure"), {"person": ana.id, "minutes": 30, "reason": ""})
    assert bad.status_code == 422
    senior.post(reverse("assessment_exposure"), {"person": ana.id, "minutes": 30, "reason": "staff is ill"})
    assert window.post(reverse("assessment_next")).status_code == 302


def test_an_item_is_looked_at_anew(ana: User, ben: User, person: Callable[..., User], browser_of: Browser) -> None:
    content = item()
    give(ana, content, Verdict.NATIONAL)
    give(ben, content, Verdict.NATIONAL)
    url = reverse("assessment_again", args=[content.id])
    assert browser_of(ana).get(url).status_code == 403
    senior = browser_of(person(Role.SENIOR_ANALYST))
    assert senior.get(url).status_code == 200
    senior.post(url, {"why": "appeal"})
    content.refresh_from_db()
    assert (content.state, content.round) == (S.AWAITING_ASSESSMENT, 2)


def test_a_report_s_text_of_another_item_is_not_here(ana: User, browser_of: Browser) -> None:
    content, other = item(), item()
    report_id = other.reports.get().report_id
    url = reverse("assessment_report_text", args=[content.id, report_id])
    assert browser_of(ana).post(url).status_code == 404


@pytest.mark.parametrize("role", [Role.POLICE_LIAISON, Role.LIST_REVIEWER, Role.AUDITOR, Role.OPERATOR])
def test_not_there_and_not_allowed_look_the_same(role: Role, person: Callable[..., User], browser_of: Browser) -> None:
    content = item()
    window = browser_of(person(role))
    analyst = browser_of(person(Role.ANALYST))
    missing = analyst.get(reverse("assessment_assess", args=[uuid4()]))
    hidden = window.get(assess(content))
    assert missing.status_code == hidden.status_code == 404
    assert "There is nothing here that you may see" in hidden.content.decode()
    assert window.get(reverse("assessment_queue")).status_code == 403
    for name in ("assessment_take", "assessment_release", "assessment_extend"):
        assert window.post(reverse(name, args=[content.id])).status_code == 403
    assert window.post(reverse("assessment_next")).status_code == 403
    assert window.get(reverse("assessment_exposure")).status_code == 403


def test_without_a_login_there_is_only_the_login(client: Client) -> None:
    content = item()
    for url in (reverse("assessment_queue"), assess(content), reverse("assessment_exposure")):
        answer = client.get(url)
        assert answer.status_code == 302
        assert "/account/login/" in answer.url


def test_the_queue_of_two_hundred_needs_a_bounded_number_of_queries(
    frozen: time_machine.Traveller, ana: User, browser_of: Browser
) -> None:
    window = browser_of(ana)
    item()
    window.get(reverse("assessment_queue"))
    with CaptureQueriesContext(
        connection,
    ) as few:
        window.get(reverse("assessment_queue"))
    for _ in range(200):
        item()
    with CaptureQueriesContext(connection) as many:
        window.get(reverse("assessment_queue"))
    assert len(many) <= len(few) + 1  # the bounded count of a second page
    assert len(many) <= 25


def test_the_queue_filters_sorts_and_exports(ana: User, person: Callable[..., User], browser_of: Browser) -> None:
    item("https://one.example/a")
    item("https://two.example/a")
    page = browser_of(ana).get(reverse("assessment_queue"), {"queue-host": "one.example"}).content.decode()
    assert "one[.]example" in page
    assert "two[.]example" not in page
    assert browser_of(ana).get(reverse("assessment_queue"), {"queue-export": "csv"}).status_code == 403
    senior = browser_of(person(Role.SENIOR_ANALYST))
    answer = senior.get(reverse("assessment_queue"), {"queue-export": "csv"})
    assert answer["Content-Type"].startswith("text/csv")
    assert "example" not in answer.content.decode()


def test_keys_reach_everything_a_verdict_needs(ana: User, browser_of: Browser) -> None:
    content = item()
    window = browser_of(ana)
    window.post(reverse("assessment_take", args=[content.id]))
    keys = re.findall(r'data-key="(.)"', window.get(assess(content)).content.decode())
    assert {"b", "n", "x", "i", "u", "r", "o", "s", "c", "e", "p"} <= set(keys)
    assert len(keys) == len(set(keys))
    assert not set(keys) & {"g", "j", "k", "?"}


def test_an_empty_queue_is_said_on_the_queue_itself(ana: User, browser_of: Browser) -> None:
    answer = browser_of(ana).post(reverse("assessment_next"), follow=True)
    assert answer.redirect_chain == [(reverse("assessment_queue"), 302)]
    assert "Nothing waits that you may take." in answer.content.decode()


def looked(person: User, minutes: int) -> None:
    """A lease of so many minutes that ends now."""
    Lease.objects.create(
        content=item(f"https://looked.example/{uuid4().hex}"), person=person, taken_at=clock.now() - timedelta(minutes=minutes),
        until=clock.now() + timedelta(minutes=5), ended_at=clock.now(), end="decided",
    )  # fmt: skip


def test_the_page_of_an_item_warns_before_the_budget_ends_and_asks_for_rest(
    ana: User, browser_of: Browser, frozen: time_machine.Traveller
) -> None:
    warning, rest = "Your budget for today is nearly used up.", "Please rest for ten minutes, until"
    window = browser_of(ana)
    content = item("https://site.example/a")

    def page() -> str:
        window.post(reverse("assessment_take", args=[content.id]))
        told = window.get(assess(content)).content.decode()
        assert "Record my opinion" in told
        window.post(reverse("assessment_release", args=[content.id]))
        return told

    told = page()
    assert warning not in told
    assert rest not in told
    looked(ana, 61)
    told = page()
    assert rest in told, "an hour without a break"
    assert warning not in told
    frozen.shift(timedelta(minutes=15))
    assert rest not in page(), "the break was taken"
    for _ in range(3):
        looked(ana, 45)
        frozen.shift(timedelta(minutes=15))
    told = page()
    assert warning in told, "more than four fifths of four hours"
