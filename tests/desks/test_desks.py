"""Today, Case, Figures and search."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from mamori.desks import rooms, services
from mamori.desks.models import Figures
from mamori.desks.navigation import DESKS, navigation
from mamori.ground import clock, jobs
from mamori.ground.accounts.models import User
from mamori.ground.actors import Role, permissions
from mamori.ground.audit.models import Event
from mamori.ground.letters.looks import kind_word
from mamori.hotline.assessment.states import Verdict
from mamori.hotline.referral import queries as referral
from mamori.hotline.referral.models import Referral
from mamori.hotline.takedown.models import Removal
from mamori.hotline.takedown.states import LetterKind
from tests.hotline.assessment_steps import confirmed, give, item
from tests.journeys.page_world import objects
from tests.lists.cases import told_to_police

pytestmark = pytest.mark.django_db
Make = Callable[..., User]
Open = Callable[[User], Client]


def page_of(browser: Client, url: str) -> str:
    answer = browser.get(url, headers={"accept-language": "en"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_desk_names_a_permission_that_exists_and_a_page_that_exists(person: Make) -> None:
    assert {desk.permission for desk in DESKS if desk.permission} - set(permissions()) == set()
    everything = person(*Role).actor
    assert len(navigation(everything, "desks_today")) == len(DESKS)
    assert len({desk.key for desk in DESKS}) == len(DESKS)


def test_the_operator_is_offered_no_desk_with_case_data(person: Make) -> None:
    offered = {entry.url for entry in navigation(person(Role.OPERATOR).actor, "")}
    assert offered == {"/", "/editions/", "/editions/subscribers/", "/people/"}


def test_the_page_one_is_on_is_marked(person: Make) -> None:
    marked = [entry.url for entry in navigation(person(Role.SENIOR_ANALYST).actor, "accounts_member") if entry.current]
    assert marked == ["/people/"]


def test_today_tells_alarms_first_then_what_waits(person: Make, browser_of: Open) -> None:
    item("https://calm.example/1")
    item("https://urgent.example/1", urgent=True)
    page = page_of(browser_of(person(Role.ANALYST)), "/")
    assert page.index("A child may be at risk: look first") < page.index("Content to assess")
    assert 'role="alert"' in page


def test_an_empty_today_explains_itself(person: Make, browser_of: Open) -> None:
    assert "Nothing waits for you" in page_of(browser_of(person(Role.ANALYST)), "/")
    assert "Your role sees no case data" in page_of(browser_of(person(Role.OPERATOR)), "/")
    for role in (Role.POLICE_LIAISON, Role.LIST_REVIEWER, Role.LIST_APPROVER):
        assert "What waits for your role appears here" in page_of(browser_of(person(role)), "/"), role


def test_every_kind_of_letter_has_a_name() -> None:
    purposes = ("notify", "again", "urgent", "alert", "page", "supervisors")
    kinds = [f"police_{each}" for each in purposes] + [f"notice_{each}" for each in LetterKind]
    for kind in (*kinds, "preservation", "invitation", "account", "fingerprints.alarm"):
        assert kind_word(kind) != kind


def test_a_police_clock_stands_on_every_page(person: Make, browser_of: Open) -> None:
    content = confirmed(person(Role.ANALYST), person(Role.ANALYST))
    referral = told_to_police(content.id, cleared=False)
    Referral.objects.filter(id=referral.id).update(state="delivered", delivered_at=clock.now() - timedelta(hours=40))
    page = page_of(browser_of(person(Role.ANALYST)), "/figures/")
    assert f"/police/{referral.id}/" in page
    assert "83 % used" in page


def test_whatever_waits_with_a_date_is_of_a_room_whose_clocks_are_asked_for(person: Make) -> None:
    actor = person(*Role).actor
    objects(person)
    for desk in rooms.WAITING:
        if desk not in rooms.DATED and desk != referral.desk:
            assert [one.title for one in desk(actor) if one.due_at] == []
    assert any(one.due_at for one in rooms.waiting(actor, rooms.DATED))


def test_a_case_joins_the_rooms_in_one_timeline(person: Make, browser_of: Open) -> None:
    known = objects(person)
    page = page_of(browser_of(person(Role.SENIOR_ANALYST)), f"/contents/{known['content_id']}/")
    for panel in ("decision", "trace", "police", "notices", "checks", "entries"):
        assert f'id="{panel}-title"' in page, panel
    assert "hxxps://page[.]example/board/1" in page
    assert "https://page.example" not in page


def test_a_first_opinion_stays_blind_on_the_case_page(person: Make, browser_of: Open) -> None:
    first, second = person(Role.ANALYST), person(Role.ANALYST)
    content = item("https://blind.example/1")
    give(first, content, Verdict.NATIONAL)
    for reader in (second, person(Role.AUDITOR)):
        page = page_of(browser_of(reader), f"/contents/{content.id}/")
        assert "Sealed until the round is settled" in page
        assert "National: illegal here" not in page


def test_the_case_page_does_not_tell_the_second_analyst_that_the_first_saw_a_child_at_risk(
    person: Make, browser_of: Open, run_jobs: Callable[[], None]
) -> None:
    first, second = person(Role.ANALYST), person(Role.ANALYST)
    content = item("https://blind.example/2")
    give(first, content, Verdict.NATIONAL, child_at_risk=True)
    run_jobs()
    assert Referral.objects.filter(content_id=content.id).exists()
    told = {reader: page_of(browser_of(reader), f"/contents/{content.id}/") for reader in (first, second)}
    signs = ("A child may be at risk", 'id="police-title"', "Referral to police drafted")
    assert [sign in told[first] for sign in signs] == [True, True, True]
    assert [sign in told[second] for sign in signs] == [False, False, False]
    give(second, content, Verdict.NATIONAL)
    assert signs[1] in page_of(browser_of(second), f"/contents/{content.id}/")


def test_police_open_a_case_only_when_it_was_delivered_to_them(person: Make, browser_of: Open) -> None:
    content = confirmed(person(Role.ANALYST), person(Role.ANALYST))
    officer = browser_of(person(Role.POLICE_LIAISON))
    assert officer.get(f"/contents/{content.id}/").status_code == 404
    referral = told_to_police(content.id)
    Referral.objects.filter(id=referral.id).update(delivered_at=None, state="sent", delivered_by="", cleared_at=None)
    assert officer.get(f"/contents/{content.id}/").status_code == 404
    Referral.objects.filter(id=referral.id).update(delivered_at=clock.now(), state="delivered", delivered_by="desk")
    assert officer.get(f"/contents/{content.id}/").status_code == 200


def test_the_list_body_opens_only_what_two_analysts_found_illegal(person: Make, browser_of: Open) -> None:
    reviewer = browser_of(person(Role.LIST_REVIEWER))
    undecided = item("https://undecided.example/1")
    assert reviewer.get(f"/contents/{undecided.id}/").status_code == 404
    illegal = confirmed(person(Role.ANALYST), person(Role.ANALYST))
    assert reviewer.get(f"/contents/{illegal.id}/").status_code == 200


def test_a_case_costs_a_bounded_number_of_queries(
    person: Make, browser_of: Open, django_assert_max_num_queries: Any
) -> None:
    known = objects(person)
    browser = browser_of(person(Role.SENIOR_ANALYST))
    browser.get("/")
    with django_assert_max_num_queries(60):
        browser.get(f"/contents/{known['content_id']}/")


def test_today_costs_a_bounded_number_of_queries_and_other_pages_few(
    person: Make, browser_of: Open, django_assert_max_num_queries: Any
) -> None:
    objects(person)
    browser = browser_of(person(*Role))
    with django_assert_max_num_queries(80):
        browser.get("/")
    with django_assert_max_num_queries(9):
        browser.get("/search/")
    cache.clear()
    with django_assert_max_num_queries(36):
        browser.get("/search/")


def test_figures_are_computed_at_most_every_ten_minutes(frozen: time_machine.Traveller, person: Make) -> None:
    jobs.run_sweep("desks.figures")
    first = Figures.objects.get().computed_at
    frozen.shift(timedelta(minutes=9))
    jobs.run_sweep("desks.figures")
    assert Figures.objects.get().computed_at == first
    frozen.shift(timedelta(minutes=2))
    jobs.run_sweep("desks.figures")
    assert Figures.objects.get().computed_at > first


def test_the_removal_curve_keeps_what_is_still_online(
    frozen: time_machine.Traveller, person: Make, browser_of: Open
) -> None:
    start = clock.now() - timedelta(hours=100)
    for number in range(4):
        content = confirmed(person(Role.ANALYST), person(Role.ANALYST))
        gone = start + timedelta(hours=10) if number < 2 else None
        Removal.objects.update_or_create(
            content_id=content.id,
            defaults={
                "state": "gone" if gone else "noticed",
                "wanted_at": start,
                "first_told_at": start,
                "gone_at": gone,
                "domestic": True,
            },
        )
    services.figures_refresh()
    assert Figures.objects.get().data["removal"]["abroad"]["within"] == {}, "of nothing no share is told"
    domestic = Figures.objects.get().data["removal"]["domestic"]
    assert (domestic["items"], domestic["online"], domestic["median"]) == (4, 2, 10.0)
    assert (domestic["within"]["24"], domestic["until"]) == (0.5, 100.0)
    assert "168" not in domestic["within"], "nobody has watched a week yet"
    page = page_of(browser_of(person(Role.AUDITOR)), "/figures/")
    assert "10.0 h" in page
    assert "<svg" in page


def test_the_figures_page_before_the_first_run_says_so(person: Make, browser_of: Open) -> None:
    assert "No figures yet" in page_of(browser_of(person(Role.AUDITOR)), "/figures/")


def test_a_search_finds_the_exact_address_and_is_logged_without_it(person: Make, browser_of: Open) -> None:
    content = item("https://find.example/a?b=1")
    analyst = browser_of(person(Role.ANALYST))
    found = analyst.post("/search/", {"address": "hxxps://FIND[.]example/a?b=1#part"})
    assert found["Location"] == f"/contents/{content.id}/"
    nothing = analyst.post("/search/", {"address": "https://find.example/other"})
    assert nothing.status_code == 200
    assert analyst.post("/search/", {"address": "not an address at all"}).status_code == 422
    events = list(Event.objects.filter(event="desks.searched").order_by("id"))
    assert [event.codes["found"] for event in events] == [True, False]
    assert all("find.example" not in f"{event.subject_id}{event.codes}" for event in events)
