"""Subscribers with the shipped configurations heal by themselves: after being down, and when no announcement ever arrives."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from demo.dns import NX_ZONE, STOP_HOST, STOP_ZONE, DnsWorld, ask
from demo.knot import Record
from demo.processes import free_ports, wait_until
from tests.programs import needs

pytestmark = [pytest.mark.resolvers, needs("knotd", "knotc", "unbound", "named", "pdns_recursor")]
ENGINES = ("unbound", "bind", "powerdns")
ZONES = (f"hot-{NX_ZONE}", NX_ZONE, f"hot-{STOP_ZONE}", STOP_ZONE)
OPEN = "A 127.77.0.10"
SHORT = "hub.invalid. hostmaster.invalid. 2000000000 2 30 2592000 60"  # refresh 2 s where the list's own zones say 60 s
LOTS = 9  # seconds: with the zone's retry time alone (30 s) BIND first looks 9 to 30 s after a start


@pytest.fixture(scope="module")
def world(world_folder: Path) -> Iterator[DnsWorld]:
    """A primary whose zones ask to be looked at every 2 s, so that a test need not wait a minute; BIND as shipped looks each 10 s."""
    with DnsWorld(world_folder / "healing", free_ports(6), engines=ENGINES) as made:
        for zone in ZONES:
            made.list.transaction(zone, add=[Record("@", 60, "SOA", SHORT)])
        yield made


def change(world: DnsWorld, name: str, *, block: bool) -> None:
    """List a name, or take it off again, in the hot zones, where every change comes first."""
    records = [Record(owner, 60, "CNAME", ".") for owner in (name, f"*.{name}")]
    for zone, target in ((f"hot-{NX_ZONE}", "."), (f"hot-{STOP_ZONE}", STOP_HOST)):
        if block:
            world.list.transaction(zone, add=[replace(record, data=target) for record in records])
        else:
            world.list.transaction(zone, remove=[(record.owner, "CNAME") for record in records])


def becomes(world: DnsWorld, engine: str, name: str, *, blocked: bool, seconds: float) -> None:
    provider = world.providers[engine]
    wanted = provider.blocked if blocked else OPEN
    wait_until(lambda: ask(provider.resolver, name, timeout=0.5) == wanted, seconds, f"{engine}: {name} {wanted}")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_subscriber_that_was_down_catches_up_when_it_starts(world: DnsWorld, engine: str) -> None:
    """All it missed, blocks and lifts, with no change after its start that would tell it."""
    provider, gone = world.providers[engine], f"lifted-while-{engine}-slept.example"
    came = [f"n{number}-while-{engine}-slept.example" for number in range(20)]
    world.host([gone, *came])
    change(world, gone, block=True)
    becomes(world, engine, gone, blocked=True, seconds=10)
    for each in reversed(provider.programs):
        each.stop()
    change(world, gone, block=False)
    for name in came:
        change(world, name, block=True)
    began = time.monotonic()
    for each in provider.programs:
        each.start()
    becomes(world, engine, gone, blocked=False, seconds=30)
    for name in came:
        becomes(world, engine, name, blocked=True, seconds=30)
    assert time.monotonic() - began < LOTS


@pytest.mark.parametrize("engine", ENGINES)
def test_without_any_announcement_the_refresh_of_the_soa_brings_changes(world: DnsWorld, engine: str) -> None:
    """As if every NOTIFY were lost: the primary is told no address of this subscriber."""
    provider, name = world.providers[engine], f"unannounced-to-{engine}.example"
    world.host([name])
    world.list.revoke(provider.key.name)
    world.list.subscribe(provider.key, [f"hot-{provider.zone}", provider.zone])
    try:
        change(world, name, block=True)
        becomes(world, engine, name, blocked=True, seconds=40)
        change(world, name, block=False)
        becomes(world, engine, name, blocked=False, seconds=40)
    finally:
        world.subscribe(provider)
