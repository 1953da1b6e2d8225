"""The demo world's registries: RDAP (RFC 9083) with its bootstrap files, the table of routes, and an Abusix-like zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Self

from demo.web import Request, Response, WebServer

LOOPBACK = "127.0.0.1"
RDAP_TYPE = "application/rdap+json"
ABUSIX_ZONE = "abuse-contacts.example"
REGISTRAR_ABUSE = "abuse@registrar.example"
UPSTREAM_ABUSE = "abuse@backbone.example"
"""Of the network that carries all of the world's hosters: holder of their AS numbers."""


@dataclass(frozen=True)
class Network:
    """`abuse`: told by RDAP ("": RDAP names no abuse contact); `abusix`: told by the Abusix-like zone ("": nothing)."""

    prefix: str
    asn: int
    name: str
    country: str
    abuse: str
    abusix: str


NETWORKS = (
    Network("127.77.0.0/20", 64500, "KASUMI-HOSTING", "JP", "abuse@kasumi.example", "abuse@kasumi.example"),
    Network("127.77.16.0/20", 64501, "FJORD-HOSTING", "ZZ", "abuse@fjord.example", "noc@fjord.example"),
    Network("127.77.32.0/20", 64502, "SPARROW-NET", "JP", "", "abuse@sparrow.example"),
    Network("::1/128", 64500, "KASUMI-HOSTING", "JP", "abuse@kasumi.example", "abuse@kasumi.example"),
)
"""AS numbers for documentation (RFC 5398); ZZ is a country code no country has."""


def network_of(address: str) -> Network | None:
    found = ip_address(address)
    return next((each for each in NETWORKS if found in ip_network(each.prefix)), None)


def write_routes(path: Path) -> None:
    """The table of routes: a line `prefix TAB asn TAB name TAB country` each."""
    path.write_text("".join(f"{each.prefix}\t{each.asn}\t{each.name}\t{each.country}\n" for each in NETWORKS))


def abusix_records(addresses: tuple[str, ...]) -> dict[str, str]:
    """Name in the Abusix-like zone -> contact, for addresses that have one."""
    found = {}
    for address in addresses:
        network = network_of(address)
        if network and network.abusix:
            reverse = ip_address(address).reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
            found[f"{reverse}.{ABUSIX_ZONE}"] = network.abusix
    return found


def _entity(handle: str, name: str, roles: list[str], email: str = "", inner: list[object] | None = None) -> object:
    card: list[object] = [["version", {}, "text", "4.0"], ["fn", {}, "text", name]]
    if email:
        card.append(["email", {}, "text", email])
    entity: dict[str, object] = {
        "objectClassName": "entity",
        "handle": handle,
        "roles": roles,
        "vcardArray": ["vcard", card],
    }
    if inner:
        entity["entities"] = inner
    return entity


class Registry:
    """The RDAP server. `known` tells whether a host name exists in the world."""

    def __init__(self, port: int, known: Callable[[], frozenset[str]]) -> None:
        self.url = f"http://{LOOPBACK}:{port}/"
        self._port = port
        self._known = known
        self._server: WebServer | None = None

    @property
    def bootstrap_url(self) -> str:
        """Where dns.json, ipv4.json, ipv6.json and asn.json lie, as IANA's do at https://data.iana.org/rdap/."""
        return f"{self.url}bootstrap/"

    def start(self) -> None:
        self._server = WebServer(LOOPBACK, self._port, self._answer)

    def stop(self) -> None:
        if self._server:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answer(self, request: Request) -> Response:
        kind, _, rest = request.target.lstrip("/").partition("/")
        if kind == "bootstrap":
            return self._bootstrap(rest)
        name = rest.lower().rstrip(".")
        asked = {"domain": self._domain, "ip": self._ip, "autnum": self._autnum}
        found = asked[kind](name) if kind in asked else None
        if found is None:
            return Response.json(404, {"errorCode": 404, "title": "Not Found"}, RDAP_TYPE)
        return Response.json(200, {"rdapConformance": ["rdap_level_0"], **found}, RDAP_TYPE)

    def _bootstrap(self, file: str) -> Response:
        prefixes = [ip_network(each.prefix) for each in NETWORKS]
        served = {
            "dns.json": ["example"],
            "ipv4.json": [str(each) for each in prefixes if each.version == 4],
            "ipv6.json": [str(each) for each in prefixes if each.version == 6],
            "asn.json": sorted({str(each.asn) for each in NETWORKS}),
        }
        if file not in served:
            return Response.json(404, {"error": "no such file"})
        return Response.json(
            200,
            {
                "version": "1.0",
                "publication": "2026-11-01T00:00:00Z",
                "description": "RDAP bootstrap of the demo world",
                "services": [[served[file], [self.url]]],
            },
        )

    def _domain(self, name: str) -> dict[str, object] | None:
        """A registered domain is the label below .example of any host of the world."""
        if name.count(".") != 1 or name not in {".".join(each.split(".")[-2:]) for each in self._known()}:
            return None
        abuse = _entity("ABUSE-REG", "Registrar abuse desk", ["abuse"], REGISTRAR_ABUSE)
        return {
            "objectClassName": "domain",
            "handle": f"D-{name.upper()}",
            "ldhName": name,
            "status": ["active"],
            "events": [{"eventAction": "registration", "eventDate": "2024-04-01T00:00:00Z"}],
            "nameservers": [{"objectClassName": "nameserver", "ldhName": "ns.hosting.example"}],
            "entities": [_entity("REG-1", "Example Registrar", ["registrar"], inner=[abuse])],
        }

    def _autnum(self, text: str) -> dict[str, object] | None:
        if text not in {str(each.asn) for each in NETWORKS}:
            return None
        abuse = _entity("ABUSE-BACKBONE", "Backbone abuse desk", ["abuse"], UPSTREAM_ABUSE)
        return {
            "objectClassName": "autnum",
            "handle": f"AS{text}",
            "startAutnum": int(text),
            "endAutnum": int(text),
            "name": "BACKBONE",
            "country": "JP",
            "entities": [_entity("ORG-BACKBONE", "Example Backbone", ["registrant"], inner=[abuse])],
        }

    def _ip(self, text: str) -> dict[str, object] | None:
        try:
            network = network_of(text.partition("/")[0])
        except ValueError:
            return None
        if network is None:
            return None
        prefix = ip_network(network.prefix)
        abuse = [_entity(f"ABUSE-{network.asn}", "Abuse desk", ["abuse"], network.abuse)] if network.abuse else []
        return {
            "objectClassName": "ip network",
            "handle": f"NET-{network.name}",
            "startAddress": str(prefix[0]),
            "endAddress": str(prefix[-1]),
            "ipVersion": f"v{prefix.version}",
            "name": network.name,
            "type": "ALLOCATED",
            "country": network.country,
            "entities": [_entity(f"ORG-{network.asn}", network.name, ["registrant"], inner=list(abuse))],
        }
