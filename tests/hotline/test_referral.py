"""Referrals to police: each policy, each clock, and that nobody counts as told who was not."""

import contextlib
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mamori.ground import clock, jobs
from mamori.ground.accounts.models import Organisation
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.errors import DomainError, Forbidden, NotFound
from mamori.ground.facts import announce
from mamori.ground.letters.facts import LetterFailed, LetterHanded
from mamori.ground.letters.models import Letter
from mamori.hotline.assessment.facts import ChildAtRiskFound, ContentConfirmed
from mamori.hotline.referral import queries, services
from mamori.hotline.referral.models import Hold, Policy, Referral
from mamori.hotline.referral.states import Channel, Delivery, FeedbackKind, PolicyKind
from tests.hotline.outside import content
from tests.hotline.referral_steps import (
    BOX,
    CHIEF,
    DUTY,
    HOUR,
    deliver,
    refer,
    row,
    send,
    steps,
    supervisors_told,
    tick,
)

pytestmark = pytest.mark.django_db


class TestWay:
    def test_confirmed_content_is_referred_once_with_a_letter_that_names_nothing(self, policy, frozen, run_jobs):
        policy()
        item = content("http://kiku.example/secret-path")
        announce(ContentConfirmed(item))
        announce(ContentConfirmed(item))
        services.referral_open(actor=SYSTEM, content_id=item)
        assert Referral.objects.count() == 1
        letters = send()
        assert [letter.to for letter in letters] == [BOX]
        for word in ("kiku", "secret", "http://kiku", str(item)):
            assert word not in letters[0].subject + letters[0].body
        assert "1" in letters[0].body
        assert row(queries.referral_of(item)).state == "sent"
        assert queries.told_at(item) is None

    def test_many_referrals_are_one_letter(self, policy):
        policy()
        for number in range(3):
            refer(url=f"http://kiku.example/{number}")
        assert [letter.body.count("3") > 0 for letter in send()] == [True]
        assert send() == []

    def test_it_is_not_sent_before_the_mail_server_took_the_letter(self, policy):
        policy()
        one = refer()
        jobs.run_sweep("referral.send")
        assert row(one).state == "queued"

    def test_without_a_mailbox_the_desk_itself_shows_it(self, policy):
        policy(notification_mail="")
        one = refer()
        jobs.run_sweep("referral.send")
        assert row(one).state == "sent"
        assert not Letter.objects.exists()

    def test_without_any_policy_japans_is_in_force(self):
        one = refer()
        assert (row(one).kind, row(one).policy.silence_hours) == ("silent_consent", 48)

    def test_the_facts_of_letters_reach_the_referral(self, policy, run_jobs):
        policy()
        one = refer()
        jobs.run_sweep("referral.send")
        letter = Letter.objects.get(kind="police_notify")
        announce(LetterFailed(letter.id))
        from mamori.hotline.referral import listeners

        listeners.failed(LetterFailed(letter.id))
        assert steps(one, "letter_failed").count() == 1
        listeners.handed(LetterHanded(letter.id))
        assert row(one).state == "sent"

    def test_a_child_at_risk_is_urgent_also_when_it_was_referred_before(self, policy, run_jobs):
        policy()
        one = refer()
        send()
        services.referral_open(actor=SYSTEM, content_id=row(one).content_id, urgent=True)
        assert row(one).urgent
        letter = Letter.objects.filter(kind="police_notify").order_by("-queued_at").exclude(state="handed").get()
        assert letter.subject.startswith("[")


class TestFailure:
    @pytest.mark.parametrize("kind", [PolicyKind.SILENT_CONSENT, PolicyKind.SIMULTANEOUS])
    def test_a_failed_letter_is_an_alarm_and_never_clears(self, policy, officer, senior, frozen, kind):
        policy(kind)
        one = refer()
        send(handed=False)
        assert row(one).state == "queued"
        alarms = [w for w in queries.desk(senior) if w.alarm]
        assert len(alarms) == 1
        tick(frozen, timedelta(days=30))
        item = row(one).content_id
        assert not queries.is_cleared(item)
        assert queries.told_at(item) is None
        deliver(one, officer)
        assert [w for w in queries.desk(senior) if w.alarm] == []

    def test_a_bounce_takes_back_what_was_cleared_by_sending_alone(self, policy, officer):
        policy(PolicyKind.SIMULTANEOUS)
        one = refer()
        letter = send()[0]
        assert queries.is_cleared(row(one).content_id)
        services.mailing_failed(letter_id=letter.id)
        assert not queries.is_cleared(row(one).content_id)
        deliver(one, officer)
        assert queries.is_cleared(row(one).content_id)

    @pytest.mark.parametrize(("urgent", "after"), [(False, 4 * HOUR), (True, HOUR / 4)])
    def test_undelivered_pages_the_duty_officer_once_and_is_never_told(self, policy, senior, frozen, urgent, after):
        policy()
        one = refer(urgent=urgent)
        send()
        tick(frozen, after - timedelta(seconds=1))
        assert not Letter.objects.filter(to=DUTY).exists()
        tick(frozen, timedelta(seconds=1))
        tick(frozen, HOUR)
        page = Letter.objects.get(to=DUTY)
        assert "kiku" not in page.body
        assert steps(one, "paged").count() == 1
        assert [w.alarm for w in queries.desk(senior) if w.alarm] == [True]
        assert queries.told_at(row(one).content_id) is None

    def test_where_no_duty_officer_is_named_nothing_says_that_one_was_paged(self, policy, senior, frozen):
        policy(duty_mail="")
        one = refer()
        send()
        tick(frozen, 5 * HOUR)
        assert (steps(one, "paged").count(), row(one).paged_at) == (0, None)
        assert any(w.alarm for w in queries.desk(senior))
        policy()
        tick(frozen, HOUR)
        assert (steps(one, "paged").count(), Letter.objects.filter(to=DUTY).count()) == (1, 1)

    @pytest.mark.parametrize(("duty", "alarms"), [("", 1), (DUTY, 0)])
    def test_that_nobody_would_be_paged_is_an_alarm_before_anything_is_late(self, policy, senior, duty, alarms):
        policy(duty_mail=duty)
        assert len([w for w in queries.desk(senior) if w.alarm and w.url == "/police/policy/"]) == alarms

    def test_made_urgent_later_the_short_clock_begins_then(self, policy, frozen):
        policy()
        one = refer()
        send()
        tick(frozen, 3 * HOUR)
        services.referral_open(actor=SYSTEM, content_id=row(one).content_id, urgent=True)
        tick(frozen, HOUR / 4 - timedelta(seconds=1))
        assert row(one).paged_at is None
        tick(frozen, timedelta(seconds=1))
        assert row(one).paged_at is not None


class TestPolicies:
    def test_silence_counts_from_delivery_and_clears_after_48_hours(self, policy, officer, frozen):
        policy()
        one = refer()
        send()
        tick(frozen, timedelta(days=10))
        assert row(one).state == "sent"
        deliver(one, officer)
        tick(frozen, 48 * HOUR - timedelta(seconds=1))
        assert not queries.is_cleared(row(one).content_id)
        tick(frozen, timedelta(seconds=1))
        assert row(one).state == "no_objection"
        assert queries.is_cleared(row(one).content_id)

    def test_alerts_at_50_80_and_100_percent_are_told_once_each(self, policy, officer, frozen):
        policy()
        one = refer()
        send()
        deliver(one, officer)
        for hours, marks in ((23, []), (1, [50]), (1, [50]), (13.4, [50, 80]), (10, [50, 80, 100]), (5, [50, 80, 100])):
            tick(frozen, hours * HOUR)
            assert list(steps(one, "alert").order_by("number").values_list("number", flat=True)) == marks
        assert Letter.objects.filter(kind="police_alert", to=BOX).count() == 2

    def test_approval_never_clears_by_time(self, policy, officer, frozen):
        policy(PolicyKind.APPROVAL)
        one = refer()
        send()
        deliver(one, officer)
        tick(frozen, timedelta(days=300))
        assert not queries.is_cleared(row(one).content_id)
        services.release(actor=officer, referral_id=one)
        assert queries.is_cleared(row(one).content_id)

    def test_simultaneous_clears_when_it_is_sent(self, policy):
        policy(PolicyKind.SIMULTANEOUS)
        one = refer()
        assert not queries.is_cleared(row(one).content_id)
        send()
        assert queries.is_cleared(row(one).content_id)
        assert queries.told_at(row(one).content_id) is None

    def test_simultaneous_on_the_desk_needs_a_mailbox(self, policy, person):
        with pytest.raises(DomainError, match="nobody_told"):
            policy(PolicyKind.SIMULTANEOUS, notification_mail="")
        policy(PolicyKind.SIMULTANEOUS, notification_mail="", channel=Channel.API)
        policy(PolicyKind.PER_ITEM, notification_mail="")
        one = refer()
        with pytest.raises(DomainError, match="nobody_told"):
            services.referral_choose(actor=person(Role.ANALYST).actor, referral_id=one, kind=PolicyKind.SIMULTANEOUS)
        assert row(one).state == "drafted"

    def test_simultaneous_clears_nothing_while_it_only_stands_on_our_own_desk(self, policy, person, officer):
        policy(PolicyKind.PER_ITEM)
        one = refer()
        services.referral_choose(actor=person(Role.ANALYST).actor, referral_id=one, kind=PolicyKind.SIMULTANEOUS)
        Policy.objects.update(notification_mail="")  # per item may have none
        jobs.run_sweep("referral.send")
        assert row(one).state == "sent"
        assert not queries.is_cleared(row(one).content_id)
        deliver(one, officer)
        assert queries.is_cleared(row(one).content_id)

    def test_nothing_is_cleared_in_the_database_before_police_were_told(self, policy):
        policy()
        one = refer()
        send()
        with pytest.raises(IntegrityError), transaction.atomic():
            Referral.objects.filter(id=one).update(cleared_at=clock.now())

    def test_per_item_waits_for_an_analyst_but_not_when_a_child_is_at_risk(self, policy, person, officer):
        policy(PolicyKind.PER_ITEM)
        one = refer()
        analyst = person(Role.ANALYST).actor
        assert row(one).state == "drafted"
        assert [w.count for w in queries.desk(analyst)] == [1]
        with pytest.raises(NotFound):
            queries.referral_row(officer, one)
        with pytest.raises(DomainError, match="not_a_choice"):
            services.referral_choose(actor=analyst, referral_id=one, kind=PolicyKind.PER_ITEM)
        services.referral_choose(actor=analyst, referral_id=one, kind=PolicyKind.SIMULTANEOUS)
        send()
        assert queries.is_cleared(row(one).content_id)
        other = refer(urgent=True, url="http://ume.example/")
        assert (row(other).state, row(other).kind) == ("queued", "approval")

    def test_a_referral_keeps_the_version_it_began_with(self, policy, officer, frozen):
        policy(silence_hours=24)
        one = refer()
        policy(silence_hours=72)
        send()
        deliver(one, officer)
        tick(frozen, 24 * HOUR)
        assert row(one).state == "no_objection"

    def test_only_seniors_set_the_policy(self, person, officer):
        with pytest.raises(Forbidden):
            services.policy_set(
                actor=officer,
                kind=PolicyKind.SIMULTANEOUS,
                silence_hours=1,
                longest_hold_days=1,
                channel=Channel.DESK,
                organisation_id=None,
                notification_mail="",
                duty_mail="",
                duty_phone="",
                supervisors=[],
            )


class TestHolds:
    @pytest.fixture
    def delivered(self, policy, officer, frozen):
        policy()
        one = refer()
        send()
        deliver(one, officer)
        return one

    def hold(self, one, officer, days=10, reason="An undercover step is running."):
        services.hold_request(actor=officer, referral_id=one, until=clock.now() + timedelta(days=days), reason=reason)

    def test_a_hold_stops_the_clock_until_police_release_it(self, delivered, officer, frozen):
        self.hold(delivered, officer)
        item = row(delivered).content_id
        assert queries.is_held(item)
        tick(frozen, 72 * HOUR)
        assert not queries.is_cleared(item)
        services.release(actor=officer, referral_id=delivered)
        assert (queries.is_held(item), queries.is_cleared(item)) == (False, True)

    def test_the_reason_is_sealed(self, delivered, officer):
        self.hold(delivered, officer, reason="undercover")
        hold = Hold.objects.get()
        assert b"undercover" not in bytes(hold.sealed_reason)
        assert queries.hold_of(officer, row(delivered)).reason == "undercover"

    def test_supervisors_are_told_when_it_is_over_and_it_is_released_24_hours_later(self, delivered, officer, frozen):
        self.hold(delivered, officer, days=1)
        tick(frozen, 24 * HOUR)
        tick(frozen)
        letter = Letter.objects.get(to=CHIEF)
        assert "kiku" not in letter.body
        supervisors_told()
        assert any(w.url.endswith("hold_requested") for w in queries.desk(officer))
        tick(frozen, 24 * HOUR - timedelta(seconds=1))
        assert queries.is_held(row(delivered).content_id)
        tick(frozen, timedelta(seconds=1))
        assert row(delivered).state == "released"
        assert queries.is_cleared(row(delivered).content_id)
        assert Hold.objects.get().ended_how == "lapsed"

    def test_without_a_named_supervisor_it_does_not_lapse_and_seniors_are_alarmed(
        self, policy, officer, senior, frozen
    ):
        policy(supervisors=[])
        one = refer()
        send()
        deliver(one, officer)
        self.hold(one, officer, days=1)

        def alarms():
            return [str(w.url) for w in queries.desk(senior) if w.alarm]

        assert len(alarms()) == 1  # nobody is named
        tick(frozen, timedelta(days=10))
        tick(frozen, timedelta(days=10))
        assert Hold.objects.get().ended_at is None
        assert len(alarms()) == 2
        policy(supervisors=[CHIEF])
        tick(frozen)
        assert Letter.objects.filter(to=CHIEF).exists()
        assert len(alarms()) == 1  # written to is not told
        supervisors_told()
        assert alarms() == []
        tick(frozen, timedelta(hours=25))
        assert Hold.objects.get().ended_how == "lapsed"

    def test_a_hold_does_not_lapse_while_no_supervisor_could_be_reached(self, delivered, officer, senior, frozen):
        self.hold(delivered, officer, days=1)
        tick(frozen, 24 * HOUR)
        tick(frozen, 30 * HOUR)  # the letter lies in the queue: their mail server does not answer
        assert queries.is_held(row(delivered).content_id)
        assert supervisors_told(handed=False) == 1
        alarms = [str(w.url) for w in queries.desk(senior) if w.alarm]
        assert alarms == ["/police/", "/police/?referrals-state=hold_requested"]  # a letter failed; nobody was told
        tick(frozen, timedelta(minutes=1))
        assert Letter.objects.filter(to=CHIEF).count() == 2  # an hour was over: written to again
        tick(frozen, timedelta(minutes=1))
        assert Letter.objects.filter(to=CHIEF).count() == 2
        assert supervisors_told() == 1
        tick(frozen, 24 * HOUR - timedelta(seconds=1))
        assert queries.is_held(row(delivered).content_id)
        tick(frozen, timedelta(seconds=1))
        assert row(delivered).state == "released"

    def test_a_supervisors_letter_that_comes_back_later_counts_as_not_told(self, delivered, officer, frozen):
        self.hold(delivered, officer, days=1)
        tick(frozen, 24 * HOUR)
        supervisors_told()
        assert Hold.objects.get().told_at is not None
        services.mailing_failed(letter_id=Letter.objects.get(to=CHIEF).id)
        tick(frozen, 25 * HOUR)
        assert queries.is_held(row(delivered).content_id)
        assert Letter.objects.filter(to=CHIEF).count() == 2

    def test_under_approval_a_lapsed_hold_clears_nothing(self, policy, officer, frozen):
        policy(PolicyKind.APPROVAL)
        one = refer()
        send()
        deliver(one, officer)
        self.hold(one, officer, days=1)
        tick(frozen, 24 * HOUR)
        supervisors_told()
        tick(frozen, 24 * HOUR)
        assert row(one).state == "acknowledged"
        assert not queries.is_cleared(row(one).content_id)

    def test_a_renewal_needs_a_reason_and_ends_at_the_policys_longest(self, delivered, officer, frozen):
        self.hold(delivered, officer, days=20)
        start = clock.now()
        renew = {"actor": officer, "referral_id": delivered}
        with pytest.raises(DomainError, match="no_reason"):
            services.hold_renew(**renew, until=start + timedelta(days=25), reason=" ")
        with pytest.raises(DomainError, match="too_long"):
            services.hold_renew(**renew, until=start + timedelta(days=31), reason="more")
        with pytest.raises(DomainError, match="not_longer"):
            services.hold_renew(**renew, until=start + timedelta(days=19), reason="less")
        frozen.shift(timedelta(days=20, hours=2))
        jobs.run_sweep("referral.clocks")
        services.hold_renew(**renew, until=start + timedelta(days=30), reason="witness")
        tick(frozen, timedelta(days=2))
        assert queries.is_held(row(delivered).content_id)
        assert steps(delivered, "hold_renewed").count() == 1

    def test_holds_one_after_another_do_not_exceed_the_longest(self, delivered, officer, frozen):
        self.hold(delivered, officer, days=20)
        frozen.shift(timedelta(days=20))
        services.release(actor=officer, referral_id=delivered)
        with pytest.raises(DomainError, match="too_long"):
            self.hold(delivered, officer, days=11)
        self.hold(delivered, officer, days=9)

    def test_a_late_hold_freezes_what_was_free_and_is_announced(self, delivered, officer, frozen):
        from mamori.ground import facts

        tick(frozen, 48 * HOUR)
        item = row(delivered).content_id
        assert queries.is_cleared(item)
        self.hold(delivered, officer)
        assert Hold.objects.get().late
        assert (queries.is_held(item), queries.is_cleared(item)) == (True, False)
        assert "PoliceHeld" in facts.listeners().values()
        services.release(actor=officer, referral_id=delivered)
        assert queries.is_cleared(item)

    def test_a_hold_in_the_past_or_twice_is_refused(self, delivered, officer):
        with pytest.raises(DomainError, match="past"):
            self.hold(delivered, officer, days=0)
        self.hold(delivered, officer)
        with pytest.raises(DomainError, match="no_such_move"):
            self.hold(delivered, officer)


class TestAnswers:
    def test_feedback_ends_an_answered_referral_and_is_kept_for_an_open_one(self, policy, officer):
        policy()
        one = refer()
        give = {"actor": officer, "referral_id": one}
        with pytest.raises(DomainError, match="not_delivered"):
            services.feedback(**give, kind=FeedbackKind.KNOWN)
        deliver(one, officer)
        with pytest.raises(DomainError, match="no_case_no"):
            services.feedback(**give, kind=FeedbackKind.CASE_NO)
        services.feedback(**give, kind=FeedbackKind.CASE_NO, case_no="R8-12")
        assert (row(one).state, row(one).case_no) == ("delivered", "R8-12")
        services.release(actor=officer, referral_id=one)
        services.feedback(**give, kind=FeedbackKind.NEW_VICTIM)
        assert row(one).state == "feedback"
        assert queries.is_cleared(row(one).content_id)

    def test_a_phone_hand_over_by_a_senior_counts_as_told_and_its_note_is_sealed(self, policy, senior, person, frozen):
        policy()
        one = refer()
        call = {"referral_id": one, "officer": "Inspector Abe", "number": "+81 3 1111 2222", "note": "asked for speed"}
        with pytest.raises(Forbidden):
            services.handed_over_by_phone(actor=person(Role.ANALYST).actor, talked_at=clock.now(), **call)
        with pytest.raises(DomainError, match="bad_time"):
            services.handed_over_by_phone(actor=senior, talked_at=clock.now() + HOUR, **call)
        services.handed_over_by_phone(actor=senior, talked_at=clock.now(), **call)
        assert (row(one).state, row(one).delivered_by, row(one).officer) == (
            "delivered",
            Delivery.PHONE,
            "Inspector Abe",
        )
        assert b"1111" not in bytes(row(one).sealed_call)
        tick(frozen, 48 * HOUR)
        assert queries.is_cleared(row(one).content_id)

    def test_a_nameless_officer_delivers_nothing(self, officer):
        one = refer()
        with pytest.raises(DomainError, match="no_officer"):
            services.referral_opened_by_officer(actor=officer, referral_id=one, officer=" ")

    def test_other_police_find_nothing(self, policy, officer, person):
        elsewhere = Organisation.objects.create(name="Another police", kind="police")
        policy(organisation_id=elsewhere.id)
        one = refer()
        with pytest.raises(NotFound):
            deliver(one, officer)
        with pytest.raises(NotFound):
            queries.referral_row(officer, one)

    @pytest.mark.parametrize(
        "role", [Role.ANALYST, Role.SENIOR_ANALYST, Role.AUDITOR, Role.LIST_REVIEWER, Role.OPERATOR]
    )
    def test_only_police_answer(self, person, role, officer):
        one = refer()
        deliver(one, officer)
        actor = person(role).actor
        for act in (
            lambda: services.release(actor=actor, referral_id=one),
            lambda: services.acknowledge(actor=actor, referral_id=one, officer="X"),
            lambda: services.hold_request(actor=actor, referral_id=one, until=clock.now() + HOUR, reason="x"),
        ):
            with pytest.raises(Forbidden):
                act()


class TestHistories:
    def test_no_history_of_steps_clears_without_telling_or_under_a_hold(self, policy, officer, frozen):
        """Small random histories: nothing is free under a hold, nor before police were told."""
        from hypothesis import given

        policy()
        acts = st.lists(
            st.sampled_from(["send", "fail", "open", "ack", "hold", "renew", "release", "feedback", "day", "hours"]),
            max_size=14,
        )
        number = iter(range(10_000))

        @hypothesis_settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(acts)
        def check(history):
            one = refer(url=f"http://kiku.example/{next(number)}")
            told = False
            for act in history:
                with contextlib.suppress(DomainError):
                    _act(act, one, officer, frozen)
                now = row(one)
                told = told or now.delivered_at is not None
                free = queries.is_cleared(now.content_id)
                assert not (free and queries.is_held(now.content_id))
                assert not free or told
                assert (now.state == "hold_requested") == queries.is_held(now.content_id)

        check()


def _act(act, one, officer, frozen):
    until = clock.now() + timedelta(days=3)
    who = {"actor": officer, "referral_id": one}
    if act == "send":
        send()
    elif act == "fail":
        send(handed=False)
    elif act == "open":
        deliver(one, officer)
    elif act == "ack":
        services.acknowledge(**who, officer="Doi")
    elif act == "hold":
        services.hold_request(**who, until=until, reason="r")
    elif act == "renew":
        services.hold_renew(**who, until=until + timedelta(days=1), reason="r")
    elif act == "release":
        services.release(**who)
    elif act == "feedback":
        services.feedback(**who, kind=FeedbackKind.KNOWN)
    elif act == "day":
        tick(frozen, timedelta(days=1))
    else:
        tick(frozen, timedelta(hours=13))


def test_a_child_at_risk_is_referred_by_its_fact(policy):
    from mamori.hotline.referral import listeners

    policy()
    item = content()
    opinion, report = ChildAtRiskFound(item, uuid4()), ChildAtRiskFound(item, uuid4())
    listeners.refer_urgently(opinion)
    referral = Referral.objects.get(content_id=item)
    assert referral.urgent
    for fact in (opinion, report, opinion, report):
        listeners.refer_urgently(fact)
    assert referral.steps.filter(kind="urgent").count() == 1, "a job that runs twice tells police once"
