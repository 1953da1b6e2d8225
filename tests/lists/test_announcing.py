"""Subscribers are told of a change all at once, and again until they acknowledge it: one that is silent delays nobody."""

import socket
import time
from collections.abc import Iterator

import dns.message
import dns.opcode
import dns.tsig
import dns.tsigkeyring
import pytest

from mamori.lists.distribution import announcing
from mamori.lists.distribution.announcing import Announcement, Announcer, Place

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA=="
KEYS = dns.tsigkeyring.from_text({"sub-1": (dns.tsig.HMAC_SHA256, SECRET)})
HOT = "hot-nx.list"


class Subscriber:
    """Listens on loopback. What it hears is verified with its key."""

    def __init__(self, host: str) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(10)
        self.place = Place.of("{}@{}".format(*self.socket.getsockname()[:2]))

    def hear(self) -> tuple[dns.message.Message, tuple[str, int]]:
        data, sender = self.socket.recvfrom(4096)
        return dns.message.from_wire(data, keyring=KEYS), sender

    def serial(self) -> int:
        return self.hear()[0].answer[0][0].serial

    def acknowledge(self, told: dns.message.Message, to: tuple[str, int]) -> None:
        self.socket.sendto(dns.message.make_response(told).to_wire(), to)

    def is_told(self, zone: str, serial: int) -> Announcement:
        return Announcement(self.place, zone, serial, "sub-1", SECRET)

    def waiting(self) -> int:
        """How many messages lie there; they are taken."""
        self.socket.settimeout(0)
        for count in range(1000):
            try:
                self.socket.recv(4096)
            except BlockingIOError:
                return count
        raise AssertionError("no end of messages")


@pytest.fixture
def announcer(monkeypatch) -> Iterator[Announcer]:
    monkeypatch.setattr(announcing, "PAUSES", (0.1, 0.1, 0.1, 0.1))
    made = Announcer()
    yield made
    ended(made)


@pytest.fixture
def subscribers() -> Iterator[list[Subscriber]]:
    made = [Subscriber(host) for host in ("127.0.0.1", "127.0.0.2", "::1")]
    yield made
    for each in made:
        each.socket.close()


def ended(announcer: Announcer) -> None:
    """Wait until it repeats nothing any more."""
    end = time.monotonic() + 20
    while announcer.is_busy():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_all_are_told_with_their_key_and_who_acknowledged_it_only_once(announcer, subscribers):
    silent, *others = subscribers
    announcer.announce([each.is_told(zone, 7) for each in subscribers for zone in (HOT, "nx.list")])
    for each in others:
        heard = dict[str, int]()
        for told, sender in (each.hear(), each.hear()):
            assert told.opcode() == dns.opcode.NOTIFY
            assert told.had_tsig
            heard[str(told.question[0].name)] = told.answer[0][0].serial
            each.acknowledge(told, sender)
        assert heard == {f"{HOT}.": 7, "nx.list.": 7}
    ended(announcer)
    assert [each.waiting() for each in others] == [0, 0]
    assert silent.waiting() == 2 * (1 + 4), "of each zone: at first, and after each pause"


def test_who_falls_silent_is_said_once_and_when_it_acknowledges_again(announcer, subscribers, caplog):
    caplog.set_level("INFO", "mamori.list")
    one = subscribers[0]
    for serial in (7, 8):
        announcer.announce([one.is_told(HOT, serial)])
        ended(announcer)
        one.waiting()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    one.socket.settimeout(10)
    announcer.announce([one.is_told(HOT, 9)])
    one.acknowledge(*one.hear())
    ended(announcer)
    place = "{}@{}".format(*one.place)
    assert [record.getMessage().partition(" ")[0] for record in caplog.records] == [place, place]
    assert "again" in caplog.messages[1]


def test_a_newer_change_takes_the_place_of_an_older_one(announcer, subscribers):
    one = subscribers[0]
    announcer.announce([one.is_told(HOT, 7)])
    announcer.announce([one.is_told(HOT, 8)])
    assert [one.serial() for _message in range(6)] == [7, 8, 8, 8, 8, 8]
    ended(announcer)
    assert one.waiting() == 0


@pytest.mark.parametrize("what", ["another id", "a question", "a short one", "another sender"])
def test_what_is_no_acknowledgement_ends_nothing(announcer, subscribers, what):
    one, other, _third = subscribers
    announcer.announce([one.is_told(HOT, 7)])
    told, sender = one.hear()
    data = dns.message.make_response(told).to_wire()
    if what == "another id":
        data = bytes([data[0] ^ 1]) + data[1:]
    elif what == "a question":
        data = told.to_wire()
    elif what == "a short one":
        data = data[:11]
    (other if what == "another sender" else one).socket.sendto(data, sender)
    assert [one.serial() for _message in range(4)] == [7] * 4


def test_where_there_is_no_way_to_one_the_others_are_told(announcer, subscribers):
    nowhere = [
        Announcement(Place.of(place), HOT, 7, "sub-1", SECRET) for place in ("255.255.255.255@53", "2001:db8::1@53")
    ]
    announcer.announce([*nowhere, *(each.is_told(HOT, 7) for each in subscribers)])
    assert [each.serial() for each in subscribers] == [7, 7, 7]


def test_it_goes_on_after_a_pause(announcer, subscribers):
    one = subscribers[0]
    for serial in (7, 8):
        announcer.announce([one.is_told(HOT, serial)])
        told, sender = one.hear()
        one.acknowledge(told, sender)
        assert told.answer[0][0].serial == serial
        ended(announcer)
