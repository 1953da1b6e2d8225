"""Whoever reaches the hidden primary's port learns nothing there: who is no subscriber gets one refusal to any question."""

import contextlib
import re
import socket
import struct
from collections.abc import Callable, Iterator

import dns.exception
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone
import pytest

from demo.knot import DEPLOY, render
from demo.knot import Knot as Server
from demo.processes import free_ports, private_folder
from mamori.engine.editions import LAST_RING
from mamori.ground import clock, jobs
from mamori.ground.accounts.models import Organisation
from mamori.ground.actors import Role
from mamori.ground.audit.models import Event
from mamori.ground.errors import DomainError
from mamori.lists.distribution import services
from mamori.lists.distribution.configuring import NOBODY
from mamori.lists.distribution.knot import Knot
from mamori.lists.distribution.models import Subscriber
from mamori.lists.distribution.services import subscribers
from mamori.lists.distribution.services.canaries import side_zone
from mamori.lists.distribution.services.tsig import key_name
from mamori.lists.distribution.states import Delivery
from mamori.site.doctor import examine
from mamori.tools.transfers import Primary
from tests.lists.cases import listable
from tests.programs import needs

pytestmark = pytest.mark.django_db
primaries = [pytest.mark.resolvers, needs("knotd", "knotc")]
OUTSIDER, INSIDE, ELSEWHERE = "127.0.0.9", "127.0.0.11", "127.0.0.12"
SEND = (dns.query.udp, dns.query.tcp)


class House:
    """A publisher and its primary, which holds bad.example in every zone there can be."""

    def __init__(self, server: Server) -> None:
        self.server, self.knot = server, Knot(str(server.socket))
        self.zones = self.knot.zones()

    def ask(self, name: str, kind: str = "SOA", source: str = OUTSIDER, send=dns.query.udp, key=None, host="127.0.0.1"):
        """The answer as it came; `key`: name and secret."""
        question = dns.message.make_query(name, kind, id=7)
        if key:
            question.use_tsig(dns.tsigkeyring.from_text({key[0]: (dns.tsig.HMAC_SHA256, key[1])}))
        return send(question, host, port=self.server.port, source=source, timeout=5)

    def code(self, name: str, kind: str = "SOA", source: str = OUTSIDER) -> str:
        return dns.rcode.to_text(self.ask(name, kind, source).rcode())

    def told_signed(self, name: str, key: tuple[str, str], send) -> bytes:
        """What an outsider with a key is told: the answer bears no signature, so no library takes it."""
        question = dns.message.make_query(name, "SOA", id=7)
        question.use_tsig(dns.tsigkeyring.from_text({key[0]: (dns.tsig.HMAC_SHA256, key[1])}))
        data, kind = question.to_wire(), socket.SOCK_DGRAM if send is dns.query.udp else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as opened:
            opened.bind((OUTSIDER, 0))
            opened.settimeout(5)
            opened.connect(("127.0.0.1", self.server.port))
            whole = kind == socket.SOCK_STREAM
            opened.sendall(struct.pack("!H", len(data)) + data if whole else data)
            return shape(opened.recv(4096)[2 if whole else 0 :])

    def answers(self, source: str) -> bool:
        """Whether questions from there are answered, over UDP and TCP alike."""
        (found,) = {self.ask("hot-nx.list", "SOA", source, send).rcode() for send in SEND}
        return found == dns.rcode.NOERROR

    def transfer(self, zone: str, key: tuple[str, str], source: str) -> set[str]:
        """Both ways, whole and by differences; the owners that came."""
        ring = dns.tsigkeyring.from_text({key[0]: (dns.tsig.HMAC_SHA256, key[1])})
        got = dns.zone.Zone(zone)
        for _way in ("AXFR", "IXFR"):
            query, _serial = dns.xfr.make_query(got, keyring=ring)
            dns.query.inbound_xfr("127.0.0.1", got, query, port=self.server.port, source=source, timeout=5)
        return {str(owner) for owner in got.nodes}


@pytest.fixture
def operator(person: Callable) -> Callable:
    return person(Role.OPERATOR)


@pytest.fixture
def house(server: Server, press, body, person, settings, run_jobs, operator, monkeypatch) -> Iterator[House]:
    """Each subscriber but our own is in the last ring: drawn, one in twenty would be in another, with another hot zone."""
    monkeypatch.setattr(subscribers, "drawn_ring", lambda _subscriber_id: LAST_RING)
    settings.KNOT_SOCKET = str(server.socket)
    settings.RING_SECONDS = (600, 1800)
    settings.CANARY_DOMAINS = ["canary-one.example"]
    services.subscriber_add(
        actor=operator.actor, organisation="Ours", delivery=Delivery.NXDOMAIN, asks_from=ELSEWHERE, ours=True
    )
    body.list(listable("https://bad.example/1", person))
    services.edition_publish()
    run_jobs()
    house = House(server)
    for zone in ("nx.list", "stop.list", "hot-nx.list", "hot-stop.list"):
        house.server.ensure_zone(f"{zone}.")
        held = {(record.owner, record.target) for record in house.knot.read(zone) or ()}
        if "bad.example" not in {owner for owner, _target in held}:
            house.server.ctl([f"zone-begin {zone}", f"zone-set {zone} bad.example 60 CNAME ."])
            house.server.ctl([f"zone-commit {zone}"])
    yield house
    for name in house.knot.accesses():
        if name.startswith("sub-"):
            house.knot.forbid(name)
    house.knot.shut_out([], [])
    for zone in house.knot.zones():
        if zone.startswith(("side-", "hot0-", "hot1-")):
            house.knot.drop_zone(zone)


def shape(wire: bytes) -> bytes:
    """All of an answer but the question it repeats, and the number it was sent with."""
    at = 12
    while wire[at]:
        at += wire[at] + 1
    return wire[2:12] + wire[at + 5 :]


def added(operator, run_jobs, name: str = "Net", **more) -> tuple[Subscriber, tuple[str, str]]:
    row, secret = services.subscriber_add(
        actor=operator.actor, organisation=name, delivery=Delivery.NXDOMAIN, **{"asks_from": INSIDE, **more}
    )
    run_jobs()
    return row, (key_name(row), secret)


def told_at() -> socket.socket:
    """Where a subscriber is told of changes. It acknowledges none."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((INSIDE, 0))
    opened.settimeout(10)
    return opened


def waiting(opened: socket.socket) -> Iterator[bytes]:
    """What has come there."""
    opened.settimeout(0)
    with contextlib.suppress(BlockingIOError):
        while True:
            yield opened.recv(4096)


class TestAtThePrimary:
    pytestmark = primaries

    def test_an_outsider_gets_the_same_refusal_whatever_he_asks(self, house, operator, run_jobs):
        row, key = added(operator, run_jobs)
        zones = house.knot.zones()
        assert {"catalog-nx.list", "hot0-nx.list", side_zone(row), "stop.list"} <= zones
        names = [f"{name}{zone}" for zone in (*zones, "absent.list", "example")
                 for name in ("", "bad.example.", "www.bad.example.", "good.example.")]  # fmt: skip
        shapes = {
            shape(house.ask(name, kind, OUTSIDER, send).wire)
            for name in [*names, "version.bind", "."]
            for kind in ("A", "SOA", "CNAME", "ANY", "PTR")
            for send in SEND
        }
        assert shapes == {struct.pack("!HHHHH", 0x8100 | dns.rcode.NOTAUTH, 1, 0, 0, 0)}
        signed = {
            house.told_signed(name, key, send)
            for name in names
            if "catalog-" not in name  # over TCP Knot looks there at the key: everybody may know these zones
            for send in SEND
        }
        assert signed == shapes, "a key is good for transfers alone: it may have been lost"
        told = {house.told_signed(name, key, dns.query.tcp)[:2] for name in names}
        assert told == {one[:2] for one in shapes}
        for place in (INSIDE, ELSEWHERE):
            assert [house.code(f"{name}.hot-nx.list", "A", place) for name in ("bad.example", "good.example")] == [
                "NOERROR",
                "NXDOMAIN",
            ], "or else this test sees nothing"
        assert not house.answers("127.0.0.1"), "nor do processes on the machine"

    def test_other_messages_tell_an_outsider_nothing_either(self, house):
        def told(message: dns.message.Message, send) -> bytes:
            try:
                answer = send(message, "127.0.0.1", port=house.server.port, source=OUTSIDER, timeout=3)
            except dns.exception.DNSException as error:
                return type(error).__name__.encode()
            return bytes([answer.rcode(), len(answer.answer), len(answer.authority), len(answer.additional)])

        found: dict[str, set[bytes]] = {}
        for zone in ("hot-nx.list", "stop.list", "absent.list"):
            for name in ("bad.example", "good.example"):
                update = dns.update.UpdateMessage(zone)
                update.present(name)
                notify = dns.message.make_query(f"{name}.{zone}", "SOA")
                notify.set_opcode(dns.opcode.NOTIFY)
                whole, part = (dns.message.make_query(f"{name}.{zone}", kind) for kind in ("AXFR", "IXFR"))
                part.authority = [dns.rrset.from_text(f"{name}.{zone}.", 0, "IN", "SOA", ". . 1 1 1 1 1")]
                messages = {"update": update, "notify": notify, "whole": whole, "part": part}
                for what, message in messages.items():
                    for send in SEND:
                        found.setdefault(f"{what} {send.__name__}", set()).add(told(message, send))
        assert {what: len(answers) for what, answers in found.items()} == dict.fromkeys(found, 1)
        assert len(found) == 8

    def test_a_subscribers_address_is_answered_until_it_is_revoked_and_transfers_need_the_key_alone(
        self, house, operator, run_jobs
    ):
        assert not house.answers(INSIDE)
        row, key = added(operator, run_jobs)
        assert house.answers(INSIDE)
        assert house.ask("hot-nx.list", "SOA", INSIDE, dns.query.tcp, key).answer, "as the guard asks"
        for source in (INSIDE, OUTSIDER):
            assert "bad.example" in house.transfer("nx.list", key, source)
        services.subscriber_revoke(actor=operator.actor, subscriber_id=row.id)
        run_jobs()
        assert (house.answers(INSIDE), house.answers(ELSEWHERE)) == (False, True)
        for source in (INSIDE, OUTSIDER):
            with pytest.raises((dns.xfr.TransferError, dns.exception.DNSException)):
                house.transfer("nx.list", key, source)

    def test_the_guards_own_question_is_answered(self, house, operator, run_jobs, tmp_path):
        _row, key = added(operator, run_jobs, asks_from="127.0.0.1")
        (tmp_path / "key").write_text(" ".join(key))
        asked = Primary.of(f"127.0.0.1@{house.server.port}", tmp_path / "key")
        assert asked.serial("hot-nx.list") == house.knot.serial("hot-nx.list")

    def test_the_address_that_is_told_of_changes_asks_if_no_other_is_named(self, house, operator, run_jobs):
        told, _key = added(operator, run_jobs, notify=f"{INSIDE}@9", asks_from="")
        assert house.answers(INSIDE)
        other, _key = added(operator, run_jobs, "Other", notify=f"{INSIDE}@9", asks_from="127.0.0.32/28 ::1")
        services.subscriber_revoke(actor=operator.actor, subscriber_id=told.id)
        run_jobs()
        assert not house.answers(INSIDE), "the other one asks from elsewhere"
        assert [house.answers(f"127.0.0.{last}") for last in (31, 32, 47, 48)] == [False, True, True, False]
        assert house.ask("hot-nx.list", source="::1", host="::1").rcode() == dns.rcode.NOERROR
        services.subscriber_revoke(actor=operator.actor, subscriber_id=other.id)
        run_jobs()
        assert house.ask("hot-nx.list", source="::1", host="::1").rcode() == dns.rcode.NOTAUTH
        assert house.knot.askers() == {ELSEWHERE}

    def test_the_addresses_are_changed_on_its_page(self, house, operator, run_jobs, browser_of):
        row, key = added(operator, run_jobs)
        browser = browser_of(operator)
        url = f"/editions/subscribers/{row.id}/"
        assert INSIDE in browser.get(url).content.decode()
        posted = {"notify": "", "asks_from": "127.0.0.13\n2001:db8:7::/64"}
        assert browser.post(f"{url}?step=servers", posted).status_code == 302
        run_jobs()
        assert (house.answers(INSIDE), house.answers("127.0.0.13")) == (False, True)
        assert house.knot.askers() == {ELSEWHERE, "127.0.0.13", "2001:db8:7::/64"}
        assert house.transfer("nx.list", key, "127.0.0.13"), "the key stays"
        assert Event.objects.filter(event="distribution.subscriber_servers", subject_id=str(row.id)).count() == 1
        for text in ("192.0.2.1/24", "0.0.0.0/0", ""):
            answer = browser.post(f"{url}?step=servers", {"notify": "", "asks_from": text})
            assert answer.status_code == 422
        assert browser.post(f"{url}?step=servers", {**posted, "notify": "secondary.example"}).status_code == 422
        row.refresh_from_db()
        assert (row.notify, row.asks_from) == ("", ["127.0.0.13", "2001:db8:7::/64"])

    def test_it_is_told_of_changes_where_its_page_says_from_then_on(
        self, house, operator, run_jobs, browser_of, body, person, settings
    ):
        row, key = added(operator, run_jobs)
        ring = dns.tsigkeyring.from_text({key[0]: (dns.tsig.HMAC_SHA256, key[1])})
        browser, url = browser_of(operator), f"/editions/subscribers/{row.id}/"
        with told_at() as first, told_at() as second:
            settings.RING_SECONDS = (0, 0)
            for number, listens in enumerate((first, second)):
                posted = {"notify": "{}@{}".format(*listens.getsockname()), "asks_from": INSIDE}
                assert browser.post(f"{url}?step=servers", posted).status_code == 302
                body.list(listable(f"https://told-{number}.example/", person))
                services.edition_publish()
                told = dns.message.from_wire(listens.recv(4096), keyring=ring)
                assert (told.opcode(), str(told.question[0].name)) == (dns.opcode.NOTIFY, "hot-nx.list.")
                assert told.answer[0][0].serial == house.knot.serial("hot-nx.list")
            assert browser.post(f"{url}?step=servers", {"notify": "", "asks_from": INSIDE}).status_code == 302
            body.list(listable("https://told-nowhere.example/", person))
            services.edition_publish()
            run_jobs()
            told_of = [dns.message.from_wire(data, keyring=ring).answer[0][0].serial for data in waiting(second)]
            assert house.knot.serial("hot-nx.list") not in told_of
            assert house.transfer("nx.list", key, INSIDE), "the key stays"

    def test_no_subscriber_is_told_by_the_primary_itself(self, house, operator, run_jobs):
        """It would wait for each that is silent, and dies when a key changes meanwhile (ADR 28): one set up so before is set right."""
        _row, key = added(operator, run_jobs, notify=f"{INSIDE}@9")
        by_itself = [f"remote[{key[0]}]", f"remote[{key[0]}].address {INSIDE}@9", f"zone[nx.list].notify {key[0]}"]
        house.server.configure([f"conf-set {each}" for each in by_itself])
        house.server.configure([f"conf-set {each}" for each in ("remote[theirs]", "remote[theirs].address 192.0.2.9")])
        jobs.run_sweep("distribution.reconcile")
        assert house.server.ctl(["conf-read remote.id", "conf-read zone.notify"]) == ["remote.id = theirs"]
        house.server.configure(["conf-unset remote[theirs]"])
        assert house.transfer("nx.list", key, INSIDE), "the key stays"

    def test_a_primary_without_the_refusal_or_without_its_addresses_gets_them_again(self, house, operator, run_jobs):
        added(operator, run_jobs)
        unset = ["conf-unset template[default].global-module", "conf-unset mod-queryacl[askers]"]
        for lost in (unset, ["conf-unset mod-queryacl[askers].address"], unset[:1],
                     [f"conf-set mod-queryacl[askers].address {OUTSIDER}"]):  # fmt: skip
            house.server.configure(lost)
            assert house.answers(OUTSIDER), "as before there was the module: anybody is answered"
            jobs.run_sweep("distribution.reconcile")
            assert (house.answers(OUTSIDER), house.answers(INSIDE)) == (False, True)
        house.server.configure([f"conf-unset mod-queryacl[askers].address {INSIDE}"])
        jobs.run_sweep("distribution.reconcile")
        assert house.answers(INSIDE)

    def test_whom_the_operator_let_in_by_hand_asks_from_where_he_is_told_of_changes(self, house, run_jobs):
        house.server.configure(["conf-set remote[provider-a]", f"conf-set remote[provider-a].address {OUTSIDER}@53"])
        try:
            jobs.run_sweep("distribution.reconcile")
            assert house.answers(OUTSIDER)
        finally:
            house.server.configure(["conf-unset remote[provider-a]"])
        jobs.run_sweep("distribution.reconcile")
        assert not house.answers(OUTSIDER)

    def test_an_address_from_the_time_before_that_knot_does_not_take_shuts_nobody_in_or_out(
        self, house, operator, run_jobs
    ):
        row, key = added(operator, run_jobs)
        other, _key = added(operator, run_jobs, "Other", asks_from="127.0.0.14")
        Subscriber.objects.filter(id=other.id).update(asks_from=["fe80::1%eth0", "no address"])
        services.subscriber_revoke(actor=operator.actor, subscriber_id=row.id)
        run_jobs()
        assert not house.answers(INSIDE)
        assert key[0] not in house.knot.accesses()

    def test_a_new_primary_answers_nobody(self, world_folder):
        server = Server("new", private_folder(world_folder, "new"), free_ports(1), DEPLOY / "knot" / "primary.conf")
        server.start()
        try:
            server.ensure_zone("nx.list.")
            house = House(server)
            assert house.knot.askers() == set()
            assert {house.code("nx.list", source=place) for place in ("127.0.0.1", OUTSIDER)} == {"NOTAUTH"}
        finally:
            server.stop()


def test_the_shipped_file_begins_with_nobody():
    values = dict.fromkeys(("STORAGE", "SOCKET", "LISTEN", "CONFDB"), "x")
    text = render(DEPLOY / "knot" / "primary.conf", values)
    assert re.findall(r"address: (\S+)", text) == [NOBODY]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("192.0.2.1/24", "bad_network"), ("provider.example", "bad_network"), ("192.0.2.1@53", "bad_network"),
        ("192.0.2.1-192.0.2.9", "bad_network"), ("fe80::1%eth0", "bad_network"), ("192.0.2.1 x", "bad_network"),
        ("0.0.0.0/0", "wide_network"), ("::/0", "wide_network"), ("198.51.0.0/23", "wide_network"),
        ("2001:db8::/47", "wide_network"), ("::ffff:0:0/96 192.0.2.0/23", "wide_network"), ("", "no_asker"), (" \n,", "no_asker"),
        ("\n".join(f"192.0.2.{last}" for last in range(51)), "too_many_networks"),
    ],
)  # fmt: skip
def test_what_is_no_address_or_too_wide_is_refused(operator, text, code):
    with pytest.raises(DomainError, match=code):
        services.subscriber_add(actor=operator.actor, organisation="Net", delivery=Delivery.NXDOMAIN, asks_from=text)
    assert not Subscriber.objects.exists()


def test_addresses_are_kept_in_one_form_and_files_need_none(operator):
    row, _key = services.subscriber_add(
        actor=operator.actor, organisation="Net", delivery=Delivery.STOP,
        asks_from="192.0.2.10, 192.0.2.10/32\r\n2001:DB8:0:0::1  198.51.100.0/24",
    )  # fmt: skip
    assert row.asks_from == ["192.0.2.10", "2001:db8::1", "198.51.100.0/24"]
    files, _token = services.subscriber_add(actor=operator.actor, organisation="Files", delivery=Delivery.URL)
    assert files.asks_from == []
    with pytest.raises(DomainError, match="no_dns_subscriber"):
        services.subscriber_servers(actor=operator.actor, subscriber_id=files.id, notify="", asks_from="192.0.2.1")


def test_others_than_the_operator_change_no_address(operator, person):
    row, _key = services.subscriber_add(
        actor=operator.actor, organisation="Net", delivery=Delivery.STOP, asks_from="192.0.2.10"
    )
    with pytest.raises(DomainError):
        services.subscriber_servers(
            actor=person(Role.ANALYST).actor, subscriber_id=row.id, notify="", asks_from="192.0.2.11"
        )
    row.refresh_from_db()
    assert row.asks_from == ["192.0.2.10"]


def test_a_subscriber_from_before_without_any_address_is_warned_of(operator, browser_of):
    def found() -> list[str]:
        return [each.level for each in examine() if each.what == "subscribers' addresses"]

    row = Subscriber.objects.create(
        organisation=Organisation.objects.create(name="Old Net", kind="provider"), delivery="nxdomain", state="active",
        added_at=clock.now(), applied_at=clock.now(),
    )  # fmt: skip
    browser = browser_of(operator)
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    pages = ("/editions/subscribers/", f"/editions/subscribers/{row.id}/")
    warning = re.compile(r"notice tone-warning.*address to ask from")
    assert [bool(warning.search(browser.get(page).content.decode())) for page in pages] == [True, True]
    assert found() == ["bad"]
    services.subscriber_servers(actor=operator.actor, subscriber_id=row.id, notify="", asks_from="192.0.2.10")
    assert [bool(warning.search(browser.get(page).content.decode())) for page in pages] == [False, False]
    assert found() == []
