"""Random histories of notices: whatever happens in whatever order, the promises hold."""

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mamori.ground.errors import DomainError
from mamori.ground.letters.models import Letter
from mamori.hotline.referral.queries import is_held
from mamori.hotline.takedown import services
from mamori.hotline.takedown.models import Notice, NoticeItem, NoticeLetter, Removal
from mamori.hotline.takedown.states import FINISHED, ITEM, ITEM_OPEN, NOTICE, OPEN, REMOVAL
from tests.hotline.takedown_steps import world as world_of

pytestmark = pytest.mark.django_db
HOSTER = "abuse@kasumi.example"
URLS = ("http://kiku.example/a", "http://ran.example/b")
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


class Back(Exception):
    pass


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


def promises(world, content_ids):
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
    assert handed == len(sent) - world.before
    assert NoticeLetter.objects.count() == Letter.objects.filter(kind__startswith="notice_").count()


@given(history=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 1)), min_size=4, max_size=12))
@hypothesis_settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
def test_the_promises_hold_in_any_history(world, history):
    world.before = len([m for m in world.box.mails if "N-" in m["Subject"]])
    world.box.refuses.clear()
    try:
        with transaction.atomic():
            content_ids = [world.content(url) for url in URLS]
            world.work(16)
            promises(world, content_ids)
            for step, which in history:
                try:
                    act(world, content_ids, step, which)
                except DomainError:
                    continue
                promises(world, content_ids)
            raise Back
    except Back:
        pass
