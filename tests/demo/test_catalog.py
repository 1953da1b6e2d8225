"""A relay (BIND) that takes its zones from the primary's catalog (Knot): zones come and go without a restart."""

import time
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.tsigkeyring
import pytest

from demo.dns import DEPLOY, ask
from demo.knot import Key, Knot, Record, render, write_private
from demo.processes import Program, free_ports, private_folder, wait_until
from tests.programs import needs, program

pytestmark = [pytest.mark.resolvers, needs("knotd", "knotc", "named")]
NEW = "hot-ring.list."


@pytest.fixture
def primary(world_folder: Path) -> Iterator[Knot]:
    knot = Knot("catalog", private_folder(world_folder, "catalog"), free_ports(1), DEPLOY / "knot" / "primary.conf")
    knot.start()
    for zone in ("nx.list.", "hot-nx.list."):
        knot.ensure_zone(zone)
    yield knot
    knot.stop()


@pytest.fixture
def relay(primary: Knot, world_folder: Path) -> Iterator[tuple[Program, tuple[str, int], Key]]:
    """The running relay, its address, and the key it fetches members with."""
    key, folder, ports = Key.new("sub-relay"), private_folder(world_folder, "catalog-relay"), free_ports(2)
    primary.revoke(key.name)
    primary.subscribe(key, ["nx.list.", "hot-nx.list."], ("127.0.0.1", ports))
    primary.configure([f"conf-set zone[catalog-nx.list.].notify {key.name}"])
    values = {
        "STORAGE": folder, "RELAY_ADDRESS": "127.0.0.1", "RELAY_PORT": ports, "NOTIFIED_ADDRESS": "127.0.0.1", "RESOLVER_ADDRESS": "127.0.0.1",
        "RESOLVER_PORT": ports + 1, "PRIMARY_ADDRESS": "127.0.0.1", "PRIMARY_PORT": primary.port, "ZONE": "nx.list.",
        "KEY_NAME": key.name, "KEY_SECRET": key.secret,
    }  # fmt: skip
    write_private(folder / "named.conf", render(DEPLOY / "bind" / "relay.catalog.conf", values))
    named = Program("catalog-relay", [program("named"), "-g", "-n", "1", "-c", folder / "named.conf"], folder)
    named.start()
    try:
        named.wait_ready(lambda: held(("127.0.0.1", ports), "nx.list."), 30)
        yield named, ("127.0.0.1", ports), key
    finally:
        named.stop()


def held(server: tuple[str, int], zone: str) -> bool:
    return ask(server, zone, "SOA", timeout=0.5).startswith("SOA ")


def test_a_zone_comes_and_goes_without_a_restart(primary: Knot, relay: tuple[Program, tuple[str, int], Key]) -> None:
    named, address, key = relay
    before = named.pid
    assert held(address, "hot-nx.list.")
    assert not held(address, NEW)
    primary.configure(
        [
            f"conf-set zone[{NEW}]",
            f"conf-set zone[{NEW}].catalog-role member",
            f"conf-set zone[{NEW}].catalog-zone catalog-nx.list.",
            f"conf-set zone[{NEW}].acl {key.name}",
            f"conf-set zone[{NEW}].notify {key.name}",
        ]
    )
    primary.ensure_zone(NEW)

    def arrived() -> bool:
        """A NOTIFY may be lost, as all that comes by UDP: it is said again."""
        if not held(address, NEW):
            time.sleep(1)
            primary.ctl(["zone-notify catalog-nx.list.", f"zone-notify {NEW}"])
        return held(address, NEW)

    wait_until(arrived, 30, "the new zone did not reach the relay")
    primary.transaction(NEW, add=[Record("bad.example", 60, "CNAME", ".")])
    wait_until(lambda: ask(address, f"bad.example.{NEW}", "CNAME") == "CNAME .", 10, "the new zone is not followed")
    primary.configure([f"conf-unset zone[{NEW}]"])
    wait_until(lambda: not held(address, NEW), 20, "the zone stayed")
    assert held(address, "nx.list.")
    assert named.pid == before


def test_members_need_the_key_and_the_catalog_is_why_it_has_none(
    primary: Knot, relay: tuple[Program, tuple[str, int], Key]
) -> None:
    """The fault of Knot 3.2 that the shipped files go round: when it is mended, the catalog may be signed too."""
    keyring = dns.tsigkeyring.from_text({relay[2].name: ("hmac-sha256", relay[2].secret)})
    question = dns.message.make_query("catalog-nx.list.", "SOA")
    question.use_tsig(keyring)
    with pytest.raises(dns.exception.DNSException):
        dns.query.udp(question, "127.0.0.1", port=primary.port, timeout=3)
    plain = dns.message.make_query("nx.list.", "AXFR")
    answer = dns.query.tcp(plain, "127.0.0.1", port=primary.port, timeout=3)
    assert not answer.answer, "a member is handed to nobody without a key"
