"""A client of the trial: fetches pages as its user's browser would, and says where it came and how long it took.

Commands: ``{"fetch": url, "elsewhere": bool}`` answers [outcome, milliseconds]; ``{"watch": url, "until": "reached" |
"refused", "within": seconds}`` answers the moment (monotonic seconds) it was first so, or null; ``{"keep": bool}`` whether
it keeps the list of hashes. Outcomes: "reached", or how it was not.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mamori.engine.addresses import expressions, page_expression
from mamori.engine.hashlists import digest, with_prefix
from mamori.tools.trial.lines import closed, obey
from mamori.tools.trial.network import FRONT, LIST_HOST, LIST_PATH, ORIGIN
from mamori.tools.trial.questions import NoSuchName, address_of

REACHED = "reached"
SILENCE = frozenset({"no answer in time", "no answer", "error"})  # not reached, though nobody said no
PATIENCE = 5.0  # seconds a connection or an answer may take
POLL_LIST = 1.0  # seconds between two looks at the list of a client that keeps one
_PAUSE = 0.01  # seconds between two fetches of a watch


class Refused(Exception):
    """A page that was not reached, and how."""


class HashList:
    """The list a client keeps: hashes of hosts and of single pages, as `joined` writes them."""

    def __init__(self, data: bytes = b"") -> None:
        size = int.from_bytes(data[:8], "big")
        self.names, self.pages = data[8 : 8 + size], data[8 + size :]

    def has(self, url: str) -> bool:
        """Whether the page or its host is on it."""
        if self.pages and with_prefix(self.pages, digest(page_expression(url))):
            return True
        return bool(self.names) and any(with_prefix(self.names, digest(each)) for each in expressions(url))


class Client:
    """One network's client. ``resolver``: its provider's; a fetch from elsewhere asks another, and knows no list.

    ``hidden``: hosts whose names it encrypts.
    """

    def __init__(self, resolver: str, authority: str, hidden: Collection[str]) -> None:
        self.resolver, self.hidden = resolver, frozenset(hidden)
        self.context = ssl.create_default_context(cafile=authority)
        self.list = HashList()
        self.following: asyncio.Task[None] | None = None

    async def fetch(self, url: str, *, elsewhere: bool, redirects: int = 1) -> None:
        """Return where the page was reached. Raises Refused."""
        if not elsewhere and self.list.has(url):
            raise Refused("list")
        parts = urlsplit(url)
        host, secure = parts.netloc, parts.scheme == "https"
        head, body = await self._answer(host, parts.path, secure=secure, elsewhere=elsewhere)
        status = head.split(b" ", 2)[1]
        if status == b"302" and redirects:
            to = next(line[10:] for line in head.decode("ascii").split("\r\n") if line.startswith("Location: "))
            await self.fetch(to, elsewhere=elsewhere, redirects=redirects - 1)
        elif status != b"200":
            raise Refused(f"status {int(status)}")
        elif body.decode() != url:
            raise Refused("another page")

    async def _answer(self, host: str, path: str, *, secure: bool, elsewhere: bool) -> tuple[bytes, bytes]:
        try:
            address = await address_of(host, ORIGIN if elsewhere else self.resolver)
            secrecy = self.context if secure else None
            name = None if not secure else FRONT if host in self.hidden else host
            opening = asyncio.open_connection(address, 443 if secure else 80, ssl=secrecy, server_hostname=name)
            reader, writer = await asyncio.wait_for(opening, PATIENCE)
        except (NoSuchName, OSError) as error:
            raise Refused(_how(error)) from error
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await asyncio.wait_for(reader.read(-1), PATIENCE)).partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 "):
                raise Refused("no answer")
            return head, body
        except OSError as error:
            raise Refused(_how(error)) from error
        finally:
            await closed(writer)

    async def timed(self, url: str, *, elsewhere: bool = False) -> tuple[str, float]:
        """Outcome and milliseconds."""
        begun = time.perf_counter()
        try:
            await self.fetch(url, elsewhere=elsewhere)
            outcome = REACHED
        except Refused as error:
            outcome = str(error)
        return outcome, 1000 * (time.perf_counter() - begun)

    async def command(self, told: dict[str, Any]) -> Any:
        """Fetch a page, watch one, or begin or cease to keep the list."""
        if "fetch" in told:
            return await self.timed(told["fetch"], elsewhere=told["elsewhere"])
        if "watch" in told:
            return await self._watch(told["watch"], told["until"], told["within"])
        if self.following:
            self.following.cancel()
        self.list, self.following = HashList(), asyncio.create_task(self._follow()) if told["keep"] else None
        return True

    async def _watch(self, url: str, until: str, within: float) -> float | None:
        last = time.monotonic() + within
        while time.monotonic() < last:
            outcome, _ = await self.timed(url)
            if outcome not in SILENCE and (outcome == REACHED) == (until == REACHED):
                return time.monotonic()
            await asyncio.sleep(_PAUSE)
        return None

    async def _follow(self) -> None:
        while True:
            with suppress(Refused):
                _, body = await self._answer(LIST_HOST, LIST_PATH, secure=False, elsewhere=True)
                self.list = HashList(body)
            await asyncio.sleep(POLL_LIST)

    async def run(self) -> None:
        """Obey until the input ends."""
        print("ready", flush=True)
        await obey(self.command)


def _how(error: Exception) -> str:
    if isinstance(error, NoSuchName):
        return "no such name"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionError):
        return "reset"
    return "error"


if __name__ == "__main__":
    asyncio.run(Client(sys.argv[1], sys.argv[2], json.loads(Path(sys.argv[3]).read_text())["hidden"]).run())
