"""A small HTTP client in a process of its own: keep-alive connections that send requests built beforehand."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Round:
    """One round: seconds from the first request to the last answer, latencies in seconds, answers by status."""

    seconds: float
    latencies: list[float]
    statuses: dict[int, int]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds


class _Connection(asyncio.Protocol):
    """Once begun, sends the next request as soon as the answer before is whole."""

    def __init__(self, waiting: deque[bytes], latencies: list[float], statuses: Counter[int]) -> None:
        self._waiting, self._latencies, self._statuses = waiting, latencies, statuses
        self._got = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send_next(self) -> None:
        if not self._waiting:
            self._transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self._sent = time.perf_counter()
        self._transport.write(self._waiting.popleft())

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, body = self._got.partition(b"\r\n\r\n")
        if not found or not _whole(head.lower(), body):
            return
        self._latencies.append(time.perf_counter() - self._sent)
        self._statuses[int(head[9:12])] += 1
        self._got = b""
        self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed a kept connection"))


def _whole(head: bytes, body: bytes) -> bool:
    _before, found, after = head.partition(b"content-length:")
    if found:
        return len(body) >= int(after.partition(b"\r\n")[0])
    return body.endswith(b"0\r\n\r\n")


async def _drive(ports: Sequence[int], requests: Sequence[bytes], connections: int) -> Round:
    waiting, latencies, statuses = deque(requests), list[float](), Counter[int]()
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(
            lambda: _Connection(waiting, latencies, statuses), "127.0.0.1", ports[number % len(ports)]
        )
        for number in range(connections)
    ]
    began = time.perf_counter()
    for _transport, protocol in made:
        protocol.send_next()
    await asyncio.wait_for(asyncio.gather(*(protocol.done for _transport, protocol in made)), 120)
    return Round(time.perf_counter() - began, latencies, dict(statuses))


def _child(pipe: multiprocessing.connection.Connection) -> None:
    while (order := pipe.recv()) is not None:
        pipe.send(asyncio.run(_drive(*order)))


class Client:
    """`with Client() as client: client.round(ports, requests, connections)`."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_child, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        return self

    def round(self, ports: Sequence[int], requests: Sequence[bytes], connections: int) -> Round:
        """Send all requests over as many connections, spread evenly over the ports of one service."""
        self._pipe.send((ports, requests, connections))
        told: Round = self._pipe.recv()
        return told

    def __exit__(self, *_: object) -> None:
        self._pipe.send(None)
        self._process.join(10)
