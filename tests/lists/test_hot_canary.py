"""A resolver that has the base zone and not the hot one, or has them in the wrong order, is an alarm."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.dns import LOOPBACK, DnsWorld, ask, unbound_main
from demo.knot import DEPLOY, render, write_private
from demo.processes import Program, free_ports, private_folder, socket_folder, wait_until
from mamori.ground.actors import Role
from mamori.lists.distribution import queries, services
from mamori.lists.distribution.models import Probe
from mamori.lists.distribution.services.primary import hot_canary
from tests.programs import needs, program

pytestmark = [pytest.mark.django_db, pytest.mark.resolvers, needs("knotd", "knotc", "unbound", "named")]


@pytest.fixture
def published(press, settings, dns_world: DnsWorld) -> DnsWorld:
    settings.KNOT_SOCKET = str(dns_world.knot_socket)
    services.edition_publish(refresh=True)
    return dns_world


@pytest.fixture(params=["without", "behind"])
def wrong(published: DnsWorld, world_folder: Path, request) -> Iterator[str]:
    """Unbound with the shipped file, from which the hot zone is missing, or in which it stands behind the base."""
    folder, port = private_folder(world_folder, f"hot-{request.param}"), free_ports(1)
    shipped = render(
        DEPLOY / "unbound" / "mamori.conf",
        {"ZONE": "nx.list.", "RELAY_ADDRESS": LOOPBACK, "RELAY_PORT": published.providers["unbound"].notified[1]},
    )
    head, hot, base = re.split(r"(?=^rpz:)", shipped, flags=re.MULTILINE)
    assert "hot-nx.list" in hot and "hot-" not in base
    control = socket_folder(folder) / "unbound.sock"
    rest = f"{head}{base}\n{hot if request.param == 'behind' else ''}"
    write_private(folder / "unbound.conf", unbound_main(folder, port, published.example.port, control, rest))
    running = Program("unbound", [program("unbound"), "-d", "-p", "-c", folder / "unbound.conf"], folder)
    running.start()
    try:
        running.wait_ready(lambda: ask((LOOPBACK, port), "canary.mamori.example", timeout=0.3) == "NXDOMAIN", 30)
        yield f"{LOOPBACK}:{port}"
    finally:
        running.stop()


def test_a_resolver_without_the_hot_zone_in_front_is_an_alarm(published, wrong, settings, person, browser_of):
    right = "{}:{}".format(*published.resolvers["unbound"])
    settings.PROBE_RESOLVERS, settings.PROBE_OUTSIDE = {"right": right}, {"wrong": wrong}
    for address, blocked in ((right, False), (wrong, True)):
        wait_until(lambda a=address: services.probing.is_blocked(a, settings.CANARY_NAME), 10, "the base's canary")
        wait_until(lambda a=address, b=blocked: services.probing.is_blocked(a, hot_canary()) is b, 10, "the hot canary")
    services.canary_watch()
    assert {probe.resolver: probe.seconds for probe in Probe.objects.filter(entry_id=None)} == {
        "right": 0.0,
        "wrong": None,
    }
    approver = person(Role.LIST_APPROVER)
    assert [one.count for one in queries.desk(approver.actor) if one.alarm] == [1]
    page = browser_of(approver).get("/editions/", headers={"accept-language": "en"}).content.decode()
    assert page.count("Not in force") == 1
