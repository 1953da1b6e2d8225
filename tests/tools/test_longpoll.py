"""A resolver that polls is told of each change at once, and nothing that passes is changed."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import dns.message
import dns.opcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import pytest
from typer.testing import CliRunner

from demo.processes import free_ports
from mamori.tools import longpoll
from mamori.tools.cli import app
from mamori.tools.longpoll import LongPoll, Place

ZONE, HOST, SOON = "hot-nx.list.", "127.0.0.1", 0.3
KEY = {dns.name.from_text("sub-1"): dns.tsig.Key("sub-1", b"0" * 32)}


def soa(serial: int) -> dns.rrset.RRset:
    return dns.rrset.from_text(ZONE, 60, "IN", "SOA", f". . {serial} 60 60 60 60")


def asks(kind: str, serial: int | None = None) -> bytes:
    """A question, signed, as PowerDNS asks it."""
    question = dns.message.make_query(ZONE, kind)
    if serial is not None:
        question.authority.append(soa(serial))
    question.use_tsig(KEY)
    return question.to_wire()


def notify(zone: str = ZONE) -> bytes:
    message = dns.message.make_query(zone, "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    return message.to_wire()


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


class Primary(asyncio.DatagramProtocol):
    """Tells its serial number, and answers what comes by TCP with the question, backwards, twice."""

    serial: int | None = 1
    looks = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.looks += 1
        if self.serial is not None:
            answer = dns.message.make_response(dns.message.from_wire(data))
            answer.answer.append(soa(self.serial))
            self.transport.sendto(answer.to_wire(), addr)

    async def serve(self, reader, writer):
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                question = await reader.readexactly(length)
                writer.write(2 * (struct.pack("!H", length) + question[::-1]))
        await closed(writer)


class World:
    def __init__(self) -> None:
        self.primary, ports = Primary(), free_ports(3)
        self.above, self.listen, self.notified = (Place(HOST, ports + offset) for offset in range(3))
        self.poll = LongPoll(self.above, listen=self.listen, notified=self.notified)

    async def answer(self, question: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self.listen)
        try:
            writer.write(struct.pack("!H", len(question)) + question)
            return await reader.readexactly(2 * (2 + len(question)))
        finally:
            await closed(writer)

    async def tell(self, message: bytes, source: str = HOST) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(source, 0))
        transport.sendto(message, self.notified)
        await asyncio.sleep(0.05)
        transport.close()


def passed(question: bytes) -> bytes:
    return 2 * (struct.pack("!H", len(question)) + question[::-1])


@asynccontextmanager
async def running() -> AsyncIterator[World]:
    world, loop = World(), asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: world.primary, local_addr=world.above)
    server = await asyncio.start_server(world.primary.serve, *world.above)
    serving = asyncio.create_task(world.poll.run())
    try:
        for _ in range(100):
            with suppress(OSError):
                _reader, writer = await asyncio.open_connection(*world.listen)
                await closed(writer)
                break
            await asyncio.sleep(0.05)
        yield world
    finally:
        await asyncio.sleep(0.1)  # who went away is seen
        server.close()
        transport.close()
        for task in (others := {serving, *asyncio.all_tasks()} - {asyncio.current_task()}):
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.1)


def play(scene: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with running() as world, asyncio.timeout(60):
            await scene(world)

    asyncio.run(whole())


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """Only an announcement or its end lets a question go, unless a test says otherwise."""
    monkeypatch.setattr(longpoll, "KEPT", 600.0)
    monkeypatch.setattr(longpoll, "LOOK", 600.0)


async def kept(world: World, question: bytes) -> asyncio.Task[bytes]:
    task = asyncio.create_task(world.answer(question))
    done, _pending = await asyncio.wait([task], timeout=SOON)
    assert not done, "it was answered"
    return task


def test_what_is_no_question_for_changes_passes_at_once_and_unchanged():
    async def scene(world):
        for question in (asks("SOA"), asks("AXFR"), asks("IXFR"), b"nothing of ours"):
            assert await world.answer(question) == passed(question)

    play(scene)


def test_who_is_behind_is_answered_at_once():
    async def scene(world):
        world.primary.serial = 5
        assert await world.answer(asked := asks("IXFR", 4)) == passed(asked)

    play(scene)


@pytest.mark.parametrize("way", ["udp", "tcp"])
def test_a_question_is_kept_until_the_primary_says_that_the_zone_changed(way):
    async def scene(world):
        asked = [asks("IXFR", 1) for _ in range(3)]
        waiting = [await kept(world, question) for question in asked]
        await world.tell(notify())
        await world.tell(notify("other.list."))
        assert not (await asyncio.wait(waiting, timeout=SOON))[0], "nothing changed"
        world.primary.serial = 2
        if way == "udp":
            await world.tell(notify())
        else:
            reader, writer = await asyncio.open_connection(*world.notified)
            writer.write(struct.pack("!H", len(notify())) + notify())
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            told = dns.message.from_wire(await reader.readexactly(length))
            await closed(writer)
            assert (told.opcode(), bool(told.flags & dns.flags.QR)) == (dns.opcode.NOTIFY, True)
        assert [await each for each in waiting] == [passed(question) for question in asked]

    play(scene)


def test_an_announcement_that_was_lost_is_made_up_for(monkeypatch):
    monkeypatch.setattr(longpoll, "LOOK", 0.05)

    async def scene(world):
        waiting = await kept(world, asked := asks("IXFR", 1))
        world.primary.serial = 2
        assert await waiting == passed(asked)

    play(scene)


def test_a_question_is_not_kept_longer_than_who_asked_waits(monkeypatch):
    monkeypatch.setattr(longpoll, "KEPT", 2 * SOON)

    async def scene(world):
        assert await (await kept(world, asked := asks("IXFR", 1))) == passed(asked)

    play(scene)


def test_nobody_else_is_heard():
    async def scene(world):
        waiting = await kept(world, asks("IXFR", 1))
        before = world.primary.looks
        for message, source in ((notify(), "127.0.0.2"), (asks("SOA"), HOST), (b"\0" * 20, HOST), (b"", HOST)):
            await world.tell(message, source)
        assert (world.primary.looks, waiting.done()) == (before, False)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    play(scene)


def test_while_the_primary_tells_nothing_no_question_is_kept(monkeypatch):
    monkeypatch.setattr(longpoll, "ANSWER", 0.2)

    async def scene(world):
        world.primary.serial = None
        assert await world.answer(asked := asks("IXFR", 1)) == passed(asked)

    play(scene)


def test_who_went_away_is_waited_for_no_more(monkeypatch):
    monkeypatch.setattr(longpoll, "LOOK", 0.05)
    monkeypatch.setattr(longpoll, "MOST", 1)

    async def scene(world):
        gone = await kept(world, asks("IXFR", 1))
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert await world.answer(asked := asks("SOA")) == passed(asked), "there is room again"

    play(scene)


@pytest.mark.parametrize("place", ["127.0.0.1", "primary.example@53", "127.0.0.1@66000", "127.0.0.1@-1"])
def test_what_is_no_place_is_said_in_one_line(place):
    told = CliRunner().invoke(app, ["list", "long-poll", place])
    assert told.exit_code == 2
    assert place in told.output
