"""Checks of confirmed content: schedule, verdicts, attestation, and what follows, over real sockets and stored jobs."""

import json
import socket
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from demo.names import Names
from demo.web import Response, WebServer
from mamori.ground import clock, jobs
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.errors import DomainError, Forbidden, NotFound
from mamori.hotline.assessment.services import criteria_install
from mamori.hotline.checks import queries, schedule, services
from mamori.hotline.checks.grants import GRANTS
from mamori.hotline.checks.models import Check, Watch
from mamori.hotline.checks.states import End, Result, Verdict
from tests.hotline.assessment_steps import confirmed, give, item
from tests.hotline.outside import free_port

pytestmark = pytest.mark.django_db
SITE = "127.7.0.1"
PAGE = b"<html><body><h1>A drawing</h1><p>Two circles and a square.</p></body></html>"


@pytest.fixture(autouse=True)
def quiet(db, settings):
    """No tracing, mail or police of these tests asks anybody."""
    criteria_install()
    settings.NAMESERVERS = [f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"]


@pytest.fixture
def site(settings):
    """The content's host, with what it answers now."""
    names = Names(free_port(socket.SOCK_DGRAM))
    names.record("site.example", "A", SITE)
    world = type("Site", (), {"answer": Response(200, PAGE), "asked": 0})

    def answer(_request):
        world.asked += 1
        return world.answer

    port = free_port()
    server = WebServer(SITE, port, answer)
    settings.RECHECK = True
    settings.NAMESERVERS = [f"127.0.0.1:{names.address[1]}"]
    settings.RECHECK_ALLOW_NETWORKS = [f"{SITE}/32"]
    settings.RECHECK_PORT_MAP = {"80": str(port)}
    with names:
        yield world
    server.stop()


@pytest.fixture
def found(person, frozen):
    """Content that two persons confirmed, watched from now on."""
    row = confirmed(person(Role.ANALYST), person(Role.ANALYST), "http://site.example/drawing")
    services.watch_begin(content_id=row.id)
    return row.id


def run_checks():
    """Run the stored check jobs only, as the worker would."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, args FROM procrastinate_jobs WHERE status = 'todo' AND args->>'name' = 'checks.check' ORDER BY id"
        )
        rows = cursor.fetchall()
        cursor.execute("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE args->>'name' = 'checks.check'")
    calls = [args if isinstance(args, dict) else json.loads(args) for _id, args in rows]
    for call in calls:
        jobs.run_job.func(call["name"], call["arguments"])
    return calls


def look(frozen, minutes=0):
    frozen.shift(timedelta(minutes=minutes))
    jobs.run_sweep("checks.due")
    run_checks()


def told(fact):
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE args->'arguments'->>'listener' = %s", [fact])
        return cursor.fetchone()[0]


def results(content_id):
    return [c.result for c in Check.objects.filter(content_id=content_id).order_by("at")]


def test_confirmation_is_followed_by_a_first_look(site, found, frozen):
    run_checks()
    assert results(found) == ["online_same"]
    assert queries.last_verdict(found) == Verdict.ONLINE
    assert queries.is_surely_online(found, clock.now())
    assert told("takedown.online") == 1


def test_nothing_is_kept_of_a_page_but_fingerprints(site, found, frozen):
    run_checks()
    check = Check.objects.get()
    assert len(bytes(check.fingerprint)) == 32
    assert len(bytes(check.structure)) == 8
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(c)::text FROM checks_check c")
        assert "circles" not in cursor.fetchone()[0]


def test_what_is_not_confirmed_is_never_fetched(site, frozen):
    row = item("http://site.example/drawing")
    services.watch_begin(content_id=row.id)
    services.content_check(content_id=row.id, asked_at=clock.now())
    assert not Watch.objects.exists()
    assert site.asked == 0
    with pytest.raises(NotFound):
        services.check_now(actor=SYSTEM, content_id=row.id)


def test_nothing_is_fetched_while_recheck_is_off(site, found, frozen, settings):
    settings.RECHECK = False
    look(frozen, 600)
    assert (site.asked, results(found)) == (0, [])


def test_running_a_job_twice_makes_one_check(site, found, frozen):
    calls = run_checks()
    jobs.run_job.func("checks.check", calls[0]["arguments"])
    assert site.asked == 1


def test_three_negatives_over_half_an_hour_end_the_content(site, found, frozen, run_jobs):
    run_checks()
    site.answer = Response(404, b"")
    look(frozen, 70)
    assert queries.last_verdict(found) == Verdict.OFFLINE_SUSPECTED
    began = clock.now()
    while queries.last_verdict(found) != Verdict.GONE:
        look(frozen, 1)
    assert timedelta(minutes=30) <= clock.now() - began <= timedelta(minutes=60)
    assert results(found)[1:] == ["gone_4xx"] * 3
    from mamori.hotline.assessment.queries import content_state

    assert content_state(found) == "removed"
    assert told("takedown.gone") == 1


def test_a_refusing_host_is_never_gone(site, found, frozen):
    run_checks()
    site.answer = Response(403, b"")
    for _ in range(30):
        look(frozen, 70)
    assert queries.last_verdict(found) == Verdict.ONLINE
    assert Watch.objects.get().state == "watching"


def test_gone_content_that_comes_back_is_acted_on_again(site, found, frozen):
    run_checks()
    gone(site, frozen, found)
    for days in (1, 6, 23):
        look(frozen, days * 24 * 60)
    assert results(found)[-3:] == ["gone_4xx"] * 3
    site.answer = Response(200, PAGE)
    look(frozen, 60 * 24 * 60)
    assert results(found)[-1] == "online_same"
    from mamori.hotline.assessment.queries import content_state

    assert content_state(found) == "actioning"
    assert Watch.objects.get().state == "watching"


def test_a_new_page_at_the_old_place_waits_for_a_person(site, found, frozen, person):
    run_checks()
    gone(site, frozen, found)
    site.answer = Response(200, b"<html><h1>This name is for sale</h1></html>")
    look(frozen, 25 * 60)
    assert results(found)[-1] == "online_changed"
    assert Watch.objects.get().state == "gone"


OTHER = b"<html><table><tr><td>Quite another page</td></tr></table><ul><li>a</li><li>b</li></ul></html>"


def test_a_page_that_changed_is_judged_anew_before_anything_goes_on(site, found, frozen, person):
    """Twice the same other page: a new round. Until two persons confirmed it, it counts as not seen online."""
    from mamori.hotline.assessment.models import ContentItem
    from mamori.hotline.assessment.queries import content_state
    from mamori.hotline.assessment.states import Verdict as Opinion

    run_checks()
    site.answer = Response(200, OTHER)
    look(frozen, 70)
    assert results(found)[-1] == "online_changed"
    assert queries.last_verdict(found) == Verdict.UNKNOWN
    assert not queries.is_surely_online(found, clock.now())
    assert content_state(found) == "actioning", "once may be a passing notice"
    assert told("takedown.online") == 1, "nobody is told that it is online"
    look(frozen, 70)
    assert content_state(found) == "awaiting_assessment"
    assert told("listing.drop_reopened") == 0, "no block is lifted by changing a page"
    look(frozen, 70)
    assert content_state(found) == "awaiting_assessment", "asked for once"
    for _ in range(2):
        give(person(Role.ANALYST), ContentItem.objects.get(id=found), Opinion.BASELINE)
    assert content_state(found) == "actioning"
    look(frozen, 70)
    assert results(found)[-1] == "online_same", "the page that was judged is the known one from now on"
    assert queries.is_surely_online(found, clock.now())


def test_a_page_that_is_another_each_time_waits_for_a_person_and_starts_no_round(site, found, frozen, person):
    from mamori.hotline.assessment.queries import content_state

    run_checks()
    for number in range(4):
        site.answer = Response(200, OTHER + str(number).encode())
        look(frozen, 70)
    assert results(found)[-4:] == ["online_changed"] * 4
    assert content_state(found) == "actioning"
    assert [w.count for w in queries.desk(person(Role.ANALYST).actor)] == [1]
    frozen.shift(timedelta(minutes=1))
    services.check_attest(actor=person(Role.ANALYST).actor, content_id=found, online=True)
    assert queries.is_surely_online(found, clock.now())
    look(frozen, 70)
    assert results(found)[-1] == "online_same"


def test_the_watch_for_a_return_ends_after_90_days(site, found, frozen):
    run_checks()
    gone(site, frozen, found)
    before = site.asked
    for _ in range(100):
        look(frozen, 24 * 60)
    assert site.asked - before == 4
    assert Watch.objects.get().state == "ended"


def gone(site, frozen, content_id):
    site.answer = Response(404, b"")
    look(frozen, 70)
    while queries.last_verdict(content_id) != Verdict.GONE:
        look(frozen, 1)


def test_a_changed_page_a_person_found_empty_is_gone_from_then_on(site, found, frozen, person):
    run_checks()
    site.answer = Response(200, b"<html><h1>We removed this page</h1></html>")
    look(frozen, 70)
    assert results(found)[-1] == "online_changed"
    frozen.shift(timedelta(minutes=1))
    services.check_attest(actor=person(Role.ANALYST).actor, content_id=found, online=False)
    while queries.last_verdict(found) != Verdict.GONE:
        look(frozen, 1)
    assert results(found)[2:] == ["page_up_media_gone"] * 3


def test_content_that_is_gone_and_confirmed_anew_is_looked_at_at_once(site, found, frozen, person):
    """Reported again, judged again: earlier negatives say nothing about it any more."""
    from mamori.hotline.assessment.models import ContentItem
    from mamori.hotline.assessment.queries import content_state
    from mamori.hotline.assessment.services import content_reopen
    from mamori.hotline.assessment.states import Verdict as Opinion

    run_checks()
    gone(site, frozen, found)
    services.watch_begin(content_id=found)
    assert Watch.objects.get().state == "gone", "the fact of the first confirmation told twice changes nothing"
    frozen.shift(timedelta(hours=3))
    content_reopen(actor=person(Role.SENIOR_ANALYST).actor, content_id=found)
    for _ in range(2):
        give(person(Role.ANALYST), ContentItem.objects.get(id=found), Opinion.BASELINE)
    services.watch_begin(content_id=found)
    watch = Watch.objects.get()
    assert (watch.state, watch.negatives, watch.since, watch.gone_at) == ("watching", 0, clock.now(), None)
    assert queries.last_verdict(found) == Verdict.UNKNOWN
    site.answer = Response(200, PAGE)
    run_checks()
    assert results(found)[-1] == "online_same"
    assert queries.is_surely_online(found, clock.now())
    gone(site, frozen, found)
    assert content_state(found) == "removed"
    assert results(found)[-3:] == ["gone_4xx"] * 3


def test_content_found_online_while_it_is_judged_again_leaves_that_round_alone(found, frozen, person):
    from mamori.hotline.assessment.queries import content_state
    from mamori.hotline.assessment.services import content_reopen

    one, other = person(Role.ANALYST), person(Role.ANALYST)
    services.check_attest(actor=one.actor, content_id=found, online=False)
    frozen.shift(timedelta(minutes=30))
    assert services.check_attest(actor=other.actor, content_id=found, online=False) == "gone"
    content_reopen(actor=person(Role.SENIOR_ANALYST).actor, content_id=found)
    frozen.shift(timedelta(minutes=30))
    assert services.check_attest(actor=one.actor, content_id=found, online=True) == "online"
    assert (content_state(found), Watch.objects.get().state) == ("awaiting_assessment", "watching")


class TestDueForPeople:
    """Where re-check is off, the desk says what to look at: when asked, daily in the first week, weekly later."""

    def lines(self, person):
        return [(w.count, w.alarm) for w in queries.desk(person(Role.ANALYST).actor)]

    def test_what_is_due_and_what_is_late(self, found, frozen, person):
        actor = person(Role.ANALYST).actor
        assert self.lines(person) == [(1, False)], "nobody looked since it was confirmed"
        services.check_attest(actor=actor, content_id=found, online=True)
        assert self.lines(person) == []
        frozen.shift(timedelta(hours=24))
        assert self.lines(person) == [(1, False)]
        frozen.shift(timedelta(hours=24))
        assert self.lines(person) == [(1, False), (1, True)]
        for _ in range(7):
            services.check_attest(actor=actor, content_id=found, online=True)
            frozen.shift(timedelta(hours=24))
        services.check_attest(actor=actor, content_id=found, online=True)
        frozen.shift(timedelta(days=6))
        assert self.lines(person) == [], "weekly after the first week"
        frozen.shift(timedelta(days=1))
        assert self.lines(person) == [(1, False)]
        frozen.shift(timedelta(days=7))
        assert self.lines(person) == [(1, False), (1, True)]

    def test_what_is_asked_for_is_due_at_once_from_when_it_was_first_asked(self, found, frozen, person):
        services.check_attest(actor=person(Role.ANALYST).actor, content_id=found, online=True)
        frozen.shift(timedelta(hours=1))
        for _ in range(3):
            services.check_now(actor=SYSTEM, content_id=found)
            frozen.shift(timedelta(hours=1))
        assert self.lines(person) == [(1, False)]
        watch = Watch.objects.get()
        assert queries.next_check(watch) == watch.asked_at == clock.now() - timedelta(hours=3)

    def test_the_desk_leads_to_just_these(self, found, frozen, person, browser_of):
        analyst = person(Role.ANALYST)
        url = queries.desk(analyst.actor)[0].url
        assert "site[.]example" in browser_of(analyst).get(url).content.decode()
        services.check_attest(actor=analyst.actor, content_id=found, online=True)
        assert "site[.]example" not in browser_of(analyst).get(url).content.decode()
        assert queries.desk(person(Role.AUDITOR).actor) == []

    def test_where_machines_look_nobody_is_asked(self, site, found, frozen, person):
        frozen.shift(timedelta(days=30))
        assert self.lines(person) == []


class TestAttestation:
    def test_two_people_half_an_hour_apart_can_say_it_is_gone(self, found, frozen, person):
        one, other = person(Role.ANALYST), person(Role.ANALYST)
        services.check_attest(actor=one.actor, content_id=found, online=True)
        assert queries.is_surely_online(found, clock.now())
        frozen.shift(timedelta(hours=1))
        assert (
            services.check_attest(actor=one.actor, content_id=found, online=False, end=End.MOVED) == "offline_suspected"
        )
        frozen.shift(timedelta(minutes=29))
        early = services.check_attest(actor=other.actor, content_id=found, online=False)
        assert early == "offline_suspected", "one outage is not seen twice"
        frozen.shift(timedelta(minutes=1))
        assert services.check_attest(actor=other.actor, content_id=found, online=False) == "gone"
        from mamori.hotline.assessment.queries import content_state

        assert content_state(found) == "moved"

    def test_one_person_needs_three_looks_over_half_an_hour(self, found, frozen, person):
        actor = person(Role.ANALYST).actor
        for minutes, verdict in ((0, "offline_suspected"), (15, "offline_suspected"), (15, "gone")):
            frozen.shift(timedelta(minutes=minutes))
            assert services.check_attest(actor=actor, content_id=found, online=False) == verdict

    def test_nobody_attests_what_the_recheck_sees(self, site, found, frozen, person):
        run_checks()
        with pytest.raises(DomainError, match="check_decides"):
            services.check_attest(actor=person(Role.ANALYST).actor, content_id=found, online=False)

    def test_only_analysts_attest(self, found, person):
        for role in (Role.LIST_APPROVER, Role.AUDITOR, Role.OPERATOR, Role.POLICE_LIAISON):
            with pytest.raises(Forbidden):
                services.check_attest(actor=person(role).actor, content_id=found, online=False)

    def test_through_the_front_door(self, found, frozen, person, browser_of):
        browser = browser_of(person(Role.ANALYST))
        page = browser.get(f"/checks/{found}/")
        assert "hxxp://site[.]example/drawing" in page.content.decode()
        assert b'href="http://site.example' not in page.content
        assert browser.post(f"/checks/{found}/attest/", {"found": "nonsense"}).status_code == 422
        assert browser.post(f"/checks/{found}/attest/", {"found": "online"}).status_code == 302
        assert results(found) == ["online_same"]
        assert browser.post(f"/checks/{found}/now/").status_code == 409  # re-check is off
        assert browser.get("/checks/").status_code == 200
        other = browser_of(person(Role.OPERATOR))
        assert other.get(f"/checks/{found}/").status_code == 403
        assert other.get("/checks/").status_code == 403


def test_the_desk_counts_what_a_machine_cannot_judge(site, found, frozen, person):
    run_checks()
    site.answer = Response(429, b"")
    look(frozen, 70)
    waiting = queries.desk(person(Role.ANALYST).actor)
    assert [w.count for w in waiting] == [1]
    assert queries.desk(person(Role.AUDITOR).actor) == []


def test_the_timeline_tells_changes_only(site, found, frozen, person):
    run_checks()
    for _ in range(3):
        look(frozen, 70)
    site.answer = Response(404, b"")
    look(frozen, 70)
    assert len(queries.timeline(person(Role.ANALYST).actor, found)) == 2
    assert queries.timeline(person(Role.OPERATOR).actor, found) == []


def test_nobody_may_change_a_check():
    for privileges in GRANTS["checks_check"].values():
        assert privileges == "SELECT, INSERT"
    assert "public" not in GRANTS["checks_check"] and "public" not in GRANTS["checks_watch"]


def test_the_sweep_asks_a_bounded_number_of_questions(site, frozen, django_assert_max_num_queries, person):
    first, second = person(Role.ANALYST), person(Role.ANALYST)
    for n in range(20):
        services.watch_begin(content_id=confirmed(first, second, f"http://site.example/{n}").id)
    frozen.shift(timedelta(hours=2))
    with django_assert_max_num_queries(20):
        services.checks_due()


@given(
    since=st.integers(0, 60 * 24 * 40),
    negatives=st.integers(0, 2),
    content_id=st.uuids(),
)
@hypothesis_settings(max_examples=300, deadline=None)
def test_the_next_look_is_in_its_band(since, negatives, content_id):
    last = clock.now()
    start = last - timedelta(minutes=since)
    due = schedule.next_while_watching(content_id, since=start, last_at=last, negatives=negatives) - last
    if negatives:
        assert timedelta(minutes=16) <= due <= timedelta(minutes=24)
    else:
        every = schedule.interval(timedelta(minutes=since))
        assert every * 0.9 <= due <= every * 1.1
        assert due >= schedule.soonest(every)


def test_the_intervals_are_those_of_the_plan():
    hours = timedelta(hours=1)
    for age, every in ((0, 1), (23, 1), (24, 4), (71, 4), (72, 12), (14 * 24 - 1, 12), (14 * 24, 24), (1000, 24)):
        assert schedule.interval(age * hours) == every * hours


def test_results_have_one_class_each():
    assert {r for r in Result if r.positive} | {r for r in Result if r.negative} | {
        Result.BLOCKED_OR_CHALLENGED,
        Result.ERROR_OURS,
    } == set(Result)
