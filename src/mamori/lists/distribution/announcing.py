"""Tell subscribers that a zone has changed: all of them at once (NOTIFY, RFC 1996, by UDP, signed with the key of each).

Not by Knot, which tells one after the other and waits five seconds for each that is silent (ADR 28).
"""

import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, Self

import dns.flags
import dns.message
import dns.opcode
import dns.rrset
import dns.tsig
import dns.tsigkeyring

from mamori.lists.distribution.records import SOA, TTL

log = logging.getLogger("mamori.list")
PAUSES = (0.25, 0.5, 1.0, 2.0)
"""Seconds from one sending to the next, while none was acknowledged."""
_LOOK_EVERY = 0.05  # seconds
_LONGEST = 65_535  # bytes of a datagram
_HEADER = 12  # bytes


class Place(NamedTuple):
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


class Announcement(NamedTuple):
    """What one subscriber is told of a zone: its serial number. `secret`: of its TSIG key (hmac-sha256), base64."""

    place: Place
    zone: str
    serial: int
    key: str
    secret: str

    def message(self) -> dns.message.Message:
        """The signed question that announces it."""
        made = dns.message.make_query(f"{self.zone}.", "SOA", flags=dns.flags.AA)
        made.set_opcode(dns.opcode.NOTIFY)
        made.answer.append(dns.rrset.from_text(f"{self.zone}.", TTL, "IN", "SOA", SOA.format(serial=self.serial)))
        made.use_tsig(dns.tsigkeyring.from_text({self.key: (dns.tsig.HMAC_SHA256, self.secret)}))
        return made


@dataclass
class _Sent:
    """An announcement that nobody has acknowledged yet. `due`: when it is sent again (`time.monotonic`)."""

    place: Place
    data: bytes
    due: float
    again: int = 0


class Announcer:
    """Announces, and again while it is not acknowledged: a newer announcement of the zone takes an older one's place.

    An acknowledgement is not verified: at worst it ends the repetitions, and the subscriber looks by itself in time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[Place, str], _Sent] = {}
        self._sockets: dict[int, socket.socket] = {}
        self._silent: set[Place] = set()
        self._is_running = False

    def announce(self, announcements: Iterable[Announcement]) -> None:
        """Send all, and go on in the background until they are acknowledged or were sent five times."""
        with self._lock:
            for one in announcements:
                sent = _Sent(one.place, one.message().to_wire(), time.monotonic() + PAUSES[0])
                self._open[one.place, one.zone] = sent
                self._send(sent)
            if self._open and not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="announcer", daemon=True).start()

    def is_busy(self) -> bool:
        """Whether something is not acknowledged yet, and not given up."""
        with self._lock:
            return bool(self._open)

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY)
            with self._lock:
                for each in self._sockets.values():
                    self._hear(each)
                self._repeat()
                if not self._open:
                    for each in self._sockets.values():
                        each.close()
                    self._sockets.clear()
                    self._is_running = False
                    return

    def _send(self, sent: _Sent) -> None:
        family = socket.AF_INET if sent.place.address.version == 4 else socket.AF_INET6
        with suppress(OSError):  # no way there: as if it were lost
            if family not in self._sockets:
                self._sockets[family] = socket.socket(family, socket.SOCK_DGRAM)
                self._sockets[family].setblocking(False)
            self._sockets[family].sendto(sent.data, (str(sent.place.address), sent.place.port))

    def _hear(self, opened: socket.socket) -> None:
        """Take in every acknowledgement that is there."""
        by_id = {(sent.place, sent.data[:2]): key for key, sent in self._open.items()}
        with suppress(OSError):  # all were taken
            while True:
                data, sender = opened.recvfrom(_LONGEST)
                place = Place(ipaddress.ip_address(sender[0].partition("%")[0]), sender[1])
                if len(data) >= _HEADER and data[2] & 0x80 and (key := by_id.pop((place, data[:2]), None)):
                    del self._open[key]
                    if place in self._silent:
                        self._silent.remove(place)
                        log.info("%s acknowledges announcements again", place)

    def _repeat(self) -> None:
        now = time.monotonic()
        for key, sent in [*self._open.items()]:
            if now < sent.due:
                continue
            if sent.again == len(PAUSES):
                del self._open[key]
                if sent.place not in self._silent:
                    self._silent.add(sent.place)
                    log.warning(
                        "%s acknowledges no announcement: a firewall? It hears of changes as late as it looks",
                        sent.place,
                    )
                continue
            self._send(sent)
            sent.again += 1
            sent.due = now + PAUSES[min(sent.again, len(PAUSES) - 1)]


ANNOUNCER = Announcer()
"""This process's own."""
