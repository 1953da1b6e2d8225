"""The hidden primary (Knot DNS), by its control socket. Only transactions; no text ever reaches a zone file."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from mamori.engine.addresses import NameRefused, listable_name
from mamori.engine.editions import Changes, Record, diff
from mamori.ground import clock

TTL = 60  # seconds
TIMEOUT = 30  # seconds
SOA = f"@ {TTL} SOA hub.invalid. hostmaster.invalid. {{serial}} 60 30 2592000 60"
"""Secondaries look every 60 s should a NOTIFY be lost, and keep the list 30 days when the primary is away."""
_ZONE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_WORD = re.compile(r"[A-Za-z0-9.@:=/+_-]+")
_COMPLAINT = ("error", "warning: (", "invalid", "failed")


class KnotError(Exception):
    """The primary refused a command or does not answer."""


@dataclass(frozen=True)
class Access:
    """A subscriber at the primary: its key, the zone it may transfer, where it is told of changes ("" nowhere)."""

    name: str
    secret: str
    zone: str
    notify: str = ""


@dataclass(frozen=True)
class Synced:
    """What `Knot.sync` changed, and the serial number of the zone since."""

    changes: Changes
    serial: int


@dataclass(frozen=True)
class _Held:
    """A zone as it stands: its CNAME records, owner and type of what does not belong there, its serial."""

    records: frozenset[Record]
    strangers: frozenset[tuple[str, str]]
    serial: int


class Knot:
    """One primary. Commands go to `knotc` by standard input, so that secrets stay off the process list."""

    def __init__(self, socket: str) -> None:
        self.socket = socket
        found = shutil.which("knotc", path="/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/usr/local/bin:/bin")
        if found is None:
            raise KnotError("the program knotc is not installed")
        self._program = found

    def sync(self, zone: str, wanted: frozenset[Record], after: int = 0) -> Synced:
        """Make the zone hold exactly `wanted`, in one transaction, and verify that it does.

        `after` is the last serial number subscribers can have seen. They take no change with a lower one, so a zone
        that was lost, or came back from an old backup, goes on above it (and above the time, should `after` be lost too).
        """
        _check(zone, wanted)
        held = self._read(zone)
        records, strangers = (held.records, held.strangers) if held else (frozenset[Record](), frozenset())
        changes = diff(records, wanted)
        lines = []
        if held is None or held.serial < after:
            lines.append(f"zone-set {zone} {SOA.format(serial=max(after + 1, int(clock.now().timestamp())))}")
        if held is None:
            lines.append(f"zone-set {zone} @ {TTL} NS hub.invalid.")
        lines += [f"zone-unset {zone} {owner} {kind}" for owner, kind in sorted(strangers)]
        # A name whose target changes is taken out and put in again, in this order.
        lines += [f"zone-unset {zone} {record.owner} CNAME {record.target}" for record in sorted(changes.remove)]
        lines += [f"zone-set {zone} {record.owner} {TTL} CNAME {record.target}" for record in sorted(changes.add)]
        if held is not None and not lines:
            return Synced(changes, held.serial)
        self._whole([f"zone-begin {zone}", *lines], f"zone-commit {zone}", f"zone-abort {zone}")
        held = self._read(zone)
        if held is None or held.strangers or held.records != wanted:
            raise KnotError(f"{zone} does not hold what was published")
        return Synced(Changes(changes.add, changes.remove | _as_records(strangers)), held.serial)

    def read(self, zone: str) -> frozenset[Record] | None:
        """The zone's records but SOA and NS; None when the zone has none at all. Anything odd comes as a record too."""
        held = self._read(zone)
        return None if held is None else held.records | _as_records(held.strangers)

    def _read(self, zone: str) -> _Held | None:
        """The zone as it stands; None for no zone at all."""
        strangers: set[tuple[str, str]] = set()
        suffix = f".{zone}."
        found: set[Record] = set()
        serial = None
        try:
            lines = self._run([f"zone-read {zone}"])
        except KnotError as error:
            if "no such zone" in str(error) or "not found" in str(error).lower() or "empty" in str(error).lower():
                return None
            raise
        for line in lines:
            fields = line.split(None, 4)
            if len(fields) != 5 or not fields[0].startswith("["):
                raise KnotError(f"cannot read what the primary says of {zone}")
            owner, _ttl, kind, data = fields[1:]
            if owner == f"{zone}." and kind == "SOA":
                serial = int(data.split()[2])
            elif owner == f"{zone}." and kind == "NS":
                continue
            elif kind == "CNAME" and owner.endswith(suffix):
                found.add(Record(owner.removesuffix(suffix), data.strip()))
            else:
                strangers.add((owner, kind))
        return None if serial is None else _Held(frozenset(found), frozenset(strangers), serial)

    def accesses(self) -> dict[str, str]:
        """Names of the keys that may transfer, and the zone of each ("" when none)."""
        lines = self._run(["conf-read acl.id", "conf-read zone.acl"])
        names = {line.partition(" = ")[2]: "" for line in lines if line.startswith("acl.id = ")}
        for line in lines:
            found = re.fullmatch(r"zone\[([^]]+)\]\.acl = (.*)", line)
            for name in found[2].split() if found else ():
                names[name] = found[1].removesuffix(".") if found else ""
        return names

    def allow(self, access: Access) -> None:
        """Let a subscriber transfer its zone, at once, in one configuration transaction. Replaces a former key."""
        for word in (access.name, access.secret, access.zone, *([access.notify] if access.notify else [])):
            if not _WORD.fullmatch(word):
                raise KnotError("a subscriber's values must be plain words")
        name = access.name
        commands = self._unset(name)
        commands += [
            f"conf-set key[{name}]",
            f"conf-set key[{name}].algorithm hmac-sha256",
            f"conf-set key[{name}].secret {access.secret}",
            f"conf-set acl[{name}]",
            f"conf-set acl[{name}].key {name}",
            f"conf-set acl[{name}].action transfer",
            f"conf-set zone[{access.zone}.].acl {name}",
        ]
        if access.notify:
            commands += [
                f"conf-set remote[{name}]",
                f"conf-set remote[{name}].address {access.notify}",
                f"conf-set remote[{name}].key {name}",
                f"conf-set zone[{access.zone}.].notify {name}",
            ]
        self._whole(["conf-begin", *commands], "conf-commit", "conf-abort")

    def forbid(self, name: str) -> None:
        """Take a subscriber's key, access and notifications away, at once. Nothing to do is no error."""
        commands = self._unset(name)
        if commands:
            self._whole(["conf-begin", *commands], "conf-commit", "conf-abort")

    def _unset(self, name: str) -> list[str]:
        if not _WORD.fullmatch(name):
            raise KnotError("a subscriber's name must be a plain word")
        lines = self._run(["conf-read zone", "conf-read remote.id", "conf-read acl.id", "conf-read key.id"])
        commands = []
        for line in lines:
            found = re.match(r"zone\[(?P<zone>[^]]+)\]\.(?P<item>acl|notify) = (?P<values>.*)", line)
            if found and name in found["values"].split():
                commands.append(f"conf-unset zone[{found['zone']}].{found['item']} {name}")
        commands += [f"conf-unset {kind}[{name}]" for kind in ("acl", "remote") if f"{kind}.id = {name}" in lines]
        if f"key.id = {name}." in lines or f"key.id = {name}" in lines:
            commands.append(f"conf-unset key[{name}]")
        return commands

    def _whole(self, commands: Sequence[str], commit: str, abort: str) -> None:
        """All or nothing: knotc goes on after an error, so the commit is a call of its own."""
        try:
            self._run(commands)
            self._run([commit])
        except KnotError:
            with suppress(KnotError):
                self._run([abort])
            raise

    def _run(self, commands: Sequence[str]) -> list[str]:
        try:
            done = subprocess.run(
                [self._program, "-s", self.socket],
                input="\n".join(commands) + "\n",
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT,
                cwd="/",
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KnotError("the primary does not answer") from error
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        complaints = [line for line in lines if line.startswith(_COMPLAINT)]
        if done.returncode or complaints:
            raise KnotError((complaints or lines or ["no answer"])[0][:180])
        return lines


def _as_records(strangers: Iterable[tuple[str, str]]) -> frozenset[Record]:
    return frozenset(Record(owner, kind) for owner, kind in strangers)


def _check(zone: str, records: Iterable[Record]) -> None:
    """The last judge before a command: strict names once more, plain targets, a plain zone."""
    if not _ZONE.fullmatch(zone):
        raise KnotError("the zone's name is not plain")
    for record in records:
        try:
            listable_name(record.owner.removeprefix("*."))
            if record.target != ".":
                listable_name(record.target.removesuffix("."))
        except NameRefused as error:
            raise KnotError(f"a record is not fit for the zone: {error.code}") from error
        if record.target != "." and not record.target.endswith("."):
            raise KnotError("a record's target is not absolute")
