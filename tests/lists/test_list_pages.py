"""The list through the front doors: the desk, its steps, roles, and the public pages."""

import base64
import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from mamori.engine.editions.gate import REASONS
from mamori.ground import clock
from mamori.ground.actors import Role
from mamori.ground.errors import DomainError
from mamori.hotline.tracing.models import HostAddress, Trace
from mamori.lists.distribution.models import Subscriber
from mamori.lists.listing import case, services
from mamori.lists.listing.models import Entry
from mamori.lists.listing.states import Method
from mamori.site import settings as site
from tests.lists.cases import WORDS, listable, post

pytestmark = pytest.mark.django_db
URL = "https://bad.example/board/1"
TESTS = ("purpose", "quantity", "same_publisher", "no_other_means")
FORM = {f"{t}_yes": "yes" for t in TESTS} | {f"{t}_reason": WORDS for t in TESTS}
FORM |= {"reason": "removal_too_slow", "days": "90", "target": "bad.example"}


def english(browser: Client) -> Client:
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return browser


def test_how_broad_a_block_would_be_is_counted_from_what_tracing_saw(body, person, browser_of):
    content_id = listable(URL, person)
    now = clock.now()
    Trace.objects.create(content_id=content_id, host="bad.example", addresses=["192.0.2.7"], opened_at=now)
    for ip, host in (
        ("192.0.2.7", "bad.example"), ("192.0.2.7", "shop.example"), ("192.0.2.7", "blog.example"),
        ("192.0.2.8", "a.bad.example"), ("192.0.2.8", "other.example"),
    ):  # fmt: skip
        HostAddress.objects.create(ip=ip, host=host, seen_at=now)
    facts = case.reach_of(content_id, "bad.example").facts
    assert (facts.others_on_host, facts.others_on_address) == (1, 2)
    page = english(browser_of(body.reviewer)).get(f"/list/propose/{content_id}/dns/").content.decode()
    for word, number in (("Other names known at or below it", 1), ("Other names known on its addresses", 2)):
        assert re.search(rf"{word}</dt>\s*<dd[^>]*>(<[^>]*>)?{number}<", page), word


def test_a_popular_name_of_the_operators_own_file_is_refused(body, person, settings):
    content_id = listable(URL, person)
    assert not case.reach_of(content_id, "bad.example").refused
    settings.POPULAR_NAMES = "# ours\n1,bad.example\n2,good.example\n"
    assert case.reach_of(content_id, "bad.example").facts.popular == "bad.example"
    with pytest.raises(DomainError, match="too_broad"):
        body.propose(content_id)


def test_from_candidate_to_entry_in_force_through_the_pages(body, person, browser_of):
    content_id = listable(URL, person)
    services.candidate_open(content_id=content_id, why="too_slow")
    reviewer, approver = english(browser_of(body.reviewer)), english(browser_of(body.approver))
    desk = reviewer.get("/list/").content.decode()
    assert "hxxps://bad[.]example/board/1" in desk and "https://bad.example" not in desk
    page = reviewer.get(f"/list/propose/{content_id}/dns/").content.decode()
    for word in ("Public suffix?", "Shared platform?", "Popular name?", "Other names known", "What was tried"):
        assert word in page
    refused = post(reviewer, "listing_propose", content_id, "dns", **FORM | {"quantity_yes": "no"})
    assert refused.status_code == 422 and b"Propose for the URL list instead" in refused.content
    assert post(reviewer, "listing_propose", content_id, "dns", **FORM).status_code == 302
    entry = Entry.objects.get()
    page = reviewer.get(f"/list/entry/{entry.id}/").content.decode()
    statement = reviewer.get(f"/list/entry/{entry.id}/statement/").content.decode()
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    assert shown and unescape(shown[1]) == statement
    signature = body.signature(body.reviewer, entry)
    assert post(reviewer, "listing_sign", entry.id, signature=signature).status_code == 302
    assert "A different person activates it" in reviewer.get(f"/list/entry/{entry.id}/").content.decode()
    assert post(reviewer, "listing_activate", entry.id, signature=signature).status_code == 403
    page = approver.get(f"/list/entry/{entry.id}/").content.decode()
    assert "Activate: sign the same statement" in page and "Popular name?" in page
    wrong = post(approver, "listing_activate", entry.id, signature=signature)
    assert wrong.status_code == 422 and b"not one of your key" in wrong.content
    right = body.signature(body.approver, entry)
    assert post(approver, "listing_activate", entry.id, signature=right).status_code == 302
    entry.refresh_from_db()
    assert entry.state == "active"
    assert b"lifted at once" in reviewer.get(f"/list/entry/{entry.id}/withdraw/").content
    assert post(reviewer, "listing_withdraw", entry.id).status_code == 302
    entry.refresh_from_db()
    assert entry.state == "pending_removal"


def test_a_burst_leaves_the_desk_readable(body, person, browser_of):
    """The brake holds back many entries for one reason; many items wait to be considered."""
    why = {"code": "too_many_additions", "params": {"added": 1200, "limit": 1000}}
    message, remedy = REASONS["too_many_additions"]
    for n in range(6):
        entry = body.list(listable(f"https://bad{n}.example/board/1", person))
        Entry.objects.filter(id=entry.id).update(refused=[why | {"message": message, "remedy": remedy}])
    for _n in range(21):
        services.candidate_open(content_id=uuid4(), why="too_slow")
    desk = english(browser_of(body.reviewer)).get("/list/").content.decode()
    assert desk.count("1200 entries are added within a day") == 1 and "The rules refuse 6 entries." in desk
    assert "and 1 more below" in desk
    assert "Rows 1 to 20 of 21" in desk and desk.count("/dns/") == 20
    onlooker = english(browser_of(body.approver)).get("/list/?candidates-page=2").content.decode()
    assert "Rows 21 to 21 of 21" in onlooker and "/dns/" not in onlooker


def test_a_name_on_the_list_is_shown_as_a_name_nobody_can_click(body, person, browser_of):
    entry = body.list(listable(URL, person))
    browser = english(browser_of(body.reviewer))
    for path in ("/list/", f"/list/entry/{entry.id}/"):
        page = browser.get(path).content.decode()
        assert '<bdi class="address" translate="no">bad[.]example</bdi>' in page
        assert "://bad[.]example/<" not in page, "a block of a name is not one of an address"


def test_a_signing_key_is_confirmed_and_revoked_after_one_question(body, person, browser_of):
    newcomer = person(Role.LIST_REVIEWER, name="New Comer")
    key = services.key_register(actor=newcomer.actor, public_key=base64.b64encode(bytes(range(32))).decode())
    approver, reviewer = english(browser_of(body.approver)), english(browser_of(body.reviewer))
    desk = approver.get("/list/keys/").content.decode()
    assert f'href="/list/keys/{key.id}/confirm/"' in desk and "the list of members, signed with the root key" in desk
    asked = approver.get(f"/list/keys/{key.id}/confirm/").content.decode()
    assert key.id[:16] in asked and "has read you this number" in asked
    key.refresh_from_db()
    assert key.confirmed_at is None, "looking changes nothing"
    assert post(approver, "listing_key_step", key.id, "confirm").status_code == 302
    asked = approver.get(f"/list/keys/{key.id}/revoke/").content.decode()
    assert "never comes back" in asked
    key.refresh_from_db()
    assert key.confirmed_at and not key.revoked_at
    for method in (reviewer.get, reviewer.post):
        assert method(f"/list/keys/{key.id}/revoke/").status_code == 404, "of somebody else"
    assert approver.get(f"/list/keys/{key.id}/other/").status_code == 404
    assert post(approver, "listing_key_step", key.id, "revoke").status_code == 302
    key.refresh_from_db()
    assert key.revoked_at


def test_a_subscriber_gets_a_new_key_after_one_question(body, person, browser_of):
    browser = english(browser_of(body.approver))
    browser.post("/editions/subscribers/", {"organisation": "Net", "delivery": "stop", "asks_from": "192.0.2.1"})
    subscriber = Subscriber.objects.get()
    url = f"/editions/subscribers/{subscriber.id}/"
    assert "?step=key" in browser.get(url).content.decode()
    assert "ends at once" in browser.get(f"{url}?step=key").content.decode()
    browser.post(url, {})
    subscriber.refresh_from_db()
    assert subscriber.generation == 1, "nothing happened yet"
    assert b"hmac-sha256" in browser.post(f"{url}?step=key").content
    subscriber.refresh_from_db()
    assert subscriber.generation == 2


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_page_opens_in_both_languages(body, person, browser_of, language, settings, tmp_path):
    content_id = listable(URL, person)
    services.candidate_open(content_id=content_id, why="too_slow")
    entry = body.list(content_id)
    waiting = body.propose(content_id, Method.URL)
    services.appeal_open(address=URL, text="Why", contact="me")
    services.appeals_match()
    appeal = entry.appeals.get()
    browser = browser_of(body.approver)
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    for path in (
        "list/", "list/keys/", "list/appeals/", f"list/appeals/{appeal.id}/", f"list/entry/{entry.id}/",
        f"list/entry/{waiting.id}/", f"list/entry/{entry.id}/withdraw/", "editions/", "editions/subscribers/",
        "editions/kill/",
    ):  # fmt: skip
        assert browser.get(f"/{path}").status_code == 200, path
    read = browser.post(f"/list/appeals/{appeal.id}/", {"step": "read"})
    assert read.status_code == 200 and b"Why" in read.content
    added = browser.post(
        "/editions/subscribers/", {"organisation": "Net", "delivery": "stop", "notify": "192.0.2.1@53"}
    )
    assert added.status_code == 200 and b"hmac-sha256" in added.content and b"stop.list" in added.content
    assert (
        browser.post("/editions/subscribers/", {"organisation": "N", "delivery": "stop", "notify": "x"}).status_code
        == 422
    )
    for path in ("list/", "list/appeal/"):
        assert browser.get(f"/{language}/{path}").status_code == 200


@pytest.mark.parametrize("role", [Role.ANALYST, Role.POLICE_LIAISON])
def test_who_has_no_part_in_the_list_sees_nothing_of_it(body, person, browser_of, role):
    entry = body.list(listable(URL, person))
    browser = browser_of(person(role))
    for path in ("list/", f"list/entry/{entry.id}/", "list/appeals/", "editions/", "editions/1/", "editions/kill/",
                 "editions/subscribers/"):  # fmt: skip
        assert browser.get(f"/{path}").status_code in {403, 404}, path
    for name in ("listing_sign", "listing_activate", "listing_review", "listing_withdraw"):
        assert post(browser, name, entry.id, signature="x", keep="yes", note="n").status_code in {403, 404}, name
    assert Client().get(f"/list/entry/{entry.id}/").status_code == 302


class TestStopPage:
    @pytest.fixture
    def stranger(self, settings: Any) -> Client:
        settings.STORAGES = settings.STORAGES | {
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
        }
        settings.MIDDLEWARE = ["mamori.lists.listing.stop.StopPage", *site._COMMON, *site._PUBLIC]
        settings.ROOT_URLCONF = "mamori.site.urls_public"
        settings.SECURE_SSL_REDIRECT = True
        return Client()

    @pytest.mark.parametrize("host", ["stop.mamori.example", "bad.example", "www.bad.example:8000", "[2001:db8::1]"])
    @pytest.mark.parametrize("path", ["/", "/any/where?x=1"])
    def test_it_answers_for_every_blocked_name_and_path(self, stranger, host, path, django_assert_num_queries, caplog):
        with django_assert_num_queries(0):
            answer = stranger.get(path, headers={"host": host})
        text = answer.content.decode()
        assert answer.status_code == 451 and not answer.cookies and not caplog.records
        for word in (
            "異議を申し立てる",
            "https の接続では表示できず",
            "Who decided",
            "cannot work for https",
            "No log of visitors",
        ):
            assert word in text
        assert "<script" not in text and host.split(":")[0] not in text.replace("stop.mamori.example", "")
        assert answer["Cache-Control"] == "no-store" and "default-src 'none'" in answer["Content-Security-Policy"]

    def test_it_names_the_body_that_decided(self, stranger, settings):
        def text():
            return stranger.get("/", headers={"host": "bad.example"}).content.decode()

        assert "リストを管理する独立の団体が決めました" in text()
        settings.LIST_BODY = "The <Council>"
        assert "リストを管理する独立の団体「The &lt;Council&gt;」が決めました" in text()
        assert "The &lt;Council&gt;, the independent body that keeps the list." in text()

    def test_our_own_name_is_served_as_ever(self, stranger):
        assert stranger.get("/en/list/", secure=True, headers={"host": "testserver"}).status_code == 200
        assert stranger.get("/en/list/stop/", secure=True, headers={"host": "testserver"}).status_code == 451
        assert stranger.get("/en/list/", headers={"host": "testserver"}).status_code == 301

    def test_posting_to_a_blocked_name_gets_the_page_too(self, stranger):
        assert stranger.post("/x", {"a": "b"}, headers={"host": "bad.example"}).status_code == 451
