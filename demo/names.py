"""The demo world's zone `example.` where no Knot is installed: a few lines of DNS over UDP."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterable
from typing import Self, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from demo.dns import LOOPBACK, WORLD_TTL, Address, quoted, relative


class Names:
    """An authoritative server for names under .example."""

    def __init__(self, port: int) -> None:
        self.address: Address = (LOOPBACK, port)
        self._records: dict[tuple[str, str], tuple[str, ...]] = {}
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def host(self, names: Iterable[str], v4: str = "127.77.0.10", v6: str = "::1") -> None:
        for name in names:
            self.record(name, "A", v4)
            self.record(name, "AAAA", v6)

    def unhost(self, names: Iterable[str]) -> None:
        for name in names:
            for kind in ("A", "AAAA"):
                self._records.pop((relative(name), kind), None)

    def record(self, name: str, kind: str, *values: str) -> None:
        self._records[relative(name), kind] = tuple(quoted(value) if kind == "TXT" else value for value in values)

    def start(self) -> None:
        self._server = _Server(self.address, _Question)
        self._server.names = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._server and self._thread:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, question: dns.message.Message) -> dns.message.Message:
        """The answer to one question; REFUSED outside .example."""
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA
        asked = question.question[0]
        bare = asked.name.to_text(omit_final_dot=True).lower()
        if bare != "example" and not bare.endswith(".example"):
            answer.set_rcode(dns.rcode.REFUSED)
            return answer
        owner = bare.removesuffix(".example")
        values = self._records.get((owner, dns.rdatatype.to_text(asked.rdtype)))
        if values:
            kind = dns.rdatatype.to_text(asked.rdtype)
            answer.answer.append(dns.rrset.from_text(asked.name, WORLD_TTL, "IN", kind, *values))
        elif not any(known == owner or known.endswith(f".{owner}") for known, _ in list(self._records)):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


class _Server(socketserver.ThreadingUDPServer):
    daemon_threads = True
    allow_reuse_address = True
    names: Names

    def handle_error(self, *_: object) -> None:
        """What is no DNS question gets no answer."""


class _Question(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        question = dns.message.from_wire(data)
        if question.question:
            sock.sendto(cast("_Server", self.server).names.answer(question).to_wire(), self.client_address)
