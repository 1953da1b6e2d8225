"""A child at risk is told to police at any time: also when they have the referral already."""

from datetime import timedelta

import pytest

from mamori.ground import clock
from mamori.ground.accounts.models import Organisation
from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.ground.letters.models import Letter
from mamori.hotline.referral import queries, services
from mamori.hotline.referral.states import PolicyKind
from tests.hotline.referral_steps import BOX, DUTY, deliver, refer, row, send, steps, tick

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)


def at_risk(referral_id):
    services.referral_open(actor=SYSTEM, content_id=row(referral_id).content_id, urgent=True)


def urgent_letters():
    return Letter.objects.filter(kind="police_urgent")


def delivered(policy, officer, state):
    policy(PolicyKind.APPROVAL)
    one = refer()
    send()
    deliver(one, officer)
    if state != "delivered":
        services.acknowledge(actor=officer, referral_id=one, officer="Doi")
    if state == "hold_requested":
        services.hold_request(actor=officer, referral_id=one, until=clock.now() + timedelta(days=3), reason="a lead")
    if state in {"released", "feedback"}:
        services.release(actor=officer, referral_id=one)
    if state == "feedback":
        services.feedback(actor=officer, referral_id=one, kind="known")
    assert row(one).state == state
    return one


@pytest.mark.parametrize("state", ["delivered", "acknowledged", "hold_requested", "released", "feedback"])
def test_police_who_have_it_hear_at_once_and_are_paged_until_an_officer_looks(policy, officer, senior, frozen, state):
    one = delivered(policy, officer, state)
    frozen.shift(timedelta(days=1))
    at_risk(one)
    letter = urgent_letters().get()
    assert (letter.to, letter.subject.startswith("[")) == (BOX, True)
    assert "kiku.example" not in letter.subject + letter.body
    assert any(w.tone == "error" and w.count == 1 for w in queries.desk(officer))
    assert queries.clock_of(row(one)).due_at == clock.now() + QUARTER
    tick(frozen, QUARTER - timedelta(seconds=1))
    assert not Letter.objects.filter(to=DUTY).exists()
    tick(frozen, timedelta(seconds=1))
    tick(frozen, QUARTER)
    assert Letter.objects.filter(to=DUTY, kind="police_page").count() == 1
    assert [w.count for w in queries.desk(senior) if w.alarm] == [1]
    services.referral_opened_by_officer(actor=officer, referral_id=one, officer="Sergeant Abe")
    assert (row(one).state, row(one).officer, row(one).unseen_since) == (state, "Sergeant Abe", None)
    assert steps(one, "urgent_seen").count() == 1
    assert not [w for w in queries.desk(senior) if w.alarm]


def test_each_new_report_is_told_and_paged_again(policy, officer, frozen):
    one = delivered(policy, officer, "released")
    for times in (1, 2):
        at_risk(one)
        tick(frozen, QUARTER)
        assert urgent_letters().count() == times
        assert Letter.objects.filter(kind="police_page").count() == times
        deliver(one, officer)
        frozen.shift(timedelta(hours=1))


def test_another_report_does_not_put_a_running_clock_back_and_begins_one_that_paged(policy, officer, frozen):
    one = delivered(policy, officer, "acknowledged")
    at_risk(one)
    tick(frozen, QUARTER / 2)
    at_risk(one)
    tick(frozen, QUARTER / 2)
    assert Letter.objects.filter(kind="police_page").count() == 1
    at_risk(one)
    tick(frozen, QUARTER)
    assert Letter.objects.filter(kind="police_page").count() == 2
    assert urgent_letters().count() == 3


def test_before_delivery_too_each_report_is_told_and_delays_no_page(policy, frozen):
    policy()
    one = refer(urgent=True)
    send()
    before = Letter.objects.filter(kind="police_notify").count()
    tick(frozen, QUARTER / 2)
    at_risk(one)
    assert Letter.objects.filter(kind="police_notify").count() == before + 1
    tick(frozen, QUARTER / 2)
    assert Letter.objects.filter(kind="police_page").count() == 1


def test_a_letter_that_failed_is_an_alarm(policy, officer, senior):
    one = delivered(policy, officer, "released")
    at_risk(one)
    services.mailing_failed(letter_id=row(one).mailing_id)
    assert [w.count for w in queries.desk(senior) if w.alarm] == [1]


def test_the_polices_system_finds_it_again_until_it_is_acknowledged_again(policy, officer, frozen):
    policy(channel="api", notification_mail="")
    one = refer()
    services.referrals_fetch(actor=officer, since=None, limit=10)
    services.acknowledge(actor=officer, referral_id=one, officer="Doi")
    cursor = (clock.now(), one)
    services.release(actor=officer, referral_id=one)
    assert services.referrals_fetch(actor=officer, since=None, limit=10) == []
    frozen.shift(timedelta(hours=1))
    at_risk(one)
    assert urgent_letters().get().to == DUTY
    assert [r.id for r in services.referrals_fetch(actor=officer, since=cursor, limit=10)] == [one]
    services.acknowledge(actor=officer, referral_id=one, officer="Abe")
    assert services.referrals_fetch(actor=officer, since=cursor, limit=10) == []
    assert row(one).state == "released"


def test_a_call_ends_it_and_an_earlier_call_does_not(policy, officer, senior, frozen):
    one = delivered(policy, officer, "released")
    frozen.shift(timedelta(hours=1))
    call = {"actor": senior, "referral_id": one, "officer": "Doi", "number": "+81 3 0000 0000"}
    with pytest.raises(DomainError):
        services.handed_over_by_phone(**call, talked_at=clock.now())
    at_risk(one)
    with pytest.raises(DomainError):
        services.handed_over_by_phone(**call, talked_at=clock.now() - timedelta(minutes=30))
    services.handed_over_by_phone(**call, talked_at=clock.now())
    assert row(one).unseen_since is None
    assert row(one).delivered_by == "desk"


def test_the_officer_opens_it_on_the_page(policy, officer, person, browser_of, frozen):
    one = delivered(policy, officer, "released")
    Organisation.objects.get_or_create(name="Police", kind="police")
    at_risk(one)
    browser = browser_of(person("police_liaison"))
    page = browser.get(f"/police/{one}/")
    assert f"/police/{one}/open/".encode() in page.content
    browser.post(f"/police/{one}/open/")
    assert row(one).unseen_since is None
