"""DNS of the demo world: Mamori's hidden primary, the zone `example.`, and two providers' resolvers that subscribe.

    primary (Knot) --TSIG--> BIND                      zone stop.list., the stop page
                   --TSIG--> relay --loopback--> Unbound   zone nx.list., no such name

In front of each stands its hot zone (hot-stop.list., hot-nx.list.) with the latest changes.

The subscribers' configurations are the templates of deploy/, as shipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from demo.knot import DEPLOY, Key, Knot, Record, program, render, write_private
from demo.processes import TOOLS, Program, WorldError, base_for, free_ports, private_folder, socket_folder

NX_ZONE = "nx.list."
STOP_ZONE = "stop.list."
WORLD_ZONE = "example."
STOP_HOST = "stop.mamori.example."
CANARY = "canary.mamori.example."
WORLD_TTL = 300
LIST_TTL = 60
LOOPBACK = "127.0.0.1"
PORTS_NEEDED = 5  # and one more with PowerDNS
PROGRAMS = {"unbound": ("knotd", "knotc", "unbound", "named"), "bind": ("knotd", "knotc", "named")}

Address = tuple[str, int]


def ask(resolver: Address, name: str, kind: str = "A", timeout: float = 2.0) -> str:
    """One question over UDP, told in words.

    `NXDOMAIN`, `NODATA`, `TIMEOUT`, another code such as `SERVFAIL`, or the answer: `A 127.77.0.10`,
    `CNAME stop.mamori.example.` (the first CNAME counts), several values in sorted order.
    """
    question = dns.message.make_query(name, kind)
    try:
        return told(dns.query.udp(question, resolver[0], port=resolver[1], timeout=timeout))
    except dns.exception.Timeout:
        return "TIMEOUT"


def told(answer: dns.message.Message) -> str:
    """What an answer says, in the words of `ask`."""
    if answer.rcode() != dns.rcode.NOERROR:
        return dns.rcode.to_text(answer.rcode())
    if not answer.answer:
        return "NODATA"
    first = next((each for each in answer.answer if each.rdtype == dns.rdatatype.CNAME), answer.answer[0])
    return f"{dns.rdatatype.to_text(first.rdtype)} {' '.join(sorted(str(rdata) for rdata in first))}"


@dataclass
class Provider:
    """One demo provider: its resolver, and the key and zone it subscribes with."""

    engine: str
    zone: str
    key: Key
    resolver: Address
    notified: Address
    """Where it is told of changes."""
    programs: list[Program] = field(default_factory=list)

    @property
    def blocked(self) -> str:
        """What `ask` says of a listed name."""
        return "NXDOMAIN" if self.zone == NX_ZONE else f"CNAME {STOP_HOST}"


def engines_installed() -> list[str]:
    """The engines whose programs are all there."""
    found = []
    for engine, names in PROGRAMS.items():
        try:
            for name in names:
                program(name)
        except WorldError:
            continue
        found.append(engine)
    return found


class DnsWorld:
    """All DNS servers. Ports: `port` primary, +1 example., +2 Unbound, +3 BIND, +4 Unbound's relay, +5 PowerDNS if asked for."""

    def __init__(
        self,
        base: Path,
        port: int = 8500,
        *,
        engines: Sequence[str] = ("unbound", "bind"),
        keys: Mapping[str, Key] | None = None,
        sides: Mapping[str, str] | None = None,
        hots: Mapping[str, str] | None = None,
        outer: str = LOOPBACK,
        long_poll: bool = False,
    ) -> None:
        """`keys`: TSIG keys Mamori has given the providers, by engine; then it is Mamori that lets them in. `sides`: their side zones.
        `hots`: their hot zones, where these are of an earlier ring.
        `outer`: address of Unbound's relay where it is told of changes; its resolver's side is loopback.
        `long_poll`: `mamori list long-poll` stands before PowerDNS.

        Without them the world makes keys, registers them at the primary and lists a canary name.
        """
        self.base = base_for(base)
        self._outer, self._long_poll = outer, long_poll
        self._given, self._sides, self._hots = dict(keys or {}), dict(sides or {}), dict(hots or {})
        self.list = Knot("list", self.base, port, DEPLOY / "knot" / "primary.conf")
        self.example = Knot("example", self.base, port + 1, Path(__file__).with_name("auth.conf"))
        self.providers: dict[str, Provider] = {}
        if "unbound" in engines:
            self.providers["unbound"] = self._unbound(port + 2, port + 4)
        if "bind" in engines:
            self.providers["bind"] = self._bind(port + 3)
        if "powerdns" in engines:
            self.providers["powerdns"] = self._powerdns(port + 5)

    @property
    def primary(self) -> Address:
        return (LOOPBACK, self.list.port)

    @property
    def resolvers(self) -> dict[str, Address]:
        return {name: provider.resolver for name, provider in self.providers.items()}

    @property
    def knot_socket(self) -> Path:
        """The hidden primary's control socket, for `knotc -s`."""
        return self.list.socket

    @property
    def transfers_log(self) -> Path:
        """Where the hidden primary writes who took which serial."""
        return self.list.folder / "transfers.log"

    @property
    def handover(self) -> Path:
        """Folder where large zones are handed over to the primary: what is made in it belongs to its group."""
        folder = private_folder(self.base, "dns/handover")
        folder.chmod(0o2750)
        return folder

    def add_powerdns(self, port: int) -> None:
        """One more provider, on a port of its own. Before the start."""
        self.providers["powerdns"] = self._powerdns(port)

    # Life

    def start(self) -> None:
        """Start all and return when every resolver holds its list and answers for `example.`."""
        try:
            self.list.start()
            self.example.start()
            for zone in (NX_ZONE, STOP_ZONE):
                self.list.ensure_zone(f"hot-{zone}", LIST_TTL)
                self.list.ensure_zone(zone, LIST_TTL)
            self.example.ensure_zone(WORLD_ZONE, WORLD_TTL)
            self.host([STOP_HOST, CANARY, f"hot-{CANARY}"], LOOPBACK, "::1")
            if not self._given:
                self._list_canary()
                for provider in self.providers.values():
                    self.subscribe(provider)
            for provider in self.providers.values():
                for each in provider.programs:
                    each.start()
            for provider in self.providers.values():
                provider.programs[-1].wait_ready(partial(self._serves, provider), 30)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for provider in self.providers.values():
            for each in reversed(provider.programs):
                each.stop()
        self.list.stop()
        self.example.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # The zone example.

    def host(self, names: Iterable[str], v4: str = "127.77.0.10", v6: str = "::1") -> None:
        """Let names under .example resolve. One transaction; names already there get the new addresses."""
        known = {owner.lower() for owner, _, _ in self.example.zone(WORLD_ZONE)}
        owners = [relative(name) for name in dict.fromkeys(names)]
        gone = [(owner, kind) for owner in owners if f"{owner}.{WORLD_ZONE}" in known for kind in ("A", "AAAA")]
        records = []
        for owner in owners:
            records.append(Record(owner, WORLD_TTL, "A", str(ip_address(v4))))
            records.append(Record(owner, WORLD_TTL, "AAAA", str(ip_address(v6))))
        self.example.transaction(WORLD_ZONE, add=records, remove=gone)

    def unhost(self, names: Iterable[str]) -> None:
        """Names cease to exist."""
        removed = [(relative(name), kind) for name in names for kind in ("A", "AAAA")]
        self.example.transaction(WORLD_ZONE, remove=removed)

    def record(self, name: str, kind: str, *values: str) -> None:
        """Set a record set under .example; TXT values are quoted here."""
        owner = relative(name)
        present = {(found, each) for found, each, _ in self.example.zone(WORLD_ZONE)}
        gone = [(owner, kind)] if (f"{owner}.{WORLD_ZONE}", kind) in present else []
        data = [quoted(value) if kind == "TXT" else value for value in values]
        records = [Record(owner, WORLD_TTL, kind, value) for value in data]
        self.example.transaction(WORLD_ZONE, add=records, remove=gone)

    # The list

    def subscribe(self, provider: Provider) -> None:
        """(Again) let a provider transfer its zone with its key."""
        self.list.revoke(provider.key.name)
        self.list.subscribe(provider.key, [f"hot-{provider.zone}", provider.zone], provider.notified)

    def _list_canary(self) -> None:
        for zone in (NX_ZONE, STOP_ZONE):
            if f"{CANARY}{zone}" not in {owner for owner, _, _ in self.list.zone(zone)}:
                self.list.transaction(zone, add=_entry(CANARY, zone))

    def _serves(self, provider: Provider) -> bool:
        """Whether the resolver answers for the world and, where we list the canary, holds its list."""
        answers = ask(provider.resolver, STOP_HOST, timeout=0.3) == f"A {LOOPBACK}"
        return answers and (bool(self._given) or ask(provider.resolver, CANARY, timeout=0.3) == provider.blocked)

    def block(self, name: str) -> None:
        """List a name and all below it in both zones, straight at the primary (Mamori itself publishes its own way)."""
        for zone in (NX_ZONE, STOP_ZONE):
            self.list.transaction(zone, add=_entry(name, zone))

    def lift(self, name: str) -> None:
        for zone in (NX_ZONE, STOP_ZONE):
            self.list.transaction(zone, remove=[(record.owner, "CNAME") for record in _entry(name, zone)])

    # The providers

    def _key(self, engine: str) -> Key:
        """The key given for the engine, else one of ours kept in a file."""
        if engine in self._given:
            return self._given[engine]
        name = f"provider-{engine}"
        path = self.base / f"tsig-{name}.key"
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(Key.new(name).secret)
        return Key(name, path.read_text())

    def _subscription(self, engine: str, key: Key, zone: str, folder: Path) -> dict[str, str | int]:
        return {
            "SIDE_ZONE": self._sides.get(engine, ""),
            "HOT_ZONE": self._hots.get(engine, ""),
            "KEY_NAME": key.name,
            "KEY_SECRET": key.secret,
            "ZONE": zone,
            "STORAGE": str(folder),
            "PRIMARY_ADDRESS": LOOPBACK,
            "PRIMARY_PORT": self.list.port,
        }

    def _bind(self, port: int) -> Provider:
        key, folder = self._key("bind"), private_folder(self.base, "dns/bind")
        values = self._subscription("bind", key, STOP_ZONE, folder) | {"LOG_CHANNEL": "default_stderr"}
        for name in ("mamori.options.conf", "mamori.conf", "mamori.logging.conf"):
            write_private(folder / name, render(DEPLOY / "bind" / name, values))
        main = folder / "named.conf"
        options = f'include "{folder}/mamori.options.conf";'
        rest = f'include "{folder}/mamori.logging.conf";\ninclude "{folder}/mamori.conf";'
        write_private(main, bind_main(folder, port, self.example.port, options, rest))
        env = {**os.environ, "UV_THREADPOOL_SIZE": "8"}  # as its guide says
        named = Program("bind", [program("named"), "-f", "-n", "1", "-c", main], folder, env=env)
        return Provider("bind", STOP_ZONE, key, (LOOPBACK, port), (LOOPBACK, port), [named])

    def _powerdns(self, port: int) -> Provider:
        key, folder = self._key("powerdns"), private_folder(self.base, "dns/powerdns")
        values = self._subscription("powerdns", key, NX_ZONE, folder)
        lua, notified, before = render(DEPLOY / "powerdns" / "mamori.lua", values), (LOOPBACK, port), list[Program]()
        if self._long_poll:
            listen = free_ports(2)
            lua, notified = lua.replace(*long_polled(f"{LOOPBACK}:{listen}"), 1), (LOOPBACK, listen + 1)
            places = ["--listen", f"{LOOPBACK}@{listen}", "--notified", f"{LOOPBACK}@{listen + 1}"]
            command = [*TOOLS, "list", "long-poll", f"{LOOPBACK}@{self.list.port}", *places]
            before = [Program("long-poll", command, folder, as_is=True)]
        write_private(folder / "mamori.lua", lua)
        lines = render(DEPLOY / "powerdns" / "mamori.conf", {"STORAGE": str(folder)})
        main = powerdns_main(socket_folder(self.base), port, self.example.port)
        write_private(folder / "recursor.conf", main + lines)
        recursor = Program("powerdns", [program("pdns_recursor"), f"--config-dir={folder}"], folder)
        return Provider("powerdns", NX_ZONE, key, (LOOPBACK, port), notified, [*before, recursor])

    def _unbound(self, port: int, relay_port: int) -> Provider:
        key, folder = self._key("unbound"), private_folder(self.base, "dns/unbound")
        relay_folder = private_folder(self.base, "dns/relay")
        values = self._subscription("unbound", key, NX_ZONE, relay_folder) | {
            "RELAY_ADDRESS": LOOPBACK,
            "RELAY_PORT": relay_port,
            "NOTIFIED_ADDRESS": self._outer,
            "RESOLVER_ADDRESS": LOOPBACK,
            "RESOLVER_PORT": port,
        }
        relay_main = relay_folder / "named.conf"
        write_private(relay_main, render(DEPLOY / "bind" / "relay.conf", values))
        relay = Program("relay", [program("named"), "-g", "-n", "1", "-c", relay_main], relay_folder)
        write_private(folder / "mamori.conf", render(DEPLOY / "unbound" / "mamori.conf", values))
        main = folder / "unbound.conf"
        control = socket_folder(self.base) / "unbound.sock"
        rest = f'include: "{folder}/mamori.conf"'
        write_private(main, unbound_main(folder, port, self.example.port, control, rest))
        unbound = Program("unbound", [program("unbound"), "-d", "-p", "-c", main], folder)
        return Provider("unbound", NX_ZONE, key, (LOOPBACK, port), (self._outer, relay_port), [relay, unbound])


def unbound_main(folder: Path, port: int, example: int, control: Path, rest: str) -> str:
    """An unbound.conf that forwards to the zone example.; `rest` stands after it."""
    return _UNBOUND.format(folder=folder, port=port, example=example, control=control, rest=rest)


def bind_main(folder: Path, port: int, example: int, options: str, rest: str) -> str:
    """A named.conf that forwards to the zone example.; `options` stands inside options { }, `rest` after it."""
    return _BIND.format(folder=folder, port=port, example=example, options=options, rest=rest)


def long_polled(place: str) -> tuple[str, str]:
    """What the guide has replaced once in `mamori.lua`, by what, for a long poll that listens there (address:port)."""
    return "rpzPrimary({", f'rpzPrimary({{"{place}", '


def powerdns_main(sockets: Path, port: int, example: int) -> str:
    """A recursor.conf that forwards to the zone example."""
    return _POWERDNS.format(sockets=sockets, port=port, example=example)


_BIND = """\
options {{
    directory "{folder}";
    pid-file none;
    session-keyfile "{folder}/session.key";
    managed-keys-directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    dnssec-validation no;
    forward only;
    forwarders {{ 127.0.0.1 port {example}; }};
    {options}
}};
controls {{ }};
{rest}
"""
_POWERDNS = """\
local-address=127.0.0.1
local-port={port}
forward-zones-recurse=.=127.0.0.1:{example}
socket-dir={sockets}
dnssec=off
daemon=no
setuid=
setgid=
security-poll-suffix=
threads=1
pdns-distributes-queries=no
"""
_UNBOUND = """\
server:
    interface: 127.0.0.1@{port}
    access-control: 127.0.0.0/8 allow
    num-threads: 1
    do-daemonize: no
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    do-not-query-localhost: no
remote-control:
    control-enable: yes
    control-interface: {control}
    control-use-cert: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{example}
{rest}
"""


def relative(name: str) -> str:
    """`name` without .example; every other name is refused: the demo world knows no stranger."""
    bare = name.lower().rstrip(".")
    owner = bare.removesuffix(".example")
    if owner == bare or any(character.isspace() or character in ';"\\()$' for character in owner):
        raise WorldError(f"{name!r} is not a name under .example")
    return owner


def quoted(text: str) -> str:
    """A TXT string as zone files write it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _entry(name: str, zone: str) -> list[Record]:
    """A name and everything below it: two records."""
    target = "." if zone == NX_ZONE else STOP_HOST
    owner = f"{relative(name)}.example"
    return [Record(owner, LIST_TTL, "CNAME", target), Record(f"*.{owner}", LIST_TTL, "CNAME", target)]
