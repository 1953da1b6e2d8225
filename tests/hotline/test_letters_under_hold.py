"""A letter that is written, but not yet taken by the mail server, when police ask to wait: it never leaves the house."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from mamori.ground import jobs
from mamori.ground.accounts.models import User
from mamori.ground.errors import DomainError
from mamori.ground.letters import services as letters
from mamori.ground.letters.models import Letter
from mamori.hotline.referral.models import Preservation
from mamori.hotline.referral.services import preservation_reference
from mamori.hotline.takedown.models import NoticeItem
from tests.hotline.takedown_steps import World, only_notice, text_of
from tests.hotline.takedown_steps import world as world_of

pytestmark = pytest.mark.django_db
HOSTER = "abuse@kasumi.example"
ONE, OTHER = "http://kiku.example/one", "http://ran.example/other"


@pytest.fixture
def world(tmp_path: Any, settings: Any, person: Any, frozen: Any, run_jobs: Any) -> Iterator[World]:
    with world_of(tmp_path, settings, person, frozen, run_jobs) as found:
        found.host("kiku.example", "ran.example")
        yield found


@pytest.fixture
def written(world: World) -> UUID:
    """A notice whose letter waits: the mailbox takes nothing for now."""
    world.box.full.add(HOSTER)
    content_id = world.content(ONE)
    world.work(16)
    assert letter().state == "queued"
    return content_id


def letter() -> Letter:
    return Letter.objects.filter(kind__startswith="notice_").order_by("-queued_at").first() or pytest.fail("no letter")


def item(content_id: UUID) -> NoticeItem:
    return NoticeItem.objects.get(content_id=content_id)


def mailbox_takes_again(world: World) -> None:
    world.box.full.clear()
    for _ in range(4):
        world.work(2)
        jobs.run_sweep("letters.recover")
    world.work()


def test_a_letter_waiting_for_the_mail_server_does_not_go_under_a_hold(world: World, written: UUID) -> None:
    world.hold(written)
    mailbox_takes_again(world)
    assert world.box.to(HOSTER) == []
    assert letter().state == "withdrawn"
    assert (item(written).state, item(written).told_in, only_notice().state) == ("suspended", None, "suspended")
    world.release(written)
    world.attest(written, online=True)
    world.work(16)
    assert len(world.box.to(HOSTER)) == 1
    assert (item(written).state, only_notice().state) == ("told", "delivered")


def test_a_request_to_preserve_does_not_go_under_a_hold_either_and_goes_before_the_notice_after_it(
    world: World, written: UUID
) -> None:
    world.hold(written)
    mailbox_takes_again(world)
    assert world.box.preserving(HOSTER) == []
    assert Letter.objects.get(kind="preservation").state == "withdrawn"
    world.release(written)
    world.attest(written, online=True)
    world.work(16)
    assert [bool(box) for box in (world.box.preserving(HOSTER), world.box.to(HOSTER))] == [True, True]
    asked = Letter.objects.get(kind="preservation", state="handed")
    assert asked.queued_at <= letter().queued_at
    assert Preservation.objects.get().letter_id == asked.id


def test_what_is_not_held_of_a_withdrawn_request_to_preserve_is_asked_for_again(world: World) -> None:
    world.box.full.add(HOSTER)
    held, free = world.content(ONE), world.content(OTHER)
    world.work(16)
    world.hold(held)
    mailbox_takes_again(world)
    (mail,) = world.box.preserving(HOSTER)
    rows = {row.content_id: row for row in Preservation.objects.all()}
    assert preservation_reference(rows[free].id) in text_of(mail)
    assert preservation_reference(rows[held].id) not in text_of(mail)
    assert (rows[held].held_back, rows[free].held_back) == (True, False)


def test_what_is_not_held_of_a_withdrawn_letter_is_told_by_the_next(world: World) -> None:
    world.box.full.add(HOSTER)
    held, free = world.content(ONE), world.content(OTHER)
    world.work(16)
    assert letter().state == "queued"
    world.hold(held)
    mailbox_takes_again(world)
    assert len(world.box.to(HOSTER)) == 1
    assert (item(held).state, item(free).state) == ("suspended", "told")
    page = Client().get(world.box.link(HOSTER)).content.decode()
    assert "ran" in page
    assert "kiku" not in page


def test_a_hold_that_comes_while_the_letter_is_being_sent_stops_the_last_dot(world: World, written: UUID) -> None:
    attempt = letters._begin(letter().id)
    assert attempt is not None
    world.hold(written)
    with pytest.raises(letters.Overtaken):
        letters._handing_over(letter().id, attempt)
    assert letter().state == "withdrawn"


def test_a_reminder_does_not_go_under_a_hold(world: World) -> None:
    content_id = world.content(ONE)
    world.work(16)
    assert len(world.box.to(HOSTER)) == 1
    world.box.full.add(HOSTER)
    world.next_day(content_id)
    assert (letter().kind, letter().state) == ("notice_reminder", "queued")
    world.hold(content_id)
    mailbox_takes_again(world)
    assert len(world.box.to(HOSTER)) == 1
    assert letter().state == "withdrawn"


def test_a_person_cannot_send_a_held_letter_again_nor_a_notices_letter_without_its_last_look(
    world: World, browser_of: Callable[[User], Client]
) -> None:
    world.box.refuses.add(HOSTER)
    content_id = world.content(ONE)
    world.work(16)
    assert letter().state == "refused"
    senior = browser_of(world.senior)
    assert reverse("letters_resend", args=[letter().id]) not in senior.get(f"/letters/{letter().id}/").content.decode()
    answer = senior.post(reverse("letters_resend", args=[letter().id]))
    assert answer.status_code == 409
    world.box.refuses.clear()
    world.hold(content_id)
    with pytest.raises(DomainError) as refusal:
        letters.letter_resolve(actor=world.senior.actor, letter_id=letter().id, send_again=True)
    assert refusal.value.code == "letter_withheld"
    world.work(5)
    assert world.box.to(HOSTER) == []
