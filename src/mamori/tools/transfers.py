"""Zones of the hidden primary, transferred with the subscriber's TSIG key."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.tsig

from mamori.tools.fetching import PullError

ANSWER, WHOLE = 10.0, 600.0  # seconds
_HEADER, _FIXED = struct.Struct("!HHHHHH"), struct.Struct("!HHIH")  # of a message; of a record after its owner
_IN, _NS, _CNAME, _SOA, _TSIG = dns.rdataclass.IN, 2, 5, 6, 250
_POINTER = 0xC0  # the two bits that tell a pointer from a label's length
_LONGEST_NAME, _LONGEST_LABEL, _LABELS = 255, 63, 127  # octets; labels
_UNSIGNED = 99  # messages in a row that may come without a signature (RFC 8945, section 5.3.1)
UNREADABLE = (dns.exception.DNSException, struct.error, IndexError, ValueError)
Held = dict[str, str]
"""A zone's CNAME records: owner relative to the zone -> target with its last dot. Whatever else it holds stands under
a key that no owner has."""


@dataclass(frozen=True)
class Primary:
    """`address` and port of the list body's primary, and the key it gave."""

    address: str
    port: int
    key_name: str
    secret: str

    @classmethod
    def of(cls, place: str, key_file: Path) -> Primary:
        """`place`: address@port. The file holds the key's name and its secret, parted by a blank. ValueError."""
        address, _at, port = place.partition("@")
        words = key_file.read_text().split()
        if len(words) != 2 or not (port or "53").isdecimal():
            raise ValueError(
                f"{key_file} must hold the TSIG key's name and its secret; the primary is written 192.0.2.1@53"
            )
        return cls(address, int(port or 53), *words)

    def serial(self, zone: str) -> int:
        """The zone's serial number. PullError."""
        try:
            answer = dns.query.tcp(self._question(zone, "SOA"), self.address, port=self.port, timeout=ANSWER)
            return int(answer.answer[0][0].serial)
        except (dns.exception.DNSException, OSError, IndexError, AttributeError) as error:
            raise PullError(f"the primary does not tell the serial of {zone} ({type(error).__name__})") from error

    def transfer(self, zone: str) -> tuple[int, Held]:
        """Its serial, and what it holds but SOA and NS. PullError."""
        question = self._question(zone, "AXFR")
        wire = question.to_wire()
        try:
            with socket.create_connection((self.address, self.port), ANSWER) as connection:
                connection.sendall(struct.pack("!H", len(wire)) + wire)
                return read_transfer(_messages(connection), question, zone)
        except (*UNREADABLE, OSError) as error:
            why = str(error) or type(error).__name__
            raise PullError(f"the primary does not hand over {zone} ({why[:200]})") from error

    def _question(self, zone: str, kind: str) -> dns.message.QueryMessage:
        question = dns.message.make_query(zone, kind)
        question.use_tsig(dns.tsig.Key(self.key_name, self.secret, "hmac-sha256"))
        return question


def _messages(connection: socket.socket) -> Iterator[bytes]:
    """What comes over TCP, message by message; OSError when it ends or takes too long."""
    until = time.monotonic() + WHOLE
    with connection.makefile("rb") as stream:
        while time.monotonic() < until:
            size = stream.read(2)
            message = stream.read(int.from_bytes(size, "big"))
            if len(size) < 2 or len(message) < int.from_bytes(size, "big"):
                raise ConnectionError("the connection ended in the middle")
            yield message
    raise TimeoutError(f"it takes longer than {WHOLE:.0f} s")


def read_transfer(messages: Iterable[bytes], question: dns.message.Message, zone: str) -> tuple[int, Held]:
    """The zone of an AXFR answer (RFC 5936): serial and content. `question` was sent with a key, and every message counts
    as signed by it or before one that is (RFC 8945). Some million records, so only what a list holds is read apart.

    DNSException, struct.error, IndexError or ValueError for anything else.
    """
    held, serials, context, unsigned = Held(), list[int](), None, 0
    for wire in messages:
        message = _Message(wire, zone, question.id)
        for owner, value in message.records(serials):
            held[f"{owner} again" if owner in held else owner] = value
        signature, context = message.verified(question, context)
        unsigned = 0 if signature else unsigned + 1
        if unsigned > _UNSIGNED:
            raise ValueError("messages come without a signature")
        if len(serials) > 1:
            if serials[0] != serials[1] or unsigned:
                raise ValueError("its end is not signed, or not that of what began")
            return serials[0], held
    raise ValueError("it does not end")


class _Message:
    """One message of a transfer."""

    def __init__(self, wire: bytes, zone: str, number: int) -> None:
        self._wire, self._zone = wire, f"{zone.lower().removesuffix('.')}."
        self._below = f".{self._zone}"
        self._known: dict[int, str] = {}
        found, flags, questions, self._answers, authority, self._more = _HEADER.unpack_from(wire)
        if rcode := dns.rcode.from_flags(flags, 0):
            raise ValueError(f"it says {dns.rcode.to_text(rcode)}")
        if found != number or not flags & dns.flags.QR or authority:
            raise ValueError("it is no answer to what was asked")
        self._at = _HEADER.size
        for _question in range(questions):
            self._at = self._name(self._at)[1] + 4

    def records(self, serials: list[int]) -> Iterator[tuple[str, str]]:
        """What stands in it but SOA, whose serials are added to `serials`, and NS of the zone itself."""
        for _answer in range(self._answers):
            owner, at = self._name(self._at)
            kind, of, _ttl, length = _FIXED.unpack_from(self._wire, at)
            at += _FIXED.size
            self._at = at + length
            if self._at > len(self._wire) or len(serials) > 1:
                raise ValueError("records stand behind the end")
            if kind == _SOA and owner == self._zone and of == _IN:
                serials.append(self._serial(at))
            elif not serials:
                raise ValueError("it does not begin with SOA")
            elif kind == _CNAME and of == _IN and owner.endswith(self._below):
                target, end = self._name(at)
                if end != self._at:
                    raise ValueError("a CNAME record is longer than its target")
                yield owner[: -len(self._below)], target
            elif kind != _NS or owner != self._zone:
                yield f"{owner} {dns.rdatatype.to_text(kind)}", ""

    def verified(self, question: dns.message.Message, context: Any) -> tuple[bool, Any]:
        """Whether it bears a signature, and what the next one is reckoned from. DNSException for a wrong one."""
        if self._more == 0:
            if context is None:
                raise ValueError("its beginning is not signed")
            context.update(self._wire)
            return False, context
        start, (owner, at) = self._at, self._name(self._at)
        kind, _class, _ttl, length = _FIXED.unpack_from(self._wire, at)
        at += _FIXED.size
        if self._more > 1 or kind != _TSIG or at + length != len(self._wire):
            raise ValueError("something else than a signature stands at its end")
        told = dns.rdata.from_wire(dns.rdataclass.ANY, dns.rdatatype.TSIG, self._wire, at, length)
        assert isinstance(told, dns.rdtypes.ANY.TSIG.TSIG)
        now = int(time.time())  # noqa: TID251 - the wall clock of the subscriber's machine
        name, key = dns.name.from_text(owner), question.keyring
        return True, dns.tsig.validate(self._wire, key, name, told, now, question.mac, start, context, multi=True)  # type: ignore[no-untyped-call]

    def _serial(self, at: int) -> int:
        for _name in range(2):
            at = self._name(at)[1]
        return int.from_bytes(self._wire[at : at + 4], "big")

    def _name(self, at: int, behind: int = 0) -> tuple[str, int]:
        """A name in small letters with its last dot, and where the octets after it begin. `behind`: pointers followed."""
        wire, labels, octets = self._wire, list[bytes](), 0
        while size := wire[at]:
            if size >= _POINTER:
                pointer = (size & ~_POINTER) << 8 | wire[at + 1]
                if (rest := self._known.get(pointer)) is None:
                    if pointer >= at or behind > _LABELS:
                        raise ValueError("a name is compressed the wrong way")
                    rest = self._known[pointer] = self._name(pointer, behind + 1)[0]
                if octets + len(rest) > _LONGEST_NAME:
                    raise ValueError("a name is too long")
                return _text(labels) + ("" if labels and rest == "." else rest), at + 2
            octets += size + 1
            if size > _LONGEST_LABEL or octets > _LONGEST_NAME:
                raise ValueError("a name is too long")
            labels.append(wire[at + 1 : at + 1 + size])
            at += size + 1
        return _text(labels) or ".", at + 1


def _text(labels: list[bytes]) -> str:
    """Labels, each with the dot behind it. One that holds a dot or a backslash is told so that it fits no name."""
    joined = b".".join(labels)
    if joined.count(b".") >= max(1, len(labels)) or b"\\" in joined:
        labels = [label.replace(b"\\", b"\\\\").replace(b".", b"\\.") for label in labels]
        joined = b".".join(labels)
    return f"{joined.decode('latin-1').lower()}." if labels else ""
