"""The web of the trial as one process: every host over http and https, its DNS, and the primary of the lists' zones.

Commands: ``{"zone", "records", "tell"}`` sets a zone and tells a resolver (NOTIFY); ``{"list"}`` (base64) sets what
clients fetch.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

from mamori.tools.trial.lines import closed, obey
from mamori.tools.trial.network import LIST_HOST, LIST_PATH, ORIGIN

TTL = 300
_RECORDS_A_MESSAGE = 200


class Zones:
    """Names with addresses, and zones that resolvers transfer: [(owner, target of the CNAME)] each."""

    def __init__(self, hosts: dict[str, str]) -> None:
        self.hosts = hosts
        self.records: dict[str, list[tuple[str, str]]] = {}
        self.serials: dict[str, int] = {}

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """The answer to a question that is no transfer."""
        answer = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        if name in self.records:
            answer.flags |= dns.flags.AA
            answer.answer.append(self._soa(name))
        elif name not in self.hosts:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.A:
            answer.answer.append(dns.rrset.from_text(question.name, TTL, "IN", "A", self.hosts[name]))
        return answer

    def transfer(self, query: dns.message.Message) -> list[dns.message.Message]:
        """A whole zone as messages."""
        zone = query.question[0].name.to_text(omit_final_dot=True).lower()
        soa = self._soa(zone)
        sets = [soa, dns.rrset.from_text(f"{zone}.", 60, "IN", "NS", "origin.example.")]
        sets += [dns.rrset.from_text(f"{owner}.{zone}.", 60, "IN", "CNAME", to) for owner, to in self.records[zone]]
        sets.append(soa)
        messages = []
        for at in range(0, len(sets), _RECORDS_A_MESSAGE):
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.AA
            answer.answer = sets[at : at + _RECORDS_A_MESSAGE]
            messages.append(answer)
        return messages

    def _soa(self, zone: str) -> dns.rrset.RRset:
        text = f"origin.example. list.example. {self.serials[zone]} 60 60 86400 60"
        return dns.rrset.from_text(f"{zone}.", 60, "IN", "SOA", text)


class _Questions(asyncio.DatagramProtocol):
    def __init__(self, zones: Zones) -> None:
        self.zones = zones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, peer: Any) -> None:
        with suppress(dns.exception.DNSException):
            query = dns.message.from_wire(data)
            if not query.flags & dns.flags.QR and query.question:
                self.transport.sendto(self.zones.answer(query).to_wire(), peer)


class Origin:
    """What the process serves. `world`: hosts (name: address), redirects, certificates ([names, file])."""

    def __init__(self, world: dict[str, Any]) -> None:
        self.zones = Zones(world["hosts"])
        self.redirects: dict[str, str] = world["redirects"]
        self.contexts: dict[str, ssl.SSLContext] = {}
        for names, file in world["certificates"]:
            self.contexts |= dict.fromkeys(names, self._context(file))
        self.list = b""

    def _context(self, file: str) -> ssl.SSLContext:
        """The TLS side of one certificate; its callback changes to the certificate of the name asked for."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.sni_callback = self._named
        return context

    def _named(
        self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext
    ) -> int | None:
        if name not in self.contexts:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = self.contexts[name]
        return None

    async def page(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request with the address asked for, by which a client knows where it was."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
            path = head[0].split(" ")[1]
            host = next(line[6:] for line in head if line.lower().startswith("host: "))
            url = f"{'https' if writer.get_extra_info('ssl_object') else 'http'}://{host}{path}"
            body = self.list if (host, path) == (LIST_HOST, LIST_PATH) else url.encode()
            status = f"302 Found\r\nLocation: {self.redirects[url]}" if url in self.redirects else "200 OK"
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
            )
            await writer.drain()
        await closed(writer)

    async def transfers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """DNS over TCP."""
        with suppress(OSError, asyncio.IncompleteReadError, dns.exception.DNSException, KeyError):
            while True:
                query = dns.message.from_wire(
                    await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                )
                whole = query.question[0].rdtype in {dns.rdatatype.AXFR, dns.rdatatype.IXFR}
                for answer in self.zones.transfer(query) if whole else [self.zones.answer(query)]:
                    wire = answer.to_wire(max_size=65535)
                    writer.write(len(wire).to_bytes(2, "big") + wire)
                await writer.drain()
        await closed(writer)

    async def command(self, told: dict[str, Any]) -> bool:
        """Change a zone or the clients' list."""
        if "list" in told:
            self.list = base64.b64decode(told["list"])
            return True
        zone = told["zone"]
        self.zones.records[zone] = told["records"]
        self.zones.serials[zone] = self.zones.serials.get(zone, 0) + 1
        if told.get("tell"):
            notify = dns.message.make_query(f"{zone}.", "SOA")
            notify.set_opcode(dns.opcode.NOTIFY)
            notify.flags = dns.opcode.to_flags(dns.opcode.NOTIFY) | dns.flags.AA
            self.udp.sendto(notify.to_wire(), (told["tell"], 53))
        return True

    async def run(self) -> None:
        """Serve until the input ends."""
        loop = asyncio.get_running_loop()
        self.udp, _ = await loop.create_datagram_endpoint(lambda: _Questions(self.zones), local_addr=(ORIGIN, 53))
        first = next(iter(self.contexts.values()))
        await asyncio.start_server(self.transfers, ORIGIN, 53)
        await asyncio.start_server(self.page, "0.0.0.0", 80, backlog=512)  # noqa: S104 - of its own network
        await asyncio.start_server(self.page, "0.0.0.0", 443, ssl=first, backlog=512)  # noqa: S104
        print("ready", flush=True)
        await obey(self.command)


if __name__ == "__main__":
    asyncio.run(Origin(json.loads(Path(sys.argv[1]).read_text())).run())
