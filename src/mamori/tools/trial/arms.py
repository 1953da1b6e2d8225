"""The methods on trial: how each is set up, and how a list comes into force in it."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from mamori.engine.addresses import host_expression, page_expression, parents
from mamori.engine.editions import compile_rpz
from mamori.engine.hashlists import joined
from mamori.tools.trial.client import POLL_LIST
from mamori.tools.trial.engines import Engine
from mamori.tools.trial.network import NETWORK, RESOLVER, SIDES, Own, ip_batch
from mamori.tools.trial.web import FRESH, FRESH_ADDRESS, PROXY, Lists, Page

NAMES_ZONE, DIVERT_ZONE = "nx.list", "divert.list"
_TABLE = 100


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a method has in force."""

    names: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()

    def has(self, page: Page, address: str) -> bool:
        """Whether the method was given the page: itself, its host, or where that is."""
        named = any(parent in self.names for parent in parents(page.host))
        return named or page.url in self.pages or address in self.addresses


@dataclass(slots=True)
class Arm(ABC):
    """One method. ``fresh``: the address that is listed and lifted while its effect is watched; ``period``: the seconds
    between two looks at the list where it is polled."""

    origin: Own
    folder: Path
    loaded: Loaded = field(default_factory=Loaded)
    box: Own | None = None

    engine: ClassVar[Engine] = "unbound"
    zones: ClassVar[tuple[str, ...]] = ()
    client_keeps_list: ClassVar[bool] = False
    period: ClassVar[float] = 0.0
    fresh: ClassVar[str] = f"https://{FRESH}/"

    def begin(self) -> None:  # noqa: B027 - some have nothing to set up
        """Set up what is in the way."""

    def end(self) -> None:
        """Take it away."""
        if self.box:
            self.box.stop()

    @abstractmethod
    def load(self, wanted: Loaded) -> None:
        """Bring a list into force; returns when it was handed over, which is before it works."""

    @staticmethod
    def takes(lists: Lists) -> Loaded:
        """What of the lists is for this method."""
        return Loaded(names=lists.names)

    def with_fresh(self, loaded: Loaded) -> Loaded:
        """The list with the fresh address on it."""
        return replace(loaded, names=loaded.names | {FRESH})

    def _zone(self, zone: str, names: frozenset[str], stop_host: str | None = None) -> None:
        records = sorted(compile_rpz(names, "stop" if stop_host else "nxdomain", stop_host))
        self.origin.ask(zone=zone, records=records, tell=RESOLVER["isp"])


class Dns(Arm):
    """Response policy zone of names that passed the gate: no such name."""

    __slots__ = ()
    zones = (NAMES_ZONE,)

    def load(self, wanted: Loaded) -> None:
        self._zone(NAMES_ZONE, wanted.names)


class DnsUngated(Dns):
    """The control: the same, given the hosts that an order names, judged by no gate."""

    __slots__ = ()

    @staticmethod
    def takes(lists: Lists) -> Loaded:
        return Loaded(names=lists.ordered_names)


class DnsGaps(Dns):
    """The control: the same, given what passed a gate whose lists do not name every host on which others publish."""

    __slots__ = ()

    @staticmethod
    def takes(lists: Lists) -> Loaded:
        return Loaded(names=lists.gap_names)


class DnsBind(Dns):
    """The same in BIND."""

    __slots__ = ()
    engine = "bind"


class DnsPowerdns(Dns):
    """The same in PowerDNS Recursor."""

    __slots__ = ()
    engine = "powerdns"
    period = 1.0  # its RPZ refresh (`engines`)


class IpRoute(Arm):
    """Addresses that the provider's router keeps to itself, where every connection is refused.

    A silent null route would cost each fetch its patience, and the kernel tells of a forbidden route once a second only.
    """

    __slots__ = ()

    def load(self, wanted: Loaded) -> None:
        gone, new = self.loaded.addresses - wanted.addresses, wanted.addresses - self.loaded.addresses
        ip_batch(
            "isp",
            [f"route del local {each}/32 dev lo" for each in gone]
            + [f"route add local {each}/32 dev lo" for each in new],
        )
        self.loaded = wanted

    def end(self) -> None:
        self.load(Loaded())

    @staticmethod
    def takes(lists: Lists) -> Loaded:
        return Loaded(addresses=lists.ordered_addresses)

    def with_fresh(self, loaded: Loaded) -> Loaded:
        return replace(loaded, addresses=loaded.addresses | {FRESH_ADDRESS})


class Sni(Arm):
    """A box in the way of all TLS that resets connections by the name they ask for."""

    __slots__ = ()

    def begin(self) -> None:
        self.box = Own("isp", "proxy", ("sni", ""), self.folder)
        ip_batch("isp", [f"route add local {NETWORK} dev lo table {_TABLE}", f"rule add {self._rule()}"])

    def end(self) -> None:
        ip_batch("isp", [f"rule del {self._rule()}", f"route flush table {_TABLE}"])
        Arm.end(self)

    @staticmethod
    def _rule() -> str:
        return f"iif {SIDES['isp'][0]} to {NETWORK} ipproto tcp dport 443 lookup {_TABLE}"

    def load(self, wanted: Loaded) -> None:
        assert self.box
        self.box.ask(names=sorted(wanted.names))

    @staticmethod
    def takes(lists: Lists) -> Loaded:
        return Loaded(names=lists.ordered_names)


class TwoStage(Arm):
    """DNS leads hosts of listed pages to a proxy, which refuses the pages; whole hosts are blocked by DNS."""

    __slots__ = ()
    zones = (NAMES_ZONE, DIVERT_ZONE)
    fresh = f"http://{FRESH}/"

    def begin(self) -> None:
        self.box = Own("isp", "proxy", ("url", RESOLVER["isp"]), self.folder)

    def load(self, wanted: Loaded) -> None:
        assert self.box
        self.box.ask(pages=sorted(wanted.pages))
        self._zone(NAMES_ZONE, wanted.names)
        self._zone(DIVERT_ZONE, frozenset(urlsplit(url).netloc for url in wanted.pages), PROXY)

    @staticmethod
    def takes(lists: Lists) -> Loaded:
        return Loaded(names=lists.names, pages=lists.pages)

    def with_fresh(self, loaded: Loaded) -> Loaded:
        return replace(loaded, pages=loaded.pages | {self.fresh})


class ClientHash(Arm):
    """A list of hashes that the client keeps, fetches anew every second, and asks before each page."""

    __slots__ = ()
    client_keeps_list = True
    period = POLL_LIST

    def load(self, wanted: Loaded) -> None:
        names = joined(map(host_expression, wanted.names))
        pages = joined(map(page_expression, wanted.pages))
        self.origin.ask(list=base64.b64encode(len(names).to_bytes(8, "big") + names + pages).decode())

    @staticmethod
    def takes(lists: Lists) -> Loaded:
        return Loaded(names=lists.names, pages=lists.pages)

    def with_fresh(self, loaded: Loaded) -> Loaded:
        return replace(loaded, pages=loaded.pages | {self.fresh})


CONTROLS: dict[str, Callable[[Own, Path], Arm]] = {"dns-ungated": DnsUngated, "dns-unknown-platforms": DnsGaps}
ARMS: dict[str, Callable[[Own, Path], Arm]] = {
    "dns-unbound": Dns,
    "dns-bind": DnsBind,
    "dns-powerdns": DnsPowerdns,
    "ip-route": IpRoute,
    "sni": Sni,
    "two-stage": TwoStage,
    "client-hash": ClientHash,
}
