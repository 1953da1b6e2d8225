"""Tell a resolver that polls of each change at once: PowerDNS looks at a policy zone each second and acts on no NOTIFY.

It asks for the changes since its serial number (IXFR, RFC 1995) by TCP and waits twenty seconds for the answer. While the
primary has nothing newer the question is kept here. The primary's NOTIFY (RFC 1996), or a look each second for one that was
lost, ends that. Messages pass as they are, both ways: TSIG is between resolver and primary, and this program has no key.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import struct
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple, cast

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rdatatype
import typer

from mamori.tools.errors import told_errors

KEPT = 10.0  # seconds a question is kept at most
LOOK = 1.0  # seconds between two looks while one is kept
ANSWER = 2.0  # seconds for an answer to a look, a connection, or the question of one
TRANSFER = 600.0  # seconds for an answer to pass
MOST = 50  # connections, and zones, at once


class Place(NamedTuple):
    """An address and a port."""

    address: str
    port: int

    @classmethod
    def of(cls, text: str) -> Place:
        """Written address@port. ValueError."""
        address, _at, port = text.partition("@")
        with contextlib.suppress(ValueError):
            if 0 <= int(port) < 1 << 16:
                return cls(str(ipaddress.ip_address(address)), int(port))
        raise ValueError(f"{text} is no address and port: write them like 192.0.2.53@53")


@dataclass
class _Zone:
    """What is known of a zone: the serial number the primary last told, and what is set when it tells another."""

    name: dns.name.Name
    serial: int | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class LongPoll:
    """Stands between a resolver and the primary it polls. `listen`: where the resolver asks; `notified`: where the primary tells."""

    def __init__(self, primary: Place, *, listen: Place, notified: Place) -> None:
        self._primary, self._listen, self._notified = primary, listen, notified
        self._zones: dict[dns.name.Name, _Zone] = {}
        self._asking, self._telling = asyncio.Semaphore(MOST), asyncio.Semaphore(MOST)
        self._looks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until it is cancelled. OSError where it cannot listen."""
        loop = asyncio.get_running_loop()
        transport, _protocol = await loop.create_datagram_endpoint(lambda: _Notified(self), local_addr=self._notified)
        try:
            async with (
                await asyncio.start_server(self._hear, *self._notified),
                await asyncio.start_server(self._serve, *self._listen) as server,
            ):
                await server.serve_forever()
        finally:
            transport.close()

    def heard(self, data: bytes, address: str) -> bytes | None:
        """Of an announcement that came from the primary: look, and what is answered. None for all else."""
        try:
            message = dns.message.from_wire(data, keyring=False)
        except (dns.exception.DNSException, ValueError):
            return None
        if message.opcode() != dns.opcode.NOTIFY or message.flags & dns.flags.QR or len(message.question) != 1:
            return None
        if ipaddress.ip_address(address.partition("%")[0]) != ipaddress.ip_address(self._primary.address):
            return None
        if (zone := self._zones.get(message.question[0].name)) and len(self._looks) < MOST:
            look = asyncio.get_running_loop().create_task(self._look(zone))
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)
        answer = dns.message.Message(message.id)
        answer.set_opcode(dns.opcode.NOTIFY)
        answer.flags |= dns.flags.QR | dns.flags.AA
        answer.question = message.question
        return answer.to_wire()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Announcements by TCP: of a primary that sends them so."""
        try:
            async with self._telling, asyncio.timeout(ANSWER):
                if answer := self.heard(await _message(reader), writer.get_extra_info("peername")[0]):
                    writer.write(_framed(answer))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            await _close(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._asking:
                async with asyncio.timeout(ANSWER):
                    question = await _message(reader)
                if (asked := _asked(question)) and await self._gone_before_newer(*asked, reader):
                    return
                await self._pass(question, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the resolver asks again
        finally:
            await _close(writer)

    async def _gone_before_newer(self, name: dns.name.Name, serial: int, reader: asyncio.StreamReader) -> bool:
        """Keep the question while the primary has nothing newer; whether who asked went away meanwhile."""
        if name not in self._zones and len(self._zones) >= MOST:
            return False
        zone = self._zones.setdefault(name, _Zone(name))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(KEPT):
                await self._look(zone)
                while zone.serial == serial and not reader.at_eof():
                    changed = zone.changed
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK):
                            await changed.wait()
                            continue
                    await self._look(zone)
        return reader.at_eof()

    async def _look(self, zone: _Zone) -> None:
        """Ask the primary for the zone's serial number; without an answer none is known, and nothing is kept."""
        question = dns.message.make_query(zone.name, dns.rdatatype.SOA, flags=0)
        try:
            answer = await dns.asyncquery.udp(question, self._primary.address, ANSWER, self._primary.port)
            serial = answer.answer[0][0].serial
        except (dns.exception.DNSException, OSError, IndexError, AttributeError):
            serial = None
        if serial != zone.serial:
            zone.serial = serial
            zone.changed.set()
            zone.changed = asyncio.Event()

    async def _pass(self, question: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(ANSWER):
            above, to_above = await asyncio.open_connection(*self._primary)
        try:
            to_above.write(_framed(question))
            ways = {asyncio.create_task(_pipe(reader, to_above)), asyncio.create_task(_pipe(above, writer))}
            try:
                await asyncio.wait(ways, timeout=TRANSFER, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            await _close(to_above)


class _Notified(asyncio.DatagramProtocol):
    """Announcements by UDP."""

    def __init__(self, poll: LongPoll) -> None:
        self._poll = poll

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if answer := self._poll.heard(data, addr[0]):
            self._transport.sendto(answer, addr)


async def _message(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack("!H", await reader.readexactly(2))
    return await reader.readexactly(length)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _framed(message: bytes) -> bytes:
    return struct.pack("!H", len(message)) + message


def _asked(question: bytes) -> tuple[dns.name.Name, int] | None:
    """Of a question for changes: of which zone, since which serial number. None for any other."""
    try:
        message = dns.message.from_wire(question, keyring=False)
        if message.question[0].rdtype == dns.rdatatype.IXFR:
            return message.question[0].name, message.authority[0][0].serial
    except (dns.exception.DNSException, ValueError, IndexError, AttributeError):
        pass
    return None


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


def long_poll(
    primary: Annotated[str, typer.Argument(help="The list body's primary, address@port.")],
    listen: Annotated[str, typer.Option(help="Where PowerDNS asks.")] = "127.0.0.1@5301",
    notified: Annotated[
        str, typer.Option(help="Where the primary tells of changes: have the list body note it.")
    ] = "0.0.0.0@5302",
) -> None:
    """Stand between PowerDNS, which looks at the list each second, and the primary: a change is effective at once.

    Name it first of two primaries of the hot zone (docs/guides/subscribe/powerdns.md). Runs until it is ended.
    """
    with told_errors():
        poll = LongPoll(Place.of(primary), listen=Place.of(listen), notified=Place.of(notified))
        typer.echo(f"Questions on {listen}, announcements on {notified}, primary {primary}.")
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(poll.run())
