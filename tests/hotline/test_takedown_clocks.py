"""What an answer of a provider does to the clocks, and what stands before every further letter."""

from datetime import timedelta

import pytest
from django.test import Client

from mamori.ground import clock
from mamori.ground.errors import DomainError
from mamori.ground.letters.models import Letter
from mamori.hotline.assessment.models import ContentItem
from mamori.hotline.assessment.queries import content_state
from mamori.hotline.assessment.states import Verdict
from mamori.hotline.checks import queries as checks
from mamori.hotline.checks.services import check_attest
from mamori.hotline.takedown import queries, services
from mamori.hotline.takedown.models import HosterAnswer, NoticeItem, NoticeLetter, Removal, Step
from mamori.hotline.takedown.services import climbing
from tests.hotline.assessment_steps import give
from tests.hotline.takedown_steps import only_notice, text_of
from tests.hotline.takedown_steps import world as world_of

pytestmark = pytest.mark.django_db
HOSTER = "abuse@kasumi.example"
UPSTREAM = "noc@upstream.example"
URL = "http://kiku.example/a"
HOUR = 60


@pytest.fixture
def world(tmp_path, settings, person, frozen, run_jobs):
    with world_of(tmp_path, settings, person, frozen, run_jobs) as found:
        found.host("kiku.example", "ran.example")
        yield found


@pytest.fixture
def noticed(world):
    """One content whose first letter was delivered."""
    content_id = world.content(URL)
    world.work(16)
    assert only_notice().state == "delivered"
    return content_id


def say(world, kind, text=""):
    assert Client().post(world.box.link(HOSTER), {"answer": kind, "text": text}).status_code == 302
    world.work()


def state(content_id):
    return NoticeItem.objects.filter(content_id=content_id).order_by("joined_at").first().state


class TestAClaim:
    def test_one_that_nothing_bears_out_within_a_day_counts_as_never_said(self, world, noticed):
        world.approve_mail(UPSTREAM)
        world.work(4 * HOUR)
        say(world, "removed")
        world.work(23 * HOUR)
        assert (state(noticed), Step.objects.count()) == ("claimed", 0)
        world.work(HOUR)
        assert Step.objects.count() == 1
        assert state(noticed) == "escalated"

    def test_it_falls_back_to_told_where_there_is_no_next_rung_yet(self, world, noticed):
        say(world, "removed")
        world.work(24 * HOUR)
        assert (state(noticed), only_notice().state) == ("told", "acknowledged")

    def test_saying_it_again_and_again_stops_no_clock_twice(self, world, noticed):
        say(world, "removed")
        for _ in range(3):
            world.work(8 * HOUR)
            say(world, "removed")
        assert state(noticed) == "claimed"
        world.next_day(noticed)
        say(world, "removed")
        world.approve_mail(UPSTREAM)
        world.work(11)
        assert Step.objects.count() == 1

    def test_one_that_is_true_ends_it(self, world, noticed):
        say(world, "removed")
        world.gone(noticed)
        world.work(24 * HOUR)
        assert (state(noticed), Step.objects.count()) == ("removed", 0)

    def test_what_stays_where_it_is_lets_others_come_to_their_turn(self, world, noticed):
        world.work(20 * HOUR)
        say(world, "removed")
        world.work(5 * HOUR)
        assert state(noticed) == "claimed"
        assert Removal.objects.get(content_id=noticed).looked_at == clock.now()


class TestADispute:
    def test_it_waits_for_a_person_is_an_alarm_after_a_day_and_stops_nothing_after_two(self, world, noticed):
        world.approve_mail(UPSTREAM)
        say(world, "dispute", "we do not agree")
        assert [(w.count, w.alarm) for w in queries.desk(world.first.actor)] == [(1, False)]
        assert [str(c.due_at - c.started_at) for c in queries.clocks_of(only_notice())][:1] == ["2 days, 0:00:00"]
        world.work(24 * HOUR)
        assert [w.alarm for w in queries.desk(world.first.actor)] == [False, True]
        world.work(23 * HOUR)
        assert Step.objects.count() == 0
        world.work(HOUR)
        assert Step.objects.count() == 1
        assert state(noticed) == "escalated"

    def test_claiming_and_disputing_by_turns_gains_no_more_time(self, world, noticed):
        world.approve_mail(UPSTREAM)
        for kind in ("removed", "dispute", "removed", "dispute", "removed"):
            say(world, kind, "again")
            world.work(10 * HOUR)
        assert Step.objects.count() == 1

    def test_its_answer_is_settled_only_with_what_happens_to_its_addresses(self, world, noticed, browser_of):
        say(world, "dispute", "we do not agree")
        said = HosterAnswer.objects.get(kind="dispute")
        with pytest.raises(DomainError, match="dispute_open"):
            services.answer_settle(actor=world.first.actor, answer_id=said.id)
        browser = browser_of(world.first)
        page = browser.get(f"/notices/{only_notice().id}/").content.decode()
        assert 'name="upheld" value="no"' in page
        assert browser.post(f"/notices/answers/{said.id}/settle/", {"upheld": "no"}).status_code == 302
        assert state(noticed) == "told"
        assert queries.removal_tried(noticed).too_slow
        said.refresh_from_db()
        assert said.settled_at == clock.now()

    def test_one_that_is_right_is_judged_anew_and_asked_for_again_if_it_is_illegal_still(self, world, noticed):
        say(world, "dispute", "it is a museum")
        said = HosterAnswer.objects.get(kind="dispute")
        services.answer_settle(actor=world.first.actor, answer_id=said.id, upheld=True)
        world.work()
        assert (state(noticed), Removal.objects.get().state) == ("withdrawn", "dropped")
        assert content_state(noticed) == "awaiting_assessment"
        world.frozen.shift(timedelta(hours=1))
        content = ContentItem.objects.get(id=noticed)
        for analyst in (world.first, world.second):
            give(analyst, content, Verdict.BASELINE)
            content.refresh_from_db()
        world.work()
        world.attest(noticed, online=True)
        world.work(16)
        assert len(world.box.to(HOSTER)) == 2

    def test_the_fact_of_a_confirmation_told_twice_brings_nothing_back(self, world, noticed):
        world.frozen.shift(timedelta(minutes=1))
        services.notice_close(actor=world.senior.actor, notice_id=only_notice().id)
        services.content_confirmed(content_id=noticed)
        assert Removal.objects.get().state == "dropped"


class TestBeforeAReminder:
    def test_nobody_is_reminded_of_what_nobody_saw(self, world, noticed):
        world.work(24 * HOUR)
        world.work(HOUR)
        assert len(world.box.to(HOSTER)) == 1
        assert only_notice().reminders == 0
        shown = [(w.count, w.url) for w in queries.desk(world.first.actor)]
        assert shown == [(1, "/notices/addresses/?addresses-obstacle=online")]
        assert [w.count for w in checks.desk(world.first.actor)] == [1]
        world.attest(noticed, online=True)
        world.work(11)
        assert only_notice().reminders == 1
        assert queries.desk(world.first.actor) == []

    def test_a_reminder_is_about_what_was_seen_only(self, world):
        contents = [world.content(f"http://kiku.example/{n}") for n in range(3)]
        world.work(16)
        world.next_day(*contents[:2])
        reminder = text_of(world.box.to(HOSTER)[-1])
        assert "2 pages with child sexual abuse material are still online" in reminder
        assert NoticeItem.objects.get(content_id=contents[2]).obstacle == "online"

    def test_a_moved_host_is_not_reminded(self, world, noticed):
        world.nets.names.record("kiku.example", "A", "198.51.100.7")
        world.nets.network("198.51.100.7", abuse="abuse@fjord.example", name="FJORD", country="NO")
        world.next_day(noticed)
        assert len(world.box.to(HOSTER)) == 1

    def test_running_it_twice_sends_one(self, world, noticed):
        world.next_day(noticed)
        for _ in range(3):
            climbing.clocks_run()
            services.notice_remind(notice_id=only_notice().id)
        world.work()
        assert len(world.box.to(HOSTER)) == 2


class TestSendingAgain:
    def bounced(self, world, *urls):
        world.box.refuses.add(HOSTER)
        found = [world.content(url) for url in urls]
        world.work(16)
        assert only_notice().state == "bounced"
        world.box.refuses.clear()
        return found

    def test_nothing_goes_that_nobody_saw_lately(self, world):
        (content_id,) = self.bounced(world, URL)
        world.work(30 * HOUR)
        with pytest.raises(DomainError, match="nothing_ready"):
            services.notice_resend(actor=world.senior.actor, notice_id=only_notice().id)
        world.attest(content_id, online=True)
        services.notice_resend(actor=world.senior.actor, notice_id=only_notice().id)
        world.work()
        assert len(world.box.to(HOSTER)) == 1
        assert only_notice().state == "delivered"
        assert Letter.objects.filter(kind="notice_first").count() == 1, "the same letter"

    def test_what_is_not_in_order_is_left_out_and_told_when_it_is(self, world):
        one, other = self.bounced(world, URL, "http://ran.example/b")
        world.work(30 * HOUR)
        world.attest(one, online=True)
        services.notice_resend(actor=world.senior.actor, notice_id=only_notice().id)
        world.work()
        assert (state(one), state(other)) == ("told", "waiting")
        assert NoticeItem.objects.get(content_id=one).told_at == clock.now()
        assert Removal.objects.get(content_id=other).first_told_at is None
        world.frozen.shift(timedelta(minutes=2))
        check_attest(actor=world.first.actor, content_id=other, online=True)
        world.work()
        assert state(other) == "told"
        assert [row.kind for row in NoticeLetter.objects.order_by("n")] == ["first", "first", "further"]
