"""Answers of hosters: one that cannot be worked off holds up no other, and none comes from a broken text."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from mamori.ground.audit.models import Event
from mamori.ground.facts import announce
from mamori.ground.sealed.models import DataKey
from mamori.hotline.assessment.facts import ContentDismissed
from mamori.hotline.takedown import queries, services
from mamori.hotline.takedown.models import HosterAnswer, NoticeItem
from mamori.hotline.takedown.services.climbing import content_climb
from tests.hotline.takedown_steps import world as world_of

pytestmark = pytest.mark.django_db
HOSTER = "abuse@kasumi.example"
URLS = ("http://kiku.example/secret-path", "https://ran.example/x")


@pytest.fixture
def world(tmp_path, settings, person, frozen, run_jobs):
    with world_of(tmp_path, settings, person, frozen, run_jobs) as found:
        found.host("kiku.example", "ran.example")
        yield found


def items():
    return list(NoticeItem.objects.order_by("joined_at", "id").values_list("notice__level", "state", "notice__state"))


def climbed(world, *urls):
    """Contents in one notice of the hoster, the first of them taken to the network above it."""
    found = [world.content(url) for url in urls]
    world.work(16)
    world.approve_mail("noc@upstream.example")
    world.frozen.shift(timedelta(hours=25))
    content_climb(content_id=found[0], reason="clock")
    return found, world.box.link(HOSTER)


def test_a_claim_about_a_notice_held_by_police_is_worked_off(world):
    contents, link = climbed(world, *URLS)
    world.hold(contents[1])
    assert Client().post(link, {"answer": "removed", "text": ""}).status_code == 302
    assert services.answers_process() == 1
    answer = HosterAnswer.objects.get()
    assert (answer.problem, answer.processed_at is not None) == ("", True)
    assert ("hoster", "suspended", "suspended") in items()


def test_what_was_found_not_illegal_is_asked_of_nobody_any_more(world):
    (content,), link = climbed(world, URLS[0])
    announce(ContentDismissed(content))
    world.work()
    assert {state for _level, state, _notice in items()} == {"withdrawn"}
    Client().post(link, {"answer": "removed", "text": ""})
    assert services.answers_process() == 1
    assert HosterAnswer.objects.get().problem == ""


def test_an_answer_that_fails_is_an_alarm_and_holds_up_no_other(world):
    """The record of the first is broken: a kind that no release of this software knows how to work off."""
    world.content(URLS[0])
    world.work(16)
    link = world.box.link(HOSTER)
    Client().post(link, {"answer": "acknowledge", "text": ""})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE takedown_hosteranswer SET items = '[\"no id at all\"]'")
    world.frozen.shift(timedelta(minutes=1))
    Client().post(link, {"answer": "removed", "text": ""})
    assert services.answers_process() == 2
    first, second = HosterAnswer.objects.order_by("at")
    assert first.problem and first.notice_id
    assert second.problem == ""
    assert "claimed" in {state for _level, state, _notice in items()}
    assert services.answers_process() == 0
    [alarm] = [waiting for waiting in queries.desk(world.first.actor) if waiting.alarm]
    assert alarm.count == 1
    services.answer_settle(actor=world.first.actor, answer_id=first.id)
    assert not [waiting for waiting in queries.desk(world.first.actor) if waiting.alarm]


def test_half_a_character_is_refused_and_nothing_kept(world):
    world.content(URLS[0])
    world.work(16)
    link = world.box.link(HOSTER)
    said = '{"answer": "dispute", "text": "so \\ud800"}'
    page = Client().post(link, data=said, content_type="application/json")
    assert (page.status_code, page.json()["code"]) == (422, "bad_answer")
    assert (
        Client()
        .post(link, {"answer": "dispute", "text": "so \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")})
        .status_code
        == 302
    )
    assert HosterAnswer.objects.count() == 1


def test_the_same_answer_is_stored_and_logged_once(world):
    world.content(URLS[0])
    world.work(16)
    link = world.box.link(HOSTER)
    keys = DataKey.objects.count()
    for _ in range(3):
        Client().get(link)
        Client().post(link, {"answer": "dispute", "text": "It is a drawing."})
    assert HosterAnswer.objects.count() == 2
    assert Event.objects.filter(event="takedown.answered").count() == 2
    assert DataKey.objects.count() == keys + 1
