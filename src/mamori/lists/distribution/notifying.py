"""Tell subscribers that a zone has changed: all of them at once (NOTIFY, RFC 1996, by UDP, signed with the key of each).

Not by Knot, which tells one after the other and waits five seconds for each that is silent (ADR 28).
"""

import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rrset
import dns.tsig
import dns.tsigkeyring

from mamori.lists.distribution.records import SOA, TTL

log = logging.getLogger("mamori.list")
PAUSES = (0.25, 0.5, 1.0, 2.0)
"""Seconds from one sending to the next, while none was acknowledged."""
_LOOK_EVERY = 0.05  # seconds
_AT_ONCE = 500  # datagrams of one look: whoever floods the socket keeps nothing from being sent
_HEADER = 12  # bytes
_QR_AND_OPCODE, _RESPONSE_TO_NOTIFY = 0b1_1111_000, 0b1_0100_000  # of the header's third byte
_SILENT = (
    "acknowledges nothing: a firewall that lets no UDP through, a server that does not run, "
    "a PowerDNS without `mamori list long-poll`?"
)


class Endpoint(NamedTuple):
    """Where a subscriber listens."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Written address@port, or address alone for port 53. ValueError."""
        address, _at, port = text.partition("@")
        return cls(ipaddress.ip_address(address), int(port or 53))

    def __str__(self) -> str:
        return f"{self.address}@{self.port}"


class _Topic(NamedTuple):
    """To whom a notification is, and of what: a newer one takes an older one's place."""

    endpoint: Endpoint
    zone: str
    key: str


@dataclass(frozen=True)
class Notification:
    """What one subscriber is told of a zone: its serial number. `secret`: of its TSIG key (hmac-sha256), base64."""

    endpoint: Endpoint
    zone: str
    serial: int
    key: str
    secret: str = field(repr=False)

    @property
    def topic(self) -> _Topic:
        return _Topic(self.endpoint, self.zone, self.key)

    def to_wire(self) -> bytes:
        """The signed message. Its number is drawn anew each time."""
        made = dns.message.make_query(f"{self.zone}.", "SOA", flags=dns.flags.AA)
        made.set_opcode(dns.opcode.NOTIFY)
        made.answer.append(dns.rrset.from_text(f"{self.zone}.", TTL, "IN", "SOA", SOA.format(serial=self.serial)))
        made.use_tsig(dns.tsigkeyring.from_text({self.key: (dns.tsig.HMAC_SHA256, self.secret)}))
        return made.to_wire()


@dataclass
class _Sent:
    """What nobody has acknowledged yet. Times of `time.monotonic`.

    `due`: when it is sent again. `unheard`: since when nothing of the topic was acknowledged. `trouble`: what was
    answered instead.
    """

    data: bytes
    due: float
    unheard: float
    again: int = 0
    trouble: str = _SILENT


class Notifier:
    """Notifies, and again while it is not acknowledged. A process that ends does so when all this is over.

    Responses are not verified: at worst a forged one ends the repetitions, and the subscriber looks by itself in time.
    """

    def __init__(self, sources: Iterable[str] = ()) -> None:
        """`sources`: addresses it sends from, one of each family; where one is not named the system chooses."""
        self._sources = {ipaddress.ip_address(each).version: each for each in sources}
        self._lock = threading.Lock()
        self._open: dict[_Topic, _Sent] = {}
        self._sockets: dict[int, socket.socket | None] = {}
        self._troubles: dict[_Topic, str] = {}
        self._is_running = False

    def notify(self, notifications: Iterable[Notification]) -> None:
        """Send all, and go on in the background until they are acknowledged or were sent five times."""
        for one in notifications:
            data = one.to_wire()
            with self._lock:
                now = time.monotonic()
                older = self._open.get(one.topic)
                self._open[one.topic] = _Sent(data, now + PAUSES[0], older.unheard if older else now)
                self._send(one.endpoint, data)
                if not self._is_running:
                    threading.Thread(target=self._run, name="notifier").start()
                    self._is_running = True

    def is_busy(self) -> bool:
        """Whether something is not acknowledged yet, and not given up."""
        with self._lock:
            return bool(self._open)

    def _run(self) -> None:
        try:
            while self._look():
                time.sleep(_LOOK_EVERY)
        except Exception:
            log.exception("Subscribers are not told again of the last changes")
            with self._lock:
                self._end()

    def _look(self) -> bool:
        """Take in what was answered, send again what was not. Whether something is left to do."""
        with self._lock:
            sockets = [each for each in self._sockets.values() if each]
        received = [each for opened in sockets for each in _received(opened)]
        with self._lock:
            self._take(received)
            self._repeat()
            if not self._open:
                self._end()
            return self._is_running

    def _end(self) -> None:
        for each in self._sockets.values():
            if each:
                each.close()
        self._sockets.clear()
        self._open.clear()
        self._is_running = False

    def _send(self, endpoint: Endpoint, data: bytes) -> None:
        version = endpoint.address.version
        if version not in self._sockets:
            self._sockets[version] = _opened(version, self._sources.get(version, ""))
        if opened := self._sockets[version]:
            with suppress(OSError):  # no way there: as if it were lost
                opened.sendto(data, (str(endpoint.address), endpoint.port))

    def _take(self, received: Iterable[tuple[Endpoint, bytes]]) -> None:
        """Take in what was answered: (whence, header of the message)."""
        by_number = {(topic.endpoint, sent.data[:2]): topic for topic, sent in self._open.items()}
        for endpoint, header in received:
            if len(header) < _HEADER or header[2] & _QR_AND_OPCODE != _RESPONSE_TO_NOTIFY:
                continue
            topic = by_number.pop((endpoint, header[:2]), None)
            if topic is None:
                continue
            code = header[3] & 0b1111
            said = f"answers {dns.rcode.to_text(dns.rcode.Rcode(code))}: are the zone and the key set up there?"
            if code == dns.rcode.SERVFAIL:
                self._open[topic].trouble = said
                continue
            del self._open[topic]
            self._note(topic, said if code else "")

    def _repeat(self) -> None:
        now = time.monotonic()
        for topic, sent in [*self._open.items()]:
            if now >= sent.unheard + sum(PAUSES) + PAUSES[-1]:
                self._note(topic, sent.trouble)
            if now >= sent.due and sent.again == len(PAUSES):
                del self._open[topic]
            elif now >= sent.due:
                self._send(topic.endpoint, sent.data)
                sent.again += 1
                sent.due = now + PAUSES[min(sent.again, len(PAUSES) - 1)]

    def _note(self, topic: _Topic, trouble: str) -> None:
        """Say it when there is trouble with a topic, another than before, or none any more."""
        if trouble == self._troubles.get(topic, ""):
            return
        self._troubles[topic] = trouble
        log.warning(
            "%s, told of changes of %s with the key %s, %s",
            topic.endpoint,
            topic.zone,
            topic.key,
            f"{trouble} It hears of them as late as it looks." if trouble else "acknowledges them again.",
        )


def _opened(version: int, source: str) -> socket.socket | None:
    """A socket of this version of IP; None, and said why, where there can be none."""
    with ExitStack() as undo:
        try:
            opened = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
            undo.enter_context(opened)
            opened.setblocking(False)
            opened.bind((source, 0))
        except OSError as error:
            log.warning("Subscribers with IPv%s are not told of changes (from %s): %s", version, source or "any", error)
            return None
        undo.pop_all()
        return opened


def _received(opened: socket.socket) -> list[tuple[Endpoint, bytes]]:
    """Headers of datagrams that are there, and whence."""
    found = list[tuple[Endpoint, bytes]]()
    with suppress(OSError):  # there are no more
        while len(found) < _AT_ONCE:
            data, sender = opened.recvfrom(_HEADER)
            found.append((Endpoint(ipaddress.ip_address(sender[0].partition("%")[0]), sender[1]), data))
    return found
