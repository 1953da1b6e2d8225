"""Subscribers of the real primary at real resolvers, each set up as deploy/ says, and the list body that publishes to them."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from demo.dns import DnsWorld, Provider, ask
from demo.knot import Key
from demo.processes import free_ports, wait_until
from mamori.ground.actors import Role
from mamori.lists.distribution import services
from mamori.lists.distribution.models import Subscriber
from mamori.lists.distribution.services.primary import hot_canary
from mamori.lists.distribution.services.subscribers import zone_names
from mamori.lists.distribution.services.tsig import key_name
from mamori.lists.distribution.states import Delivery
from mamori.lists.listing import services as listing
from mamori.lists.listing.models import Entry
from tests.lists.cases import Body, listable

PROGRAMS = ("knotd", "knotc", "unbound", "named", "pdns_recursor", "named-checkzone")
OPEN = "A 127.77.0.10"
SILENT = {"TIMEOUT", "SERVFAIL"}
LIST_SECONDS = 15  # from the start of a resolver until it has the list: two looks of BIND at its base zone
_ACL = re.compile(
    r"\[(?P<zone>[^]]+?)\.?\] ACL, allowed, action transfer, remote (?P<remote>[^ ,]+).*key '?(?P<key>[^',]+?)\.?'?(?:,|$)"
)
_BEGUN = re.compile(
    r"\[(?P<zone>[^]]+?)\.?\] (?P<kind>[AI]XFR), outgoing, remote (?P<remote>[^ ,]+).* started, serial (?:\d+ -> )?(?P<to>\d+)"
)


@dataclass
class AtResolvers:
    """A primary, a subscriber with a resolver of each engine, and the list body."""

    world: DnsWorld
    subscribers: list[tuple[Subscriber, str]]
    body: Body
    person: Callable[..., object]
    run_jobs: Callable[..., int]
    entries: dict[str, Entry] = field(default_factory=dict)

    def says(self, name: str) -> list[bool]:
        """Whether each resolver blocks a name, in the order of the engines."""
        return [blocks(each, name) for each in self.world.providers.values()]

    def until(self, name: str, *blocked: bool) -> None:
        def told() -> str:
            return f"{name}: {dict(zip(self.world.providers, self.says(name), strict=True))} instead of {blocked}"

        wait_until(lambda: self.says(name) == list(blocked), 10, told)

    def lists(self, *names: str) -> Entry:
        """List names with one edition. Returns the last one's entry."""
        self.world.host(names, "127.77.0.10")
        for name in names:
            self.entries[name] = self.body.list(listable(f"https://{name}/{uuid4()}", self.person))
        self.run_jobs()
        return self.entries[names[-1]]

    def changes(self, *, comes: Iterable[str] = (), goes: Iterable[str] = ()) -> None:
        """List names and withdraw others, with one edition."""
        going = [self.entries.pop(name).id for name in goes]
        listing.entries_withdraw(actor=self.body.approver.actor, entry_ids=going)
        self.lists(*comes)

    def stop(self) -> None:
        for provider in self.world.providers.values():
            for each in reversed(provider.programs):
                each.stop()

    def transfers(self) -> list[tuple[str, str, str, int]]:
        """(engine, zone, AXFR or IXFR, serial) of each transfer that the primary began, in order."""
        engines = {
            key_name(row): engine for engine, (row, _secret) in zip(self.world.providers, self.subscribers, strict=True)
        }
        keys, found = dict[tuple[str, str], str](), []
        for line in self.world.transfers_log.read_text().splitlines():
            if acl := _ACL.search(line):
                keys[acl["zone"], acl["remote"]] = acl["key"]
            elif begun := _BEGUN.search(line):
                engine = engines.get(keys.get((begun["zone"], begun["remote"]), ""))
                if engine:
                    found.append((engine, begun["zone"], begun["kind"], int(begun["to"])))
        return found


def blocks(provider: Provider, name: str) -> bool:
    return ask(provider.resolver, name) == provider.blocked


@contextmanager
def at_resolvers(
    folder: Path, engines: Mapping[str, tuple[Delivery, int]], settings, body: Body, person, run_jobs
) -> Iterator[AtResolvers]:
    """`engines`: each one's way of blocking and its ring."""
    operator, ports, found = person(Role.OPERATOR).actor, free_ports(6), []
    notified = {"bind": ports + 3, "unbound": ports + 4}
    for engine, (delivery, ring) in engines.items():
        place = f"127.0.0.1@{notified[engine]}" if engine in notified else ""
        row, secret = services.subscriber_add(
            actor=operator, organisation=engine, delivery=delivery, notify=place, asks_from="127.0.0.1"
        )
        row.ring, row.resolvers = ring, [engine]  # a ring is drawn, and may not be the wanted one
        row.save(update_fields=["ring", "resolvers"])
        found.append((row, secret))
    world = DnsWorld(
        folder,
        ports,
        engines=tuple(engines),
        keys={engine: Key(key_name(row), secret) for engine, (row, secret) in zip(engines, found, strict=True)},
        hots={engine: f"{zone_names(row)[0]}." for engine, (row, _secret) in zip(engines, found, strict=True)},
    )
    world.providers = {engine: world.providers[engine] for engine in engines}
    world.list.start()
    try:
        settings.KNOT_SOCKET, settings.KNOT_LOG = str(world.knot_socket), world.transfers_log
        settings.PROBE_RESOLVERS = {name: f"{host}:{port}" for name, (host, port) in world.resolvers.items()}
        services.edition_publish(refresh=True)
        run_jobs()
        world.start()
        for engine, provider in world.providers.items():
            wait_until(lambda p=provider: has_list(p, settings), LIST_SECONDS, f"{engine} has not both zones")
        yield AtResolvers(world, found, body, person, run_jobs)
    finally:
        world.stop()


def has_list(provider: Provider, settings, timeout: float = 2.0) -> bool | None:
    """Whether a resolver has both zones: it blocks the canary of the base and lets that of the hot zone through. None: it is silent."""
    base, hot = (ask(provider.resolver, name, timeout=timeout) for name in (settings.CANARY_NAME, hot_canary()))
    return None if {base, hot} & SILENT else base == provider.blocked and hot != provider.blocked


class Watched(threading.Thread):
    """Asks one resolver for names, over and over, until it is told to end.

    `rounds`: what it blocked, each time it had the list just before and just after. `without`: how often it had not.
    """

    def __init__(self, provider: Provider, names: Iterable[str], settings) -> None:
        super().__init__(daemon=True)
        self.provider, self.names, self.settings = provider, list(names), settings
        self.rounds: list[dict[str, bool]] = []
        self.without = 0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            before = has_list(self.provider, self.settings, 0.5)
            said = {name: ask(self.provider.resolver, name, timeout=0.5) for name in self.names} if before else {}
            after = before and has_list(self.provider, self.settings, 0.5)
            if after:
                self.rounds.append(
                    {name: answer == self.provider.blocked for name, answer in said.items() if answer not in SILENT}
                )
            self.without += before is False or after is False

    def end(self) -> None:
        self._over.set()
        self.join(60)

    def seen(self, name: str) -> list[bool]:
        """What was seen of a name, each change once."""
        found = list[bool]()
        for each in self.rounds:
            if name in each and found[-1:] != [each[name]]:
                found.append(each[name])
        return found


@contextmanager
def watching(resolvers: AtResolvers, names: Iterable[str], settings) -> Iterator[dict[str, Watched]]:
    """All resolvers are asked as long as this lasts."""
    watched = {engine: Watched(each, names, settings) for engine, each in resolvers.world.providers.items()}
    for each in watched.values():
        each.start()
    try:
        yield watched
    finally:
        for each in watched.values():
            each.end()
