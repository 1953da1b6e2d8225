"""A resolver that is late is asked on, less and less often, until it follows; the real seconds are kept."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import dns.message
import dns.rcode
import dns.rrset
import pytest

from mamori.ground import clock, jobs
from mamori.ground.actors import Role
from mamori.lists.distribution import queries, services
from mamori.lists.distribution.models import Edition, EditionChange, Probe

pytestmark = pytest.mark.django_db
NAME = "late.example"


class Resolver(threading.Thread):
    """Answers every question on a port of loopback: with an address, or, once it `blocks`, with NXDOMAIN, but for the hot canary."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.blocks = False
        self.asked = 0

    def run(self) -> None:
        while True:
            try:
                wire, whence = self.socket.recvfrom(1500)
            except OSError:
                return
            self.asked += 1
            question = dns.message.from_wire(wire)
            answer = dns.message.make_response(question)
            if self.blocks and not str(question.question[0].name).startswith("hot-"):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            else:
                answer.answer.append(dns.rrset.from_text(question.question[0].name, 5, "IN", "A", "192.0.2.1"))
            self.socket.sendto(answer.to_wire(), whence)


@pytest.fixture
def resolver(settings) -> Iterator[Resolver]:
    found = Resolver()
    found.start()
    settings.PROBE_RESOLVERS = {"own": found.address}
    yield found
    found.socket.close()


def late(version=1) -> Probe:
    """A change that a resolver did not do within 10 s."""
    now = clock.now()
    edition = Edition.objects.create(
        version=version, state="published", digest="0" * 64, built_at=now, published_at=now
    )
    change = EditionChange.objects.create(
        edition=edition, entry_id=uuid4(), change="added", method="dns", target=NAME, since=now
    )
    return Probe.objects.create(edition=edition, entry_id=change.entry_id, resolver="own", blocked=True, at=now)


def alarms(person) -> list[int]:
    found = queries.desk(person(Role.LIST_APPROVER).actor)
    return [one.count for one in found if "canary" not in str(one.title) and one.alarm]


def test_it_is_asked_until_it_follows_and_the_alarm_ends_with_the_real_seconds(resolver, person, frozen):
    probe = late()
    frozen.shift(timedelta(seconds=5))
    assert services.probe_late() == 0 and resolver.asked == 0  # not yet
    frozen.shift(timedelta(minutes=5))
    assert services.probe_late() == 1 and resolver.asked == 1
    assert len(alarms(person)) == 1
    resolver.blocks = True
    frozen.shift(timedelta(minutes=5))
    jobs.run_sweep("distribution.probe")
    probe.refresh_from_db()
    assert probe.seconds == 605
    assert alarms(person) == []
    assert services.probe_late() == 0


def test_the_pause_grows_up_to_a_day(resolver, frozen):
    late()
    for _minute in range(24 * 60):
        frozen.shift(timedelta(minutes=1))
        services.probe_late()
    assert 10 < resolver.asked < 40
    frozen.shift(timedelta(days=30))
    services.probe_late()
    before = resolver.asked
    frozen.shift(timedelta(hours=23))
    services.probe_late()
    assert resolver.asked == before
    frozen.shift(timedelta(hours=2))
    services.probe_late()
    assert resolver.asked == before + 1


def test_what_a_later_edition_undid_is_neither_asked_nor_an_alarm(resolver, person, frozen):
    late()
    now = clock.now()
    edition = Edition.objects.create(version=2, state="published", digest="1" * 64, built_at=now, published_at=now)
    EditionChange.objects.create(
        edition=edition, entry_id=uuid4(), change="removed", method="dns", target=NAME, since=now
    )
    frozen.shift(timedelta(hours=1))
    services.probe_late()
    assert resolver.asked == 0
    assert alarms(person) == []


def test_a_silent_resolver_costs_no_other_its_seconds_and_is_told_after_the_longest_wait(resolver, settings):
    """The seconds that `mamori kill-switch` prints: each name asked of the silent one alone would take half a second."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    with silent:
        settings.PROBE_RESOLVERS = {"silent": f"127.0.0.1:{silent.getsockname()[1]}", "own": resolver.address}
        began = time.monotonic()
        found = dict(services.seconds_until_free([f"n{number}.example" for number in range(40)], longest=3))
    assert found["silent"] is None
    assert found["own"] < 3
    assert time.monotonic() - began < 10


def test_a_resolver_that_blocks_is_told_when_it_ceases_or_that_it_does_not(resolver, settings):
    resolver.blocks = True
    assert list(services.seconds_until_free([NAME], longest=0.5)) == [("own", None)]
    ceasing = threading.Timer(0.5, setattr, (resolver, "blocks", False))
    ceasing.start()
    [(name, seconds)] = services.seconds_until_free([NAME, "other.example"], longest=30)
    assert name == "own" and seconds >= 0.4
    settings.PROBE_RESOLVERS = {}
    assert list(services.seconds_until_free([NAME])) == []
