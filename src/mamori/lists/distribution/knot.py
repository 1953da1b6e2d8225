"""The hidden primary (Knot DNS), by its control socket: transactions, and for large differences a file of judged records
that is compared with what the zone then holds (ADR 25).
"""

import itertools
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

from mamori.engine.addresses import NameRefused, listable_name
from mamori.engine.editions import PASSTHRU, Record, name_key
from mamori.ground import clock

TTL = 60  # seconds
TIMEOUT = 30  # seconds
SOA = f"@ {TTL} SOA hub.invalid. hostmaster.invalid. {{serial}} 60 30 2592000 60"
"""Secondaries look every 60 s should a NOTIFY be lost, and keep the list 30 days when the primary is away."""
_ZONE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_NAME = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,62}")
_WORD = re.compile(r"[A-Za-z0-9.@:=/+_-]+")
BULK = 200  # differences from which a zone may be handed over as a file
LINE = 4  # times as dear as a record of the file is a command for a difference
LOADING = 600  # seconds
LINES_A_SECOND = 5_000  # at least, through the control socket
PROGRAM_PATH = "/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/usr/local/bin:/bin"
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
_CONFIGURING = threading.Lock()
_COMPLAINT = ("error", "warning: (", "invalid", "failed")


class KnotError(Exception):
    """The primary refused a command or does not answer."""


@dataclass(frozen=True)
class Access:
    """A subscriber at the primary: its key, the zones it may transfer, where it is told of changes ("" nowhere)."""

    name: str
    secret: str
    zones: tuple[str, ...]
    notify: str = ""


@dataclass(frozen=True)
class Synced:
    """What a zone holds since: how many records, how many of them were changed, under which serial number."""

    records: int
    changed: int
    serial: int


class _Difference(NamedTuple):
    """A record that has to go (`data`: its type and data), or to come (`data`: the target of its CNAME)."""

    goes: bool
    owner: str
    data: str


class Knot:
    """One primary. Commands go to `knotc` by standard input, so that secrets stay off the process list."""

    def __init__(self, socket: str, zone_folder: Path | None = None) -> None:
        """`zone_folder`: a folder both can read, where large zones are handed over; without it all goes line by line."""
        self.socket = socket
        self._zone_folder = zone_folder
        found = shutil.which("knotc", path=PROGRAM_PATH)
        if found is None:
            raise KnotError("the program knotc is not installed")
        self._program = found

    def sync(self, zone: str, wanted: frozenset[Record], after: int = 0) -> Synced:
        """Make the zone hold exactly `wanted`, in one transaction, and verify that it does: a zone that fits in memory.

        `after` is the last serial number subscribers can have seen. They take no change with a lower one, so a zone that
        was lost, or came back from an old backup, goes on above it (and above the time, should `after` be lost too).
        """
        _check_zone(zone)
        if len({record.owner for record in wanted}) != len(wanted):
            list(_single(sorted(wanted, key=lambda record: record.owner.removeprefix("*."))))  # says which
        records = {f"{record.owner}.{zone}. {TTL} CNAME {record.target}": record for record in wanted}
        serial, held = self._held(zone)
        apex = self._apex(zone, serial, after)
        goes, comes = held - records.keys(), [record for line, record in records.items() if line not in held]
        changed = len(goes) + len(comes)
        if self._zone_folder is not None and changed > max(BULK, len(records) / LINE):
            together = sorted(wanted, key=lambda record: (record.owner.removeprefix("*."), record.target))
            self._change(zone, apex)
            with self._handover(zone, together, self._zone_folder):
                self._reload(zone)
                serial = self._require_held(zone, records.keys())
        elif apex or changed:
            differences = [_Difference(True, *_owner_and_data(zone, line)) for line in goes]
            differences += [_Difference(False, *record) for record in comes]
            self._change(zone, [*apex, *_commands(zone, differences)])
            serial = self._require_held(zone, records.keys())
        assert serial is not None
        return Synced(len(records), changed, serial)

    def sync_sorted(self, zone: str, wanted: Callable[[], Iterable[Record]], after: int = 0) -> Synced:
        """As `sync`, a zone of any size. `wanted` gives the records in the order of zones, again each time."""
        _check_zone(zone)
        records = itertools.count()  # as many as are taken from it
        with closing(
            self._differences(zone, (record for record, _n in zip(_single(wanted()), records, strict=False)))
        ) as differences:
            serial = cast("int | None", next(differences))
            different = cast("list[_Difference]", list(itertools.islice(differences, BULK + 1)))
            is_new = serial is None and len(different) > BULK and self._zone_folder is not None
            if not is_new:  # of a new one all is different
                different += cast("list[_Difference]", list(differences))
        size = next(records)
        apex = self._apex(zone, serial, after)
        if self._zone_folder is not None and (is_new or len(different) > max(BULK, size / LINE)):
            self._change(zone, apex)
            with self._handover(zone, wanted(), self._zone_folder) as (file, lines):
                self._reload(zone)
                return Synced(lines, lines if is_new else len(different), self._require_file(zone, file))
        self._change(zone, [*apex, *_commands(zone, different)])
        if apex or different:
            serial = self._require(zone, wanted())
        assert serial is not None
        return Synced(size, len(different), serial)

    def _apex(self, zone: str, serial: int | None, after: int) -> list[str]:
        """Commands for the SOA and NS records of a zone that has none, or whose serial number subscribers would not take.

        A zone is also lost where Knot restarts while a file is handed over: that is taken back here.
        """
        commands = []
        if serial is None:
            self._end_handover(zone)
        if serial is None or serial < after:
            commands.append(f"zone-set {zone} {SOA.format(serial=max(after + 1, int(clock.now().timestamp())))}")
        if serial is None:
            commands.append(f"zone-set {zone} @ {TTL} NS hub.invalid.")
        return commands

    def _change(self, zone: str, lines: Sequence[str]) -> None:
        """One transaction of a zone; none when there is nothing to change."""
        if lines:
            seconds = TIMEOUT + len(lines) / LINES_A_SECOND
            self._whole([f"zone-begin {zone}", *lines], f"zone-commit {zone}", f"zone-abort {zone}", seconds)

    @contextmanager
    def _handover(self, zone: str, records: Iterable[Record], folder: Path) -> Iterator[tuple[Path, int]]:
        """Within it the zone is read from a file, of so many checked records: a tenth of the time of as many commands.

        Knot takes the difference to what it holds (`zonefile-load: difference-no-serial`) and counts the serial on.
        The file stands there only while it is read and compared. Without it Knot would not load the zone at a start.
        """
        file = folder / f"{zone}.handover"
        item = f"zone[{zone}.]"
        lines = itertools.count(-1)  # the first piece is the apex
        try:
            try:
                with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w") as text:
                    text.writelines(line for line, _n in zip(zone_lines(zone, records), lines, strict=False))
            except OSError as error:
                raise KnotError(f"{folder} cannot be written (MAMORI_KNOT_ZONE_DIR): {error.strerror}") from error
            self._configure([f"conf-set {item}.file {file}", f"conf-set {item}.zonefile-load difference-no-serial"])
            yield file, next(lines)
        finally:
            self._end_handover(zone)
            file.unlink(missing_ok=True)

    def _end_handover(self, zone: str) -> None:
        with suppress(KnotError):
            self._configure([f"conf-unset zone[{zone}.].file", f"conf-unset zone[{zone}.].zonefile-load"])

    def _reload(self, zone: str) -> None:
        self._run(["zone-reload " + zone], LOADING, "-b", "-t", str(LOADING))

    def _require(self, zone: str, wanted: Iterable[Record]) -> int:
        """The zone's serial; KnotError unless it holds what is wanted."""
        with closing(self._differences(zone, wanted)) as differences:
            serial = cast("int | None", next(differences))
            if serial is None or next(differences, None) is not None:
                raise _not_held(zone)
        return serial

    def _require_file(self, zone: str, file: Path) -> int:
        """The zone's serial; KnotError unless it holds what the file says, which is in the order of zones."""
        with file.open() as text, self.zone(zone) as (serial, held):
            meant = itertools.islice(text, 2, None)
            found = (f"{owner}.{zone}. {TTL} {data}\n" for owner, data in held)
            if serial is None or any(line != other for line, other in itertools.zip_longest(meant, found)):
                raise _not_held(zone)
        return serial

    def _require_held(self, zone: str, wanted: AbstractSet[str]) -> int:
        """The zone's serial; KnotError unless it holds these lines."""
        serial, held = self._held(zone)
        if serial is None or held != wanted:
            raise _not_held(zone)
        return serial

    def _held(self, zone: str) -> tuple[int | None, set[str]]:
        """The zone's serial, None for no zone; and its other records but NS as the primary writes them, in one piece."""
        try:
            lines = self._run([f"zone-read {zone}"])
        except KnotError as error:
            if _no_zone(str(error)):
                return None, set()
            raise
        of_zone, apex = f"[{zone}.] ", f"{zone}. "
        held = {line.removeprefix(of_zone) for line in lines}
        top = {line for line in held if line.startswith(apex)}
        numbers = [int(line.split()[5]) for line in top if line.split()[2] == "SOA"]
        if top and not numbers:
            raise KnotError(f"{zone} has no SOA record")
        held -= {line for line in top if line.split()[2] in ("SOA", "NS")}
        return (numbers[0] if numbers else None), held

    def serial(self, zone: str) -> int:
        """The zone's serial number; 0 when it has none."""
        with self.zone(zone, "@ SOA") as (serial, _records):
            return serial or 0

    def read(self, zone: str) -> frozenset[Record] | None:
        """The zone's records but SOA and NS; None when the zone has none at all. Anything odd comes as a record too."""
        with self.zone(zone) as (serial, records):
            found = frozenset(Record(owner, data.removeprefix("CNAME ")) for owner, data in records)
        return None if serial is None else found

    def _differences(self, zone: str, wanted: Iterable[Record]) -> Generator[_Difference | int | None]:
        """First the zone's serial, None for no zone; then, in the order of the zone, what is not as wanted."""
        with self.zone(zone) as (serial, held):
            yield serial
            has = next(held, None)
            for record in wanted:
                found = False
                while has is not None and name_key(has[0]) <= name_key(record.owner):
                    if has == (record.owner, f"CNAME {record.target}"):
                        found = True
                    else:
                        yield _Difference(True, *has)
                    has = next(held, None)
                if not found:
                    yield _Difference(False, record.owner, record.target)
            while has is not None:
                yield _Difference(True, *has)
                has = next(held, None)

    @contextmanager
    def zone(self, zone: str, what: str = "") -> Iterator[tuple[int | None, Iterator[tuple[str, str]]]]:
        """The zone's serial, None for no zone; and owner (relative) and "TYPE data" of its other records but NS.

        They come in the order of the zone, as the primary says them: it may have millions.
        """
        with tempfile.TemporaryFile("w+") as complaint, subprocess.Popen(
            [self._program, "-s", self.socket, "zone-read", zone, *what.split()],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaint, text=True, cwd="/", env=_ENVIRONMENT,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            records = self._read(zone, process.stdout)
            apex: list[str] = []
            others: Iterator[tuple[str, str]] = iter(())
            for owner, data in records:
                if owner != "@":
                    others = itertools.chain([(owner, data)], records)
                    break
                apex.append(data)
            numbers = [int(data.split()[3]) for data in apex if data.startswith("SOA ")]
            if apex and not numbers:
                raise KnotError(f"{zone} has no SOA record")
            odd = [("@", data) for data in apex if not data.startswith(("SOA ", "NS "))]
            if not apex:
                complaint.seek(0)
                if process.wait(TIMEOUT) and (said := complaint.read().strip()):
                    raise KnotError(said[:180])
            yield (numbers[0] if numbers else None), itertools.chain(odd, others)

    @staticmethod
    def _read(zone: str, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
        suffix = f".{zone}."
        for line in lines:
            if not line.strip():
                continue
            fields = line.split(None, 4)
            if line.startswith(_COMPLAINT):
                if _no_zone(line):
                    return
                raise KnotError(line.strip()[:180])
            if len(fields) != 5 or not fields[0].startswith("["):
                raise KnotError(f"cannot read what the primary says of {zone}")
            owner, _ttl, kind, data = fields[1:]
            yield "@" if owner == suffix[1:] else owner.removesuffix(suffix), f"{kind} {data.strip()}"

    def zones(self) -> frozenset[str]:
        """Names of all zones of the primary."""
        found = self._run(["conf-read zone.domain"])
        return frozenset(line.partition(" = ")[2].removesuffix(".") for line in found if line.startswith("zone.domain"))

    def add_zone(self, zone: str) -> None:
        """Let the primary serve a further zone, empty at first, under the default template."""
        _check_zone(zone)
        self._configure([f"conf-set zone[{zone}.]"])

    def drop_zone(self, zone: str) -> None:
        """Take a zone away with all it holds, at once."""
        _check_zone(zone)
        self._run([f"zone-purge {zone}"], TIMEOUT, "-f", "-b")
        self._configure([f"conf-unset zone[{zone}.]"])

    def accesses(self) -> dict[str, frozenset[str]]:
        """Names of the keys that may transfer, and the zones of each."""
        lines = self._run(["conf-read acl.id", "conf-read zone.acl"])
        names: dict[str, set[str]] = {line.partition(" = ")[2]: set() for line in lines if line.startswith("acl.id = ")}
        for line in lines:
            found = re.fullmatch(r"zone\[([^]]+)\]\.acl = (.*)", line)
            for name in found[2].split() if found else ():
                names.setdefault(name, set()).add(found[1].removesuffix(".") if found else "")
        return {name: frozenset(zones) for name, zones in names.items()}

    def allow(self, access: Access) -> None:
        """Let a subscriber transfer its zones, at once, in one configuration transaction. Replaces a former key."""
        for word in (access.name, access.secret, *access.zones, *([access.notify] if access.notify else [])):
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
            *(f"conf-set zone[{zone}.].acl {name}" for zone in access.zones),
        ]
        if access.notify:
            commands += [
                f"conf-set remote[{name}]",
                f"conf-set remote[{name}].address {access.notify}",
                f"conf-set remote[{name}].key {name}",
                *(f"conf-set zone[{zone}.].notify {name}" for zone in access.zones),
            ]
        self._configure(commands)

    def forbid(self, name: str) -> None:
        """Take a subscriber's key, access and notifications away, at once. Nothing to do is no error."""
        commands = self._unset(name)
        if commands:
            self._configure(commands)

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

    def _configure(self, commands: Sequence[str]) -> None:
        """One transaction of the configuration: the primary has one at a time."""
        with _CONFIGURING:
            self._whole(["conf-begin", *commands], "conf-commit", "conf-abort")

    def _whole(self, commands: Sequence[str], commit: str, abort: str, seconds: float = TIMEOUT) -> None:
        """All or nothing: knotc goes on after an error, so the commit is a call of its own."""
        try:
            self._run(commands, seconds)
            self._run([commit], seconds)
        except KnotError:
            with suppress(KnotError):
                self._run([abort])
            raise

    def _run(self, commands: Sequence[str], seconds: float = TIMEOUT, *options: str) -> list[str]:
        try:
            done = subprocess.run(
                [self._program, "-s", self.socket, *options],
                input="\n".join(commands) + "\n",
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
                cwd="/",
                env=_ENVIRONMENT,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KnotError("the primary does not answer") from error
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        complaints = [line for line in lines if line.startswith(_COMPLAINT)]
        if done.returncode or complaints:
            raise KnotError((complaints or lines or ["no answer"])[0][:180])
        return lines


def zone_lines(zone: str, records: Iterable[Record]) -> Iterator[str]:
    """A zone as a file: each record judged once more, every name absolute. KnotError for one that is not fit."""
    _check_zone(zone)
    yield f"{SOA.format(serial=1).replace('@', f'{zone}.', 1)}\n{zone}. {TTL} NS hub.invalid.\n"
    judged: Record | None = None
    for record in _single(records):
        if judged is None or record.owner.removeprefix("*.") != judged.owner or record.target != judged.target:
            _check_record(record)  # a name and what is below it stand together
            judged = Record(record.owner.removeprefix("*."), record.target)
        yield f"{record.owner}.{zone}. {TTL} CNAME {record.target}\n"


def _single(records: Iterable[Record]) -> Iterator[Record]:
    """The records, if no owner has two, which cost BIND and PowerDNS the whole zone: KnotError. Those of a name stand together."""
    name, owners = "", set[str]()
    for record in records:
        if (bare := record.owner.removeprefix("*.")) != name:
            name, owners = bare, set()
        if record.owner in owners:
            raise KnotError(f"{record.owner[:100]} has two records, of which a zone holds one")
        owners.add(record.owner)
        yield record


def _commands(zone: str, different: Sequence[_Difference]) -> Iterator[str]:
    """What takes the differences out of the way. A name whose target changes is taken out and put in again."""
    yield from dict.fromkeys(f"zone-unset {zone} {one.owner} {one.data.split()[0]}" for one in different if one.goes)
    for one in different:
        if not one.goes:
            _check_record(Record(one.owner, one.data))
            yield f"zone-set {zone} {one.owner} {TTL} CNAME {one.data}"


def _owner_and_data(zone: str, line: str) -> tuple[str, str]:
    """Owner (relative) and "TYPE data" of a record's line."""
    owner, _ttl, data = line.split(None, 2)
    return ("@" if owner == f"{zone}." else owner.removesuffix(f".{zone}.")), data


def _not_held(zone: str) -> KnotError:
    return KnotError(f"{zone} does not hold what was published")


def _no_zone(complaint: str) -> bool:
    return any(word in complaint.lower() for word in ("no such", "not found", "empty", "not exist"))


def _check_zone(zone: str) -> None:
    if not _ZONE.fullmatch(zone):
        raise KnotError("the zone's name is not plain")


def _check_record(record: Record) -> None:
    """The last judge before a command: strict names once more, plain targets."""
    if record.target == PASSTHRU:  # what passes need not be fit for blocking; "*" lets everything pass
        if record.owner != "*" and not _NAME.fullmatch(record.owner.removeprefix("*.")):
            raise KnotError("a record is not fit for the zone: its name is not plain")
        return
    try:
        listable_name(record.owner.removeprefix("*."))
        if record.target != ".":
            listable_name(record.target.removesuffix("."))
    except NameRefused as error:
        raise KnotError(f"a record is not fit for the zone: {error.code}") from error
    if record.target != "." and not record.target.endswith("."):
        raise KnotError("a record's target is not absolute")
