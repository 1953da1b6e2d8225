"""What outside sources answer, and the protocols they stand behind."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Protocol

Ip = IPv4Address | IPv6Address
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


class SourceError(Exception):
    """A source could not be asked (no answer, an error, an unreadable answer). Its silence says nothing."""


@dataclass(frozen=True)
class Entity:
    """An entity of a registry's answer. `mails` in the order given; `path` are the roles of it and those above it."""

    name: str
    roles: frozenset[str]
    mails: tuple[str, ...]
    path: frozenset[str]


@dataclass(frozen=True)
class Registered:
    """A registry's answer about a network, an AS or a domain. `registry` is the server's host name."""

    registry: str
    name: str
    country: str
    entities: tuple[Entity, ...]

    def mail(self, *roles: str, inside: str | None = None, outside: str | None = None) -> str:
        """The first mail address of an entity in one of `roles`, the roles tried in order; "" when there is none.

        `inside`: only entities nested in one of that role (or being one); `outside`: only those that are not.
        """
        for role in roles:
            for entity in self.entities:
                if role not in entity.roles or not entity.mails:
                    continue
                if (inside is None or inside in entity.path) and (outside is None or outside not in entity.path):
                    return entity.mails[0]
        return ""

    def organisation(self, *roles: str) -> str:
        """The name of the first entity in one of `roles`."""
        return next((e.name for role in roles for e in self.entities if role in e.roles and e.name), "")


@dataclass(frozen=True)
class Route:
    """The origin of the longest prefix that holds an address."""

    prefix: str
    asn: int
    name: str
    country: str


class Resolver(Protocol):
    """The DNS. Both return nothing for a name that does not exist and raise SourceError when nobody answers."""

    def addresses(self, host: str) -> list[Ip]: ...

    def abuse_mails(self, address: Ip) -> list[str]: ...


class Registry(Protocol):
    """The registries by RDAP. None: they know nothing. SourceError: they could not be asked."""

    def network(self, address: Ip) -> Registered | None: ...

    def autnum(self, asn: int) -> Registered | None: ...

    def domain(self, name: str) -> Registered | None: ...


class Routes(Protocol):
    """The table of routes."""

    def origin(self, address: Ip) -> Route | None: ...


def carried(address: Ip) -> Ip:
    """The IPv4 address an IPv6 one only carries (mapped, 6to4, Teredo, NAT64): its holder is the host. Else itself."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _NAT64):
        return ip_address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
