"""Complaints: the same answer for everybody, control proved first, decided by somebody uninvolved."""

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from demo.web import Response, WebServer
from mamori.ground import jobs
from mamori.ground.actors import Role
from mamori.ground.errors import DomainError
from mamori.lists.listing import queries, services
from mamori.lists.listing.models import Appeal
from mamori.lists.listing.queries.shown import appeal_due
from mamori.lists.listing.states import AppealState, Proof
from tests.hotline.intake_steps import solve
from tests.hotline.outside import free_port
from tests.lists.cases import checked, confirmed, listable, told_to_police, tried
from tests.programs import needs

pytestmark = pytest.mark.django_db
URL = "https://bad.example/board/1"
GIVEN = {"address": URL, "text": "This is my shop.", "contact": "shop@bad.example"}


def complain(client, address=URL):
    proof = solve(client.get("/en/list/appeal/").content.decode())
    return client.post("/en/list/appeal/", GIVEN | {"address": address, "proof": proof})


def test_the_answer_is_the_same_whether_listed_or_not(client, body, person, frozen):
    body.list(listable(URL, person))
    pages = []
    for address in (URL, "https://free.example/board/1"):
        answer = complain(client, address)
        assert answer.status_code == 200
        appeal = Appeal.objects.order_by("received_hour").get(url=address)
        text = re.sub(r'value="[A-Za-z0-9]{64}"', "", answer.content.decode())  # the tests' own face has a CSRF token
        for own in (appeal.code, appeal.token, appeal.host):
            assert own in text
            text = text.replace(own, "")
        pages.append(text)
    assert pages[0] == pages[1]
    assert Appeal.objects.filter(matched_at=None).count() == 2
    row = Appeal.objects.get(url=URL)
    assert b"shop" not in bytes(row.text) + bytes(row.contact)
    assert row.received_hour.minute == 0


def test_a_complaint_past_its_time_is_an_alarm(client, body, person, frozen):
    complain(client)
    actor = body.both.actor

    def alarms():
        return [str(one.title) for one in queries.desk(actor) if one.alarm]

    frozen.shift(timedelta(hours=23))
    assert alarms() == []
    frozen.shift(timedelta(hours=2))
    assert len(alarms()) == 1 and "24" in alarms()[0]
    body.list(listable(URL, person))
    jobs.run_sweep("listing.match_appeals")
    appeal = Appeal.objects.get()
    services.appeal_prove(actor=actor, appeal_id=appeal.id, proof=Proof.ATTESTED)
    services.appeal_accept(actor=actor, appeal_id=appeal.id)
    assert alarms() == []
    frozen.shift(timedelta(hours=48))
    assert len(alarms()) == 1 and "72" in alarms()[0]


def test_a_proof_of_work_is_taken_once(client, db):
    proof = solve(client.get("/en/list/appeal/").content.decode())
    assert client.post("/en/list/appeal/", GIVEN | {"proof": proof}).status_code == 200
    assert client.post("/en/list/appeal/", GIVEN | {"proof": proof}).status_code != 200
    assert client.post("/en/list/appeal/", GIVEN | {"proof": "bm90IG9uZQ=="}).status_code == 422
    assert Appeal.objects.count() == 1


def test_without_javascript_a_complaint_waits_its_turn_and_loses_nothing(client, db, frozen):
    page = client.post("/en/list/appeal/", GIVEN).content.decode()
    assert "Please wait" in page and "This is my shop." in page and not Appeal.objects.exists()
    ticket = re.search(r'name="ticket" value="([^"]+)"', page)[1]
    early = client.post("/en/list/appeal/", GIVEN | {"ticket": ticket}).content.decode()
    assert "too early" in early and not Appeal.objects.exists()
    frozen.shift(timedelta(minutes=10))
    assert client.post("/en/list/appeal/", GIVEN | {"ticket": ticket}).status_code == 200
    assert Appeal.objects.get().url == URL
    assert client.post("/en/list/appeal/", GIVEN | {"ticket": ticket}).status_code != 200


def test_a_bad_address_is_named(client, db):
    answer = complain(client, "mailto:a@b.example")
    assert answer.status_code == 422 and b"http" in answer.content


def test_an_appeal_alone_lifts_nothing_and_somebody_uninvolved_decides(client, body, person, frozen):
    entry = body.list(listable(URL, person))
    complain(client, "https://www.bad.example/")
    jobs.run_sweep("listing.match_appeals")
    appeal = Appeal.objects.get()
    entry.refresh_from_db()
    assert (entry.state, appeal.entry_id) == ("active", entry.id)
    assert len(queries.entries_in_force()) == 1
    assert appeal_due(appeal) == appeal.received_hour + timedelta(hours=24)
    with pytest.raises(DomainError, match="not_proved"):
        services.appeal_accept(actor=body.both.actor, appeal_id=appeal.id)
    with pytest.raises(DomainError, match="looked_up_by_rule"):
        services.appeal_prove(actor=body.both.actor, appeal_id=appeal.id, proof=Proof.DNS)
    services.appeal_prove(actor=body.both.actor, appeal_id=appeal.id, proof=Proof.ATTESTED)
    entry.refresh_from_db()
    assert entry.state == "appealed"
    for involved in (body.reviewer, body.approver):
        with pytest.raises(DomainError, match="involved"), transaction.atomic():
            services.appeal_accept(actor=involved.actor, appeal_id=appeal.id)
    services.appeal_accept(actor=body.both.actor, appeal_id=appeal.id)
    entry.refresh_from_db()
    assert (entry.state, entry.review_reason) == ("in_review", "appeal")
    decision = {"appeal_id": appeal.id, "outcome": AppealState.REMOVED, "reason": "A shop, indeed."}
    for involved in (body.reviewer, body.approver):
        with pytest.raises(DomainError, match="involved"), transaction.atomic():
            services.appeal_decide(actor=involved.actor, **decision)
        with pytest.raises(IntegrityError), transaction.atomic():
            Appeal.objects.filter(id=appeal.id).update(decided_by=involved)
    services.appeal_decide(actor=body.both.actor, **decision)
    entry.refresh_from_db()
    assert (entry.state, entry.end) == ("pending_removal", "appeal")


def complaint(client, body) -> Appeal:
    """One about the entry, its control proved by a member who had no part."""
    complain(client)
    jobs.run_sweep("listing.match_appeals")
    appeal = Appeal.objects.latest("matched_at")
    Appeal.objects.filter(id=appeal.id).update(proof=Proof.ATTESTED, proved_at=appeal.matched_at)
    return appeal


def refused_each_step(actor, appeal: Appeal) -> None:
    """Who had a part neither takes the complaint up nor decides, whichever way."""
    steps = [
        lambda: services.appeal_prove(actor=actor, appeal_id=appeal.id, proof=Proof.FILE),
        lambda: services.appeal_accept(actor=actor, appeal_id=appeal.id),
        lambda: services.appeal_reject(actor=actor, appeal_id=appeal.id, reason="No."),
        *(
            lambda outcome=outcome: services.appeal_decide(
                actor=actor, appeal_id=appeal.id, outcome=outcome, reason="So."
            )
            for outcome in (AppealState.UPHELD, AppealState.SUSPENDED, AppealState.REMOVED)
        ),
    ]
    for step in steps:
        with pytest.raises(DomainError, match="involved"), transaction.atomic():
            step()


def uninvolved_decides(person, appeal: Appeal) -> None:
    actor = person(Role.LIST_REVIEWER, Role.ANALYST).actor
    services.appeal_accept(actor=actor, appeal_id=appeal.id)
    services.appeal_decide(actor=actor, appeal_id=appeal.id, outcome=AppealState.UPHELD, reason="It is as it was.")


@pytest.mark.parametrize("first", [True, False], ids=["who decided", "who confirmed"])
def test_who_assessed_the_content_decides_no_complaint_about_its_entry(client, body, person, frozen, browser_of, first):
    judge, other = person(Role.LIST_REVIEWER, Role.ANALYST), person(Role.ANALYST)
    content_id = confirmed(URL, *((judge, other) if first else (other, judge)))
    told_to_police(content_id)
    checked(content_id)
    tried(content_id)
    body.list(content_id)
    appeal = complaint(client, body)
    refused_each_step(judge.actor, appeal)
    page = browser_of(judge).get(f"/list/appeals/{appeal.id}/", headers={"accept-language": "en"}).content.decode()
    assert "assessed its content" in page
    uninvolved_decides(person, appeal)


def test_who_gave_an_opinion_in_a_review_decides_no_complaint_about_that_entry(client, body, person, frozen):
    entry = body.list(listable(URL, person))
    services.content_held(content_id=entry.content_id)
    keepers = [person(Role.LIST_REVIEWER) for _ in range(2)]
    for keeper in keepers:
        services.entry_review(actor=keeper.actor, entry_id=entry.id, keep=True, note="It is right.")
    entry.refresh_from_db()
    assert entry.state == "upheld"
    appeal = complaint(client, body)
    for keeper in keepers:
        refused_each_step(keeper.actor, appeal)
    uninvolved_decides(person, appeal)


def test_the_third_who_signed_decides_no_complaint_even_when_the_entry_is_gone(client, body, person, frozen, settings):
    settings.LIST_THIRD_NAMES = "1200,bad.example"
    entry = body.list(listable(URL, person))
    body.activate(entry, by=body.both)
    assert (entry.state, entry.third) == ("active", body.both)
    appeal = complaint(client, body)
    refused_each_step(body.both.actor, appeal)
    services.entries_withdraw(actor=body.approver.actor, entry_ids=[entry.id])
    refused_each_step(body.both.actor, appeal)
    uninvolved_decides(person, appeal)


def test_who_complained_is_told_and_a_day_without_it_is_an_alarm(client, body, person, frozen, browser_of):
    complain(client)
    appeal = Appeal.objects.get()
    with pytest.raises(DomainError, match="not_decided"):
        services.appeal_answer(actor=body.both.actor, appeal_id=appeal.id)
    services.appeal_reject(actor=body.both.actor, appeal_id=appeal.id, reason="It is not listed.")

    def waiting():
        return [(str(one.title), one.alarm) for one in queries.desk(body.both.actor)]

    [(title, alarm)] = waiting()
    assert not alarm
    frozen.shift(timedelta(hours=24))
    assert waiting() == [(title, True)]
    browser = browser_of(body.both)
    page = browser.get(f"/list/appeals/{appeal.id}/", headers={"accept-language": "en"}).content.decode()
    assert "Tell the complainant" in page
    browser.post(f"/list/appeals/{appeal.id}/", {"step": "answered"})
    appeal.refresh_from_db()
    assert (appeal.answered_at is not None, appeal.answered_by) == (True, body.both)
    assert waiting() == []


def test_a_complaint_that_came_before_its_entry_is_compared_again(client, body, person, frozen):
    complain(client)
    jobs.run_sweep("listing.match_appeals")
    appeal = Appeal.objects.get()
    services.appeal_prove(actor=body.both.actor, appeal_id=appeal.id, proof=Proof.ATTESTED)
    assert (appeal.matched_at is not None, appeal.entry_id) == (True, None)
    entry = body.list(listable(URL, person))
    jobs.run_sweep("listing.match_appeals")
    appeal.refresh_from_db()
    entry.refresh_from_db()
    assert (appeal.entry_id, entry.state) == (entry.id, "appealed")
    services.appeal_accept(actor=body.both.actor, appeal_id=appeal.id)
    decision = {"outcome": AppealState.UPHELD, "reason": "Looked at it."}
    services.appeal_decide(actor=body.both.actor, appeal_id=appeal.id, **decision)
    entry.refresh_from_db()
    assert entry.state == "upheld"


@pytest.mark.parametrize(("outcome", "state"), [(AppealState.UPHELD, "upheld"), (AppealState.SUSPENDED, "suspended")])
def test_an_appeal_can_end_in_upholding_or_suspending(client, body, person, outcome, state):
    entry = body.list(listable(URL, person))
    complain(client)
    jobs.run_sweep("listing.match_appeals")
    appeal = Appeal.objects.get()
    services.appeal_prove(actor=body.both.actor, appeal_id=appeal.id, proof=Proof.FILE)
    services.appeal_accept(actor=body.both.actor, appeal_id=appeal.id)
    services.appeal_decide(actor=body.both.actor, appeal_id=appeal.id, outcome=outcome, reason="Looked at it.")
    entry.refresh_from_db()
    assert entry.state == state
    assert len(queries.entries_in_force()) == (outcome == AppealState.UPHELD)


def test_a_failed_recheck_lifts_an_entry_under_appeal(client, body, person):
    content_id = listable(URL, person)
    entry = body.list(content_id)
    complain(client)
    jobs.run_sweep("listing.match_appeals")
    services.content_gone(content_id=content_id)
    entry.refresh_from_db()
    assert entry.state == "pending_removal"


def test_a_rejected_complaint_leaves_the_entry_as_it_was(client, body, person):
    entry = body.list(listable(URL, person))
    complain(client)
    jobs.run_sweep("listing.match_appeals")
    services.appeal_reject(actor=body.both.actor, appeal_id=Appeal.objects.get().id, reason="No proof came.")
    entry.refresh_from_db()
    assert entry.state == "active"


def test_an_entry_under_appeal_is_not_activated_again_whoever_may_do_both(client, body, person):
    entry = body.list(listable(URL, person))
    complain(client)
    jobs.run_sweep("listing.match_appeals")
    services.appeal_prove(actor=body.both.actor, appeal_id=Appeal.objects.get().id, proof=Proof.ATTESTED)
    with pytest.raises(DomainError) as refused:
        body.activate(entry, by=body.both)
    assert refused.value.code == "not_in_that_state"
    entry.refresh_from_db()
    assert (entry.state, entry.activator_id) == ("appealed", body.approver.id)


def test_reading_a_complaint_is_logged(client, body, person):
    from mamori.ground.audit.models import Event

    complain(client)
    text, contact = services.appeal_read(actor=body.both.actor, appeal_id=Appeal.objects.get().id)
    assert (text, contact) == ("This is my shop.", "shop@bad.example")
    assert Event.objects.filter(event="listing.appeal_read").count() == 1


@pytest.mark.resolvers
@needs("knotd", "knotc", "unbound")
def test_control_is_proved_by_a_record_of_the_domain_itself(client, body, person, settings, dns_world):
    """Real records of a real name server, asked at last through a real resolver. Only the exact token counts."""
    settings.RECHECK, settings.NAMESERVERS = True, [f"127.0.0.1:{dns_world.example.port}"]
    url = "https://contested.example/board/1"
    body.list(listable(url, person))
    complain(client, url)
    jobs.run_sweep("listing.match_appeals")
    appeal = Appeal.objects.get()

    def published(*texts):
        dns_world.record(f"_mamori-appeal.{appeal.host}", "TXT", *texts)

    for texts in ((), (appeal.token[:-1],), (f"{appeal.token} x", "v=spf1 -all")):
        if texts:
            published(*texts)
        services.control_look(appeal.id)
        appeal.refresh_from_db()
        assert appeal.proof == ""
    published("v=spf1 -all", appeal.token)
    settings.NAMESERVERS = ["{}:{}".format(*dns_world.resolvers["unbound"])]
    services.control_look(appeal.id)
    appeal.refresh_from_db()
    assert (appeal.proof, appeal.proved_at is not None) == (Proof.DNS, True)


@pytest.mark.resolvers
@needs("knotd", "knotc", "unbound")
def test_a_file_proves_control_too_and_no_look_tells_what_is_listed(
    client, body, person, settings, dns_world, run_jobs, frozen
):
    """A real site and a real resolver: a listed and a free site see the same requests, at the same number of times."""
    seen, port = [], free_port()
    served = {}

    def answer(request):
        seen.append((request.host, request.target))
        token = served.get(request.host, "")
        return Response(200, f"{token}\n".encode(), "text/plain") if token else Response(404)

    site = WebServer("127.77.0.12", port, answer)
    settings.RECHECK, settings.NAMESERVERS = True, [f"127.0.0.1:{dns_world.example.port}"]
    settings.RECHECK_ALLOW_NETWORKS, settings.RECHECK_PORT_MAP = ["127.77.0.12/32"], {"80": str(port)}
    names = ["listed-shop.example", "free-shop.example"]
    dns_world.host(names, v4="127.77.0.12")
    try:
        entry = body.list(listable(f"https://{names[0]}/board/1", person))
        for name in names:
            complain(client, f"https://{name}/")
        jobs.run_sweep("listing.match_appeals")
        for _minute in range(60):
            jobs.run_sweep("listing.look_for_control")
            frozen.shift(timedelta(minutes=1))
        run_jobs(times=1)
        assert {name: seen.count((name, "/.well-known/mamori-appeal.txt")) for name in names} == dict.fromkeys(names, 2)
        assert not Appeal.objects.exclude(proof="").exists()
        for appeal in Appeal.objects.all():
            served[appeal.host] = appeal.token
            services.control_look(appeal.id)
        assert set(Appeal.objects.values_list("proof", flat=True)) == {Proof.FILE}
        entry.refresh_from_db()
        assert entry.state == "appealed"
        assert len(queries.entries_in_force()) == 1, "an appeal alone lifts nothing"
    finally:
        site.stop()
        dns_world.unhost(names)
