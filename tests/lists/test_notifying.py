"""Subscribers are told of a change all at once, and again until they acknowledge it: one that is silent delays nobody."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import dns.message
import dns.opcode
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import pytest

from mamori.lists.distribution import notifying
from mamori.lists.distribution.notifying import Endpoint, Notification, Notifier

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA=="
KEYS = dns.tsigkeyring.from_text(dict.fromkeys(("sub-1", "sub-2"), (dns.tsig.HMAC_SHA256, SECRET)))
HOT = "hot-nx.list"


class Subscriber:
    """Listens on loopback. What it hears is verified with its key."""

    def __init__(self, host: str) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(10)
        self.endpoint = Endpoint.of("{}@{}".format(*self.socket.getsockname()[:2]))

    def hear(self) -> tuple[dns.message.Message, tuple[str, int]]:
        data, sender = self.socket.recvfrom(4096)
        return dns.message.from_wire(data, keyring=KEYS), sender

    def serial(self) -> int:
        return self.hear()[0].answer[0][0].serial

    def acknowledge(self, told: dns.message.Message, to: tuple[str, int], code: str = "NOERROR") -> None:
        answer = dns.message.make_response(told)
        answer.set_rcode(dns.rcode.from_text(code))
        self.socket.sendto(answer.to_wire(), to)

    def is_told(self, zone: str, serial: int) -> Notification:
        return Notification(self.endpoint, zone, serial, "sub-1", SECRET)

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
def notifier(monkeypatch) -> Iterator[Notifier]:
    monkeypatch.setattr(notifying, "PAUSES", (0.1, 0.1, 0.1, 0.1))
    made = Notifier()
    yield made
    ended(made)


@pytest.fixture
def subscribers() -> Iterator[list[Subscriber]]:
    made = [Subscriber(host) for host in ("127.0.0.1", "127.0.0.2", "::1")]
    yield made
    for each in made:
        each.socket.close()


def ended(notifier: Notifier) -> None:
    """Wait until it repeats nothing any more."""
    end = time.monotonic() + 20
    while notifier.is_busy():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_all_are_told_with_their_key_and_who_acknowledged_it_only_once(notifier, subscribers):
    silent, *others = subscribers
    notifier.notify([each.is_told(zone, 7) for each in subscribers for zone in (HOT, "nx.list")])
    for each in others:
        heard = dict[str, int]()
        for told, sender in (each.hear(), each.hear()):
            assert told.opcode() == dns.opcode.NOTIFY
            assert told.had_tsig
            heard[str(told.question[0].name)] = told.answer[0][0].serial
            each.acknowledge(told, sender)
        assert heard == {f"{HOT}.": 7, "nx.list.": 7}
    ended(notifier)
    assert [each.waiting() for each in others] == [0, 0]
    assert silent.waiting() == 2 * (1 + 4), "of each zone: at first, and after each pause"


def said(caplog) -> list[str]:
    """What stands in the log, without to whom it is about."""
    assert {record.levelname for record in caplog.records} <= {"WARNING"}, "INFO is not written"
    return [message.split(", ", 2)[2] for message in caplog.messages]


def test_who_falls_silent_is_said_once_and_when_it_acknowledges_again(notifier, subscribers, caplog):
    one = subscribers[0]
    for serial in (7, 8):
        notifier.notify([one.is_told(HOT, serial)])
        ended(notifier)
        one.waiting()
    assert len(caplog.messages) == 1
    one.socket.settimeout(10)
    notifier.notify([one.is_told(HOT, 9)])
    one.acknowledge(*one.hear())
    ended(notifier)
    silent, again = said(caplog)
    assert silent.startswith("acknowledges nothing: a firewall")
    assert again == "acknowledges them again."
    assert all(message.startswith(f"{one.endpoint}, told of changes of {HOT} with the key sub-1, ")
               for message in caplog.messages)  # fmt: skip


def test_who_is_silent_while_changes_follow_one_another_is_said_too(notifier, subscribers, caplog):
    for serial in range(100):
        notifier.notify([subscribers[0].is_told(HOT, serial)])
        if caplog.messages:
            break
        time.sleep(0.05)  # each takes the place of one that was sent once
    assert len(said(caplog)) == 1


@pytest.mark.parametrize(("code", "sendings"), [("NOTAUTH", 1), ("REFUSED", 1), ("SERVFAIL", 5)])
def test_who_answers_an_error_is_said_once_and_told_again_where_that_may_help(
    notifier, subscribers, caplog, code, sendings
):
    one = subscribers[0]
    for serial in (7, 8):
        one.socket.settimeout(10)
        notifier.notify([one.is_told(HOT, serial)])
        told, sender = one.hear()
        one.acknowledge(told, sender, code)
        ended(notifier)
        assert 1 + one.waiting() == sendings
    assert said(caplog) == [
        f"answers {code}: are the zone and the key set up there? It hears of them as late as it looks."
    ]


def test_two_at_one_place_are_told_each_with_its_key(notifier, subscribers):
    one = subscribers[0]
    mine = one.is_told(HOT, 7)
    notifier.notify([mine, replace(mine, key="sub-2")])
    heard = []
    for _each in range(2):
        told, sender = one.hear()
        heard.append(str(told.keyname))
        one.acknowledge(told, sender)
    assert heard == ["sub-1.", "sub-2."]
    ended(notifier)
    assert one.waiting() == 0


def test_who_floods_it_with_answers_keeps_nothing_from_being_sent(notifier, subscribers, monkeypatch):
    one, other, _third = subscribers
    reading, go_on = threading.Event(), threading.Event()

    def reads(_socket: socket.socket) -> list:
        reading.set()
        assert go_on.wait(20)
        return []

    with monkeypatch.context() as patched:
        patched.setattr(notifying, "_received", reads)
        notifier.notify([one.is_told(HOT, 7)])
        assert reading.wait(20)
        notifier.notify([other.is_told(HOT, 7)])
        assert other.serial() == 7
        go_on.set()
    sender = one.hear()[1]
    for _each in range(2000):
        one.socket.sendto(bytes(12), sender)
    other.socket.settimeout(10)
    assert other.serial() == 7, "and told again"


def test_what_goes_wrong_in_the_background_is_said_and_the_next_change_is_told(
    notifier, subscribers, monkeypatch, caplog
):
    one = subscribers[0]
    with monkeypatch.context() as patched:
        patched.setattr(notifying, "_received", lambda _socket: 1 / 0)
        notifier.notify([one.is_told(HOT, 7)])
        ended(notifier)
    assert "not told again" in caplog.messages[0]
    assert one.serial() == 7
    notifier.notify([one.is_told(HOT, 8)])
    assert [one.serial() for _each in range(5)] == [8] * 5


def test_a_process_that_ends_has_told_five_times(subscribers):
    one = subscribers[0]
    program = f"""
from mamori.lists.distribution import notifying
notifying.PAUSES = (0.1, 0.1, 0.1, 0.1)
endpoint = notifying.Endpoint.of({str(one.endpoint)!r})
notifying.Notifier().notify([notifying.Notification(endpoint, {HOT!r}, 7, "sub-1", {SECRET!r})])
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert one.waiting() == 5


def test_it_is_sent_from_the_address_that_is_set(subscribers, caplog):
    one, _other, third = subscribers
    notifier = Notifier(["127.0.0.5"])
    notifier.notify([one.is_told(HOT, 7), third.is_told(HOT, 7)])
    for each, source in ((one, "127.0.0.5"), (third, "::1")):
        told, sender = each.hear()
        assert sender[0] == source
        each.acknowledge(told, sender)
    ended(notifier)
    assert not caplog.messages


def test_an_address_that_is_not_ours_is_said_once_and_the_others_are_told(monkeypatch, subscribers, caplog):
    monkeypatch.setattr(notifying, "PAUSES", (0.1,))
    one, other, third = subscribers
    notifier = Notifier(["192.0.2.1"])
    notifier.notify([each.is_told(HOT, 7) for each in (one, other, third)])
    third.acknowledge(*third.hear())
    ended(notifier)
    assert (one.waiting(), other.waiting()) == (0, 0)
    assert [each for each in caplog.messages if "192.0.2.1" in each] == [
        "Subscribers with IPv4 are not told of changes (from 192.0.2.1): [Errno 99] Cannot assign requested address"
    ]


def test_a_secret_stands_in_no_text(subscribers):
    assert SECRET not in repr(subscribers[0].is_told(HOT, 7))


def test_a_newer_change_takes_the_place_of_an_older_one(notifier, subscribers):
    one = subscribers[0]
    notifier.notify([one.is_told(HOT, 7)])
    notifier.notify([one.is_told(HOT, 8)])
    assert [one.serial() for _message in range(6)] == [7, 8, 8, 8, 8, 8]
    ended(notifier)
    assert one.waiting() == 0


@pytest.mark.parametrize("what", ["another id", "a question", "a short one", "another sender"])
def test_what_is_no_acknowledgement_ends_nothing(notifier, subscribers, what):
    one, other, _third = subscribers
    notifier.notify([one.is_told(HOT, 7)])
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


def test_where_there_is_no_way_to_one_the_others_are_told(notifier, subscribers):
    nowhere = [
        Notification(Endpoint.of(place), HOT, 7, "sub-1", SECRET) for place in ("255.255.255.255@53", "2001:db8::1@53")
    ]
    notifier.notify([*nowhere, *(each.is_told(HOT, 7) for each in subscribers)])
    assert [each.serial() for each in subscribers] == [7, 7, 7]


def test_it_goes_on_after_a_pause(notifier, subscribers):
    one = subscribers[0]
    for serial in (7, 8):
        notifier.notify([one.is_told(HOT, serial)])
        told, sender = one.hear()
        one.acknowledge(told, sender)
        assert told.answer[0][0].serial == serial
        ended(notifier)
