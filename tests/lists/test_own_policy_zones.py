"""A subscriber's own policy zone goes on blocking a name that ours lets pass only where it stands before ours."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.dns import (
    LIST_TTL,
    LOOPBACK,
    NX_ZONE,
    STOP_HOST,
    STOP_ZONE,
    DnsWorld,
    ask,
    bind_main,
    powerdns_main,
    unbound_main,
)
from demo.knot import DEPLOY, Record, render, write_private
from demo.processes import Program, free_ports, private_folder, socket_folder, wait_until
from tests.programs import needs, program

pytestmark = [pytest.mark.resolvers, needs("knotd", "knotc", "unbound", "named", "pdns_recursor")]
LIFTED, MARK = "lifted-by-us.example", "newest-of-ours.example"
OWN = f"$TTL 60\n@ SOA localhost. root.localhost. 1 3600 600 86400 60\n@ NS localhost.\n{LIFTED} CNAME .\n"
PASS = Record(LIFTED, LIST_TTL, "CNAME", "rpz-passthru.")
Make = Callable[[DnsWorld, Path, int, bool], list[object]]


def around(before: bool, own: str, ours: str) -> str:
    return f"{own}\n{ours}" if before else f"{ours}\n{own}"


def values(world: DnsWorld, folder: Path) -> dict[str, str | int]:
    key = world.providers["bind"].key
    return {
        "KEY_NAME": key.name, "KEY_SECRET": key.secret, "ZONE": STOP_ZONE, "SIDE_ZONE": "", "HOT_ZONE": "",
        "STORAGE": str(folder), "PRIMARY_ADDRESS": LOOPBACK, "PRIMARY_PORT": world.list.port,
    }  # fmt: skip


def bind(world: DnsWorld, folder: Path, port: int, before: bool) -> list[object]:
    given = values(world, folder)
    own = '    zone "own.rpz" log no;'
    head, _open, rest = render(DEPLOY / "bind" / "mamori.options.conf", given).partition("response-policy {\n")
    ours, _close, tail = rest.partition("}")
    options = f"{head}response-policy {{\n{around(before, own, ours)}\n}}{tail}"
    zone = f'zone "own.rpz" {{ type primary; file "{folder}/own.rpz"; allow-query {{ none; }}; }};'
    rest = f"{render(DEPLOY / 'bind' / 'mamori.conf', given)}\n{zone}"
    write_private(folder / "named.conf", bind_main(folder, port, world.example.port, options, rest))
    return [program("named"), "-g", "-n", "1", "-c", folder / "named.conf"]


def unbound(world: DnsWorld, folder: Path, port: int, before: bool) -> list[object]:
    relay = world.providers["unbound"].notified[1]
    ours = render(DEPLOY / "unbound" / "mamori.conf", {"ZONE": NX_ZONE, "RELAY_ADDRESS": LOOPBACK, "RELAY_PORT": relay})
    own = f'rpz:\n    name: own.rpz\n    zonefile: "{folder}/own.rpz"'
    control = socket_folder(folder) / "unbound.sock"
    main = unbound_main(folder, port, world.example.port, control, around(before, own, ours))
    write_private(folder / "unbound.conf", main)
    return [program("unbound"), "-d", "-p", "-c", folder / "unbound.conf"]


def powerdns(world: DnsWorld, folder: Path, port: int, before: bool) -> list[object]:
    ours = render(DEPLOY / "powerdns" / "mamori.lua", values(world, folder))
    own = f'rpzFile("{folder}/own.rpz", {{ policyName = "own" }})'
    write_private(folder / "mamori.lua", around(before, own, ours))
    lines = render(DEPLOY / "powerdns" / "mamori.conf", {"STORAGE": str(folder)})
    main = powerdns_main(socket_folder(folder), port, world.example.port)
    write_private(folder / "recursor.conf", main + lines)
    return [program("pdns_recursor"), f"--config-dir={folder}"]


@pytest.fixture
def lifted(dns_world: DnsWorld) -> Iterator[DnsWorld]:
    """Our hot zones let one name pass, and block another, by which it is seen that a resolver has them."""
    dns_world.host([LIFTED, MARK])
    zones = {f"hot-{NX_ZONE}": ".", f"hot-{STOP_ZONE}": STOP_HOST}
    for zone, target in zones.items():
        dns_world.list.transaction(zone, add=[PASS, Record(MARK, LIST_TTL, "CNAME", target)])
    yield dns_world
    for zone in zones:
        dns_world.list.transaction(zone, remove=[(LIFTED, "CNAME"), (MARK, "CNAME")])


@pytest.mark.parametrize("before", [True, False], ids=["before ours", "behind ours"])
@pytest.mark.parametrize("engine", [bind, unbound, powerdns], ids=lambda engine: engine.__name__)
def test_what_we_lift_stays_blocked_by_an_own_zone_before_ours_alone(
    lifted: DnsWorld, world_folder: Path, engine: Make, before: bool
) -> None:
    folder = private_folder(world_folder, f"own-{engine.__name__}-{before}")
    port = free_ports(1)
    write_private(folder / "own.rpz", OWN)
    running = Program(engine.__name__, engine(lifted, folder, port, before), folder)
    running.start()
    try:
        said = (f"CNAME {STOP_HOST}", "NXDOMAIN")
        running.wait_ready(lambda: ask((LOOPBACK, port), MARK, timeout=0.3) in said, 30)
        wanted = "NXDOMAIN" if before else "A 127.77.0.10"
        wait_until(lambda: ask((LOOPBACK, port), LIFTED) == wanted, 5, f"{LIFTED} is not {wanted}")
    finally:
        running.stop()
