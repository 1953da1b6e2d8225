"""Rings: an addition reaches canaries of our own first, then one subscriber in twenty, then all; a fault or a person halts it."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from mamori.engine.addresses import protected_classes
from mamori.engine.editions import LAST_RING, read_delta
from mamori.ground import clock, jobs
from mamori.ground.accounts.models import Organisation
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.audit.models import Event
from mamori.ground.errors import DomainError, Forbidden
from mamori.hotline.assessment.models import ContentItem
from mamori.lists.distribution import press, queries, services
from mamori.lists.distribution.formats import Store
from mamori.lists.distribution.models import Edition, EditionChange, Halt, Subscriber, Wait
from mamori.lists.distribution.retention import RETENTION
from mamori.lists.distribution.services import halting
from mamori.lists.distribution.services.primary import hot_zones
from mamori.lists.distribution.services.rings import drawn_ring
from mamori.lists.distribution.services.subscribers import zone_names
from mamori.lists.distribution.states import Delivery
from mamori.lists.listing import services as listing
from mamori.lists.listing.case import content_rules
from mamori.lists.listing.models import Entry
from mamori.lists.listing.states import Method
from mamori.site.doctor import examine
from tests.lists.cases import listable, lose
from tests.lists.test_late_resolvers import Resolver
from tests.programs import needs

pytestmark = pytest.mark.django_db
ENGLISH = {"accept-language": "en"}
CHANGED = "changes.jsonl"


@pytest.fixture
def rings(press, settings, frozen, run_jobs):
    """Additions wait 10 minutes for ring 1 and 30 more for ring 2; a first edition is out."""
    settings.RING_SECONDS = (600, 1800)
    services.edition_publish(refresh=True)
    return frozen


def of_rings() -> list[set[str]]:
    """What the edition in force lists in ring 0, 1 and 2."""
    row = press.in_force()
    if row.kill_id is not None:
        return [set(), set(), set()]
    listed = press.open_edition(press.keys(), row).listed
    return [{entry.target for entry in listed.for_ring(ring).entries()} for ring in range(LAST_RING + 1)]


def reached(name: str) -> int:
    """The last ring that has a name; -1 for none."""
    return max((ring for ring, names in enumerate(of_rings()) if name in names), default=-1)


def later(rings, **more: int) -> None:
    rings.shift(timedelta(**more))
    jobs.run_sweep("distribution.move")


@pytest.fixture
def lists(body, person) -> Callable[[str], Entry]:
    """`lists("bad.example")` puts a name on the list and publishes."""

    def make(name: str) -> Entry:
        entry = body.list(listable(f"https://{name}/1", person))
        services.edition_publish()
        return entry

    return make


def test_without_waiting_all_have_an_addition_at_once_and_nothing_else_changes(press, lists, person):
    lists("bad.example")
    assert of_rings() == [{"bad.example"}] * 3
    assert b"waits" not in (press.folder / "current" / CHANGED).read_bytes()
    assert not Wait.objects.exists()
    assert [zones.hot for zones in hot_zones()] == ["hot-nx.list", "hot-stop.list"]
    operator = person(Role.OPERATOR).actor
    row, _secret = services.subscriber_add(
        actor=operator, organisation="A", delivery=Delivery.NXDOMAIN, asks_from="127.0.0.1"
    )
    assert (row.ring, zone_names(row)) == (LAST_RING, ("hot-nx.list", "nx.list"))
    with pytest.raises(DomainError, match="no_ring"):
        services.subscriber_add(actor=operator, organisation="B", delivery=Delivery.NXDOMAIN, ours=True)


def test_an_addition_goes_from_ring_to_ring_and_files_have_it_last(rings, press, lists):
    entry = lists("bad.example")
    assert reached("bad.example") == 0
    assert read_delta((press.folder / "current" / CHANGED).read_bytes()).waits == {str(entry.id): 0}
    services.formats_write()
    assert Store(press.folder).current()["names"] == 0
    version = queries.in_force().version
    later(rings, seconds=599)
    assert (reached("bad.example"), queries.in_force().version) == (0, version)
    later(rings, seconds=2)
    assert (reached("bad.example"), Wait.objects.get().ring) == (1, 1)
    later(rings, seconds=1790)
    assert reached("bad.example") == 1
    later(rings, seconds=20)
    assert (reached("bad.example"), Wait.objects.count()) == (2, 0)
    services.formats_write()
    assert Store(press.folder).current()["names"] == 1
    assert list(EditionChange.objects.order_by("id").values_list("change", "ring")) == [
        ("added", 0),
        ("moved", 1),
        ("moved", 2),
    ]
    later(rings, minutes=10)
    assert queries.in_force().version == version + 2, "nothing waits, nothing is published"


@pytest.mark.parametrize(("seconds", "first", "then"), [((0, 60), 1, 2), ((60, 0), 0, 2), ((0, 0), 2, 2)])
def test_a_ring_of_no_seconds_is_skipped(rings, settings, lists, seconds, first, then):
    settings.RING_SECONDS = seconds
    lists("bad.example")
    assert reached("bad.example") == first
    later(rings, seconds=61)
    assert reached("bad.example") == then


def test_waiting_that_is_switched_off_ends_with_the_next_look(rings, settings, lists):
    lists("bad.example")
    settings.RING_SECONDS = (0, 0)
    later(rings, seconds=1)
    assert reached("bad.example") == 2


def test_a_halt_holds_what_waits_and_a_release_moves_it_one_ring(rings, body, lists, run_jobs):
    lists("bad.example")
    approver = body.approver.actor
    with pytest.raises(DomainError, match="reason_missing"):
        services.rings_halt(actor=approver, reason=" ")
    with pytest.raises(Forbidden):
        services.rings_halt(actor=body.reviewer.actor, reason="no")
    halt = services.rings_halt(actor=approver, reason="A complaint by phone")
    assert services.rings_halt(actor=approver, reason="again").id == halt.id
    lists("later.example")
    later(rings, days=8)
    assert [reached(name) for name in ("bad.example", "later.example")] == [0, 0]
    with pytest.raises(Forbidden):
        services.rings_release(actor=body.reviewer.actor, reason="no")
    services.rings_release(actor=approver, reason="It was another name")
    run_jobs()
    assert [reached(name) for name in ("bad.example", "later.example")] == [1, 1]
    halt.refresh_from_db()
    assert (halt.how, halt.ended_by, halt.end_reason) == ("released", body.approver, "It was another name")
    with pytest.raises(DomainError, match="not_halted"):
        services.rings_release(actor=approver, reason="again")
    assert [e.event for e in Event.objects.filter(event__startswith="distribution.halt").order_by("id")] == [
        "distribution.halted",
        "distribution.halt_released",
    ]


def test_the_database_knows_one_open_halt_and_how_it_ended(rings, body):
    services.rings_halt(actor=body.approver.actor, reason="r")
    for fault in (
        lambda: Halt.objects.create(at=clock.now()),
        lambda: Halt.objects.update(ended_at=clock.now(), how="released"),
        lambda: Wait.objects.create(entry_id=uuid4(), ring=2, since=clock.now()),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            fault()


def test_all_that_waits_is_withdrawn_in_every_ring_by_one_person(rings, body, lists, run_jobs):
    lists("stays.example")
    later(rings, seconds=601)
    later(rings, seconds=1801)
    lists("one.example")
    lists("two.example")
    services.rings_halt(actor=body.approver.actor, reason="r")
    assert services.rings_withdraw(actor=body.approver.actor, reason="Both are wrong") == 2
    run_jobs()
    assert of_rings() == [{"stays.example"}] * 3
    assert queries.open_halt() is None
    removed = EditionChange.objects.filter(change="removed")
    assert set(removed.values_list("ring", flat=True)) == {0}, "later rings are told nothing of them"


def test_a_withdrawal_goes_everywhere_at_once_even_under_a_halt(rings, body, lists):
    everywhere = lists("old.example")
    later(rings, seconds=601)
    later(rings, seconds=1801)
    waiting = lists("new.example")
    services.rings_halt(actor=body.approver.actor, reason="r")
    for entry in (everywhere, waiting):
        listing.entry_withdraw(actor=body.approver.actor, entry_id=entry.id)
    services.edition_publish()
    assert of_rings() == [set()] * 3
    assert not Wait.objects.exists()


def test_what_expires_goes_everywhere(rings, body, lists):
    entry = lists("bad.example")
    services.rings_halt(actor=body.approver.actor, reason="r")
    rings.shift(timedelta(days=(entry.expires_on - clock.now().date()).days))
    jobs.run_sweep("listing.expire")
    services.edition_publish()
    assert of_rings() == [set()] * 3


def test_an_urgent_addition_does_not_wait_but_passes_the_gate(rings, body, person, settings):
    entries = [body.propose(listable(f"https://{name}/1", person)) for name in ("urgent.example", "refused.example")]
    ContentItem.objects.update(at_risk=True)
    reported = body.propose(listable("https://reported.example/1", person))
    ContentItem.objects.filter(host="reported.example").update(at_risk_reported=True)
    for entry in (*entries, reported):
        body.activate(entry)
    settings.POPULAR_NAMES = "refused.example"
    services.edition_publish()
    assert reached("urgent.example") == 2
    assert reached("refused.example") == -1
    assert reached("reported.example") == 0, "a reporter's word alone skips nothing"
    ContentItem.objects.filter(host="reported.example").update(at_risk=True)
    later(rings, seconds=1)
    assert reached("reported.example") == 2, "an analyst saw it since"


def test_a_renewal_opens_nothing(rings, body, person):
    content_id = listable("https://bad.example/1", person)
    body.list(content_id)
    services.edition_publish()
    later(rings, seconds=601)
    later(rings, seconds=1801)
    assert reached("bad.example") == 2
    body.list(content_id)
    services.edition_publish()
    assert (reached("bad.example"), Wait.objects.count()) == (2, 0)
    other = listable("https://new.example/1", person)
    body.list(other)
    services.edition_publish()
    later(rings, seconds=601)
    body.list(other)
    services.edition_publish()
    assert reached("new.example") == 1, "no further than what it renews"
    later(rings, seconds=1801)
    assert reached("new.example") == 2


def test_pages_of_the_url_list_wait_too(rings, body, person):
    body.list(listable("https://page.example/x", person), Method.URL)
    services.edition_publish()
    assert of_rings() == [{"https://page.example/x"}, set(), set()]


def test_the_kill_switch_empties_every_ring_and_what_waited_waits_anew(rings, body, lists):
    lists("bad.example")
    services.kill_switch(actor=body.approver.actor, reason="A grave error")
    services.edition_publish()
    assert of_rings() == [set()] * 3
    later(rings, hours=2)
    assert (of_rings(), Wait.objects.get().ring) == ([set()] * 3, 0)
    services.kill_lift(actor=body.both.actor)
    services.edition_publish()
    assert reached("bad.example") == 0
    later(rings, seconds=599)
    assert reached("bad.example") == 0
    later(rings, seconds=2)
    assert reached("bad.example") == 1


@needs("named-checkzone")
def test_a_fold_carries_on_what_waits_and_takes_nothing_else_up_late(rings, body, lists, settings):
    settings.LIST_JUDGES = ["bind"]
    lists("old.example")
    later(rings, seconds=601)
    later(rings, seconds=1801)
    lists("new.example")
    assert services.edition_fold() is not None
    opened = press.open_edition(press.keys(), press.in_force())
    assert {entry.target for entry in opened.base.listed.entries()} == {"old.example"}
    assert [reached(name) for name in ("old.example", "new.example")] == [2, 0]
    assert services.edition_fold() is None, "what waits alone is nothing to fold"
    later(rings, seconds=601)
    later(rings, seconds=1801)
    assert reached("new.example") == 2
    assert services.edition_fold() is not None
    opened = press.open_edition(press.keys(), press.in_force())
    assert {entry.target for entry in opened.base.listed.entries()} == {"old.example", "new.example"}


def test_a_list_made_anew_from_the_database_holds_back_what_waited(rings, press, lists):
    lists("old.example")
    later(rings, seconds=601)
    later(rings, seconds=1801)
    lists("mid.example")
    later(rings, seconds=601)
    lists("new.example")
    lose(press)
    services.edition_restore(lambda _step: None)
    assert [reached(f"{name}.example") for name in ("old", "mid", "new")] == [2, 1, 0]
    later(rings, seconds=1801)
    assert [reached(f"{name}.example") for name in ("old", "mid", "new")] == [2, 2, 1]


def test_a_publisher_that_died_between_the_steps_is_taken_up(rings, press, lists):
    lists("bad.example")
    Edition.objects.filter(version=queries.in_force().version).update(state="signed", published_at=None)
    Wait.objects.all().delete()
    services.edition_publish()
    assert Wait.objects.get().ring == 0


def test_one_in_twenty_is_drawn_and_nobody_chooses(rings, person, settings):
    numbers = [uuid4() for _ in range(4000)]
    drawn = [drawn_ring(number) for number in numbers]
    assert 120 < drawn.count(1) < 290
    assert drawn.count(0) == 0
    assert drawn == [drawn_ring(number) for number in numbers]
    operator = person(Role.OPERATOR).actor
    add = services.subscriber_add
    ours, _secret = add(actor=operator, organisation="Us", delivery=Delivery.NXDOMAIN, asks_from="127.0.0.1", ours=True)
    assert zone_names(ours) == ("hot0-nx.list", "nx.list")
    files, _secret = add(actor=operator, organisation="Files", delivery=Delivery.URL)
    assert files.ring == LAST_RING
    with pytest.raises(DomainError, match="no_ring"):
        add(actor=operator, organisation="Us", delivery=Delivery.URL, ours=True)
    settings.RING_SECONDS = (0, 0)
    row, _secret = services.subscriber_renew_key(actor=operator, subscriber_id=ours.id)
    assert row.ring == LAST_RING, "with a new key it is set up as all others"


def ours(resolver: str, ring: int = 0) -> Subscriber:
    now = clock.now()
    organisation, _new = Organisation.objects.get_or_create(name="Us", defaults={"kind": "provider"})
    return Subscriber.objects.create(
        organisation=organisation, delivery="nxdomain", state="active", added_at=now, applied_at=now, ring=ring,
        resolvers=[resolver],
    )  # fmt: skip


def test_the_doctor_says_when_nobody_would_see_harm(rings, settings):
    def says() -> tuple[str, str]:
        (found,) = (each for each in examine() if each.what == "rings of the list")
        return found.level, found.finding

    assert says()[0] == "bad" and "nobody sees harm before others" in says()[1]
    ours("own")
    assert says()[0] == "bad" and "nothing halts by itself" in says()[1]
    settings.PROBE_RESOLVERS = {"own": "127.0.0.1:1"}
    assert says()[0] == "note" and "they wait for nobody" in says()[1]
    ours("theirs", 1)
    assert says()[0] == "bad" and "halted there" in says()[1]
    settings.PROBE_OUTSIDE = {"theirs": "127.0.0.1:2"}
    assert says()[0] == "good"


def test_the_doctor_notes_that_nothing_waits_and_names_the_setting(rings, settings):
    settings.RING_SECONDS = (0, 0)
    (found,) = (each for each in examine() if each.what == "rings of the list")
    assert (found.level, "reaches every subscriber at once" in found.finding) == ("note", True)
    assert "MAMORI_RING_SECONDS" in found.remedy


@pytest.fixture
def resolver(settings):
    found = Resolver()
    found.start()
    settings.PROBE_RESOLVERS = {"own": found.address}
    yield found
    found.socket.close()


@pytest.mark.parametrize("ring", [0, 1])
def test_the_prober_halts_when_a_canary_is_missing(rings, lists, resolver, ring, body, monkeypatch):
    """A resolver of the first rings that lets all through enforces nothing."""
    ours("own", ring)
    lists("bad.example")
    later(rings, seconds=601)
    assert reached("bad.example") == 0
    halt = queries.open_halt()
    assert (halt.by, [(fault["code"], fault["resolver"]) for fault in halt.faults]) == (None, [("canary", "own")])
    services.rings_release(actor=body.approver.actor, reason="It is being restarted")
    later(rings, seconds=1)
    assert (reached("bad.example"), queries.open_halt() is None) == (0, False), "what is still wrong halts again"
    services.rings_release(actor=body.approver.actor, reason="It runs again")
    resolver.blocks = True
    monkeypatch.setattr(halting, "_never_blocked", list)  # it blocks these too
    later(rings, seconds=1)
    assert (reached("bad.example"), queries.open_halt()) == (1, None)


def test_the_prober_halts_when_a_popular_name_is_blocked_but_asks_others_for_canaries_alone(
    rings, lists, resolver, settings
):
    """This one says that nothing exists but the canary of the hot zone."""
    ours("own")
    resolver.blocks = True
    settings.PROBE_RESOLVERS, settings.PROBE_OUTSIDE = {}, {"own": resolver.address}
    lists("one.example")
    later(rings, seconds=601)
    assert reached("one.example") == 1
    settings.PROBE_RESOLVERS, settings.PROBE_OUTSIDE = {"own": resolver.address}, {}
    later(rings, seconds=1801)
    assert reached("one.example") == 1
    halt = queries.open_halt()
    assert {fault["code"] for fault in halt.faults} == {"protected"}


def test_names_of_each_class_that_is_never_blocked_are_asked_and_our_own(rings, lists, resolver, settings, body):
    settings.PUBLIC_URL, settings.PARTNER_URL = "https://www.hotline.test/", "https://api.hotline.test"
    ours("own")
    resolver.blocks = True
    lists("one.example")
    asked = []
    for _look in range(2):
        later(rings, seconds=601)
        asked.append({fault["name"] for fault in queries.open_halt().faults})
        services.rings_release(actor=body.approver.actor, reason="Look again")
    rules = content_rules()
    classes = [rules.popular.names, rules.shared_platforms.names, *protected_classes()]
    assert len(classes) >= 8
    assert sum(all("*" in name for name in names) for names in classes) <= 1
    for names in classes:
        least = min(halting.DRAWN, sum("*" not in name for name in names))
        assert [len(found & names) >= least for found in asked] == [True, True]
    own = {settings.STOP_PAGE_HOST, "www.hotline.test", "api.hotline.test"}
    assert own <= asked[0] & asked[1]
    assert asked[0] != asked[1], "drawn anew for each look"
    assert not any("*" in name for name in asked[0])
    assert settings.CANARY_NAME not in asked[0], "it is blocked by purpose"


def test_a_ring_in_which_nobody_may_be_asked_holds_additions_and_an_empty_one_does_not(
    rings, lists, resolver, settings, body, monkeypatch
):
    monkeypatch.setattr(halting, "_never_blocked", list)
    resolver.blocks = True
    settings.PROBE_RESOLVERS = {}
    lists("empty.example")
    later(rings, seconds=601)
    assert (reached("empty.example"), queries.open_halt()) == (1, None), "no subscriber is in the first ring"
    later(rings, seconds=1801)
    assert reached("empty.example") == 2

    ours("own")
    ours("theirs", 1)
    lists("bad.example")
    later(rings, seconds=601)
    halt = queries.open_halt()
    assert [(fault["code"], fault["name"]) for fault in halt.faults] == [("unwatched", "0")]
    assert " 0 " in queries.found_by_prober(halt)[0]
    assert reached("bad.example") == 0
    settings.PROBE_RESOLVERS = {"own": resolver.address}
    services.rings_release(actor=body.approver.actor, reason="It may be asked now")
    later(rings, seconds=1)
    assert (reached("bad.example"), queries.open_halt()) == (1, None), "nothing is in the second ring yet"
    later(rings, seconds=1801)
    assert [(fault["code"], fault["name"]) for fault in queries.open_halt().faults] == [("unwatched", "1")]
    assert reached("bad.example") == 1
    settings.PROBE_OUTSIDE = {"theirs": resolver.address}
    services.rings_release(actor=body.approver.actor, reason="That too")
    later(rings, seconds=1)
    assert reached("bad.example") == 2


def test_resolvers_of_the_last_ring_halt_nothing_and_are_not_asked_early(rings, lists, resolver):
    ours("own", LAST_RING)
    lists("bad.example")
    services.probe_run(queries.in_force().id)
    assert resolver.asked == 0
    later(rings, seconds=601)
    assert (reached("bad.example"), resolver.asked) == (1, 0)


def test_the_page_shows_what_waits_and_takes_the_halt(rings, body, lists, browser_of, person, run_jobs):
    entry = lists("bad.example")
    url = reverse("distribution_waiting")
    browser = browser_of(body.approver)
    page = browser.get(url, headers=ENGLISH).content.decode()
    assert (
        "bad[.]example" in page and "Canaries of our own" in page and reverse("listing_entry", args=[entry.id]) in page
    )
    assert browser.post(url, {"step": "halt", "reason": ""}).status_code == 422
    browser.post(url, {"step": "halt", "reason": "A call"})
    page = browser.get(url, headers=ENGLISH).content.decode()
    assert "Halted since" in page and "A call" in page
    assert [each.count for each in queries.desk(body.approver.actor) if each.url == url] == [1]
    operator = browser_of(person(Role.OPERATOR))
    seen = operator.get(url, headers=ENGLISH).content.decode()
    assert "bad[.]example" not in seen and "1 entry waits" in seen
    assert operator.post(url, {"step": "release", "reason": "no"}).status_code == 403
    browser.post(url, {"step": "withdraw", "reason": "Wrong"})
    run_jobs()
    assert of_rings() == [set()] * 3
    assert "リングで待機中の登録" in browser.get(url, headers={"accept-language": "ja"}).content.decode()


def test_reasons_of_a_halt_are_forgotten_in_time(rings, body):
    services.rings_halt(actor=body.approver.actor, reason="r")
    services.rings_release(actor=body.approver.actor, reason="s")
    (kept,) = (each for each in RETENTION if each.name == "distribution.halt")
    assert list(kept.due(clock.now() - timedelta(days=1), 10)) == []
    due = kept.due(clock.now() + timedelta(days=1), 10)
    assert kept.destroy(SYSTEM, due) == 1
    assert list(kept.due(clock.now() + timedelta(days=1), 10)) == []
