"""Police hear again of content they know: it is online again, or it is judged anew."""

from datetime import timedelta

import pytest

from mamori.ground import clock
from mamori.ground.actors import SYSTEM
from mamori.ground.letters.models import Letter
from mamori.hotline.assessment.facts import ContentReopened
from mamori.hotline.checks.facts import Resurfaced
from mamori.hotline.checks.listeners import tell_police_again
from mamori.hotline.referral import listeners, queries, services
from tests.hotline.referral_steps import BOX, DUTY, deliver, refer, row, send, steps, tick

pytestmark = pytest.mark.django_db


def test_police_hear_that_known_content_is_online_again(policy, officer, frozen):
    policy()
    one = refer()
    item = row(one).content_id
    tell_police_again(Resurfaced(item))
    assert not steps(one, "told_again"), "not delivered yet: nothing to tell again"
    send()
    deliver(one, officer)
    tick(frozen, timedelta(hours=49))
    assert row(one).state == "no_objection"
    cleared = row(one).cleared_at
    for _ in range(2):
        tell_police_again(Resurfaced(item))
        listeners.reopened(ContentReopened(item))
    [letter] = Letter.objects.filter(kind="police_again")
    assert (letter.to, steps(one, "told_again").count()) == (BOX, 1)
    assert "kiku.example" not in letter.subject + letter.body
    assert row(one).cleared_at == cleared, "no clock begins anew"
    services.hold_request(actor=officer, referral_id=one, until=clock.now() + timedelta(days=3), reason="a lead")
    assert queries.is_held(item)
    frozen.shift(timedelta(hours=2))
    tell_police_again(Resurfaced(item))
    assert Letter.objects.filter(kind="police_again").count() == 2


def test_a_letter_that_failed_is_an_alarm_and_takes_nothing_back(policy, officer, frozen, senior):
    policy()
    one = refer()
    send()
    deliver(one, officer)
    tick(frozen, timedelta(hours=49))
    services.referral_tell_again(actor=SYSTEM, content_id=row(one).content_id)
    services.mailing_failed(letter_id=row(one).mailing_id)
    assert steps(one, "letter_failed").count() == 1
    assert queries.is_cleared(row(one).content_id)
    alarms = [waiting for waiting in queries.desk(senior) if waiting.alarm]
    assert [waiting.count for waiting in alarms] == [1]


def test_police_who_fetch_their_referrals_hear_of_it_by_mail(policy, officer):
    policy(channel="api", notification_mail="")
    one = refer()
    services.referrals_fetch(actor=officer, since=None, limit=10)
    services.acknowledge(actor=officer, referral_id=one, officer="Doi")
    services.referral_tell_again(actor=SYSTEM, content_id=row(one).content_id)
    assert Letter.objects.get(kind="police_again").to == DUTY
