"""The outside world of a trace, over real sockets on loopback: DNS, registries by RDAP, the table of routes."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import dns.message
import dns.rdatatype

from demo.names import Names
from demo.web import Request, Response, WebServer
from mamori.engine.addresses import canonicalize
from mamori.ground import clock
from mamori.hotline.assessment.models import ContentItem


class Asked(Names):
    """A name server that remembers each question, as "A kiku.example"."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.asked: list[str] = []

    def answer(self, question: dns.message.Message) -> dns.message.Message:
        for each in question.question:
            kind, name = dns.rdatatype.to_text(each.rdtype), each.name.to_text(omit_final_dot=True).lower()
            self.asked.append(f"{kind} {name}")
        return super().answer(question)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def entity(*roles: str, mail: str = "", name: str = "", inner: list[Any] | None = None) -> dict[str, Any]:
    """An RDAP entity (RFC 9083, section 5.1)."""
    card: list[Any] = [["version", {}, "text", "4.0"], ["fn", {}, "text", name]]
    if mail:
        card.append(["email", {}, "text", mail])
    return {"objectClassName": "entity", "roles": list(roles), "vcardArray": ["vcard", card], "entities": inner or []}


@dataclass
class Outside:
    """`answers`: RDAP path -> object, or a status. `asked`: the paths that were asked for."""

    names: Asked
    routes: Path
    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)

    def answer(self, request: Request) -> Response:
        self.asked.append(request.target)
        if request.target in self.redirects:
            return Response(302, b"", headers={"Location": self.redirects[request.target]})
        if request.target.startswith("/bootstrap/"):
            held = {
                "dns.json": ["example"],
                "ipv4.json": ["192.0.2.0/24", "198.51.100.0/24"],
                "ipv6.json": ["2001:db8::/32"],
                "asn.json": ["64496-64511"],
            }[request.target.removeprefix("/bootstrap/")]
            return Response.json(200, {"version": "1.0", "services": [[held, [self.url]]]})
        found = self.answers.get(request.target, 404)
        return Response.json(found, {}) if isinstance(found, int) else Response.json(200, found)

    def network(self, ip: str, *, abuse: str = "", country: str = "JP", name: str = "NET") -> None:
        """A network whose abuse contact is nested in its registrant."""
        inner = [entity("abuse", mail=abuse, name="Abuse desk")] if abuse else []
        self.answers[f"/ip/{ip}"] = {
            "objectClassName": "ip network",
            "name": name,
            "country": country,
            "entities": [entity("registrant", name=name, inner=inner)],
        }

    def abusix(self, reverse: str, *mails: str) -> None:
        self.names.record(f"{reverse}.abusix.example", "TXT", ",".join(mails))

    def route(self, *lines: str) -> None:
        self.routes.write_text("".join(f"{line}\n" for line in lines))


@contextmanager
def outside(folder: Path, settings: Any) -> Iterator[Outside]:
    world = Outside(Asked(free_port(socket.SOCK_DGRAM)), folder / "routes.tsv")
    world.route(
        "192.0.2.0/24\t64500\tKASUMI\tJP", "2001:db8::/32\t64500\tKASUMI\tJP", "198.51.100.0/24\t64501\tFJORD\tNO"
    )
    port = free_port()
    world.url = f"http://127.0.0.1:{port}/"
    server = WebServer("127.0.0.1", port, world.answer)
    settings.NAMESERVERS = [f"127.0.0.1:{world.names.address[1]}"]
    settings.RDAP_BOOTSTRAP = f"{world.url}bootstrap/"
    settings.ROUTES_FILE = world.routes
    settings.ABUSIX_ZONE = "abusix.example"
    settings.JURISDICTION = "JP"
    try:
        with world.names:
            yield world
    finally:
        server.stop()


def content(url: str = "http://kiku.example/page", **values: Any) -> UUID:
    """A content item as assessment keeps it."""
    address = canonicalize(url)
    now = clock.now()
    return ContentItem.objects.create(
        id=uuid4(),
        url=address.url,
        digest=address.digest,
        host=address.host,
        registrable=address.registrable or "",
        **{"state": "tracing", "opened_at": now, "state_at": now, **values},
    ).id
