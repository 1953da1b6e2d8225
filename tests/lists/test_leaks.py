"""Each subscriber's side zone at the real primary, and the command that names whose copy leaked."""

import re
import subprocess
from html import unescape

import dns.exception
import dns.query
import dns.tsig
import dns.tsigkeyring
import dns.xfr
import dns.zone
import pytest

from demo.dns import DnsWorld, ask
from demo.knot import DEPLOY, Key
from demo.processes import free_ports, wait_until
from mamori.engine.canaries import canaries_of
from mamori.ground.actors import Role
from mamori.ground.audit.models import Event
from mamori.ground.errors import DomainError
from mamori.lists.distribution import services
from mamori.lists.distribution.commands import trace
from mamori.lists.distribution.knot import Knot
from mamori.lists.distribution.models import Subscriber
from mamori.lists.distribution.services.canaries import side_zone
from mamori.lists.distribution.services.primary import all_zones
from mamori.lists.distribution.services.subscribers import zone_names
from mamori.lists.distribution.services.tsig import key_name
from mamori.lists.distribution.states import Delivery
from tests.programs import needs, program

pytestmark = [pytest.mark.django_db, pytest.mark.resolvers, needs("knotd", "knotc", "unbound", "named")]


@pytest.fixture
def primary(settings, dns_world: DnsWorld):
    """The world's primary; no side zone and no subscriber of ours is left when the test ends."""
    settings.KNOT_SOCKET = str(dns_world.knot_socket)
    settings.CANARY_DOMAINS = ["canary-one.example", "canary-two.example"]
    yield dns_world
    knot = Knot(settings.KNOT_SOCKET)
    for name in knot.accesses():
        if name.startswith("sub-"):
            knot.forbid(name)
    for zone in knot.zones():
        if zone.startswith("side-"):
            knot.drop_zone(zone)


def transfer(primary, zone, name, secret):
    key = dns.tsigkeyring.from_text({name: (dns.tsig.HMAC_SHA256, secret)})
    got = dns.zone.Zone(zone)
    query, _serial = dns.xfr.make_query(got, keyring=key)
    dns.query.inbound_xfr(primary.primary[0], got, query, port=primary.primary[1], timeout=5)
    return {str(owner) for owner in got.nodes if "canary-" in str(owner)}


def test_a_leak_names_its_subscriber_and_revoking_takes_its_zone_away(primary, person, run_jobs, tmp_path, capsys):
    operator = person(Role.OPERATOR).actor
    held = [
        services.subscriber_add(
            actor=operator, organisation=f"Provider {name}", delivery=delivery, asks_from="127.0.0.1"
        )
        for name, delivery in (("One", Delivery.NXDOMAIN), ("Two", Delivery.STOP))
    ]
    run_jobs()
    (one, secret), (two, other) = held
    assert zone_names(one) == ("hot-nx.list", "nx.list", side_zone(one))
    copy = transfer(primary, side_zone(one), key_name(one), secret)
    assert len(copy) > 2 * 50, "each name and what is below it"
    theirs = transfer(primary, side_zone(two), key_name(two), other)
    assert copy & theirs, "shared names"
    assert len(copy - theirs) >= 2 * 50, "and its own"
    with pytest.raises((dns.xfr.TransferError, dns.exception.DNSException)):
        transfer(primary, side_zone(one), key_name(two), other)

    file = tmp_path / "leaked.txt"
    file.write_text("\n".join(["n1.example", *sorted(copy), "n2.example"]))
    trace(file)
    said = capsys.readouterr().out
    assert "Provider One" in said
    assert "Provider Two" not in said
    assert "50 names only it was given" in said
    assert Event.objects.filter(event="distribution.leak_traced", subject_id=str(one.id)).exists()
    file.write_text("n1.example\nn2.example\n")
    trace(file)
    assert "Nobody can be named" in capsys.readouterr().out

    services.subscriber_revoke(actor=operator, subscriber_id=one.id)
    run_jobs()
    assert [zone for zone in Knot(str(primary.knot_socket)).zones() if zone.startswith("side-")] == [side_zone(two)]
    with pytest.raises((dns.xfr.TransferError, dns.exception.DNSException)):
        transfer(primary, side_zone(one), key_name(one), secret)
    file.write_text("\n".join(copy))
    trace(file)
    assert "Provider One" in capsys.readouterr().out, "a copy made before tells still"


@needs("pdns_recursor")
def test_subscribers_with_the_shipped_configurations_hold_their_canaries(
    settings, person, run_jobs, world_folder, tmp_path, capsys
):
    """Each engine set up as deploy/ and the guides say: it blocks its own canaries and nobody else's, and a copy names it."""
    settings.CANARY_DOMAINS = ["canary-one.example", "canary-two.example"]
    rows, ports = {}, free_ports(6)
    for engine, notified, delivery in (
        ("unbound", f"127.0.0.1@{ports + 4}", Delivery.NXDOMAIN),
        ("bind", f"127.0.0.1@{ports + 3}", Delivery.STOP),
        ("powerdns", "", Delivery.NXDOMAIN),
    ):
        rows[engine] = services.subscriber_add(
            actor=person(Role.OPERATOR).actor, organisation=f"Provider with {engine}", delivery=delivery,
            notify=notified, asks_from="" if notified else "127.0.0.1",
        )  # fmt: skip
    keys = {engine: Key(key_name(row), secret) for engine, (row, secret) in rows.items()}
    sides = {engine: f"{side_zone(row)}." for engine, (row, _secret) in rows.items()}
    world = DnsWorld(world_folder / "sides", ports, engines=tuple(rows), keys=keys, sides=sides)
    world.list.start()
    try:
        settings.KNOT_SOCKET = str(world.knot_socket)
        run_jobs()
        for zones in all_zones():
            for zone in zones.names:
                world.list.ensure_zone(f"{zone}.")
        world.start()
        every = {
            engine: canaries_of(settings.SUBSCRIBER_KEY.encode(), str(row.id), settings.CANARY_DOMAINS)
            for engine, (row, _secret) in rows.items()
        }
        names = sorted(frozenset().union(*every.values()))
        world.host(names)
        for engine, provider in world.providers.items():
            mine = min(every[engine])
            wait_until(
                lambda p=provider, name=mine: ask(p.resolver, name) == p.blocked, 30, f"{engine} has no side zone"
            )
            held = {name for name in names if ask(provider.resolver, name) == provider.blocked}
            assert held == every[engine], engine
            file = tmp_path / f"leaked-by-{engine}.txt"
            file.write_text("\n".join(["n1.example", *sorted(held)]))
            trace(file)
            said = capsys.readouterr().out
            assert [f"Provider with {each}" in said for each in rows] == [each == engine for each in rows]
    finally:
        world.stop()


@needs("named-checkconf", "unbound-checkconf")
def test_the_snippets_of_the_secret_page_are_taken_by_the_programs(settings, person, browser_of, tmp_path):
    settings.CANARY_DOMAINS = ["canary-one.example"]
    settings.LIST_PRIMARY = "192.0.2.53:53"
    page = browser_of(person(Role.OPERATOR)).post(
        "/editions/subscribers/", {"organisation": "Provider", "delivery": Delivery.NXDOMAIN, "notify": "192.0.2.10@5335"},
    )  # fmt: skip
    bind, relay, resolver, _knot = (
        unescape(each) for each in re.findall(r"<pre[^>]*>(.*?)</pre>", page.content.decode(), re.DOTALL)
    )
    zones = zone_names(Subscriber.objects.get())
    assert len(zones) == 3
    policy = bind.partition("// response-policy")[2]
    assert policy
    (tmp_path / "bind.conf").write_text(f"options {{ response-policy{policy} }};\n{bind}")
    (tmp_path / "relay.conf").write_text(relay)
    (tmp_path / "unbound.conf").write_text(resolver)
    for command, file in (("named-checkconf", "bind"), ("named-checkconf", "relay"), ("unbound-checkconf", "unbound")):
        judged = subprocess.run(
            [program(command), str(tmp_path / f"{file}.conf")], capture_output=True, text=True, check=False
        )
        assert judged.returncode == 0, judged.stdout + judged.stderr
    assert relay.count("allow-transfer { 127.0.0.1; };") == relay.count("also-notify { 127.0.0.1 port 53; };") == 3
    assert "allow-transfer { none; };" not in relay
    for text, file in ((bind, "mamori.conf"), (relay, "relay.conf")):
        shipped = (DEPLOY / "bind" / file).read_text()
        assert re.findall(r"m\w+-re\w+-time \d+;", text) == re.findall(r"m\w+-re\w+-time \d+;", shipped), file
    for text in (bind, relay, resolver):
        places = [re.search(rf"[ \"]{re.escape(zone)}[\"\n]", text).start() for zone in zones]
        assert places == sorted(places), "the hot zone first, the side zone last"


def test_without_domains_of_our_own_there_are_no_canaries(primary, person, run_jobs, settings):
    settings.CANARY_DOMAINS = []
    row, _secret = services.subscriber_add(
        actor=person(Role.OPERATOR).actor, organisation="Provider", delivery=Delivery.NXDOMAIN, asks_from="127.0.0.1"
    )
    run_jobs()
    assert zone_names(row) == ("hot-nx.list", "nx.list")
    assert not [zone for zone in Knot(str(primary.knot_socket)).zones() if zone.startswith("side-")]
    with pytest.raises(DomainError, match="no_canary_domains"):
        services.leak_trace([b""])
