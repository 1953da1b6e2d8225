"""Rings at the real primary, with a real resolver in each: the shipped configurations, the guard and `mamori list pull` agree."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from urllib3 import HTTPResponse

from demo.dns import ask
from mamori.engine.editions import LAST_RING
from mamori.engine.editions.transferred import Policy
from mamori.ground import clock, jobs
from mamori.ground.actors import Role
from mamori.lists.distribution import queries, services
from mamori.lists.distribution.knot import Knot
from mamori.lists.distribution.models import KnotState, Probe, Wait
from mamori.lists.distribution.services.subscribers import zone_names
from mamori.lists.distribution.services.tsig import key_name
from mamori.lists.distribution.states import Delivery
from mamori.lists.listing import services as listing
from mamori.site import settings as site
from mamori.tools.guard import Guard
from mamori.tools.pull import Zone, pull
from mamori.tools.transfers import Primary
from tests.lists.at_resolvers import OPEN, PROGRAMS, AtResolvers, at_resolvers
from tests.programs import needs

pytestmark = [pytest.mark.django_db, pytest.mark.resolvers, needs(*PROGRAMS)]
ENGINES = {"bind": (Delivery.STOP, 0), "unbound": (Delivery.NXDOMAIN, 1), "powerdns": (Delivery.NXDOMAIN, 2)}


@pytest.fixture
def rings(press, body, person, settings, run_jobs, world_folder: Path) -> Iterator[AtResolvers]:
    settings.RING_SECONDS = (600, 1800)
    with at_resolvers(
        world_folder / f"rings-{press.folder.parent.name}", ENGINES, settings, body, person, run_jobs
    ) as made:
        yield made


def move(rings: AtResolvers) -> None:
    """What waits has waited long enough."""
    Wait.objects.update(since=clock.now() - timedelta(hours=1))
    jobs.run_sweep("distribution.move")
    rings.run_jobs()


def test_an_addition_is_effective_ring_by_ring_a_halt_holds_it_and_going_is_never_held(rings, body):
    entry = rings.lists("bad.example")
    rings.until("bad.example", True, False, False)
    (probe,) = Probe.objects.filter(entry_id=entry.id)
    assert probe.resolver == "bind"
    assert probe.seconds is not None
    move(rings)
    rings.until("bad.example", True, True, False)
    services.rings_halt(actor=body.approver.actor, reason="A call")
    move(rings)
    assert rings.says("bad.example") == [True, True, False]
    services.rings_release(actor=body.approver.actor, reason="It was another name")
    move(rings)
    rings.until("bad.example", True, True, True)

    waiting = rings.lists("new.example")
    rings.until("new.example", True, False, False)
    for each in (entry, waiting):
        listing.entry_withdraw(actor=body.approver.actor, entry_id=each.id)
    rings.run_jobs()
    for name in ("bad.example", "new.example"):
        rings.until(name, False, False, False)
        assert {ask(each.resolver, name) for each in rings.world.providers.values()} == {OPEN}

    rings.lists("third.example")
    rings.until("third.example", True, False, False)
    services.kill_switch(actor=body.approver.actor, reason="A grave error")
    rings.run_jobs()
    for name in ("third.example", "canary.mamori.example"):
        rings.until(name, False, False, False)


def test_the_prober_halts_at_a_ring_that_blocks_no_more(rings, settings):
    rings.lists("bad.example")
    rings.world.providers["bind"].programs[-1].stop()
    move(rings)
    assert [fault["resolver"] for fault in queries.open_halt().faults] == ["bind"]
    rings.world.providers["bind"].programs[-1].start()
    rings.until("bad.example", True, False, False)


def test_the_guard_and_pulled_files_agree_in_each_ring_also_after_a_fold(rings, press, settings, client, tmp_path):
    rings.lists("old.example")
    move(rings)
    move(rings)
    rings.lists("mid.example")
    move(rings)
    rings.lists("new.example")
    wanted = [{"old", "mid", "new"}, {"old", "mid"}, {"old"}]
    secret = services.subscriber_add(
        actor=rings.person(Role.OPERATOR).actor, organisation="Files", delivery=Delivery.URL
    )[1]
    settings.MIDDLEWARE = [*site._COMMON, *site._PARTNER]
    settings.ROOT_URLCONF = "mamori.site.urls_partner"

    class Through:
        """The partner face, as both tools ask it."""

        def get(self, path):
            answer = client.get(f"/api/v1{path}", headers={"authorization": f"Bearer {secret}"})
            data = b"".join(answer.streaming_content) if answer.streaming else answer.content
            return HTTPResponse(io.BytesIO(data), answer.headers, answer.status_code, preload_content=False)

    def silent(_done: int, _total: int) -> None:
        pass

    def told(again: str) -> None:
        for ring, names in enumerate(wanted):
            folder = tmp_path / f"{again}-{ring}"
            pull(Through(), folder, press.root, ["hosts.txt"], zone=Zone("nx.list"), progress=silent, ring=ring)
            text = (folder / "hosts.txt").read_text()
            assert {name for name in ("old", "mid", "new") if f"{name}.example" in text} == names
            row, tsig = rings.subscribers[ring]
            file = tmp_path / f"tsig-{ring}"
            file.write_text(f"{key_name(row)} {tsig}\n")
            stop = settings.STOP_PAGE_HOST if row.delivery == Delivery.STOP else None
            guard = Guard(
                zone_names(row)[1],
                Policy("stop" if stop else "nxdomain", stop, settings.CANARY_NAME),
                primary=Primary.of(f"127.0.0.1@{rings.world.list.port}", file),
                api=Through(),
                root=press.root,
                folder=tmp_path / f"guard-{ring}",
                most=100,
                ring=ring,
            )
            checked = guard.check(progress=silent)
            assert checked.names == len(names)
            zones = "".join((tmp_path / f"guard-{ring}" / f"{zone}.zone").read_text() for zone in zone_names(row)[:2])
            blocked = {
                line.partition(".")[0] for line in zones.splitlines() if line.startswith(("old.", "mid.", "new."))
            }
            assert blocked == names

    told("before")
    assert services.edition_fold() is not None
    told("after")


def test_a_primary_that_was_rebuilt_gets_the_zones_of_all_rings_and_a_ring_without_subscriber_goes(rings):
    rings.lists("bad.example")
    knot = Knot(str(rings.world.knot_socket))
    wanted = {zone: knot.read(zone) for zone in ("hot0-stop.list", "hot1-nx.list", "hot-nx.list", "nx.list")}
    assert all(wanted.values())
    for zone in ("hot0-stop.list", "hot1-nx.list"):
        knot.drop_zone(zone)
    KnotState.objects.update(checked_at=clock.now() - timedelta(minutes=1))
    jobs.run_sweep("distribution.reconcile")
    assert {zone: knot.read(zone) for zone in wanted} == wanted
    move(rings)
    rings.until("bad.example", True, True, False)
    ours, _secret = rings.subscribers[0]
    services.subscriber_revoke(actor=rings.person(Role.OPERATOR).actor, subscriber_id=ours.id)
    rings.run_jobs()
    assert "hot0-stop.list" not in knot.zones()
    assert LAST_RING == 2
    assert not any(state.problem for state in queries.primary())
