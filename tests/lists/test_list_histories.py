"""Random histories of the list: whatever happens in whatever order, nobody both proposes and activates, nothing is
put on the list under a hold, no state lies outside the table, and no renewal lifts a block in any ring, however small
the brake and whatever the gate refuses. MAMORI_HISTORIES sets how many are tried.
"""

import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
import time_machine
from django.db import transaction
from django.db.models import Min
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mamori.engine.editions import LAST_RING
from mamori.ground import clock, jobs
from mamori.ground.accounts.models import User
from mamori.ground.errors import DomainError
from mamori.hotline.assessment.models import ContentItem
from mamori.hotline.referral import queries as referral
from mamori.lists.distribution import press
from mamori.lists.distribution import services as distribution
from mamori.lists.listing import queries, services
from mamori.lists.listing.models import Appeal, Approval, Entry, EntryEvent, Opinion
from mamori.lists.listing.states import ENTRY, IN_FORCE, AppealState, End, Method, Proof, Reason
from tests.lists.cases import Body, answers, checked, hold, listable, release

HISTORIES = int(os.environ.get("MAMORI_HISTORIES", "300"))
people = st.integers(0, 2)
contents = st.integers(0, 2)
methods = st.sampled_from(list(Method))
which = st.integers(0, 5)


class Listing(RuleBasedStateMachine):
    """Three contents on two names, a reviewer, an approver, one who is both, and a clock."""

    body: ClassVar[Body]
    clock: ClassVar[time_machine.Traveller]
    contents: ClassVar[list[UUID]]
    longest: ClassVar[timedelta] = timedelta(days=5000)

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.start = clock.now()
        self.staff = [self.body.reviewer, self.body.approver, self.body.both]

    def teardown(self) -> None:
        """What the append-only records tell is judged once, at the end; `invariant` is what no record would tell."""
        self.two_different_persons_stand_behind_every_entry_ever_in_force()
        self.every_move_is_in_the_table()
        self.a_complaint_was_decided_by_somebody_uninvolved()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)
        self.clock.move_to(self.start)

    @initialize()
    def online(self) -> None:
        for content_id in self.contents:
            checked(content_id)

    def attempt(self, call: Callable[..., Any], **arguments: Any) -> bool:
        try:
            with transaction.atomic():
                call(**arguments)
        except DomainError:
            return False
        return True

    def an_entry(self, at: int) -> Entry | None:
        entries = list(Entry.objects.annotate(first=Min("events__id")).order_by("-first")[:6])
        return entries[at % len(entries)] if entries else None

    @rule(who=people, content=contents, method=methods, days=st.sampled_from([30, 90, 180]))
    def propose(self, who: int, content: int, method: Method, days: int) -> None:
        self.attempt(
            services.entry_propose, actor=self.staff[who].actor, content_id=self.contents[content], method=method,
            reason=Reason.TOO_SLOW, answers=answers(method), days=days,
        )  # fmt: skip

    @rule(who=people, at=which)
    def sign(self, who: int, at: int) -> None:
        if entry := self.an_entry(at):
            signature = self.body.signature(self.staff[who], entry)
            self.attempt(services.entry_sign, actor=self.staff[who].actor, entry_id=entry.id, signature=signature)

    @rule(who=people, at=which)
    def activate(self, who: int, at: int) -> None:
        if entry := self.an_entry(at):
            held = referral.is_held(entry.content_id)
            signature = self.body.signature(self.staff[who], entry)
            done = self.attempt(
                services.entry_activate, actor=self.staff[who].actor, entry_id=entry.id, signature=signature
            )
            assert not (done and held)

    @rule(proposer=people, activator=people, content=contents, method=methods)
    def list_it(self, proposer: int, activator: int, content: int, method: Method) -> None:
        self.propose(who=proposer, content=content, method=method, days=90)
        self.sign(who=proposer, at=0)
        self.activate(who=activator, at=0)

    @rule(who=people, at=which)
    def withdraw(self, who: int, at: int) -> None:
        if entry := self.an_entry(at):
            self.attempt(services.entry_withdraw, actor=self.staff[who].actor, entry_id=entry.id)

    @rule(content=contents)
    def police_hold(self, content: int) -> None:
        if not referral.is_held(self.contents[content]):
            hold(self.contents[content])
            services.content_held(content_id=self.contents[content])

    @rule(content=contents)
    def police_release(self, content: int) -> None:
        release(self.contents[content])

    @rule(who=people, at=which, keep=st.booleans())
    def review(self, who: int, at: int, keep: bool) -> None:
        if entry := self.an_entry(at):
            self.attempt(
                services.entry_review, actor=self.staff[who].actor, entry_id=entry.id, keep=keep, note="A reason."
            )

    @rule(content=contents)
    def gone(self, content: int) -> None:
        services.content_gone(content_id=self.contents[content])

    @rule(content=contents, end=st.sampled_from([End.DISMISSED, End.REOPENED]))
    def dropped(self, content: int, end: End) -> None:
        services.content_dropped(content_id=self.contents[content], end=end)

    @rule(content=contents, state=st.sampled_from(["gone_4xx", "online_same"]))
    def check(self, content: int, state: str) -> None:
        self.clock.shift(timedelta(minutes=1))
        checked(self.contents[content], state)

    @rule(content=contents)
    def appeal(self, content: int) -> None:
        url = ContentItem.objects.values_list("url", flat=True).get(id=self.contents[content])
        services.appeal_open(address=url, text="Why", contact="me")
        jobs.run_sweep("listing.match_appeals")

    @rule(who=people, outcome=st.sampled_from(AppealState), accept=st.booleans())
    def handle_appeal(self, who: int, outcome: AppealState, accept: bool) -> None:
        appeal = Appeal.objects.filter(state__in=["received", "in_review"]).order_by("id").first()
        if appeal is None:
            return
        me = {"actor": self.staff[who].actor, "appeal_id": appeal.id}
        if accept:
            self.attempt(services.appeal_prove, **me, proof=Proof.FILE)
            self.attempt(services.appeal_accept, **me)
        elif outcome == AppealState.REJECTED:
            self.attempt(services.appeal_reject, **me, reason="No.")
        else:
            self.attempt(services.appeal_decide, **me, outcome=outcome, reason="So.")

    @rule(days=st.sampled_from([1, 29, 91]), swept=st.booleans())
    def wait(self, days: int, swept: bool) -> None:
        if clock.now() + timedelta(days=days) < self.start + self.longest:
            self.clock.shift(timedelta(days=days))
        if swept:
            jobs.run_sweep("listing.expire")

    @rule()
    def published(self) -> None:
        found = queries.pending()
        for entry in Entry.objects.filter(id__in=[each.entry_id for each in found.coming]):
            assert not referral.is_held(entry.content_id)
            assert (entry.state, entry.review_reason) != ("in_review", "police")
        places = [(each.method, each.target) for each in found.coming]
        had = Entry.objects.filter(listed=True, state__in=IN_FORCE).values_list("id", "method", "target")
        went = {str(number) for number, *place in had if tuple(place) in places} | found.going.keys()
        services.publication_told(came=[e.entry_id for e in found.coming], went=went, endings=found.endings, refused={})

    def two_different_persons_stand_behind_every_entry_ever_in_force(self) -> None:
        signed: dict[UUID, list[UUID]] = {}
        for entry_id, person_id in Approval.objects.values_list("entry_id", "person_id"):
            signed.setdefault(entry_id, []).append(person_id)
        for entry in Entry.objects.all():
            if entry.activated_at is not None:
                assert entry.activator_id not in (None, entry.proposer_id)
                assert set(signed[entry.id]) == {entry.proposer_id, entry.activator_id}
            else:
                assert entry.state not in IN_FORCE

    @invariant()
    def under_a_hold_an_entry_is_in_review_or_two_persons_keep_it(self) -> None:
        for entry in Entry.objects.filter(state__in=IN_FORCE):
            if referral.is_held(entry.content_id):
                if entry.state == "in_review":
                    assert entry.review_reason == "police"
                else:
                    kept = Opinion.objects.filter(entry=entry, review_since=entry.review_since, keep=True)
                    assert len(set(kept.values_list("person_id", flat=True))) >= 2

    def every_move_is_in_the_table(self) -> None:
        last: dict[UUID, str] = {}
        for event in EntryEvent.objects.order_by("id"):
            if event.was:
                assert (event.was, event.now) in ENTRY.moves
                assert last[event.entry_id] == event.was
            last[event.entry_id] = event.now
        assert last == dict(Entry.objects.values_list("id", "state"))

    @invariant()
    def what_ended_is_not_listed(self) -> None:
        listed = {each.entry_id for each in queries.entries_in_force()}
        assert not {str(i) for i in Entry.objects.exclude(end="").values_list("id", flat=True)} & listed

    def a_complaint_was_decided_by_somebody_uninvolved(self) -> None:
        for appeal in Appeal.objects.exclude(decided_by=None):
            assert appeal.decided_by_id not in (appeal.proposer_id, appeal.activator_id)


class Published(Listing):
    """With the publisher itself: three rings, and one addition a day."""

    settings: ClassVar[Any]
    longest: ClassVar[timedelta] = timedelta(days=360)  # the persons' keys hold for a year

    def __init__(self) -> None:
        super().__init__()
        self.rings: list[dict[tuple[str, str], str]] = [{}, {}, {}]  # what each has: method and target -> entry id
        self.added: list[tuple[datetime, int]] = []
        shutil.rmtree(self.settings.EDITION_DIR)
        self.settings.EDITION_DIR.mkdir()

    @rule(contents=st.tuples(contents, contents), who=st.sampled_from([(0, 1), (0, 2), (2, 1)]), refused=st.booleans())
    def renew_it(self, contents: tuple[int, int], who: tuple[int, int], refused: bool) -> None:
        """A name, and a day later another or the same again, perhaps for another content."""
        for content, last in zip(contents, (False, True), strict=True):
            self.wait(days=1, swept=False)
            self.check(content=content, state="online_same")
            self.list_it(proposer=who[0], activator=who[1], content=content, method=Method.DNS)
            self.published(refused=refused and last, moving=True)

    @rule(refused=st.booleans(), moving=st.booleans())
    def published(self, refused: bool = False, moving: bool = False) -> None:
        """`refused`: the gate takes no name any more that lies on one of the two sites."""
        for entry in Entry.objects.filter(id__in=[each.entry_id for each in queries.pending().coming]):
            assert not referral.is_held(entry.content_id)
            assert (entry.state, entry.review_reason) != ("in_review", "police")
        self.settings.POPULAR_NAMES = "h0.example" if refused else ""
        distribution.edition_publish(moving=moving)
        self.settings.POPULAR_NAMES = ""
        row = press.in_force()
        listed = press.open_edition(press.keys(), row).listed if row else None
        rings = [listed.for_ring(ring).entries() for ring in range(LAST_RING + 1)] if listed else [()] * 3
        before = self.rings
        self.rings = [{(each.method, each.target): each.entry_id for each in entries} for entries in rings]
        for had, has in zip(before, self.rings, strict=True):
            self.what_left_had_ended_by_itself({had[place] for place in had.keys() - has.keys()})
        self.added.append((clock.now(), len(self.rings[0].keys() - before[0].keys())))
        day = [number for at, number in self.added if at > clock.now() - timedelta(days=1)]
        assert sum(day) <= self.settings.LIST_MAX_ADDED

    def what_left_had_ended_by_itself(self, entry_ids: set[str]) -> None:
        """A target under a decision that holds never leaves the list because of a renewal."""
        for entry in Entry.objects.filter(id__in=entry_ids):
            own = entry.end not in ("", End.RENEWED) or entry.expires_on <= clock.now().date()
            assert own, f"{entry.target} is blocked no more: {entry.state} {entry.end}"


@pytest.mark.django_db
def test_random_histories(body: Body, person: Callable[..., User], frozen: time_machine.Traveller) -> None:
    _run(Listing, HISTORIES, body, person, frozen)


@pytest.mark.django_db
@pytest.mark.usefixtures("press")
def test_random_histories_of_what_is_published(
    settings: Any, body: Body, person: Callable[..., User], frozen: time_machine.Traveller
) -> None:
    settings.LIST_MAX_ADDED = 1
    settings.RING_SECONDS = (600, 1800)
    Published.settings = settings
    _run(Published, max(1, HISTORIES // 15), body, person, frozen)


def _run(
    machine: type[Listing], many: int, body: Body, person: Callable[..., User], frozen: time_machine.Traveller
) -> None:
    machine.body, machine.clock = body, frozen
    machine.contents = [listable(f"https://h{n % 2}.example/{n}", person) for n in range(3)]
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=many,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
