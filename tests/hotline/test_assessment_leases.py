"""Leases, the race for an item, the exposure budget and its one exemption."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction

from mamori.ground import jobs
from mamori.ground.accounts.models import User
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.errors import DomainError, Forbidden, NotFound
from mamori.hotline.assessment import exposure, queries, services
from mamori.hotline.assessment.models import ExposureLift, Lease
from mamori.hotline.assessment.states import ContentState, Verdict
from tests.hotline.assessment_steps import give, item
from tests.together import together

pytestmark = pytest.mark.django_db
S = ContentState
HALF = timedelta(minutes=30)


@pytest.fixture
def ana(person: Callable[..., User]) -> User:
    return person(Role.ANALYST, name="Ana")


@pytest.fixture
def ben(person: Callable[..., User]) -> User:
    return person(Role.ANALYST, name="Ben")


def refused(code: str, call: Callable[..., object], **arguments: object) -> None:
    with pytest.raises(DomainError) as error, transaction.atomic():
        call(**arguments)
    assert error.value.code == code


def spend(user: User, frozen: time_machine.Traveller, leases: int = 8) -> None:
    """Eight leases of half an hour are the day's four hours."""
    content = item()
    for _ in range(leases):
        services.lease_take(actor=user.actor, content_id=content.id)
        frozen.shift(HALF)
        jobs.run_sweep("assessment.leases_expire")


def test_a_lease_lasts_half_an_hour_and_comes_back_by_itself(
    frozen: time_machine.Traveller, ana: User, ben: User
) -> None:
    content = item()
    lease_id = services.lease_take(actor=ana.actor, content_id=content.id)
    assert services.lease_take(actor=ana.actor, content_id=content.id) == lease_id
    refused("leased", services.lease_take, actor=ben.actor, content_id=content.id)
    frozen.shift(HALF)
    jobs.run_sweep("assessment.leases_expire")
    lease = Lease.objects.get(id=lease_id)
    assert (lease.end, lease.ended_at - lease.taken_at) == ("expired", HALF)
    assert queries.content_state(content.id) == S.AWAITING_ASSESSMENT


def test_an_expired_lease_gives_way_before_the_sweep(frozen: time_machine.Traveller, ana: User, ben: User) -> None:
    content, other = item(), item()
    services.lease_take(actor=ana.actor, content_id=content.id)
    frozen.shift(timedelta(hours=1))
    services.lease_take(actor=ben.actor, content_id=content.id)
    services.lease_take(actor=ana.actor, content_id=other.id)
    frozen.shift(timedelta(hours=1))
    assert services.lease_next(actor=ana.actor) in {content.id, other.id}
    assert Lease.objects.filter(ended_at=None).count() == 2


def test_one_item_at_a_time(ana: User) -> None:
    first, second = item(), item()
    services.lease_take(actor=ana.actor, content_id=first.id)
    refused("one_at_a_time", services.lease_take, actor=ana.actor, content_id=second.id)
    assert services.lease_next(actor=ana.actor) == first.id
    services.lease_release(actor=ana.actor, content_id=first.id)
    services.lease_release(actor=ana.actor, content_id=first.id)
    services.lease_take(actor=ana.actor, content_id=second.id)


def test_a_lease_is_extended_up_to_two_hours(frozen: time_machine.Traveller, ana: User) -> None:
    content = item()
    services.lease_take(actor=ana.actor, content_id=content.id)
    for _ in range(4):
        frozen.shift(timedelta(minutes=25))
        services.lease_extend(actor=ana.actor, content_id=content.id)
    frozen.shift(timedelta(minutes=10))
    refused("lease_longest", services.lease_extend, actor=ana.actor, content_id=content.id)


def test_a_second_opinion_put_back_stays_a_second_opinion(ana: User, ben: User) -> None:
    content = item()
    give(ana, content, Verdict.NATIONAL)
    services.lease_take(actor=ben.actor, content_id=content.id)
    assert queries.content_state(content.id) == S.IN_SECOND_OPINION
    services.lease_release(actor=ben.actor, content_id=content.id)
    assert queries.content_state(content.id) == S.SECOND_OPINION


def test_only_analysts_take_items(person: Callable[..., User]) -> None:
    content = item()
    for actor in (person(Role.POLICE_LIAISON).actor, person(Role.OPERATOR).actor, person(Role.AUDITOR).actor, SYSTEM):
        with pytest.raises(Forbidden):
            services.lease_take(actor=actor, content_id=content.id)


def test_what_waits_for_nobody_cannot_be_taken(ana: User, ben: User, person: Callable[..., User]) -> None:
    content = item()
    give(ana, content, Verdict.NATIONAL)
    give(ben, content, Verdict.NATIONAL)
    refused("not_waiting", services.lease_take, actor=person(Role.ANALYST).actor, content_id=content.id)
    from uuid import uuid4

    with pytest.raises(NotFound):
        services.lease_take(actor=ana.actor, content_id=uuid4())


def test_the_database_knows_one_lease_per_item_and_per_person(ana: User, ben: User) -> None:
    content, other = item(), item()
    services.lease_take(actor=ana.actor, content_id=content.id)
    times = {"taken_at": content.opened_at, "until": content.opened_at + HALF}
    for person, row, name in ((ben, content, "per_item"), (ana, other, "per_person")):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Lease.objects.create(content=row, person=person, **times)


# --- the order ----------------------------------------------------------------------------------------------------


def test_the_queue_goes_by_risk_then_by_waiting(frozen: time_machine.Traveller, ana: User) -> None:
    old = item()
    frozen.shift(timedelta(hours=30))
    plain = item()
    twice = item("https://twice.example/a")
    item("https://twice.example/a")
    patrol = item(source="patrol")
    urgent = item(urgent=True)
    order = [c.id for c in queries.queue(ana.actor)]
    assert order == [urgent.id, patrol.id, old.id, twice.id, plain.id]
    frozen.shift(timedelta(days=30))
    assert [c.id for c in queries.queue(ana.actor)] == order


def test_the_host_s_past_and_a_fresh_sighting_count(frozen: time_machine.Traveller, ana: User, ben: User) -> None:
    bad = item("https://bad.example/1")
    give(ana, bad, Verdict.NATIONAL)
    give(ben, bad, Verdict.NATIONAL)
    known = item("https://bad.example/2")
    fresh = item(seen_on=known.opened_at.date())
    assert known.risk_signs == {"host_known": 1}
    assert fresh.risk_signs == {"recent": 1}


# --- exposure ---------------------------------------------------------------------------------------------------------


def test_the_budget_ends_the_day_and_comes_back_tomorrow(frozen: time_machine.Traveller, ana: User, ben: User) -> None:
    spend(ana, frozen, 7)
    day = exposure.of(ana.id, item().opened_at)
    assert (day.used, day.percent, day.spent, day.tone) == (timedelta(hours=3.5), 87, False, "warning")
    spend(ana, frozen, 1)
    services.duty_touch(actor=ben.actor)
    content = item()
    refused("exposure_spent", services.lease_take, actor=ana.actor, content_id=content.id)
    refused("exposure_spent", services.lease_next, actor=ana.actor)
    frozen.shift(timedelta(days=1))
    services.lease_take(actor=ana.actor, content_id=content.id)


def test_exposure_is_the_time_until_the_decision(frozen: time_machine.Traveller, ana: User) -> None:
    content = item()
    services.lease_take(actor=ana.actor, content_id=content.id)
    frozen.shift(timedelta(minutes=7))
    services.decide(actor=ana.actor, content_id=content.id, verdict=Verdict.IGNORE, law_codes=[])
    frozen.shift(timedelta(hours=2))
    assert exposure.of(ana.id, content.opened_at + timedelta(hours=3)).used == timedelta(minutes=7)


def test_a_night_s_lease_counts_for_each_day_its_part(frozen: time_machine.Traveller, ana: User) -> None:
    content = item()
    frozen.shift(timedelta(hours=13, minutes=50))  # 23:50 in Tokyo
    services.lease_take(actor=ana.actor, content_id=content.id)
    frozen.shift(HALF)
    jobs.run_sweep("assessment.leases_expire")
    lease = Lease.objects.get()
    assert exposure.of(ana.id, lease.taken_at + timedelta(minutes=5)).used == timedelta(minutes=5)
    assert exposure.of(ana.id, lease.ended_at).used == timedelta(minutes=20)


def test_after_an_hour_a_rest_is_asked_for(frozen: time_machine.Traveller, ana: User) -> None:
    spend(ana, frozen, 2)
    last = Lease.objects.order_by("-taken_at").first()
    assert last is not None
    assert exposure.of(ana.id, last.until).break_until == last.until + timedelta(minutes=10)
    assert exposure.of(ana.id, last.until + timedelta(minutes=10)).break_until is None
    frozen.shift(timedelta(minutes=10))
    spend(ana, frozen, 1)
    assert exposure.of(ana.id, last.until + timedelta(minutes=40)).break_until is None


def test_a_senior_lifts_a_budget_with_a_reason(
    frozen: time_machine.Traveller, ana: User, person: Callable[..., User]
) -> None:
    senior = person(Role.SENIOR_ANALYST)
    spend(ana, frozen)
    services.duty_touch(actor=senior.actor)
    content = item()
    lift = {"person_id": ana.id, "minutes": 30, "reason": "the night shift is ill"}
    with pytest.raises(Forbidden):
        services.exposure_lift(actor=ana.actor, **lift)
    refused("reason_needed", services.exposure_lift, actor=senior.actor, **{**lift, "reason": " "})
    refused("minutes_out_of_range", services.exposure_lift, actor=senior.actor, **{**lift, "minutes": 241})
    refused("own_budget", services.exposure_lift, actor=senior.actor, **{**lift, "person_id": senior.id})
    with pytest.raises(NotFound):
        services.exposure_lift(actor=senior.actor, **{**lift, "person_id": person(Role.OPERATOR).id})
    services.exposure_lift(actor=senior.actor, **lift)
    services.lease_take(actor=ana.actor, content_id=content.id)
    frozen.shift(timedelta(minutes=29))
    services.lease_release(actor=ana.actor, content_id=content.id)
    frozen.shift(timedelta(days=1))
    assert exposure.of(ana.id, content.opened_at + timedelta(days=1)).budget == timedelta(hours=4)


def test_the_database_refuses_to_lift_one_s_own_budget(ana: User) -> None:
    content = item()
    with pytest.raises(IntegrityError, match="assessment_lift_by_another"), transaction.atomic():
        ExposureLift.objects.create(
            person=ana, on="2026-11-24", minutes=10, reason="x", lifted_by=ana, lifted_at=content.opened_at
        )


def test_a_child_at_risk_is_looked_at_by_the_only_one_on_duty(
    frozen: time_machine.Traveller, ana: User, ben: User
) -> None:
    spend(ana, frozen)
    urgent = item(urgent=True)
    services.duty_touch(actor=ben.actor)
    refused("exposure_spent", services.lease_take, actor=ana.actor, content_id=urgent.id)
    frozen.shift(timedelta(minutes=31))  # nobody saw Ben for half an hour
    services.lease_take(actor=ana.actor, content_id=urgent.id)
    assert Lease.objects.get(ended_at=None).exempt
    frozen.shift(timedelta(minutes=5))
    give_up = {"actor": ana.actor, "content_id": urgent.id}
    services.lease_extend(**give_up)
    services.lease_release(**give_up)
    day = exposure.of(ana.id, Lease.objects.latest("taken_at").ended_at)
    assert (day.exempt, day.used) == (timedelta(minutes=5), timedelta(hours=4, minutes=5))
    refused("exposure_spent", services.lease_take, actor=ana.actor, content_id=item().id)


def test_a_colleague_whose_own_budget_is_spent_does_not_count_as_on_duty(
    frozen: time_machine.Traveller, ana: User, ben: User
) -> None:
    content, other = item(), item()
    for _ in range(8):
        services.lease_take(actor=ana.actor, content_id=content.id)
        services.lease_take(actor=ben.actor, content_id=other.id)
        frozen.shift(HALF)
        jobs.run_sweep("assessment.leases_expire")
    services.duty_touch(actor=ben.actor)
    services.lease_take(actor=ana.actor, content_id=item(urgent=True).id)


# --- real races ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_who_race_for_one_item(person: Callable[..., User]) -> None:
    actors = [person(Role.ANALYST).actor for _ in range(2)]
    for _ in range(5):
        content = item()
        take = [lambda a=a, c=content.id: services.lease_take(actor=a, content_id=c) for a in actors]
        results = together(*take)
        assert results.count("leased") == 1
        for actor in actors:
            services.lease_release(actor=actor, content_id=content.id)


@pytest.mark.django_db(transaction=True)
def test_two_who_take_the_next_get_different_items(person: Callable[..., User]) -> None:
    actors = [person(Role.ANALYST).actor for _ in range(4)]
    ids = {item().id for _ in range(3)}
    results = together(*[lambda a=a: services.lease_next(actor=a) for a in actors])
    assert results.count("queue_empty") == 1
    assert set(results) - {"queue_empty"} == ids


@pytest.mark.django_db(transaction=True)
def test_one_person_in_two_windows_gets_one_item(person: Callable[..., User]) -> None:
    actor = person(Role.ANALYST).actor
    contents = [item(), item()]
    together(*[lambda c=c: services.lease_take(actor=actor, content_id=c.id) for c in contents])
    assert Lease.objects.filter(ended_at=None).count() == 1
