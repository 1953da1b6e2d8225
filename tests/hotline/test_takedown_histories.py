"""Random histories of notices: whatever happens in whatever order, the promises hold, no state lies outside the tables,
nothing is noticed under a hold. MAMORI_HISTORIES sets how many are tried.
"""

import os
from typing import ClassVar
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from mamori.ground import clock
from mamori.ground.audit.models import Event
from mamori.ground.errors import DomainError
from mamori.ground.letters.models import Letter
from mamori.hotline.referral.models import Hold
from mamori.hotline.referral.queries import is_held
from mamori.hotline.takedown import services
from mamori.hotline.takedown.models import Notice, NoticeItem, NoticeLetter, Removal
from mamori.hotline.takedown.states import FINISHED, ITEM, ITEM_OPEN, NOTICE, OPEN, REMOVAL
from tests.hotline.takedown_steps import World
from tests.hotline.takedown_steps import world as world_of

pytestmark = pytest.mark.django_db
HISTORIES = int(os.environ.get("MAMORI_HISTORIES", "4"))
HOSTER = "abuse@kasumi.example"
URLS = ("http://kiku.example/a", "http://ran.example/b")
MACHINES = {"takedown.notice": NOTICE, "takedown.noticeitem": ITEM, "takedown.removal": REMOVAL}
STEPS = (
    "hold",
    "release",
    "claim",
    "dispute",
    "ack",
    "keep",
    "drop",
    "online",
    "gone",
    "quarter",
    "day",
    "bounce",
    "upstream",
    "close",
    "again",
)


@pytest.fixture
def world(tmp_path, settings, person, frozen, run_jobs):
    with world_of(tmp_path, settings, person, frozen, run_jobs) as found:
        found.host("kiku.example", "ran.example")
        yield found


def act(world, content_ids, step, which):
    content_id = content_ids[which]
    held = is_held(content_id)
    if step == "hold" and not held:
        world.hold(content_id)
    elif step == "release" and held:
        world.release(content_id)
    elif step in {"claim", "dispute", "ack"} and world.box.to(HOSTER):
        kind = {"claim": "removed", "dispute": "dispute", "ack": "acknowledge"}[step]
        named = [str(i.id) for i in NoticeItem.objects.filter(content_id=content_id)]
        Client().post(world.box.link(HOSTER), {"answer": kind, "text": "because", "item": named})
        world.work()
    elif step in {"keep", "drop"}:
        for item in NoticeItem.objects.filter(state="disputed"):
            services.dispute_settle(actor=world.first.actor, item_id=item.id, keep=step == "keep")
    elif step in {"online", "gone"}:
        world.attest(content_id, online=True) if step == "online" else world.gone(content_id)
    elif step in {"quarter", "day"}:
        world.work(16 if step == "quarter" else 24 * 60)
    elif step == "bounce":
        world.box.refuses ^= {HOSTER}
    elif step == "upstream":
        world.approve_mail("noc@upstream.example")
        world.work()
    elif step == "close":
        for notice in Notice.objects.exclude(state__in=list(FINISHED)):
            services.notice_close(actor=world.senior.actor, notice_id=notice.id)
    else:
        world.work()


def promises(world, content_ids, before):
    for notice in Notice.objects.all():
        assert notice.state in {str(s) for s in NOTICE.states}
        items = list(notice.items.all())
        open_ = [i for i in items if i.state in ITEM_OPEN]
        assert {i.state for i in items} <= {str(s) for s in ITEM.states}
        assert (notice.state in FINISHED) == (notice.finished_at is not None)
        assert not (notice.state in FINISHED and open_)
        assert sorted(notice.letters.values_list("n", flat=True)) == list(range(1, notice.letters.count() + 1))
    contacts = list(Notice.objects.filter(state__in=list(OPEN)).values_list("contact_id", flat=True))
    assert len(contacts) == len(set(contacts))
    for content_id in content_ids:
        removal = Removal.objects.get(content_id=content_id)
        assert removal.state in {str(s) for s in REMOVAL.states}
        held_open = NoticeItem.objects.filter(content_id=content_id, state__in=list(ITEM_OPEN)).count()
        assert held_open == (1 if removal.state == "noticed" else 0)
        if is_held(content_id):
            assert set(
                NoticeItem.objects.filter(content_id=content_id, state__in=list(ITEM_OPEN)).values_list(
                    "state", flat=True
                )
            ) <= {"suspended"}
    assert len({letter.key for letter in Letter.objects.all()}) == Letter.objects.count()
    handed = Letter.objects.filter(kind__startswith="notice_", state__in=["handed", "bounced"]).count()
    sent = [m for m in world.box.mails if "N-" in m["Subject"]]
    assert handed == len(sent) - before
    assert NoticeLetter.objects.count() == Letter.objects.filter(kind__startswith="notice_").count()


class Notices(RuleBasedStateMachine):
    """Two contents on two hosts of one provider; what people, police, the provider and time do to their notices."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.start = clock.now()
        self.contents: list[UUID] = []
        self.before = 0
        self.seen = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0

    def teardown(self) -> None:
        self.every_move_is_in_the_tables()
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)
        self.world.frozen.move_to(self.start)

    @initialize()
    def noticed(self) -> None:
        self.before = len([m for m in self.world.box.mails if "N-" in m["Subject"]])
        self.world.box.refuses.clear()
        self.contents = [self.world.content(url) for url in URLS]
        self.world.work(16)

    @rule(step=st.sampled_from(STEPS), which=st.integers(0, 1))
    def step(self, step: str, which: int) -> None:
        try:
            with transaction.atomic():
                act(self.world, self.contents, step, which)
        except DomainError:
            pass

    @invariant()
    def the_promises_hold(self) -> None:
        if self.contents:
            promises(self.world, self.contents, self.before)

    @invariant()
    def nothing_is_noticed_under_a_hold(self) -> None:
        for content_id, since in Hold.objects.filter(ended_at=None).values_list("referral__content_id", "asked_at"):
            told = NoticeItem.objects.filter(content_id=content_id, told_at__gt=since)
            assert not told.exists(), "a letter about held content left"

    def every_move_is_in_the_tables(self) -> None:
        moved = Event.objects.filter(codes__has_keys=["was", "now"], subject_type__in=list(MACHINES), id__gt=self.seen)
        for event in moved:
            moves = MACHINES[event.subject_type].moves
            assert (event.codes["was"], event.codes["now"]) in moves, event.event
        assert moved.exists()


def test_random_histories(world: World) -> None:
    Notices.world = world
    run_state_machine_as_test(
        Notices,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=12,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        ),
    )
