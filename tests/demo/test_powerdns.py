"""The shipped configuration of PowerDNS Recursor: base, and hot zone over base, in names that were asked before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.dns import NX_ZONE, DnsWorld, ask
from demo.knot import Record
from demo.processes import free_ports, wait_until
from tests.programs import needs

pytestmark = [pytest.mark.resolvers, needs("knotd", "knotc", "pdns_recursor")]
OPEN, BLOCKED = "A 127.77.0.10", "NXDOMAIN"
HOT = f"hot-{NX_ZONE}"
SECONDS = 5  # it looks each second


@pytest.fixture(scope="module", params=[False, True], ids=["polls", "long poll"])
def world(world_folder: Path, request: pytest.FixtureRequest) -> Iterator[DnsWorld]:
    folder = world_folder / f"powerdns-{request.param}"
    with DnsWorld(folder, free_ports(6), engines=("powerdns",), long_poll=request.param) as made:
        yield made


def both(name: str, target: str) -> list[Record]:
    return [Record(owner, 60, "CNAME", target) for owner in (name, f"*.{name}")]


def test_base_blocks_hot_lifts_and_hot_blocks(world: DnsWorld) -> None:
    resolver = world.providers["powerdns"].resolver
    names = ["based.example", "www.based.example", "fresh.example", "www.fresh.example"]
    world.host(names, "127.77.0.10")
    assert [ask(resolver, name) for name in names] == [OPEN] * 4, "asked before, so that a packet cache would keep it"

    def becomes(what: str, *wanted: str) -> None:
        wait_until(lambda: [ask(resolver, name) for name in names] == list(wanted), SECONDS, what)

    world.list.transaction(HOT, add=both("fresh.example", "."))
    becomes("the hot zone did not block", OPEN, OPEN, BLOCKED, BLOCKED)
    world.list.transaction(NX_ZONE, add=both("based.example", "."))
    # The base zone is looked at each 5 s (refresh = 5): its changes are in the hot zone until then.
    world.list.transaction(HOT, add=both("based.example", "."))
    becomes("the hot zone did not block", BLOCKED, BLOCKED, BLOCKED, BLOCKED)
    world.providers["powerdns"].programs[-1].stop()
    world.list.transaction(HOT, remove=[(record.owner, "CNAME") for record in both("based.example", ".")])
    world.providers["powerdns"].programs[-1].start()
    becomes("the base zone alone did not block", BLOCKED, BLOCKED, BLOCKED, BLOCKED)
    world.list.transaction(HOT, add=both("based.example", "rpz-passthru."))
    becomes("the hot zone did not lift what the base blocks", OPEN, OPEN, BLOCKED, BLOCKED)
    world.list.transaction(
        HOT,
        remove=[(record.owner, "CNAME") for name in ("based.example", "fresh.example") for record in both(name, ".")],
    )
    becomes("the base zone came not back", BLOCKED, BLOCKED, OPEN, OPEN)


@pytest.mark.parametrize("world", [True], indirect=True, ids=["long poll"])
def test_without_the_long_poll_it_polls_the_primary(world: DnsWorld) -> None:
    before, recursor = world.providers["powerdns"].programs, world.providers["powerdns"].resolver
    world.host(["alone.example", "again.example"])
    assert ask(recursor, "alone.example").startswith("A ")
    before[0].stop()
    world.list.transaction(HOT, add=both("alone.example", "."))
    wait_until(lambda: ask(recursor, "alone.example") == BLOCKED, SECONDS, "it did not ask the primary itself")
    before[0].start()
    world.list.transaction(HOT, add=both("again.example", "."))
    wait_until(lambda: ask(recursor, "again.example") == BLOCKED, SECONDS, "it did not follow")


def test_it_logs_neither_questions_nor_names_of_the_list(world: DnsWorld) -> None:
    resolver = world.providers["powerdns"].resolver
    world.host(["quietly-asked.example"])
    ask(resolver, "quietly-asked.example")
    ask(resolver, "canary.mamori.example")
    logs = [log.read_text() for log in (world.base / "dns" / "powerdns").glob("*.log")]
    assert logs
    assert not any("quietly" in log or "canary.mamori" in log for log in logs)
