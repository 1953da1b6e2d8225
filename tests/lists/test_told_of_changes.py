"""At the real primary: whatever happens to the process that changes a zone, subscribers are told, and no change waits for that."""

import contextlib
import logging
import socket
from collections.abc import Iterator

import dns.message
import pytest
from django.db import DatabaseError

from mamori.engine.editions import LAST_RING, LIFT_ALL
from mamori.ground import clock
from mamori.ground.actors import Role
from mamori.lists.distribution import services
from mamori.lists.distribution.knot import Knot
from mamori.lists.distribution.models import KnotState, Subscriber
from mamori.lists.distribution.services import primary, subscribers
from mamori.lists.distribution.states import Delivery
from tests.programs import needs

HOT = ("hot-nx.list", "hot-stop.list")
pytestmark = [pytest.mark.django_db, pytest.mark.resolvers, needs("knotd", "knotc")]


class Listening:
    """A subscriber's servers, two of them: of each way of blocking."""

    def __init__(self) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _way in range(2)]
        for each in self.sockets:
            each.bind(("127.0.0.11", 0))
            each.settimeout(0)

    def serials(self) -> dict[str, int]:
        """What was told since, by the zone; the last of it. Each is acknowledged."""
        found = dict[str, int]()
        for each in self.sockets:
            with contextlib.suppress(BlockingIOError):
                while True:
                    data, sender = each.recvfrom(4096)
                    told = dns.message.from_wire(data, keyring=False)
                    found[str(told.question[0].name).removesuffix(".")] = told.answer[0][0].serial
                    each.sendto(dns.message.make_response(told).to_wire(), sender)
        return found


@pytest.fixture
def knot(server, press, settings, lists, monkeypatch) -> Knot:
    monkeypatch.setattr(subscribers, "drawn_ring", lambda _subscriber_id: LAST_RING)
    settings.KNOT_SOCKET = str(server.socket)
    lists("before.example")
    return Knot(str(server.socket))


@pytest.fixture
def heard(knot, person, run_jobs) -> Iterator[Listening]:
    """Subscribers who heard of all there was so far."""
    listening, operator = Listening(), person(Role.OPERATOR)
    primary._told.clear()
    for way, each in zip((Delivery.NXDOMAIN, Delivery.STOP), listening.sockets, strict=True):
        services.subscriber_add(
            actor=operator.actor, organisation=way, delivery=way, notify="{}@{}".format(*each.getsockname())
        )
    run_jobs()
    look()
    assert listening.serials() == serials(knot, *HOT, "nx.list", "stop.list")
    yield listening
    for row in Subscriber.objects.exclude(notify=""):
        services.subscriber_revoke(actor=operator.actor, subscriber_id=row.id)
    run_jobs()
    for each in listening.sockets:
        each.close()


def look() -> None:
    """The next look at the primary, half a minute later."""
    KnotState.objects.update(checked_at=clock.now() - primary.HEAL_EVERY)
    services.primary_heal()


def serials(knot: Knot, *zones: str) -> dict[str, int]:
    return {zone: knot.serial(zone) for zone in zones}


def test_a_change_is_told_once_and_a_base_when_it_is_folded(knot, heard, lists):
    lists("new.example")
    assert heard.serials() == serials(knot, *HOT)
    look()
    assert heard.serials() == {}
    services.edition_fold()
    assert heard.serials().items() >= serials(knot, "nx.list", "stop.list").items()


def test_what_a_process_committed_that_died_before_it_told_anybody_is_told_by_the_next_look(
    knot, heard, lists, monkeypatch
):
    before = serials(knot, *HOT)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(primary.NOTIFIER, "notify", dies)
        lists("new.example")
    assert all(knot.serial(zone) > before[zone] for zone in HOT)
    assert heard.serials() == {}
    look()
    assert heard.serials() == serials(knot, *HOT)


def dies(_notifications) -> None:
    raise KeyboardInterrupt


def test_a_zone_is_told_although_the_commit_of_the_next_is_refused(knot, heard, lists, monkeypatch):
    ask = Knot._ask

    def refuses(self, *units: bytes, **more) -> list:
        if any(b"zone-commit" in unit and HOT[1].encode() in unit for unit in units):
            units = tuple(unit.replace(b"zone-commit", b"zone-xxxxxx") for unit in units)
        return ask(self, *units, **more)

    before = serials(knot, *HOT)
    with monkeypatch.context() as patched:
        patched.setattr(Knot, "_ask", refuses)
        lists("new.example")
    assert KnotState.objects.exclude(problem="").exists()
    first = serials(knot, *HOT)
    assert (first[HOT[0]] > before[HOT[0]], first[HOT[1]]) == (True, before[HOT[1]])
    assert heard.serials() == {HOT[0]: first[HOT[0]]}
    look()
    assert heard.serials() == {HOT[1]: knot.serial(HOT[1])}


def test_a_zone_that_does_not_verify_is_told_all_the_same(knot, heard, lists, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Knot, "_holds", lambda *_given: False)
        lists("new.example")
    assert "does not hold what was published" in primary.problem()
    assert heard.serials() == serials(knot, *HOT)


def test_a_primary_made_anew_is_told(server, knot, heard):
    before = serials(knot, *HOT, "nx.list")
    for zone in before:
        server.ctl([f"zone-purge -f {zone}."])
    look()
    after = serials(knot, *before)
    assert all(after[zone] > before[zone] for zone in before)
    assert heard.serials().items() >= after.items()


def test_the_kill_switch_is_told(knot, heard, body):
    services.kill_switch(actor=body.approver.actor, reason="A grave error")
    services.edition_publish()
    assert heard.serials() == serials(knot, *HOT)
    assert knot.read(HOT[0]) == LIFT_ALL


@pytest.mark.parametrize("error", [DatabaseError("gone"), RuntimeError("can't start new thread"), OSError("no")])
def test_no_change_waits_for_what_fails_when_it_is_told(knot, heard, lists, monkeypatch, caplog, error):
    def fails(_notifications) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(primary.NOTIFIER, "notify", fails)
        lists("new.example")
    assert primary.problem() == ""
    assert "new.example" in {record.owner for record in knot.read(HOT[0])}
    assert "Subscribers were not told of the last change" in caplog.messages
    look()
    assert heard.serials() == serials(knot, *HOT)


def test_one_whose_address_is_none_keeps_the_others_from_nothing(knot, heard, lists, caplog):
    Subscriber.objects.filter(delivery=Delivery.NXDOMAIN).update(notify="nowhere@53")
    lists("new.example")
    assert heard.serials() == serials(knot, HOT[1])
    assert [record for record in caplog.records if "cannot be told of changes" in record.getMessage()]


def test_it_is_said_when_nobody_can_be_told_for_want_of_the_key(knot, heard, lists, settings, caplog):
    settings.SUBSCRIBER_KEY = ""
    lists("new.example")
    look()
    said = [record for record in caplog.records if "MAMORI_SUBSCRIBER_KEY is not set" in record.getMessage()]
    assert [record.levelno for record in said] == [logging.ERROR]
    assert heard.serials() == {}
    assert "new.example" in {record.owner for record in knot.read(HOT[0])}
    settings.SUBSCRIBER_KEY = "again"
