"""Random histories of the assessment: whatever people do in whatever order, the table and the gate hold.

MAMORI_HISTORIES sets how many are tried.
"""

import os
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mamori.ground import clock, jobs
from mamori.ground.accounts.models import User
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.errors import DomainError
from mamori.hotline.assessment import services
from mamori.hotline.assessment.models import ContentEvent, ContentItem, Decision, Lease
from mamori.hotline.assessment.states import CONTENT, UNDER_LEASE, ContentState, Reason, Verdict
from tests.hotline.assessment_steps import CODES, item

HISTORIES = int(os.environ.get("MAMORI_HISTORIES", "200"))
SWEEPS = ("assessment.leases_expire", "assessment.decisions_conclude", "assessment.contents_age")
people = st.integers(0, 4)
items = st.integers(0, 2)
ends = st.sampled_from([ContentState.REMOVED, ContentState.UNAVAILABLE, ContentState.MOVED, ContentState.NOT_ILLEGAL])


class Assessment(RuleBasedStateMachine):
    """Three addresses, three analysts, two seniors, and a clock."""

    staff: ClassVar[list[User]] = []
    clock: ClassVar[time_machine.Traveller]

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.start = clock.now()

    def teardown(self) -> None:
        """What the append-only records tell is judged once, at the end; `invariant` is what no record would tell."""
        self.every_move_is_in_the_table()
        self.nobody_gives_two_opinions_in_a_round()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)
        self.clock.move_to(self.start)

    @initialize()
    def two_items(self) -> None:
        for place in (0, 1):
            item(f"https://history.example/{place}")

    def at(self, place: int) -> Any:
        ids = list(ContentItem.objects.order_by("url").values_list("id", flat=True))
        return ids[place % len(ids)]

    def attempt(self, call: Callable[..., Any], **arguments: Any) -> None:
        try:
            with transaction.atomic():
                call(**arguments)
        except DomainError:
            pass

    @rule(place=items, urgent=st.booleans())
    def report(self, place: int, urgent: bool) -> None:
        self.attempt(item, url=f"https://history.example/{place}", urgent=urgent)

    @rule(who=people, place=items)
    def take(self, who: int, place: int) -> None:
        self.attempt(services.lease_take, actor=self.staff[who].actor, content_id=self.at(place))

    @rule(who=people)
    def take_next(self, who: int) -> None:
        self.attempt(services.lease_next, actor=self.staff[who].actor)

    @rule(who=people, verdict=st.sampled_from(Verdict), risk=st.booleans())
    def take_and_decide(self, who: int, verdict: Verdict, risk: bool) -> None:
        self.attempt(services.lease_next, actor=self.staff[who].actor)
        self.decide(who=who, verdict=verdict, risk=risk)

    @rule(who=people, verdict=st.sampled_from(Verdict), risk=st.booleans())
    def decide(self, who: int, verdict: Verdict, risk: bool) -> None:
        lease = Lease.objects.filter(person=self.staff[who], ended_at=None).first()
        if lease is not None:
            codes = CODES if verdict.illegal else []
            arguments = {"verdict": verdict, "law_codes": codes, "child_at_risk": risk}
            self.attempt(services.decide, actor=self.staff[who].actor, content_id=lease.content_id, **arguments)

    @rule(who=people, place=items)
    def release(self, who: int, place: int) -> None:
        self.attempt(services.lease_release, actor=self.staff[who].actor, content_id=self.at(place))

    @rule(who=people)
    def withdraw(self, who: int) -> None:
        last = (
            Decision.objects.filter(decided_by=self.staff[who])
            .order_by("-decided_at", "-round", "content__url")
            .first()
        )
        if last is not None:
            self.attempt(services.decision_withdraw, actor=self.staff[who].actor, decision_id=last.id)

    @rule(who=people, place=items)
    def cannot_access(self, who: int, place: int) -> None:
        arguments = {"actor": self.staff[who].actor, "content_id": self.at(place), "reason": Reason.ERROR_404}
        self.attempt(services.content_cannot_access, **arguments)

    @rule(who=people, place=items)
    def reassess(self, who: int, place: int) -> None:
        self.attempt(services.content_reassess, actor=self.staff[who].actor, content_id=self.at(place))

    @rule(who=people, place=items)
    def reopen(self, who: int, place: int) -> None:
        self.attempt(services.content_reopen, actor=self.staff[who].actor, content_id=self.at(place))

    @rule(place=items, end=ends)
    def finish(self, place: int, end: ContentState) -> None:
        self.attempt(services.content_finish, actor=SYSTEM, content_id=self.at(place), end=end)

    @rule(place=items)
    def other_rooms(self, place: int) -> None:
        for call in (services.content_traced, services.content_monitored, services.content_resurfaced):
            self.attempt(call, actor=SYSTEM, content_id=self.at(place))

    @rule(minutes=st.sampled_from([3, 6, 31, 60 * 8, 60 * 24 * 8, 60 * 24 * 100]))
    def wait(self, minutes: int) -> None:
        self.clock.shift(timedelta(minutes=minutes))
        for sweep in SWEEPS:
            jobs.run_sweep(sweep)

    def every_move_is_in_the_table(self) -> None:
        last: dict[Any, str] = {}
        for event in ContentEvent.objects.order_by("id"):
            if event.was:
                assert (event.was, event.now) in CONTENT.moves
                assert last[event.content_id] == event.was
            last[event.content_id] = event.now
        assert last == dict(ContentItem.objects.values_list("id", "state"))

    def nobody_gives_two_opinions_in_a_round(self) -> None:
        given = defaultdict(list)
        for decision in Decision.objects.all():
            given[decision.content_id, decision.round].append(decision.decided_by_id)
        assert all(len(people) == len(set(people)) for people in given.values())

    @invariant()
    def illegal_is_the_word_of_two(self) -> None:
        found = ContentItem.objects.select_related("decision", "confirmation").exclude(verdict="")
        for content in found:
            if Verdict(content.verdict).illegal:
                assert content.decision.decided_by_id != content.confirmation.decided_by_id
                assert Verdict(content.decision.verdict).illegal
                assert Verdict(content.confirmation.verdict).illegal
        acted = ContentItem.objects.filter(state__in=["actioning", "monitoring"]).values_list("verdict", flat=True)
        assert all(Verdict(verdict).illegal for verdict in acted)

    @invariant()
    def an_item_is_under_a_lease_or_it_is_not(self) -> None:
        leased = set(Lease.objects.filter(ended_at=None).values_list("content_id", flat=True))
        looked_at = set(ContentItem.objects.filter(state__in=UNDER_LEASE).values_list("id", flat=True))
        assert leased == looked_at


@pytest.mark.django_db
def test_random_histories(person: Callable[..., User], frozen: time_machine.Traveller, settings: Any) -> None:
    settings.QA_SHARE = 0.5
    Assessment.staff = [person(Role.ANALYST) for _ in range(3)] + [person(Role.SENIOR_ANALYST) for _ in range(2)]
    Assessment.clock = frozen
    run_state_machine_as_test(Assessment, settings=_settings())


def _settings() -> settings:
    return settings(
        max_examples=HISTORIES,
        stateful_step_count=20,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
