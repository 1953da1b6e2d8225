"""A renewal lifts nothing: it comes and what it renews goes in one edition, whatever the brake and the gate say of it."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.urls import reverse

from mamori.engine.editions import LAST_RING, read_delta
from mamori.engine.editions.statements import read_statement
from mamori.ground import clock, jobs
from mamori.ground.actors import SYSTEM, Role
from mamori.hotline.assessment.models import ContentItem
from mamori.lists.distribution import press as opened
from mamori.lists.distribution import queries, services
from mamori.lists.distribution.models import Edition, Wait
from mamori.lists.distribution.services import primary
from mamori.lists.listing import services as listing
from mamori.lists.listing.models import Entry, Withdrawal
from mamori.lists.listing.queries import counted
from mamori.lists.listing.states import Method
from tests.lists.cases import checked, confirmed, hold, release, told_to_police, tried

pytestmark = pytest.mark.django_db


def listed() -> dict[str, str]:
    """Target -> entry id, of the edition in force."""
    row = opened.in_force()
    entries = opened.open_edition(opened.keys(), row).listed.entries() if row else ()
    return {entry.target: entry.entry_id for entry in entries}


def codes() -> list[str]:
    """Why the last refused edition was refused."""
    row = Edition.objects.filter(state="refused").order_by("-version").first()
    return [each["code"] for each in row.refusals] if row else []


def endings(press: SimpleNamespace) -> set[str]:
    """The entries whose endings the edition in force tells."""
    delta = read_delta((press.folder / "current" / "changes.jsonl").read_bytes())
    return {signed.entry_id for signed in delta.statements if signed.action == "withdraw"}


@pytest.fixture
def contents(person) -> Callable[[str], object]:
    """`contents("bad.example")` is listable content on that name."""
    analysts = person(Role.ANALYST), person(Role.ANALYST)

    def make(name: str, page: str = "1"):
        content_id = confirmed(f"https://{name}/{page}", *analysts)
        told_to_police(content_id)
        checked(content_id)
        tried(content_id)
        return content_id

    return make


@pytest.fixture
def bad(press, body, contents):
    """bad.example is listed: its content and its entry."""
    content_id = contents("bad.example")
    entry = body.list(content_id)
    services.edition_publish()
    assert listed() == {"bad.example": str(entry.id)}
    return SimpleNamespace(content=content_id, entry=entry)


def test_a_full_brake_holds_no_renewal_back_and_nothing_opens(press, body, contents, bad, settings, frozen):
    settings.LIST_MAX_ADDED = 1
    other = body.list(contents("other.example"))
    renewal = body.list(bad.content)
    assert services.edition_publish() is not None
    assert listed() == {"bad.example": str(renewal.id)}, "the day's one addition was made before"
    assert codes() == ["too_many_additions"]
    bad.entry.refresh_from_db()
    assert (bad.entry.state, bad.entry.end, bad.entry.listed) == ("removed", "renewed", False)
    assert endings(press) == {str(bad.entry.id)}
    assert read_statement(Withdrawal.objects.get().statement.encode())["reason"] == "renewed"
    row = queries.in_force()
    assert (row.names, row.added, row.removed) == (1, 0, 0)
    assert services.edition_publish() is None, "nothing is left to tell of it"
    frozen.shift(timedelta(days=1, minutes=1))
    services.edition_publish()
    assert listed() == {"bad.example": str(renewal.id), "other.example": str(other.id)}


def test_renewals_take_no_room_from_additions_of_the_day(press, body, contents, bad, settings):
    settings.LIST_MAX_ADDED = 2
    for _time in range(3):
        renewal = body.list(bad.content)
        services.edition_publish()
        assert listed() == {"bad.example": str(renewal.id)}
    body.list(contents("other.example"))
    services.edition_publish()
    body.list(contents("third.example"))
    services.edition_publish()
    assert set(listed()) == {"bad.example", "other.example"}


def test_a_flood_of_others_holds_no_renewal_back(press, body, contents, bad, settings):
    settings.LIST_MAX_ADDED = 1
    for number in range(3):
        body.list(contents(f"n{number}.example"))
    renewal = body.list(bad.content)
    services.edition_publish()
    assert codes() == ["flood"]
    assert listed() == {"bad.example": str(renewal.id)}


def test_many_renewals_are_no_flood(press, body, contents, settings):
    every = [contents(f"n{number}.example") for number in range(5)]
    for content_id in every:
        body.list(content_id)
    services.edition_publish()
    settings.LIST_MAX_ADDED = 1
    renewals = {f"n{number}.example": str(body.list(content_id).id) for number, content_id in enumerate(every)}
    services.edition_publish()
    assert (listed(), codes()) == (renewals, [])


def test_what_a_refused_renewal_renews_stays_until_its_own_last_day(press, body, contents, bad, settings, frozen):
    renewal = body.propose(bad.content, days=180)
    body.activate(renewal)
    settings.POPULAR_NAMES = "bad.example"
    services.edition_publish()
    assert listed() == {"bad.example": str(bad.entry.id)}
    assert (codes(), endings(press)) == (["popular"], set())
    assert not Withdrawal.objects.exists()
    bad.entry.refresh_from_db()
    renewal.refresh_from_db()
    assert (bad.entry.end, renewal.refused[0]["code"]) == ("", "popular")
    frozen.shift(timedelta(days=89))
    services.edition_publish(refresh=True)
    assert listed() == {"bad.example": str(bad.entry.id)}
    frozen.shift(timedelta(days=1))
    jobs.run_sweep("listing.expire")
    services.edition_publish()
    bad.entry.refresh_from_db()
    assert (listed(), bad.entry.end) == ({}, "expired")
    settings.POPULAR_NAMES = ""
    services.edition_publish()
    assert listed() == {"bad.example": str(renewal.id)}


def test_a_renewal_that_comes_when_the_former_expires_leaves_no_gap(press, body, contents, bad, frozen, settings):
    settings.LIST_MAX_ADDED = 1
    frozen.shift(timedelta(days=89))
    checked(bad.content)
    renewal = body.list(bad.content)
    other = body.list(contents("other.example"))
    frozen.shift(timedelta(days=1))
    services.edition_publish()
    assert listed() == {"bad.example": str(renewal.id), "other.example": str(other.id)}
    jobs.run_sweep("listing.expire")
    assert services.edition_publish() is not None, "that it ended is told"
    assert listed() == {"bad.example": str(renewal.id), "other.example": str(other.id)}


def test_under_a_police_hold_the_former_stays_and_the_renewal_waits(press, body, bad):
    renewal = body.list(bad.content)
    hold(bad.content)
    listing.content_held(content_id=bad.content)
    services.edition_publish()
    assert listed() == {"bad.example": str(bad.entry.id)}
    release(bad.content)
    for user in (body.reviewer, body.both):
        listing.entry_review(actor=user.actor, entry_id=renewal.id, keep=True, note="Police know.")
    services.edition_publish()
    assert listed() == {"bad.example": str(renewal.id)}


@pytest.mark.parametrize("which", ["former", "renewal"])
@pytest.mark.parametrize("many", [False, True])
def test_to_withdraw_either_takes_the_target_off(press, body, bad, settings, which, many):
    renewal = body.list(bad.content)
    settings.POPULAR_NAMES = "bad.example"
    services.edition_publish()
    entry = {"former": bad.entry, "renewal": renewal}[which]
    if many:
        assert listing.entries_withdraw(actor=body.both.actor, entry_ids=[entry.id]) == 2
    else:
        listing.entry_withdraw(actor=body.both.actor, entry_id=entry.id)
    services.edition_publish()
    assert listed() == {}
    assert set(Entry.objects.values_list("state", "end")) == {("removed", "withdrawn")}
    settings.POPULAR_NAMES = ""
    services.edition_publish()
    assert listed() == {}


def test_each_ends_for_a_reason_of_its_own_content(press, body, contents, bad):
    """Two contents on one name: what becomes of one says nothing of the other."""
    second = contents("bad.example", "2")
    renewal = body.list(second)
    hold(second)
    listing.content_held(content_id=second)
    services.edition_publish()
    assert listed() == {"bad.example": str(bad.entry.id)}
    release(second)
    listing.content_gone(content_id=second)
    services.edition_publish()
    assert listed() == {"bad.example": str(bad.entry.id)}, "decided by two, and not expired"
    again = body.list(second)
    listing.content_gone(content_id=bad.content)
    services.edition_publish()
    assert listed() == {"bad.example": str(again.id)}
    assert dict(Entry.objects.values_list("id", "end")) == {
        bad.entry.id: "content_gone", renewal.id: "content_gone", again.id: ""
    }  # fmt: skip


def test_a_renewal_is_missing_in_no_ring_under_a_full_brake(press, body, bad, settings):
    settings.LIST_MAX_ADDED = 1
    settings.RING_SECONDS = (600, 1800)
    renewal = body.list(bad.content)
    services.edition_publish()
    row = opened.in_force()
    now = opened.open_edition(opened.keys(), row)
    for ring in range(LAST_RING + 1):
        assert [entry.entry_id for entry in now.listed.for_ring(ring).entries()] == [str(renewal.id)]
        assert primary._hot_names(now, ring)["bad.example"] is True
    assert not Wait.objects.exists()


def test_a_renewal_of_a_page_too(press, body, contents, settings):
    settings.LIST_MAX_ADDED = 1
    content_id = contents("page.example")
    body.list(content_id, Method.URL)
    services.edition_publish()
    name, page = body.list(content_id), body.list(content_id, Method.URL)
    services.edition_publish()
    assert listed() == {"https://page.example/1": str(page.id)}, "its name by the other method is an addition"
    assert name.renews_id is None


def test_a_publisher_that_died_keeps_the_ending_it_signed(press, body, bad):
    renewal = body.list(bad.content)
    services.edition_publish()
    row = queries.in_force()
    kept = Withdrawal.objects.get()
    Edition.objects.filter(id=row.id).update(state="signed", published_at=None)
    Entry.objects.filter(id=renewal.id).update(listed=False)
    Entry.objects.filter(id=bad.entry.id).update(
        listed=True, state="active", ended_at=None, end="", ending_told=False, yields=True
    )
    Withdrawal.objects.all().delete()
    services.edition_publish()
    bad.entry.refresh_from_db()
    assert (listed(), bad.entry.state) == ({"bad.example": str(renewal.id)}, "removed")
    assert Withdrawal.objects.get().statement == kept.statement


def test_the_list_made_anew_has_what_a_refused_renewal_renews(press, body, bad, settings):
    body.list(bad.content)
    settings.POPULAR_NAMES = "bad.example"
    services.edition_publish()
    settings.POPULAR_NAMES = ""
    for path in press.folder.rglob("*.jsonl"):
        path.unlink()
    settings.POPULAR_NAMES = "other.example"
    steps: list[str] = []
    services.edition_restore(steps.append)
    assert "bad.example" in listed()
    assert not [step for step in steps if step.startswith("left out")]


def test_after_the_kill_switch_a_renewal_takes_its_place(press, body, bad):
    services.kill_switch(actor=SYSTEM, reason="A grave error")
    services.edition_publish()
    renewal = body.list(bad.content)
    services.edition_publish()
    services.kill_lift(actor=body.approver.actor)
    services.edition_publish()
    assert listed() == {"bad.example": str(renewal.id)}
    assert (queries.in_force().added, queries.in_force().removed) == (1, 0), "the list came back"


def test_what_an_edition_renewed_is_none_of_what_it_brought(press, body, contents, bad):
    renewal = body.list(bad.content)
    body.list(contents("mistaken.example"))
    services.edition_publish()
    version = queries.in_force().version
    assert queries.added_by(version) == (version, ["mistaken.example"])
    assert services.edition_withdraw(actor=SYSTEM, version=version) == 1
    services.edition_publish()
    assert listed() == {"bad.example": str(renewal.id)}


def test_public_figures_count_no_renewal(press, body, bad):
    since = clock.now() - timedelta(days=1)
    body.list(bad.content)
    services.edition_publish()
    until = clock.now() + timedelta(minutes=1)
    found = counted(since, until)
    assert (found.added["dns"], found.removed["dns"]) == (1, 0)
    listing.content_gone(content_id=bad.content)
    services.edition_publish()
    found = counted(since, clock.now() + timedelta(minutes=1))
    assert (found.added["dns"], found.removed["dns"]) == (1, 1)


def test_under_the_brake_urgent_ones_come_first_then_the_oldest(press, body, contents, settings, frozen):
    names = ["a.example", "b.example", "c.example", "d.example"]
    for name in names:
        body.list(contents(name))
        frozen.shift(timedelta(minutes=1))
    ContentItem.objects.filter(host="d.example").update(at_risk=True)
    settings.LIST_MAX_ADDED = 2
    services.edition_publish()
    assert set(listed()) == {"d.example", "a.example"}
    frozen.shift(timedelta(days=1, minutes=1))
    services.edition_publish()
    assert set(listed()) == set(names)


def test_the_page_of_an_entry_says_that_it_yields(press, body, bad, browser_of):
    renewal = body.list(bad.content)
    english = {"accept-language": "en"}
    browser = browser_of(body.reviewer)
    said = "A renewal of this entry is signed."
    pages = [browser.get(reverse("listing_entry", args=[entry.id]), headers=english) for entry in (bad.entry, renewal)]
    assert [said in page.content.decode() for page in pages] == [True, False]
