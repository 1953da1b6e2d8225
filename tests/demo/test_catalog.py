"""A relay (BIND) that takes its zones from the primary's catalog (Knot): zones come and go without a restart.

They are made as the worker makes them: by its own client of the primary's socket.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.tsigkeyring
import dns.zone
import pytest

from demo.dns import DEPLOY, ask
from demo.knot import Key, Knot, render, write_private
from demo.processes import Program, free_ports, private_folder, wait_until
from mamori.engine.editions import Record
from mamori.ground.actors import Role
from mamori.lists.distribution import services
from mamori.lists.distribution.knot import Knot as Worker
from mamori.lists.distribution.models import Subscriber
from mamori.lists.distribution.services.canaries import side_zone
from mamori.lists.distribution.services.tsig import key_name
from mamori.lists.distribution.states import Delivery
from tests.programs import needs, program

pytestmark = [pytest.mark.resolvers, needs("knotd", "knotc", "named")]
NEW = "hot-ring.list"


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
    key, port = Key.new("sub-relay"), free_ports(2)
    primary.revoke(key.name)
    primary.subscribe(key, ["nx.list.", "hot-nx.list."], ("127.0.0.1", port))
    primary.configure([f"conf-set zone[catalog-nx.list.].notify {key.name}"])
    with running(primary, private_folder(world_folder, "catalog-relay"), key, port) as named:
        yield named, ("127.0.0.1", port), key


@contextmanager
def running(primary: Knot, folder: Path, key: Key, port: int) -> Iterator[Program]:
    """A relay of the shipped configuration. It uses the port and the next one, and is told of no zone but the catalog."""
    values = {
        "STORAGE": folder, "RELAY_ADDRESS": "127.0.0.1", "RELAY_PORT": port, "NOTIFIED_ADDRESS": "127.0.0.1", "RESOLVER_ADDRESS": "127.0.0.1",
        "RESOLVER_PORT": port + 1, "PRIMARY_ADDRESS": "127.0.0.1", "PRIMARY_PORT": primary.port, "ZONE": "nx.list.",
        "KEY_NAME": key.name, "KEY_SECRET": key.secret,
    }  # fmt: skip
    write_private(folder / "named.conf", render(DEPLOY / "bind" / "relay.catalog.conf", values))
    named = Program("catalog-relay", [program("named"), "-g", "-n", "1", "-c", folder / "named.conf"], folder)
    named.start()
    try:
        named.wait_ready(lambda: held(("127.0.0.1", port), "nx.list."), 30)
        yield named
    finally:
        named.stop()


def held(server: tuple[str, int], zone: str) -> bool:
    return ask(server, zone, "SOA", timeout=0.5).startswith("SOA ")


def test_a_zone_comes_and_goes_without_a_restart(primary: Knot, relay: tuple[Program, tuple[str, int], Key]) -> None:
    named, address, key = relay
    before = named.pid
    assert held(address, "hot-nx.list.")
    assert not held(address, NEW)
    worker = Worker(str(primary.socket))
    worker.add_zone(NEW, catalog=worker.catalogs()["nx.list"])
    primary.configure([f"conf-set zone[{NEW}.].{item} {key.name}" for item in ("acl", "notify")])
    worker.sync(NEW, frozenset({Record("first.example", ".")}))

    def arrived() -> bool:
        """A NOTIFY may be lost, as all that comes by UDP: it is said again."""
        if not held(address, NEW):
            time.sleep(1)
            primary.ctl(["zone-notify catalog-nx.list.", f"zone-notify {NEW}."])
        return held(address, NEW)

    wait_until(arrived, 30, "the new zone did not reach the relay")
    worker.sync(NEW, frozenset({Record("bad.example", ".")}))
    wait_until(lambda: ask(address, f"bad.example.{NEW}", "CNAME") == "CNAME .", 10, "the new zone is not followed")
    worker.drop_zone(NEW)
    wait_until(lambda: not held(address, NEW), 30, "the zone stayed")
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


def test_a_zone_made_anew_is_empty_also_when_the_worker_died_while_it_dropped_it(primary: Knot) -> None:
    worker, held = Worker(str(primary.socket)), frozenset({Record("bad.example", ".")})
    for drop in (worker.drop_zone, lambda zone: primary.configure([f"conf-unset zone[{zone}.]"])):
        worker.add_zone(NEW)
        worker.sync(NEW, held)
        assert worker.read(NEW) == held
        drop(NEW)
        assert NEW not in worker.zones()
        worker.add_zone(NEW)
        assert worker.read(NEW) is None
        worker.drop_zone(NEW)


def catalog(primary: Knot) -> set[str]:
    """The zones that the catalog names to whoever asks."""
    answer = dns.query.xfr("127.0.0.1", "catalog-nx.list.", port=primary.port, relativize=False)
    zone = dns.zone.from_xfr(answer, relativize=False, check_origin=False)
    return {str(record.target).rstrip(".") for _name, _ttl, record in zone.iterate_rdatas("PTR")}


@pytest.mark.django_db
def test_a_rings_zone_reaches_a_relay_by_the_catalog_alone_and_a_subscribers_own_zone_is_named_to_nobody(
    primary: Knot, settings, person, run_jobs, world_folder: Path
) -> None:
    settings.KNOT_SOCKET, settings.RING_SECONDS = str(primary.socket), (600, 1800)
    settings.CANARY_DOMAINS = ["canary-one.example"]
    port, worker = free_ports(2), Worker(str(primary.socket))
    row, secret = services.subscriber_add(
        actor=person(Role.OPERATOR).actor,
        organisation="Ours",
        delivery=Delivery.NXDOMAIN,
        notify=f"127.0.0.1@{port}",
        ours=True,
    )
    run_jobs()
    assert {"hot0-nx.list", side_zone(row)} <= worker.zones()
    assert catalog(primary) == {"nx.list", "hot-nx.list", "hot0-nx.list"}
    assert side_zone(row) not in worker.catalogs()
    worker.sync("hot0-nx.list", frozenset({Record("bad.example", ".")}))
    folder, key = private_folder(world_folder, "catalog-ring"), Key(key_name(row), secret)
    with running(primary, folder, key, port):
        address = ("127.0.0.1", port)
        wait_until(lambda: held(address, "hot0-nx.list."), 30, "the ring's zone did not reach the relay")
        wait_until(
            lambda: ask(address, "bad.example.hot0-nx.list.", "CNAME") == "CNAME .", 30, "the zone is not followed"
        )
        assert not held(address, "hot-nx.list."), "a ring that is not its own: the primary hands it no such zone"
        assert not held(address, f"{side_zone(row)}."), "where its file names none"
    services.subscriber_revoke(actor=person(Role.OPERATOR).actor, subscriber_id=row.id)
    run_jobs()
    assert catalog(primary) == {"nx.list", "hot-nx.list"}
    assert Subscriber.objects.get(id=row.id).state == "revoked"
