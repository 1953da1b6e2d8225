"""The hoster's page: what the link opens, what it answers, and what the public face can learn without it."""

import json
import logging
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import xarf
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from psycopg import sql

from demo.web import Response, WebServer
from mamori.ground import clock, jobs
from mamori.ground.actors import Role
from mamori.hotline.assessment.models import ContentItem
from mamori.hotline.assessment.states import Verdict
from mamori.hotline.checks.models import Check
from mamori.hotline.takedown import queries, services
from mamori.hotline.takedown.grants import GRANTS
from mamori.hotline.takedown.hoster import _by_ground
from mamori.hotline.takedown.links import read_token, token_for
from mamori.hotline.takedown.models import HosterAnswer, HosterPage, NoticeItem, NoticeLetter
from tests.hotline.assessment_steps import give
from tests.hotline.assessment_steps import report as reported
from tests.hotline.outside import free_port
from tests.hotline.takedown_steps import only_notice
from tests.hotline.takedown_steps import world as world_of

pytestmark = pytest.mark.django_db
HOSTER = "abuse@kasumi.example"
ONLINE = Response(200, b"<html><p>a drawing</p></html>")
URLS = ("http://kiku.example/secret-path", "https://ran.example/%E7%A7%98?a=1&b=%22%3Cx%3E")


@pytest.fixture
def world(tmp_path, settings, person, frozen, run_jobs):
    with world_of(tmp_path, settings, person, frozen, run_jobs) as found:
        found.host("kiku.example", "ran.example")
        yield found


@pytest.fixture
def contents(world):
    """Two addresses in one delivered notice: of the baseline, and by national law."""
    found = [world.content(URLS[0], verdict=Verdict.BASELINE), world.content(URLS[1])]
    world.work(16)
    return found


@pytest.fixture
def link(world, contents):
    return world.box.link(HOSTER)


@pytest.fixture
def hoster():
    """A visitor of the public face: no log-in, no cookie."""
    return Client(enforce_csrf_checks=True)


def items():
    return list(NoticeItem.objects.order_by("number"))


def states():
    return [item.state for item in items()]


def answer(hoster, link, **data):
    return hoster.post(link, {"answer": "acknowledge", **data})


class TestTheLink:
    def test_it_opens_the_list_defanged_with_ground_and_deadline(self, hoster, link):
        page = hoster.get(link)
        text = page.content.decode()
        assert page.status_code == 200
        assert "hxxp://kiku[.]example/secret-path" in text
        assert 'href="http://kiku' not in text and "http://kiku.example" not in text
        assert "第7条第6項" in text
        assert only_notice().reference in text
        assert "192.0.2.1" in text and "AS64500" in text and "P-" in text

    def test_it_is_neither_kept_nor_indexed_nor_passed_on(self, hoster, link):
        page = hoster.get(link)
        assert page["Cache-Control"] == "no-store"
        assert "noindex" in page["X-Robots-Tag"]
        assert page["Referrer-Policy"] == "no-referrer"

    def test_it_is_there_in_english_too(self, hoster, link):
        text = hoster.get(link.replace("/ja/", "/en/")).content.decode()
        assert "Please remove these 2 pages from your service." in text
        assert "Article 7(6)" in text

    def test_a_wrong_changed_or_expired_link_opens_nothing(self, hoster, link, world):
        token = link.split("/")[-2]
        for wrong in ("x", "A" * 48, token[:-1], token[:-2] + "AA", token.swapcase(), "é" * 20):
            assert hoster.get(f"/ja/hoster/{wrong}/").status_code == 404
        world.frozen.shift(timedelta(days=31))
        assert hoster.get(link).status_code == 410

    def test_opening_it_proves_that_it_arrived(self, hoster, link, world):
        assert only_notice().seen_at is None
        hoster.head(link)
        world.work()
        assert only_notice().seen_at is None
        hoster.get(link)
        hoster.get(link)
        world.work()
        assert only_notice().seen_at == clock.now()
        assert HosterAnswer.objects.filter(kind="opened").count() == 1

    def test_the_link_lasts_through_reminders_and_is_renewed_in_time(self, world, link, contents):
        world.next_day(*contents)
        assert world.box.link(HOSTER) == link
        for _ in range(17):
            world.next_day(*contents)
        assert len(world.box.to(HOSTER)) == 19
        assert world.box.link(HOSTER) != link


class TestAnswers:
    def test_a_claim_of_removal_is_checked_and_closes_nothing_by_itself(self, hoster, link, world, contents):
        assert answer(hoster, link, answer="removed").status_code == 302
        world.work()
        assert states() == ["claimed", "claimed"]
        assert only_notice().state == "removal_claimed"
        assert [w.count for w in queries.desk(world.first.actor)] == [2]
        world.frozen.shift(timedelta(minutes=5))
        world.attest(contents[0], online=True)
        assert states() == ["told", "claimed"]
        world.gone(contents[1])
        assert states() == ["told", "removed"]
        text = hoster.get(link).content.decode()
        assert text.count('name="item"') == 1
        assert "hxxps://ran[.]example" in text

    def test_a_claim_for_one_address_is_about_that_one(self, hoster, link, world):
        answer(hoster, link, answer="removed", item=[str(items()[1].id)])
        world.work()
        assert states() == ["told", "claimed"]

    def test_many_pages_are_rows_under_their_ground_and_all_may_be_ticked(self, hoster, world):
        for number in range(12):
            world.content(f"https://kiku.example/{number}")
        world.work(16)
        link = world.box.link(HOSTER)
        text = hoster.get(link.replace("/ja/", "/en/")).content.decode()
        assert text.count("<table") == 1
        assert text.count('name="item"') == 12
        assert 'href="#answer"' in text
        assert 'id="answer"' in text
        ticked = [str(item.id) for item in items()[:2]] + [str(uuid4()) for _ in range(2_000)]
        assert answer(hoster, link, answer="removed", item=ticked).status_code == 302
        world.work(1)
        assert states().count("claimed") == 2

    def test_pages_of_another_ground_stand_apart(self):
        one, two = ({"criteria": "JP-2014.1", "act": "An act", "laws": [law]} for law in ("Item 1", "Item 2"))
        found = _by_ground([one, two, one])
        assert [(ground["laws"], ground["items"]) for ground in found] == [
            (["Item 1"], [one, one]),
            (["Item 2"], [two]),
        ]

    def test_acknowledging(self, hoster, link, world, contents):
        page = hoster.post(link, {"answer": "acknowledge"}, follow=True)
        assert "回答を受け付けました" in page.content.decode()
        world.work()
        assert only_notice().state == "acknowledged"
        world.next_day(*contents)
        assert only_notice().state == "overdue"

    def test_a_dispute_needs_a_reason_which_is_sealed_and_decided_by_a_person(self, hoster, link, world, browser_of):
        assert answer(hoster, link, answer="dispute").status_code == 422
        said = "Our customer says SECRETWORD-77 is a museum."
        answer(hoster, link, answer="dispute", text=said, item=[str(items()[0].id)])
        with connection.cursor() as cursor:
            for table in ("takedown_hosteranswer", "procrastinate_jobs", "audit_event"):
                cursor.execute(
                    sql.SQL("SELECT count(*) FROM {0} t WHERE to_jsonb(t)::text LIKE '%SECRETWORD%'").format(
                        sql.Identifier(table)
                    )
                )
                assert cursor.fetchone()[0] == 0
        world.work()
        assert (only_notice().state, states()) == ("disputed", ["disputed", "told"])
        assert [str(w.count) for w in queries.desk(world.first.actor)] == ["1"]
        browser, notice = browser_of(world.first), only_notice()
        assert "SECRETWORD-77" in browser.get(f"/notices/{notice.id}/").content.decode()
        assert (
            "SECRETWORD-77" not in browser_of(world.person(Role.AUDITOR)).get(f"/notices/{notice.id}/").content.decode()
        )
        said = HosterAnswer.objects.get(kind="dispute")
        assert browser.post(f"/notices/answers/{said.id}/settle/").status_code == 409
        assert browser.post(f"/notices/items/{items()[0].id}/settle/", {"keep": "no"}).status_code == 302
        assert browser.post(f"/notices/answers/{said.id}/settle/").status_code == 302
        assert queries.desk(world.first.actor) == []
        assert states() == ["withdrawn", "told"]
        assert only_notice().state == "acknowledged"
        assert browser.post(f"/notices/items/{items()[0].id}/settle/", {"keep": "no"}).status_code == 409

    def test_a_dispute_that_does_not_convince_goes_to_the_next_rung(self, hoster, link, world, contents):
        answer(hoster, link, answer="dispute", text="no", item=[str(items()[0].id)])
        world.work()
        services.dispute_settle(actor=world.first.actor, item_id=items()[0].id, keep=True)
        assert states()[0] == "told"
        assert queries.removal_tried(contents[0]).too_slow

    def test_the_desk_tells_open_answers_from_settled_ones(self, hoster, link, world, browser_of):
        answer(hoster, link, answer="question", text="which file?", item=[str(items()[0].id)])
        world.work(1)
        desk = browser_of(world.first)
        reference = only_notice().reference
        shown = {
            choice: reference in desk.get(f"/notices/answers/?answers-settled={choice}").content.decode()
            for choice in ("no", "yes")
        }
        assert shown == {"no": True, "yes": False}

    def test_the_same_answer_twice_is_one(self, hoster, link):
        for _ in range(3):
            answer(hoster, link, answer="question", text="which server?")
        assert HosterAnswer.objects.filter(kind="question").count() == 1

    def test_answers_for_items_of_others_are_left_out(self, hoster, link, world):
        answer(hoster, link, answer="removed", item=[str(uuid4()), "nonsense", str(items()[0].id)])
        world.work()
        assert states() == ["claimed", "told"]


class TestMachines:
    JSON = {"HTTP_ACCEPT": "application/json"}

    def test_the_list_is_valid_xarf_without_payload(self, hoster, link):
        page = hoster.get(link, **self.JSON)
        reports = page.json()
        assert [r["url"] for r in reports] == list(URLS)
        for report in reports:
            found = xarf.parse(report, strict=False)
            assert found.errors == []
            assert (found.report.category, found.report.type) == ("content", "csam")
            assert "evidence" not in report and "payload" not in json.dumps(report)
            assert report["classification"] == "baseline" and report["detection_method"] == "manual_review"
        assert "Illegal by national law" not in reports[0]["description"]
        assert "Illegal by national law" in reports[1]["description"]
        assert [r["report_id"] for r in reports] == [str(i.id) for i in items()]

    def test_a_machine_answers_for_all_or_for_some(self, hoster, link, world):
        said = [{"answer": "acknowledge"}, {"answer": "removed", "report_ids": [str(items()[0].id)]}]
        page = hoster.post(link, json.dumps(said), content_type="application/json")
        assert (page.status_code, page.json()) == (202, {"accepted": 2})
        world.work()
        assert states() == ["claimed", "told"]

    @pytest.mark.parametrize(
        "said",
        ["", "nonsense", "[]", "1", '{"answer": "opened"}', '{"answer": []}', '{"answer": "removed", "report_ids": "x"}', '{"answer": "removed", "report_ids": ["x"]}', '{"answer": "dispute"}', '{"answer": "question", "text": 5}', '{"answer": "question", "text": "\\u0000"}'],
    )  # fmt: skip
    def test_a_bad_answer_is_refused_in_words(self, hoster, link, said):
        page = hoster.post(link, said, content_type="application/json", **self.JSON)
        assert page.status_code == 422
        assert set(page.json()) == {"code", "message", "remedy"}
        assert HosterAnswer.objects.exclude(kind="opened").count() == 0

    def test_a_bad_link_is_refused_in_words(self, hoster, world):
        page = hoster.get("/ja/hoster/nonsense/", **self.JSON)
        assert (page.status_code, page.json()["code"]) == (404, "not_found")


class TestWhatThePublicFaceKnows:
    def test_the_table_it_reads_tells_nothing(self, world, contents):
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_jsonb(p)::text, octet_length(payload) FROM takedown_hosterpage p")
            (text, size) = cursor.fetchone()
        assert "kiku" not in text and str(only_notice().id) not in text
        assert b"kiku" not in bytes(HosterPage.objects.get().payload)
        assert (size - 40) % 4096 == 0

    def test_its_role_may_read_the_sealed_pages_and_drop_answers_and_no_more(self):
        public = {table: roles["public"] for table, roles in GRANTS.items() if "public" in roles}
        assert public == {"takedown_hosterpage": "SELECT", "takedown_hosteranswer": "INSERT"}

    def test_a_page_served_with_only_those_grants_works(self, hoster, link, world):
        """The statements of a visit, run by a database role that has the public face's grants and nothing else."""
        from mamori.site.database import grants

        role = sql.Identifier(f"public_{uuid4().hex}")
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
            cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
            tables = set(connection.introspection.table_names(cursor))
            for table, roles in grants().items():
                if "public" in roles and table in tables:
                    cursor.execute(
                        sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(roles["public"]), sql.Identifier(table), role)
                    )
            cursor.execute(sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}").format(role))
            cursor.execute(sql.SQL("SET ROLE {}").format(role))
            try:
                assert hoster.get(link).status_code == 200
                assert answer(hoster, link, answer="question", text="which server?").status_code == 302
            finally:
                cursor.execute("RESET ROLE")
        assert HosterAnswer.objects.count() == 2

    def test_its_key_alone_gives_no_link(self, contents):
        letter = NoticeLetter.objects.get()
        token = token_for(letter.notice_id, letter.page_until)
        assert token.digest == letter.page_digest == HosterPage.objects.get().token_digest
        assert token_for(letter.notice_id, letter.page_until + timedelta(days=1)).digest != token.digest
        assert read_token(token.text, clock.now()).raw == token.raw

    def test_another_key_signs_other_links(self, hoster, link, settings):
        settings.HOSTER_KEY = "another"
        assert hoster.get(link).status_code == 404
        settings.HOSTER_KEY = ""
        assert hoster.get(link).status_code == 503

    def test_an_old_page_is_taken_away(self, world, link):
        world.frozen.shift(timedelta(days=31))
        services.pages_seal()
        assert not HosterPage.objects.filter(until__lte=clock.now()).exists()

    def test_nothing_of_the_page_is_logged(self, hoster, link, caplog):
        with caplog.at_level(logging.DEBUG):
            hoster.get(link)
            answer(hoster, link, answer="removed")
        assert "kiku" not in caplog.text and link.split("/")[-2] not in caplog.text


@pytest.fixture
def machines(tmp_path, settings, person, frozen, run_jobs):
    """A world with re-check on, and what its one page answers now."""
    page = {"now": ONLINE}
    with world_of(tmp_path, settings, person, frozen, run_jobs) as world:
        world.host("kiku.example")
        world.nets.names.record("kiku.example", "A", "127.7.0.9")
        world.nets.route("127.7.0.0/16\t64500\tKASUMI\tJP")
        world.nets.network("127.7.0.9", abuse=HOSTER)
        world.nets.abusix("9.0.7.127", HOSTER)
        port = free_port()
        server = WebServer("127.7.0.9", port, lambda _request: page["now"])
        settings.RECHECK = True
        settings.RECHECK_ALLOW_NETWORKS = ["127.7.0.9/32"]
        settings.RECHECK_PORT_MAP = {"80": str(port)}
        try:
            yield world, page
        finally:
            server.stop()


def until_gone(world):
    for _ in range(30):
        jobs.run_sweep("checks.due")
        world.work(5)
        if states() == ["removed"]:
            return


def test_with_recheck_on_a_claim_is_looked_at_at_once(machines):
    """The whole way with real fetches: seen online, noticed, claimed, gone after three looks."""
    world, page = machines
    content_id = world.content(URLS[0], attest=False)
    world.work(16)
    assert only_notice().state == "delivered", items()[0].obstacle
    page["now"] = Response(404, b"")
    Client().post(world.box.link(HOSTER), {"answer": "removed"})
    world.work(1)
    assert Check.objects.filter(content_id=content_id).order_by("-at").first().result == "gone_4xx"
    until_gone(world)
    assert states() == ["removed"]
    assert only_notice().state == "verified_removed"


def test_what_is_gone_reported_again_and_confirmed_again_is_noticed_again(machines):
    """Nobody waits for the next look of the watch for a return: it is looked at when it is confirmed."""
    world, page = machines
    content_id = world.content(URLS[0], attest=False)
    world.work(16)
    page["now"] = Response(404, b"")
    until_gone(world)
    assert states() == ["removed"]
    page["now"] = ONLINE
    reported(URLS[0])
    world.work()
    content = ContentItem.objects.get(id=content_id)
    assert content.state == "awaiting_assessment"
    for analyst in (world.first, world.second):
        give(analyst, content, Verdict.BASELINE)
        content.refresh_from_db()
    world.work()
    world.work(16)
    assert sorted(states()) == ["removed", "told"]
    assert len(world.box.to(HOSTER)) == 2


def test_with_recheck_on_a_reminder_is_only_about_what_a_machine_sees_now(machines):
    world, page = machines
    world.content(URLS[0], attest=False)
    world.work(16)
    page["now"] = Response(404, b"")
    world.work(24 * 60)
    world.work(11)
    assert len(world.box.to(HOSTER)) == 1
    page["now"] = ONLINE
    world.work(11)
    world.work(11)
    assert len(world.box.to(HOSTER)) == 2


def test_no_template_shows_an_address_as_a_link():
    folder = Path(django_settings.PACKAGE) / "hotline" / "takedown" / "templates"
    for file in folder.rglob("*.html"):
        assert "{{ item.url" not in file.read_text()
