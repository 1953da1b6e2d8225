"""Random histories of referrals: whatever police and the hotline do in whatever order, no state lies outside the table,
each step is one of whose it is, and notices are free only when police were told and nothing is held.

MAMORI_HISTORIES sets how many are tried.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mamori.ground import clock
from mamori.ground.accounts.models import Organisation, User
from mamori.ground.actors import Actor, Role
from mamori.ground.audit.models import Event
from mamori.ground.errors import DomainError
from mamori.hotline.referral import queries, services
from mamori.hotline.referral.models import Hold, Referral
from mamori.hotline.referral.states import CHOICES, REFERRAL, FeedbackKind, PolicyKind
from tests.hotline.referral_steps import refer, send, tick

HISTORIES = int(os.environ.get("MAMORI_HISTORIES", "40"))
people = st.integers(0, 3)
places = st.integers(0, 1)
spans = st.sampled_from([timedelta(minutes=20), timedelta(hours=5), timedelta(hours=25), timedelta(days=4)])


class Referrals(RuleBasedStateMachine):
    """Two contents; an officer of the police meant, one of another police, an analyst, a senior; and a clock."""

    staff: ClassVar[list[Actor]]
    police: ClassVar[UUID]
    policy: ClassVar[Callable[..., Any]]
    clock: ClassVar[time_machine.Traveller]

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.start = clock.now()
        self.rows: list[UUID] = []

    def teardown(self) -> None:
        self.every_move_is_in_the_table()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)
        self.clock.move_to(self.start)

    @initialize(kind=st.sampled_from(PolicyKind), urgent=st.booleans(), mailbox=st.booleans())
    def two_referrals(self, kind: PolicyKind, urgent: bool, mailbox: bool) -> None:
        box = {} if mailbox or kind in {PolicyKind.SIMULTANEOUS, PolicyKind.PER_ITEM} else {"notification_mail": ""}
        type(self).policy(kind, organisation_id=self.police, **box)
        self.rows = [refer(url=f"http://kiku.example/{n}", urgent=urgent and n == 0) for n in (0, 1)]

    def attempt(self, call: Callable[..., Any], who: int, place: int, whose: set[int], **values: Any) -> bool:
        """What is done is one of those whose step it is."""
        try:
            with transaction.atomic():
                call(actor=self.staff[who], referral_id=self.rows[place], **values)
        except DomainError:
            return False
        assert who in whose
        return True

    @rule(who=people, place=places, kind=st.sampled_from(CHOICES))
    def choose(self, who: int, place: int, kind: PolicyKind) -> None:
        self.attempt(services.referral_choose, who, place, {2, 3}, kind=kind)

    @rule(handed=st.booleans())
    def letters(self, handed: bool) -> None:
        send(handed=handed)

    @rule(who=people, place=places)
    def open(self, who: int, place: int) -> None:
        self.attempt(services.referral_opened_by_officer, who, place, {0}, officer="Doi")

    @rule(who=people, place=places)
    def acknowledge(self, who: int, place: int) -> None:
        self.attempt(services.acknowledge, who, place, {0}, officer="Doi", reference="X-1")

    @rule(who=people, place=places)
    def phone(self, who: int, place: int) -> None:
        when = clock.now()
        self.attempt(
            services.handed_over_by_phone, who, place, {3}, officer="Doi", number="+81 3 0000 0000", talked_at=when
        )

    @rule(who=people, place=places, days=st.integers(1, 20))
    def hold(self, who: int, place: int, days: int) -> None:
        until = clock.now() + timedelta(days=days)
        if self.attempt(services.hold_request, who, place, {0}, until=until, reason="We look."):
            assert queries.is_held(self.content(place))

    @rule(who=people, place=places, days=st.integers(1, 40))
    def renew(self, who: int, place: int, days: int) -> None:
        until = clock.now() + timedelta(days=days)
        self.attempt(services.hold_renew, who, place, {0}, until=until, reason="Still.")

    @rule(who=people, place=places)
    def release(self, who: int, place: int) -> None:
        if self.attempt(services.release, who, place, {0}):
            assert queries.is_cleared(self.content(place))

    @rule(who=people, place=places, kind=st.sampled_from(FeedbackKind))
    def feedback(self, who: int, place: int, kind: FeedbackKind) -> None:
        self.attempt(services.feedback, who, place, {0}, kind=kind, case_no="C-1")

    @rule(span=spans)
    def wait(self, span: timedelta) -> None:
        tick(self.clock, span)

    def content(self, place: int) -> UUID:
        return Referral.objects.values_list("content_id", flat=True).get(id=self.rows[place])

    @invariant()
    def notices_are_free_only_when_police_were_told_and_nothing_is_held(self) -> None:
        for row in Referral.objects.filter(id__in=self.rows):
            held = queries.is_held(row.content_id)
            free = queries.is_cleared(row.content_id)
            assert not (free and held)
            assert (row.state == "hold_requested") == held
            if free:  # simultaneously: as soon as it is sent
                assert row.delivered_at is not None or (row.kind == "simultaneous" and row.sent_at is not None)
            if row.kind == "approval" and free:
                assert row.state in {"released", "feedback", "hold_requested"}, "only a release clears it"
            if row.state in {"delivered", "acknowledged", "no_objection", "feedback"}:
                assert row.officer, "delivered is to a person with a name"

    @invariant()
    def no_hold_is_longer_than_the_policy_allows(self) -> None:
        for place in range(len(self.rows)):
            spans = Hold.objects.filter(referral_id=self.rows[place]).values_list("asked_at", "ended_at", "until")
            assert sum(1 for _asked, ended, _until in spans if ended is None) <= 1
            whole = sum(((ended or until) - asked for asked, ended, until in spans), timedelta())
            assert whole <= timedelta(days=30) + timedelta(days=5), (
                "to its end, its day of grace and one look of the clock"
            )

    def every_move_is_in_the_table(self) -> None:
        for place, row_id in enumerate(self.rows):
            last = ""
            for codes in Event.objects.filter(subject_id=str(row_id)).order_by("id").values_list("codes", flat=True):
                if "was" in codes and "now" in codes and codes["now"] in {str(s) for s in REFERRAL.states}:
                    assert (codes["was"], codes["now"]) in REFERRAL.moves
                    assert not last or last == codes["was"]
                    last = codes["now"]
            state = Referral.objects.values_list("state", flat=True).get(id=row_id)
            assert not last or last == state, place


@pytest.mark.django_db
def test_random_histories(person: Callable[..., User], policy: Any, frozen: time_machine.Traveller) -> None:
    officer, stranger = person(Role.POLICE_LIAISON), person(Role.POLICE_LIAISON)
    other = Organisation.objects.create(name="Another police", kind="police")
    stranger.memberships.update(organisation=other)
    Referrals.police = Organisation.objects.get(name="The police").id
    Referrals.staff = [
        User.objects.get(id=user.id).actor
        for user in (officer, stranger, person(Role.ANALYST), person(Role.SENIOR_ANALYST))
    ]
    Referrals.policy = staticmethod(policy)
    Referrals.clock = frozen
    run_state_machine_as_test(
        Referrals,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )
