"""Entries: two persons, four tests, police first, endings at once."""

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import IntegrityError, transaction
from django.urls import reverse

from mamori.ground import clock, jobs
from mamori.ground.actors import Role
from mamori.ground.errors import DomainError, Forbidden
from mamori.hotline.assessment.models import ContentItem
from mamori.hotline.checks.models import Watch
from mamori.hotline.takedown.models import Removal
from mamori.lists.listing import queries, services
from mamori.lists.listing.models import Approval, Candidate, Entry
from mamori.lists.listing.states import End, Method, Reason
from tests.lists.cases import answers, checked, confirmed, hold, listable, release, told_to_police, tried

pytestmark = pytest.mark.django_db
URL = "https://bad.example/board/1"


def code(call, **arguments) -> str:
    with pytest.raises(DomainError) as refusal, transaction.atomic():
        call(**arguments)
    assert refusal.value.message
    return refusal.value.code


def proposal(body, content_id, **more):
    return {
        "actor": body.reviewer.actor, "content_id": content_id, "method": Method.DNS, "reason": Reason.TOO_SLOW,
        "answers": answers(), **more,
    }  # fmt: skip


def test_two_persons_with_keys_of_their_own_put_an_entry_in_force(body, person, frozen):
    entry = body.list(listable(URL, person))
    assert (entry.state, entry.proposer, entry.activator) == ("active", body.reviewer, body.approver)
    (listed,) = queries.entries_in_force("dns")
    assert listed.target == "bad.example"
    found = queries.pending()
    (activation,) = found.activations
    assert found.coming == [listed] and len(activation.signatures) == 2
    assert [event.now for event in entry.events.order_by("id")] == ["proposed", "pending_activation", "active"]


def test_nobody_activates_what_they_proposed_not_even_in_the_database(body, person):
    entry = body.propose(listable(URL, person), by=body.both)
    signature = body.signature(body.both, entry)
    assert code(services.entry_activate, actor=body.both.actor, entry_id=entry.id, signature=signature) == (
        "second_person_needed"
    )
    for change in ({"activator": body.both, "state": "active"}, {"state": "active"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Entry.objects.filter(id=entry.id).update(**change)
    first = entry.approvals.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.create(entry=entry, step="activate", person=body.both, key=first.key, statement="x",
                                signature=b"x", at=first.at)  # fmt: skip


def test_a_wrong_or_foreign_or_revoked_key_signs_nothing(body, person):
    entry = services.entry_propose(**proposal(body, listable(URL, person)))
    statement = queries.activation_of(entry)
    sign = {"actor": body.reviewer.actor, "entry_id": entry.id}
    foreign = base64.b64encode(Ed25519PrivateKey.generate().sign(statement)).decode()
    assert code(services.entry_sign, **sign, signature=foreign) == "bad_signature"
    assert code(services.entry_sign, **sign, signature="no base64!") == "bad_signature"
    assert code(services.entry_sign, **sign, signature=body.signature(body.approver, entry)) == "bad_signature"
    services.key_revoke(actor=body.reviewer.actor, key=queries.keys(body.reviewer.actor)[0].id)
    assert code(services.entry_sign, **sign, signature=body.signature(body.reviewer, entry)) == "no_key"


def test_a_key_counts_once_another_person_confirmed_it(body, person):
    newcomer = person(Role.LIST_APPROVER)
    raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    key = services.key_register(actor=newcomer.actor, public_key=base64.b64encode(raw).decode())
    assert queries.person_keys(newcomer.id) == {}
    assert code(services.key_confirm, actor=newcomer.actor, key=key.id) == "own_key"
    services.key_confirm(actor=body.approver.actor, key=key.id)
    assert list(queries.person_keys(newcomer.id)) == [key.id]
    assert code(services.key_register, actor=newcomer.actor, public_key="AAAA") == "not_a_key"


def test_what_was_seen_online_long_ago_is_neither_proposed_nor_activated(body, person, frozen, settings):
    """As fresh as for a notice: a day where people look, an hour where machines do."""
    content_id = listable(URL, person)
    frozen.shift(timedelta(hours=25))
    assert code(services.entry_propose, **proposal(body, content_id)) == "not_online"
    checked(content_id)
    entry = body.propose(content_id)
    settings.RECHECK = True
    frozen.shift(timedelta(minutes=61))
    signature = body.signature(body.approver, entry)
    activation = {"actor": body.approver.actor, "entry_id": entry.id, "signature": signature}
    assert code(services.entry_activate, **activation) == "not_online"
    checked(content_id)
    services.entry_activate(**activation)


def test_the_desk_has_the_hotline_look_again_and_says_who_does(body, person, frozen, settings, browser_of):
    content_id = listable(URL, person)
    watch = Watch.objects.create(content_id=content_id, since=clock.now(), last_at=clock.now())
    entry = body.propose(content_id)
    browser = browser_of(body.approver)
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert (
        "By people: daily in the first week" in browser.get(reverse("listing_entry", args=[entry.id])).content.decode()
    )
    watch.refresh_from_db()
    assert watch.asked_at is None
    frozen.shift(timedelta(hours=25))
    signature = body.signature(body.approver, entry)
    url = reverse("listing_activate", args=[entry.id])
    browser = browser_of(body.approver)
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert browser.post(url, {"signature": signature}).status_code == 409
    watch.refresh_from_db()
    assert watch.asked_at == clock.now(), "asked, though nothing was activated"
    settings.RECHECK = True
    assert (
        "By machine: hourly on the first day" in browser.get(reverse("listing_entry", args=[entry.id])).content.decode()
    )


def test_nothing_is_proposed_before_police_assessment_check_and_notices(body, person):
    analysts = person(Role.ANALYST), person(Role.ANALYST)
    content_id = confirmed(URL, *analysts)

    def refused(**more):
        return code(services.entry_propose, **proposal(body, content_id, **more))

    assert refused() == "police_first"
    told_to_police(content_id)
    assert refused() == "not_online"
    checked(content_id)
    assert refused() == "removal_first"
    tried(content_id, too_slow=False)
    assert refused() == "removal_first"
    tried(content_id)
    hold(content_id)
    assert refused() == "police_hold"
    release(content_id)
    ContentItem.objects.filter(id=content_id).update(verdict="NOT_ILLEGAL", confirmation=None)
    assert refused() == "not_confirmed"
    ContentItem.objects.filter(id=content_id).update(verdict="BASELINE", confirmation_id=ContentItem.objects.get(
        id=content_id).decisions.get(position=2).id)  # fmt: skip
    services.entry_propose(**proposal(body, content_id))
    Removal.objects.update(too_slow_at=None)
    assert Entry.objects.get().state == "proposed"


def test_each_dns_test_needs_yes_and_reasons_and_a_no_points_to_the_url_list(body, person):
    content_id = listable(URL, person)
    for test in ("purpose", "quantity", "same_publisher", "no_other_means"):
        with pytest.raises(DomainError) as refusal, transaction.atomic():
            services.entry_propose(**proposal(body, content_id, answers=answers(**{test: True})))
        assert refusal.value.code == "test_failed" and "URL" in str(refusal.value.remedy)
        short = answers() | {test: {"yes": True, "reason": "so"}}
        assert code(services.entry_propose, **proposal(body, content_id, answers=short)) == "reason_missing"
    url = answers(Method.URL, no_other_means=True)
    assert code(services.entry_propose, **proposal(body, content_id, method=Method.URL, answers=url)) == "other_means"
    entry = body.propose(content_id, Method.URL)
    assert (entry.target, list(entry.answers)) == (URL, ["no_other_means"])


@pytest.mark.parametrize(
    ("url", "target", "refusal"),
    [
        ("https://user.github.io/x", "github.io", "not_its_name"),
        ("https://www.wikipedia.org/x", "www.wikipedia.org", "too_broad"),
        ("https://stop.mamori.example/x", "mamori.example", "too_broad"),
        ("https://a.city.lg.jp/x", "a.city.lg.jp", "too_broad"),
        ("https://a.example/x", "b.example", "not_its_name"),
        ("https://a.example/x", "evil\n$GENERATE", "not_its_name"),
        ("https://192.0.2.7/x", "192.0.2.7", "not_its_name"),
        ("https://github.io/x", "github.io", "name_public_suffix"),
    ],
)
def test_a_name_that_would_hit_others_is_refused(body, person, url, target, refusal):
    assert code(services.entry_propose, **proposal(body, listable(url, person), target=target)) == refusal


def test_the_domain_above_may_be_named(body, person):
    entry = body.propose(listable("https://img.bad.example/1", person), target="bad.example")
    assert entry.target == "bad.example"


def test_gone_content_is_lifted_at_once_and_its_proposals_are_given_up(body, person):
    content_id = listable(URL, person)
    entry = body.list(content_id)
    waiting = body.propose(content_id, Method.URL)
    for _twice in range(2):
        services.content_gone(content_id=content_id)
    entry.refresh_from_db()
    waiting.refresh_from_db()
    assert (entry.state, entry.end, waiting.state) == ("pending_removal", "content_gone", "removed")
    assert [event.now for event in entry.events.order_by("id")][-2:] == ["recheck_failed", "pending_removal"]
    assert queries.entries_in_force() == []
    key = Ed25519PrivateKey.generate()
    assert [services.withdrawals_sign(key=key), services.withdrawals_sign(key=key)] == [1, 0]
    services.publication_told(refused={})
    entry.refresh_from_db()
    assert entry.state == "removed"
    (signed,) = queries.pending().endings
    assert b'"reason":"content_gone"' in signed.statement


@pytest.mark.parametrize("end", [End.DISMISSED, End.REOPENED])
def test_a_decision_that_falls_takes_its_entries_with_it(body, person, end):
    content_id = listable(URL, person)
    entry = body.list(content_id)
    services.content_dropped(content_id=content_id, end=end)
    entry.refresh_from_db()
    assert (entry.state, entry.end) == ("pending_removal", end)


def test_one_person_withdraws_and_oversight_may_order_it(body, person):
    first = body.list(listable(URL, person))
    services.entry_withdraw(actor=body.approver.actor, entry_id=first.id)
    second = body.list(listable("https://other.example/1", person))
    services.entry_withdraw(actor=person(Role.AUDITOR).actor, entry_id=second.id)
    assert set(Entry.objects.values_list("state", "end")) == {
        ("pending_removal", "withdrawn"), ("pending_removal", "oversight_order")}  # fmt: skip
    assert code(services.entry_withdraw, actor=body.approver.actor, entry_id=first.id) == "ended_already"
    with pytest.raises(Forbidden):
        services.entry_withdraw(actor=person(Role.ANALYST).actor, entry_id=second.id)


def test_entries_and_proposals_expire_by_themselves(body, person, frozen):
    entry = body.list(listable(URL, person))
    waiting = body.propose(listable("https://other.example/1", person), days=30)
    frozen.shift(timedelta(days=89))
    jobs.run_sweep("listing.expire")
    waiting.refresh_from_db()
    entry.refresh_from_db()
    assert (waiting.state, entry.state) == ("removed", "active")
    frozen.shift(timedelta(days=1))
    jobs.run_sweep("listing.expire")
    entry.refresh_from_db()
    assert (entry.state, entry.end) == ("pending_removal", "expired")


def test_a_renewal_takes_the_place_of_the_entry_it_renews_once_an_edition_has_it(body, person, frozen):
    content_id = listable(URL, person)
    first = body.list(content_id)
    services.publication_told(came=[str(first.id)], refused={})
    frozen.shift(timedelta(days=60))
    checked(content_id)
    second = body.propose(content_id)
    assert second.renews_id == first.id
    body.activate(second)
    services.publication_told(refused={str(second.id): [{"code": "popular", "params": {}}]})
    first.refresh_from_db()
    assert (first.state, first.yields, second.state) == ("active", True, "active")
    assert [e.entry_id for e in queries.entries_in_force()] == [str(second.id)]
    found = queries.pending()
    assert ([e.entry_id for e in found.coming], found.going, found.endings) == ([str(second.id)], {}, [])
    services.publication_told(came=[str(second.id)], went=[str(first.id)], refused={})
    first.refresh_from_db()
    assert (first.state, first.end) == ("removed", "renewed")


def test_a_renewal_of_what_no_edition_had_yet_comes_alone(body, person):
    content_id = listable(URL, person)
    first, second = body.list(content_id), body.list(content_id)
    assert [each.entry_id for each in queries.pending().coming] == [str(second.id)]
    third = body.list(content_id)
    assert third.renews_id == second.id
    services.publication_told(came=[str(third.id)], refused={})
    assert set(Entry.objects.filter(id__in=[first.id, second.id]).values_list("state", "end")) == {
        ("removed", "renewed")
    }


def test_the_database_knows_one_entry_in_force_for_a_target_besides_those_that_yield(body, person):
    content_id = listable(URL, person)
    first, _second = body.list(content_id), body.list(content_id)
    with pytest.raises(IntegrityError, match="listing_one_in_force"), transaction.atomic():
        Entry.objects.filter(id=first.id).update(yields=False)


def test_a_hold_stops_activation_and_sends_entries_in_force_to_two_persons(body, person):
    content_id = listable(URL, person)
    waiting = body.propose(content_id, Method.URL)
    entry = body.list(content_id)
    hold(content_id)
    services.content_held(content_id=content_id)
    services.content_held(content_id=content_id)
    entry.refresh_from_db()
    assert (entry.state, entry.review_reason) == ("in_review", "police")
    signature = body.signature(body.approver, waiting)
    assert code(services.entry_activate, actor=body.approver.actor, entry_id=waiting.id, signature=signature) == (
        "police_hold"
    )
    opinion = {"entry_id": entry.id, "keep": True, "note": "Police know of the block."}
    services.entry_review(actor=body.reviewer.actor, **opinion)
    assert code(services.entry_review, actor=body.reviewer.actor, **opinion) == "second_person_needed"
    entry.refresh_from_db()
    assert entry.state == "in_review"
    services.entry_review(actor=body.both.actor, **opinion)
    entry.refresh_from_db()
    assert entry.state == "upheld" and len(queries.entries_in_force()) == 1


def test_one_person_is_enough_to_suspend_under_hold(body, person):
    content_id = listable(URL, person)
    entry = body.list(content_id)
    hold(content_id)
    services.content_held(content_id=content_id)
    services.entry_review(actor=body.both.actor, entry_id=entry.id, keep=False, note="It could warn the suspect.")
    entry.refresh_from_db()
    assert entry.state == "suspended" and queries.entries_in_force() == []
    assert services.withdrawals_sign(key=Ed25519PrivateKey.generate()) == 1


def test_slow_removal_and_resurfacing_open_a_candidate_once(person, body):
    content_id = listable(URL, person)
    for _twice in range(2):
        services.candidate_open(content_id=content_id, why="too_slow")
    assert [row.why for row in queries.candidates(body.reviewer.actor)] == ["too_slow"]
    body.propose(content_id)
    assert not queries.candidates(body.reviewer.actor)
    services.candidate_open(content_id=content_id, why="resurfaced")
    assert Candidate.objects.get().why == "resurfaced"
    services.content_gone(content_id=content_id)
    assert not queries.candidates(body.reviewer.actor)
