"""Hosting, registries, mail and the whole demo world: what the product will meet there."""

import json
import smtplib
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from demo import programs
from demo.dns import ask
from demo.mailboxes import Mailboxes
from demo.names import Names
from demo.processes import WorldError, free_ports, listening, wait_until
from demo.registry import NETWORKS
from demo.world import PORTS_NEEDED, World
from tests.programs import needs


@pytest.fixture(scope="module")
def world(world_folder: Path) -> Iterator[World]:
    with World(world_folder / "whole", free_ports(PORTS_NEEDED)) as made:
        yield made


def fetch(world: World, url: str) -> tuple[int, str]:
    """Status and text of a page, asked from the address it is hosted on."""
    host, _, path = url.removeprefix("http://").partition("/")
    place = f"http://{world.hosting.address_of(host)}:{world.hosting.http_port}/{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(place, headers={"Host": host})) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def get_json(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def test_a_page_is_removed_restored_and_changed(world: World) -> None:
    url = "http://shapes.example/a?b=1"
    world.host([url])
    status, first = fetch(world, url)
    assert status == 200
    assert "<svg" in first
    world.hosting.remove(url)
    assert fetch(world, url)[0] == 410
    assert fetch(world, "http://shapes.example/other")[0] == 200
    world.hosting.remove(url, 404)
    assert fetch(world, url)[0] == 404
    world.hosting.restore(url)
    assert fetch(world, url) == (200, first)
    world.hosting.change(url)
    assert fetch(world, url)[1] != first
    world.hosting.change(url, text="This account <is> suspended")
    assert "&lt;is&gt; suspended" in fetch(world, url)[1]


def test_unknown_hosts_are_not_served_and_strangers_are_refused(world: World) -> None:
    assert fetch(world, "http://nobody-told.example/")[0] == 404
    for url in ("http://example.com/", "ftp://a.example/", "http://a.example.com/", "a.example"):
        with pytest.raises(WorldError, match=r"under \.example"):
            world.host([url])
    with pytest.raises(WorldError, match="not hosted"):
        world.hosting.remove("http://nobody-told.example/")


def test_the_admin_address_does_the_same(world: World) -> None:
    world.host(["http://admin-test.example/"])
    place = f"http://127.0.0.1:{world.hosting.admin_port}/pages"

    def order(**words: object) -> int:
        try:
            with urllib.request.urlopen(place, data=json.dumps(words).encode()) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    assert order(url="http://admin-test.example/", do="remove", status=404) == 200
    assert fetch(world, "http://admin-test.example/")[0] == 404
    assert order(url="http://admin-test.example/", do="explode") == 400
    assert order(url="http://elsewhere.zz/", do="remove") == 400
    assert order(url="http://admin-test.example/", do="restore") == 200
    assert fetch(world, "http://admin-test.example/")[0] == 200


def test_sites_are_served_over_tls_under_their_own_name(world: World) -> None:
    world.host(["https://deep.down.secure.example/"])
    host = "deep.down.secure.example"
    context = ssl.create_default_context(cafile=str(world.hosting.ca_file))
    with (
        socket.create_connection((world.hosting.address_of(host), world.hosting.https_port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        tls.sendall(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        assert tls.recv(200).startswith(b"HTTP/1.0 200")


def test_what_was_removed_stays_removed_after_a_restart(world_folder: Path) -> None:
    port = free_ports(PORTS_NEEDED)
    for attempt in range(2):
        with World(world_folder / "again", port) as world:
            if attempt == 0:
                world.host(["http://gone.example/"])
                world.hosting.remove("http://gone.example/")
            assert fetch(world, "http://gone.example/")[0] == 410
            name, server = "gone.example", world.settings()["MAMORI_NAMESERVERS"].partition(":")
            assert ask((server[0], int(server[2])), name) == f"A {world.hosting.address_of(name)}"


def test_rdap_is_found_by_its_bootstrap_and_nests_the_abuse_role(world: World) -> None:
    world.host(["http://www.traced.example/"])
    services = get_json(world.settings()["MAMORI_RDAP_BOOTSTRAP"] + "dns.json")["services"]
    assert services == [[["example"], [world.registry.url]]]
    domain = get_json(world.registry.url + "domain/traced.example")
    assert domain["ldhName"] == "traced.example"
    registrar = domain["entities"][0]  # type: ignore[index]
    assert registrar["roles"] == ["registrar"]
    assert registrar["entities"][0]["roles"] == ["abuse"]
    assert ["email", {}, "text", "abuse@registrar.example"] in registrar["entities"][0]["vcardArray"][1]
    network = get_json(world.registry.url + f"ip/{world.hosting.address_of('www.traced.example')}")
    assert network["objectClassName"] == "ip network"
    assert get_json(world.registry.url + "ip/::1")["ipVersion"] == "v6"
    held = get_json(world.settings()["MAMORI_RDAP_BOOTSTRAP"] + "asn.json")["services"][0][0]  # type: ignore[index]
    for number in held:
        system = get_json(world.registry.url + f"autnum/{number}")
        assert system["objectClassName"] == "autnum"
        assert "abuse@backbone.example" in str(system["entities"]), "the upstream's, not the hoster's"
    for missing in ("domain/unknown.example", "ip/192.0.2.1", "ip/nonsense", "autnum/64510", "entity/x"):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(world.registry.url + missing)
        assert refusal.value.code == 404
        refusal.value.close()


def test_every_hosting_address_has_a_route_and_most_an_abusix_answer(world: World) -> None:
    rows = [line.split("\t") for line in world.routes.read_text().splitlines()]
    assert all(len(row) == 4 for row in rows)
    answers = set()
    server = world.settings()["MAMORI_NAMESERVERS"].partition(":")
    for address in world.hosting.addresses:
        assert any(ip_address(address) in ip_network(row[0]) for row in rows)
        reverse = ".".join(reversed(address.split(".")))
        answers.add(ask((server[0], int(server[2])), f"{reverse}.abuse-contacts.example", "TXT"))
    assert answers == {f'TXT "{each.abusix}"' for each in NETWORKS}


@needs("knotd", "unbound", "named")
@pytest.mark.resolvers
def test_a_thousand_names_of_a_users_file_resolve_through_the_providers(world: World) -> None:
    assert world.dns is not None
    world.host(f"http://user{number}.shop.example/item" for number in range(1000))
    for resolver in world.dns.resolvers.values():
        name = "user999.shop.example"
        assert ask(resolver, name) == f"A {world.hosting.address_of(name)}"
        assert ask(resolver, "user1000.shop.example") == "NXDOMAIN"


def test_without_knot_names_resolve_all_the_same() -> None:
    with Names(free_ports(1)) as names:
        names.host(["a.b.example"], "127.77.0.11")
        names.record("x.example", "TXT", 'say "hi"')
        assert ask(names.address, "A.b.example") == "A 127.77.0.11"
        assert ask(names.address, "a.b.example", "AAAA") == "AAAA ::1"
        assert ask(names.address, "b.example") == "NODATA"
        assert ask(names.address, "x.example", "TXT") == 'TXT "say \\"hi\\""'
        assert ask(names.address, "none.example") == "NXDOMAIN"
        assert ask(names.address, "other.zz") == "REFUSED"
        names.unhost(["a.b.example"])
        assert ask(names.address, "a.b.example") == "NXDOMAIN"


def send(server: Mailboxes, to: str, number: int) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Message-ID"] = "hotline@mamori.example", to, f"<{number}@mamori.example>"
    mail["Subject"] = "通知"
    mail.set_content("A notice.")
    with smtplib.SMTP(*server.address) as client:
        client.send_message(mail, from_addr=f"b+{number}@bounces.mamori.example")


def test_mail_is_stored_whole_and_counted(smtp: Mailboxes) -> None:
    for number in (1, 2, 2):
        send(smtp, "Abuse@Store.example", number)
    assert [mail["Message-ID"] for mail in smtp.received("abuse@store.example")] == [
        "<1@mamori.example>",
        "<2@mamori.example>",
        "<2@mamori.example>",
    ]
    assert smtp.counts()["<2@mamori.example>"] == 2
    assert smtp.received("abuse@store.example")[0]["Subject"] == "通知"
    assert "abuse@store.example" in smtp.addresses()
    assert smtp.received("../etc@store.example") == []


def test_full_and_unknown_boxes_refuse_and_bouncing_ones_answer(smtp: Mailboxes) -> None:
    for to, code in (("full@a.example", 451), ("unknown@a.example", 550)):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
            send(smtp, to, 10)
        assert refusal.value.recipients[to][0] == code
    send(smtp, "bounce@a.example", 11)
    (report,) = smtp.received("b+11@bounces.mamori.example")
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    parts = {part.get_content_type(): part for part in report.walk()}
    assert "Status: 5.1.1" in parts["message/delivery-status"].as_string()
    assert "<11@mamori.example>" in parts["text/rfc822-headers"].as_string()


def test_the_mail_server_runs_as_a_process_of_its_own(world_folder: Path) -> None:
    port, folder = free_ports(1), world_folder / "mail-process"
    process = subprocess.Popen([sys.executable, "-m", "demo.mailboxes", "--folder", str(folder), "--port", str(port)])
    try:
        wait_until(lambda: listening("127.0.0.1", port), 20, "the mail server did not start")
        reader = Mailboxes(folder, port)
        send(reader, "abuse@other.example", 1)
        assert len(reader.received("abuse@other.example")) == 1
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_missing_programs_are_told_by_their_debian_package() -> None:
    assert programs.missing(["knotd", "named"]) == [
        package for program, package in (("named", "bind9"), ("knotd", "knot")) if not programs.have(program)
    ]
    assert not programs.have("no-such-program")
    programs.install([], say=pytest.fail)
