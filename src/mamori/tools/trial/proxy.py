"""The box in the provider's network: a filter by the name in TLS, or a proxy that reads addresses of pages.

`sni`: in the way of all TLS; what stands in the names it was told is reset, the rest carried on. `url`: hosts are led to
it by DNS; a page of its list is answered 403, everything else is carried on. Within TLS it sees no page and carries on.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from typing import Any

from mamori.engine.addresses import AddressError, page_expression, parents
from mamori.tools.trial.lines import closed, obey, splice
from mamori.tools.trial.network import ORIGIN
from mamori.tools.trial.questions import NoSuchName, address_of

_REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def server_name(record: bytes) -> str | None:
    """The host name a TLS ClientHello asks for (RFC 6066, section 3); None where it names none or is none."""
    with suppress(IndexError, UnicodeDecodeError):
        if record[0] != 22 or record[5] != 1:
            return None
        at = 5 + 4 + 2 + 32
        at += 1 + record[at]
        at += 2 + int.from_bytes(record[at : at + 2], "big")
        at += 1 + record[at]
        end = at + 2 + int.from_bytes(record[at : at + 2], "big")
        at += 2
        while at + 4 <= end:
            kind, size = int.from_bytes(record[at : at + 2], "big"), int.from_bytes(record[at + 2 : at + 4], "big")
            if kind == 0:
                return record[at + 9 : at + 4 + size].decode("ascii")
            at += 4 + size
    return None


class Box:
    """One process in the way."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.pages: set[str] = set()

    async def command(self, told: dict[str, Any]) -> bool:
        """``names`` and ``pages`` replace what it holds."""
        self.names = set(told.get("names", ()))
        self.pages = {page_expression(url) for url in told.get("pages", ())}
        return True

    async def by_name(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """TLS in the way: the connection's own address is where the client wanted to go."""
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            hello = await _hello(reader)
            name = server_name(hello)
            if name is not None and any(parent in self.names for parent in parents(name)):
                writer.transport.abort()
                return
            await self._on(writer.get_extra_info("sockname")[0], 443, hello, reader, writer)
        await closed(writer)

    async def diverted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """TLS that DNS led here: carried on to the host it names."""
        with suppress(OSError, asyncio.IncompleteReadError, NoSuchName, TimeoutError):
            hello = await _hello(reader)
            name = server_name(hello)
            if name is not None:
                await self._on(await address_of(name, ORIGIN), 443, hello, reader, writer)
        await closed(writer)

    async def pages_of(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One http request that DNS led here."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, NoSuchName):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("ascii").split("\r\n")
            host = next(line[6:] for line in lines if line.lower().startswith("host: "))
            url = f"http://{host}{lines[0].split(' ')[1]}"
            with suppress(AddressError):
                if page_expression(url) in self.pages:
                    writer.write(_REFUSED)
                    await writer.drain()
                    await closed(writer)
                    return
            await self._on(await address_of(host, ORIGIN), 80, head, reader, writer)
        await closed(writer)

    async def _on(
        self, address: str, port: int, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there = await asyncio.wait_for(asyncio.open_connection(address, port), 3)
        try:
            there[1].write(first)
            await splice((reader, writer), there)
        finally:
            await closed(there[1])

    async def run(self, way: str, address: str) -> None:
        """Serve until the input ends."""
        if way == "sni":
            taken = socket.socket(proto=socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY where it knows that it is TCP
            taken.setsockopt(socket.SOL_IP, 19, 1)  # IP_TRANSPARENT: answers from the addresses of others
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("0.0.0.0", 443))  # noqa: S104 - of its own network
            await asyncio.start_server(self.by_name, sock=taken, backlog=512)
        else:
            await asyncio.start_server(self.pages_of, address, 80, backlog=512)
            await asyncio.start_server(self.diverted, address, 443, backlog=512)
        print("ready", flush=True)
        await obey(self.command)


async def _hello(reader: asyncio.StreamReader) -> bytes:
    head = await asyncio.wait_for(reader.readexactly(5), 3)
    return head + await asyncio.wait_for(reader.readexactly(int.from_bytes(head[3:5], "big")), 3)


if __name__ == "__main__":
    asyncio.run(Box().run(*sys.argv[1:3]))
