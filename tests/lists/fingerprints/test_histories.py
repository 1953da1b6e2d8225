"""Random histories of the bank: whatever happens in whatever order, nobody both proposes and agrees, what was withdrawn
is never in force again, and whoever follows the feed knows just what is in force. MAMORI_HISTORIES sets how many.
"""

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from mamori.ground.errors import DomainError
from mamori.lists.fingerprints import queries, services
from mamori.lists.fingerprints.models import Entry, EntryEvent, Harmless
from mamori.lists.fingerprints.services import NewFingerprint
from mamori.lists.fingerprints.states import BANK_ENTRY, EntryState, Sharing

HISTORIES = max(int(os.environ.get("MAMORI_HISTORIES", "300")) // 10, 5)
people = st.integers(0, 3)
which = st.integers(0, 5)


class Bank(RuleBasedStateMachine):
    """Two analysts, a senior one and a partner; a follower that reads the feed."""

    world: ClassVar[SimpleNamespace]

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        w = self.world
        self.staff = [w.ann.actor, w.ben.actor, w.sue.actor, w.partner]
        self.seq, self.index = queries.last_change(), set()
        self.withdrawn: set[UUID] = set()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def attempt(self, call: Callable[..., Any], **arguments: Any) -> None:
        try:
            with transaction.atomic():
                call(**arguments)
        except DomainError:
            pass

    def an_entry(self, at: int) -> UUID | None:
        found = list(Entry.objects.order_by("number").values_list("id", flat=True)[:6])
        return found[at % len(found)] if found else None

    @rule(who=people, ref=st.integers(0, 5), source=st.sampled_from(["ngo", "own", "provider"]))
    def add(self, who: int, ref: int, source: str) -> None:
        values = [NewFingerprint("md5", bytes([ref]) * 16)]
        self.attempt(
            services.entry_add, actor=self.staff[who], source_code=source, source_ref=str(ref), media="image",
            classification="national", fingerprints=values,
        )  # fmt: skip

    @rule(
        who=people,
        at=which,
        step=st.sampled_from(["entry_confirm", "entry_share", "entry_release", "entry_withdraw"]),
    )
    def step(self, who: int, at: int, step: str) -> None:
        if entry := self.an_entry(at):
            self.attempt(getattr(services, step), actor=self.staff[who], entry_id=entry)

    @rule(who=people, at=which, verdict=st.sampled_from(["confirm", "deny"]))
    def vote(self, who: int, at: int, verdict: str) -> None:
        if entry := self.an_entry(at):
            self.attempt(services.vote_record, actor=self.staff[who], entry_id=entry, verdict=verdict)

    @rule(at=which)
    def flood(self, at: int) -> None:
        if entry := self.an_entry(at):
            services.hits_record({entry: django_settings.FLOOD_HITS})
            services.entry_hold(entry_id=entry)

    @rule(who=st.integers(0, 2), value=st.integers(0, 5), agree=st.booleans())
    def negative(self, who: int, value: int, agree: bool) -> None:
        if not agree:
            arguments = {"algorithm": "md5", "value": bytes([value]) * 16, "reason": "A picture of a harbour."}
            self.attempt(services.harmless_propose, actor=self.staff[who], **arguments)
        elif row := Harmless.objects.filter(value=bytes([value]) * 16).first():
            self.attempt(services.harmless_confirm, actor=self.staff[who], harmless_id=row.id)

    @invariant()
    def what_is_shared_has_two_persons(self) -> None:
        for entry in Entry.objects.filter(sharing=Sharing.PARTNERS, state__in=["active", "quarantined"]):
            assert entry.confirmed_by_id is not None
            assert entry.confirmed_by_id != entry.proposed_by_id
        for row in Harmless.objects.filter(state="active"):
            assert row.confirmed_by_id not in (None, row.proposed_by_id)

    @invariant()
    def what_was_withdrawn_is_never_in_force_again(self) -> None:
        ended = set(Entry.objects.filter(state=EntryState.WITHDRAWN).values_list("id", flat=True))
        assert self.withdrawn <= ended
        self.withdrawn = ended

    @invariant()
    def the_feed_tells_what_is_in_force(self) -> None:
        for change in queries.changes_since(self.seq):
            self.seq = change.seq
            if change.kind == "add":
                self.index.add(change.entry_id)
            elif change.kind == "withdraw":
                self.index.remove(change.entry_id)
        assert self.index == {view.entry_id for view in queries.all_in_force()}

    @invariant()
    def every_move_is_in_the_table(self) -> None:
        moves = {(str(a), str(b)) for a, b in BANK_ENTRY.moves}
        for was, now in EntryEvent.objects.exclude(was="").values_list("was", "now"):
            assert was == now or (was, now) in moves


@pytest.mark.django_db
def test_no_history_breaks_the_rules(bank: SimpleNamespace) -> None:
    Bank.world = bank
    run_state_machine_as_test(
        Bank,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
