"""Nothing that goes wrong with one entry holds back another, and nothing questioned slips through."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction

from demo.dns import DnsWorld
from mamori.engine.editions import PASSTHRU, read_edition
from mamori.ground import clock, jobs
from mamori.ground.actors import Role
from mamori.ground.errors import DomainError
from mamori.hotline.assessment.models import ContentItem
from mamori.hotline.referral.models import Referral
from mamori.lists.distribution import services as distribution
from mamori.lists.distribution import store
from mamori.lists.distribution.knot import Knot
from mamori.lists.distribution.models import Edition, EditionChange, KnotState, Subscriber
from mamori.lists.distribution.services.probing import _watch
from mamori.lists.distribution.services.tsig import key_name
from mamori.lists.distribution.states import Delivery
from mamori.lists.listing import queries, services
from mamori.lists.listing.models import Appeal, Entry, Withdrawal
from mamori.lists.listing.states import AppealState, Method, Proof
from tests.lists.cases import checked, confirmed, hold, listable, release, told_to_police, tried
from tests.programs import needs

pytestmark = pytest.mark.django_db
URL = "https://bad.example/board/1"


def in_force(press) -> set[str]:
    edition = read_edition(store.read(press.folder, store.current(press.folder)), press.root, clock.now())
    return set(edition.names() | edition.urls())


def code(call, *arguments, **more) -> str:
    with pytest.raises(DomainError) as refusal, transaction.atomic():
        call(*arguments, **more)
    return refusal.value.code


def alarms(user) -> list[str]:
    return [str(one.title) for one in queries.desk(user.actor) if one.alarm]


def suspended(body, person) -> Entry:
    content_id = listable(URL, person)
    entry = body.list(content_id)
    distribution.edition_publish()
    hold(content_id)
    services.content_held(content_id=content_id)
    services.entry_review(actor=body.both.actor, entry_id=entry.id, keep=False, note="It could warn the suspect.")
    return entry


def test_a_suspended_entry_withdrawn_before_its_ending_was_signed_does_not_freeze_the_list(press, body, person):
    entry = suspended(body, person)
    services.entry_withdraw(actor=body.both.actor, entry_id=entry.id)
    entry.refresh_from_db()
    assert entry.state == "removed"
    body.list(listable("https://next.example/1", person))
    distribution.edition_publish()
    assert in_force(press) == {"next.example"}


def test_a_proposal_given_up_is_no_ending_to_sign(press, body, person):
    services.entry_withdraw(actor=body.both.actor, entry_id=body.propose(listable(URL, person)).id)
    distribution.edition_publish()
    assert list(Withdrawal.objects.all()) == []


def test_one_refused_new_entry_holds_back_no_other(press, body, person):
    bad = body.list(listable(URL, person))
    body.list(listable("https://good.example/1", person))
    Entry.objects.filter(id=bad.id).update(target="other.example")
    distribution.edition_publish()
    assert in_force(press) == {"good.example"}
    bad.refresh_from_db()
    assert [each["code"] for each in bad.refused] == ["no_activation"]
    assert Entry.objects.exclude(refused=[]).count() == 1
    assert Edition.objects.filter(state="refused").count() == 1


def test_an_entry_newer_rules_refuse_blocks_no_ending_and_goes_to_two_persons(press, body, person, settings):
    popular, goes = body.list(listable(URL, person)), body.list(listable("https://goes.example/1", person))
    distribution.edition_publish()
    settings.POPULAR_NAMES = "bad.example"
    services.entry_withdraw(actor=body.both.actor, entry_id=goes.id)
    body.list(listable("https://comes.example/1", person))
    distribution.edition_publish()
    assert in_force(press) == {"bad.example", "comes.example"}
    popular.refresh_from_db()
    assert (popular.state, popular.review_reason, popular.refused[0]["code"]) == ("in_review", "rules", "popular")
    assert len(alarms(body.both)) == 2
    opinion = {"entry_id": popular.id, "note": "It has a lawful part by now."}
    services.entry_review(actor=body.reviewer.actor, keep=True, **opinion)
    services.entry_review(actor=body.both.actor, keep=False, **opinion)
    distribution.edition_publish()
    popular.refresh_from_db()
    assert (popular.state, popular.end, in_force(press)) == ("suspended", "rules", {"comes.example"})


def test_two_persons_may_keep_what_newer_rules_refuse_and_are_asked_once(press, body, person, settings):
    entry = body.list(listable(URL, person))
    distribution.edition_publish()
    settings.POPULAR_NAMES = "bad.example"
    distribution.edition_publish()
    for user in (body.reviewer, body.both):
        services.entry_review(actor=user.actor, entry_id=entry.id, keep=True, note="Its purpose is this alone.")
    distribution.edition_publish()
    entry.refresh_from_db()
    assert (entry.state, alarms(body.both), in_force(press)) == ("upheld", [], {"bad.example"})


def test_what_the_gate_would_refuse_is_told_when_proposing_and_activating(body, person, settings):
    page = listable("https://www.wikipedia.org/", person)
    assert code(body.propose, page, Method.URL) == "whole_site"
    entry = body.propose(listable(URL, person))
    settings.POPULAR_NAMES = "bad.example"
    assert code(body.activate, entry) == "popular"


def test_a_day_has_one_brake_and_a_rightful_backlog_goes_on_the_next_day(press, body, person, settings, frozen):
    settings.LIST_MAX_ADDED = 2
    for number in range(3):
        body.list(listable(f"https://n{number}.example/1", person))
        frozen.shift(timedelta(minutes=1))
        distribution.edition_publish()
    assert in_force(press) == {"n0.example", "n1.example"}
    waiting = Entry.objects.exclude(refused=[]).get()
    assert (waiting.target, waiting.refused[0]["code"]) == ("n2.example", "too_many_additions")
    assert len(alarms(body.both)) == 1
    frozen.shift(timedelta(hours=12))
    distribution.edition_publish(refresh=True)
    frozen.shift(timedelta(hours=12, minutes=5))
    jobs.run_sweep("distribution.refresh")
    assert len(in_force(press)) == 2, "tried now and then"
    frozen.shift(timedelta(minutes=2))
    assert clock.now().minute == 10
    jobs.run_sweep("distribution.refresh")
    assert in_force(press) == {"n0.example", "n1.example", "n2.example"}
    assert alarms(body.both) == []


def test_of_a_flood_nothing_is_added_while_endings_go_on(press, body, person, settings):
    gone = listable(URL, person)
    body.list(gone)
    distribution.edition_publish()
    settings.LIST_MAX_ADDED = 1
    for number in range(3):
        body.list(listable(f"https://n{number}.example/1", person))
    services.content_gone(content_id=gone)
    distribution.edition_publish()
    assert in_force(press) == set()
    assert {entry.refused[0]["code"] for entry in Entry.objects.filter(state="active")} == {"flood"}
    settings.LIST_MAX_ADDED = 10
    distribution.edition_publish()
    assert in_force(press) == {f"n{number}.example" for number in range(3)}


def test_what_police_hold_before_an_edition_has_it_waits_for_them_and_for_two_persons(
    press, body, person, settings, frozen
):
    settings.LIST_MAX_ADDED = 1
    body.list(listable("https://first.example/1", person))
    distribution.edition_publish()
    content_id = listable("https://second.example/1", person)
    entry = body.list(content_id)
    distribution.edition_publish()
    assert in_force(press) == {"first.example"}, "the brake of the day"
    hold(content_id)
    frozen.shift(timedelta(days=1))
    distribution.edition_publish()
    services.content_held(content_id=content_id)
    distribution.edition_publish(refresh=True)
    assert in_force(press) == {"first.example"}, "held"
    release(content_id)
    distribution.edition_publish(refresh=True)
    assert in_force(press) == {"first.example"}, "nobody has looked at it since"
    for user in (body.reviewer, body.both):
        services.entry_review(actor=user.actor, entry_id=entry.id, keep=True, note="Police are done.")
    frozen.move_to(clock.now().replace(minute=10))
    jobs.run_sweep("distribution.refresh")
    assert in_force(press) == {"first.example", "second.example"}


def test_nothing_is_listed_while_the_content_is_assessed_anew(body, person):
    content_id = listable(URL, person)
    entry = body.propose(content_id)
    ContentItem.objects.filter(id=content_id).update(state="awaiting_assessment")
    assert code(body.activate, entry) == "assessed_anew"
    services.entry_withdraw(actor=body.both.actor, entry_id=entry.id)
    assert code(body.propose, content_id) == "assessed_anew"


def test_who_assessed_the_content_takes_no_part_in_its_entry(body, person):
    content_id = confirmed(URL, body.both, person(Role.ANALYST))
    told_to_police(content_id)
    checked(content_id)
    tried(content_id)
    assert code(body.propose, content_id, by=body.both) == "assessed_it"
    entry = body.propose(content_id)
    assert code(body.activate, entry, by=body.both) == "assessed_it"
    assert body.activate(entry).state == "active"


def test_what_was_missed_of_a_hold_is_reviewed_once(body, person, frozen):
    content_id = listable(URL, person)
    entry = body.list(content_id)
    hold(content_id)
    jobs.run_sweep("listing.review_held")
    entry.refresh_from_db()
    assert (entry.state, entry.review_reason) == ("in_review", "police")
    for user in (body.reviewer, body.both):
        services.entry_review(actor=user.actor, entry_id=entry.id, keep=True, note="Police know of the block.")
    jobs.run_sweep("listing.review_held")
    entry.refresh_from_db()
    assert entry.state == "upheld"


@pytest.mark.django_db(transaction=True)
def test_a_hold_waits_for_an_activation_under_way(body, person):
    content_id = listable(URL, person)
    entry = body.propose(content_id)
    waited = []

    def police() -> None:
        start = time.monotonic()
        with transaction.atomic():
            Referral.objects.select_for_update().get(content_id=content_id)
            hold(content_id)
        waited.append(time.monotonic() - start)
        connection.close()

    with transaction.atomic():
        body.activate(entry)
        other = threading.Thread(target=police)
        other.start()
        time.sleep(0.5)
        assert not waited
    other.join(10)
    assert waited[0] >= 0.4
    jobs.run_sweep("listing.review_held")
    entry.refresh_from_db()
    assert entry.state == "in_review"


def complain(url: str = URL, *, by=None) -> Appeal:
    code = services.appeal_open(address=url, text="This is my shop.", contact="shop@bad.example").code
    services.appeals_match()
    appeal = Appeal.objects.get(code=code)
    if by is not None:
        services.appeal_prove(actor=by.actor, appeal_id=appeal.id, proof=Proof.ATTESTED)
        services.appeal_accept(actor=by.actor, appeal_id=appeal.id)
    return appeal


def states() -> set[str]:
    return set(Entry.objects.values_list("state", flat=True))


def test_a_complaint_holds_for_all_entries_that_block_the_address(body, person):
    content_id = listable(URL, person)
    body.list(content_id)
    body.list(content_id, Method.URL)
    appeal = complain(by=body.both)
    assert states() == {"in_review"}
    services.appeal_decide(actor=body.both.actor, appeal_id=appeal.id, outcome=AppealState.REMOVED, reason="A shop.")
    assert states() == {"pending_removal"}


def test_a_review_ends_with_the_last_open_complaint(body, person):
    body.list(listable(URL, person))
    first, second = complain(by=body.both), complain("https://www.bad.example/", by=body.both)
    services.appeal_decide(actor=body.both.actor, appeal_id=first.id, outcome=AppealState.UPHELD, reason="Illegal.")
    assert states() == {"in_review"}
    services.appeal_reject(actor=body.both.actor, appeal_id=second.id, reason="The same again.")
    assert states() == {"upheld"}


def test_who_signed_any_of_the_entries_decides_nothing(body, person):
    content_id = listable(URL, person)
    body.list(content_id)
    body.activate(body.propose(content_id, Method.URL), by=body.both)
    appeal = complain(by=person(Role.LIST_REVIEWER))
    decision = {"appeal_id": appeal.id, "outcome": AppealState.REMOVED, "reason": "A shop."}
    assert code(services.appeal_decide, actor=body.both.actor, **decision) == "involved"


def test_a_complaint_questions_an_entry_once_control_is_proved_and_then_it_is_not_renewed(body, person):
    content_id = listable(URL, person)
    body.list(content_id)
    renewal = body.propose(content_id)
    complain()
    assert states() == {"active", "pending_activation"}, "anybody can complain: that alone changes nothing"
    services.appeal_prove(actor=body.both.actor, appeal_id=Appeal.objects.get().id, proof=Proof.FILE)
    assert states() == {"appealed", "pending_activation"}
    assert code(body.activate, renewal) == "under_review"
    services.entry_withdraw(actor=body.both.actor, entry_id=renewal.id)
    services.appeal_accept(actor=body.both.actor, appeal_id=Appeal.objects.get().id)
    assert code(body.propose, content_id) == "under_review"


def test_a_resolver_that_is_silent_costs_its_time_once(settings):
    changes = [EditionChange(entry_id=None, target=f"n{n}.example", change="added") for n in range(100)]
    start = time.monotonic()
    assert _watch("127.0.0.1:9", changes, longest=0.6) == {}
    assert time.monotonic() - start < 3


class TestAtThePrimary:
    pytestmark = [pytest.mark.resolvers, needs("knotd", "knotc", "unbound", "named")]

    @pytest.fixture
    def knot(self, press, settings, dns_world: DnsWorld) -> Knot:
        settings.KNOT_SOCKET = str(dns_world.knot_socket)
        distribution.edition_publish(refresh=True)
        return Knot(settings.KNOT_SOCKET)

    def test_foreign_records_are_taken_out_and_stop_nothing(self, knot, dns_world, press, body, person, settings):
        base, canary = settings.LIST_ZONE_NXDOMAIN, settings.CANARY_NAME
        for zone in (base, f"hot-{base}"):
            for record in ("odd.example 60 A 192.0.2.1", '@ 60 TXT "two words"', "sub.example 60 NS ns.odd.example."):
                dns_world.list.ctl([f"zone-begin {zone}", f"zone-set {zone} {record}"])
                dns_world.list.ctl([f"zone-commit {zone}"])
        body.list(listable(URL, person))
        distribution.edition_publish()
        KnotState.objects.update(checked_at=clock.now() - timedelta(minutes=1))
        distribution.primary_heal()
        ours = {f"{star}{name}" for star in ("", "*.") for name in (canary, f"hot-{canary}")}
        assert {record.owner for record in knot.read(base)} == ours
        hot = {(record.owner.removeprefix("*."), record.target) for record in knot.read(f"hot-{base}")}
        assert hot == {("bad.example", "."), (f"hot-{canary}", PASSTHRU)}
        assert not KnotState.objects.exclude(problem="").exists()

    def test_a_rebuilt_primary_lets_subscribers_in_again_and_a_revoked_key_is_not(self, knot, person, run_jobs):
        operator = person(Role.OPERATOR).actor
        stays, goes = (
            distribution.subscriber_add(
                actor=operator, organisation=name, delivery=Delivery.NXDOMAIN, asks_from="127.0.0.1"
            )[0]
            for name in ("One", "Two")
        )
        run_jobs()
        for subscriber in (stays, goes):
            knot.forbid(key_name(subscriber))
        Subscriber.objects.filter(id=goes.id).update(state="revoking", revoked_at=clock.now())
        jobs.run_sweep("distribution.reconcile")
        assert [name for name in knot.accesses() if name.startswith("sub-")] == [key_name(stays)]
        goes.refresh_from_db()
        assert goes.state == "revoked"
        distribution.subscriber_revoke(actor=operator, subscriber_id=stays.id)
        run_jobs()
        assert not [name for name in knot.accesses() if name.startswith("sub-")]
