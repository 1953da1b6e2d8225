"""The hidden primary (Knot DNS), by its control socket: transactions, and for large zones a file of judged records
whose difference to what the zone holds it takes itself (ADR 25).
"""

import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from mamori.engine.editions import Record, name_key
from mamori.ground import clock
from mamori.lists.distribution.configuring import (
    ACCESS,
    ASKING,
    Access,
    askers_in,
    asking,
    conf_set,
    lets_in,
    member,
    shuts_out,
)
from mamori.lists.distribution.control import Answer, Control, KnotError, unit
from mamori.lists.distribution.records import (
    NS,
    SOA,
    TTL,
    Counting,
    Difference,
    Owners,
    as_said,
    check_zone,
    fit,
    sets,
    unsets,
    write_zones,
)

TIMEOUT = 30  # seconds
LARGE = 50_000
"""Records: to take in any change of such a zone Knot looks through all of it, for seconds. Differences: such a zone is made anew."""
LOADING = 600  # seconds
LOOK_EVERY = 0.1  # seconds
PIECE = 2_000  # commands of one connection: others are heard in between
Committed = Callable[[Mapping[str, int]], None]
_WORD = re.compile(r"[A-Za-z0-9.@:=/+_-]+")
_TTL = str(TTL)
_CONFIGURING = threading.Lock()


@dataclass(frozen=True)
class Synced:
    """What a zone holds since: how many records, how many of them were changed, under which serial number."""

    records: int
    changed: int
    serial: int


class Held(NamedTuple):
    """What a zone holds under a serial number."""

    serial: int
    records: frozenset[Record]


class Large(NamedTuple):
    """A zone all of whose records have one target. `after`: as of `sync_all`; `held`: its serial as it was left, or None."""

    zone: str
    target: str
    after: int = 0
    held: int | None = None


class Found(NamedTuple):
    """A record as the primary says it, without SOA and NS of the zone itself. `data`: with the TTL before it if that is another."""

    owner: str
    kind: str
    data: str

    @property
    def is_plain(self) -> bool:
        """Whether it is one the list could have: whatever else stands in a zone has to go."""
        return self.kind == "CNAME" and self.owner != "@" and " " not in self.data


class _Plan(NamedTuple):
    """What a zone holds, and what makes it hold what is wanted. `different`: None when it is made anew.

    `onward`: the serial number it has to get, or 0.
    """

    zone: str
    serial: int | None
    onward: int
    different: list[Difference] | None

    @property
    def changes(self) -> bool:
        return self.onward > 0 or self.different != []

    @property
    def is_much(self) -> bool:
        return self.different is None or len(self.different) > LARGE


class Knot:
    """One primary. What it is told goes through its socket, and through no program's arguments, which all users see."""

    def __init__(self, socket: str, zone_folder: Path | None = None) -> None:
        """`zone_folder`: one both can read, where large zones are handed over; without it all goes by transactions."""
        self.socket = socket
        self._zone_folder = zone_folder

    def sync(self, zone: str, wanted: frozenset[Record], after: int = 0) -> Synced:
        """As `sync_all`, one zone."""
        return self.sync_all({zone: (wanted, after, None)})[zone]

    def sync_all(
        self,
        wanted: Mapping[str, tuple[frozenset[Record], int, Held | None]],
        committed: Committed = lambda _serials: None,
    ) -> dict[str, Synced]:
        """Make each zone hold exactly these records, in a transaction of each, and verify that it does: zones that fit in memory.

        The number is the last serial subscribers can have seen. They take no change with a lower one, so a zone that
        was lost, or came back from an old backup, goes on above it (and above the time, should it be lost too).
        `Held` is what the zone was left with: it is believed while the serial is the same, otherwise the zone is read.
        `committed` hears the serial numbers that the zones have by then, before they are verified.
        """
        for zone, (records, _after, _held) in wanted.items():
            check_zone(zone)
            if len({record.owner for record in records}) != len(records):
                list(fit(sorted(records, key=lambda record: record.owner.removeprefix("*."))))  # says which
        plans = [self._plan(zone, *each) for zone, each in wanted.items()]
        try:
            self._transact(plans)
        except KnotError:
            with suppress(KnotError):  # some may be committed
                committed({zone: self.serial(zone) for zone in wanted})
            raise
        committed({zone: self.serial(zone) for zone in wanted})
        return {plan.zone: self._verified(plan, len(wanted[plan.zone][0])) for plan in plans}

    def sync_large(self, zones: Sequence[Large], owners: Owners, before: Owners | None = None) -> dict[str, Synced]:
        """Make each zone hold a record of its target for each owner, and verify that it does: zones of any size.

        `before` gives the owners that `Large.held` stands for. A zone that has this serial is not read: that would keep
        the control from others for seconds.
        """
        counting = Counting(owners)
        plans = {one: self._plan_large(one, counting, before) for one in zones}
        changing = {one: plan for one, plan in plans.items() if plan.changes}
        anew = any(plan.serial is not None and plan.different is None for plan in changing.values())
        if changing and self._zone_folder is not None and (anew or counting.is_above(LARGE)):
            self._hand_over(self._zone_folder, changing, counting)
        else:
            for one, plan in changing.items():
                self._transact([plan], {one.zone: (Difference(False, owner, one.target) for owner in counting())})
        for one, plan in plans.items():
            if plan.is_much and self._differences(one, counting) != []:
                raise _not_held(one.zone)
        return {one.zone: self._verified(plan, counting.size) for one, plan in plans.items()}

    def _plan(self, zone: str, wanted: frozenset[Record], after: int, known: Held | None) -> _Plan:
        serial = self._serial(zone)
        held, odd = frozenset[Record](), list[Found]()
        if known is not None and known.serial == serial:
            held = known.records
        elif serial is not None:
            found = list(self.records(zone))
            odd = [one for one in found if not one.is_plain]
            held = frozenset(Record(one.owner, one.data) for one in found if one.is_plain)
        different = [Difference(True, one.owner, one.kind) for one in odd]
        different += [Difference(True, record.owner, "CNAME") for record in held - wanted]
        different += [Difference(False, *record) for record in wanted - held]
        return _Plan(zone, serial, self._onward(zone, serial, after), different)

    def _plan_large(self, one: Large, owners: Counting, before: Owners | None) -> _Plan:
        check_zone(one.zone)
        serial = self._serial(one.zone)
        different: list[Difference] | None = None
        if before is not None and serial is not None and one.held == serial:
            different = [
                Difference(goes, owner, "CNAME" if goes else one.target) for goes, owner in owners.since(before)
            ]
        elif serial is not None:
            different = self._differences(one, owners)
        after = max(one.after, serial or 0) + 1 if different is None else one.after
        return _Plan(one.zone, serial, self._onward(one.zone, serial, after), different)

    def _onward(self, zone: str, serial: int | None, after: int) -> int:
        """The serial number for a zone that has none, or one whose number subscribers would not take; else 0.

        A zone is also lost where Knot restarts while a file is handed over: that is taken back here.
        """
        if serial is not None and serial >= after:
            return 0
        if serial is None:
            self._end_handover([zone])
        return max(after + 1, int(clock.now().timestamp()))

    def _transact(self, plans: Iterable[_Plan], all_new: Mapping[str, Iterable[Difference]] = {}) -> None:
        """One transaction of each zone; none where there is nothing to change. None is committed before all are ready:
        whoever is told of one begins to transfer it, and takes time from the others.
        """
        begun = list[str]()
        try:
            for plan in plans:
                if plan.changes:
                    begun.append(plan.zone)
                    self._prepare(plan, all_new.get(plan.zone, ()))
            for zone in begun:
                self._ask(unit("zone-commit", zone=zone), seconds=LOADING)
        except KnotError:
            for zone in begun:
                with suppress(KnotError):  # it may be committed
                    self._ask(unit("zone-abort", zone=zone))
            raise

    def _prepare(self, plan: _Plan, all_new: Iterable[Difference]) -> None:
        zone, different = plan.zone, plan.different
        self._ask(unit("zone-begin", zone=zone), *_apex(plan))
        steps = [sets(zone, all_new)] if different is None else [unsets(zone, different), sets(zone, different)]
        for step in steps:
            while piece := list(islice(step, PIECE)):
                self._ask(b"".join(piece))  # units of one command in one block

    def _hand_over(self, folder: Path, plans: Mapping[Large, _Plan], owners: Owners) -> None:
        """Let Knot read the zones from files, of checked records, beside its other work: it takes the difference itself.

        Knot 3.2 serves one at a time by its control, and looks through all of a zone to commit a change of it: in a
        transaction no other zone could be changed for seconds. (It counts the serial on: `difference-no-serial`.) The files
        stand there only while they are read: without its file Knot would not load a zone at a start.
        """
        files = {one.zone: folder / f"{one.zone}.handover" for one in plans}
        try:
            write_zones(
                {one.zone: (files[one.zone], one.target, plan.onward or 1) for one, plan in plans.items()}, owners()
            )
            for plan in plans.values():
                if plan.different is None and plan.serial is not None:
                    self._purge(plan.zone)  # its journal would not go on from what is loaded
                elif plan.onward and plan.serial is not None:
                    self._transact([plan._replace(different=[])])
            self._configure(
                conf_set("zone", f"{plan.zone}.", item, value)
                for plan in plans.values()
                for item, value in (
                    ("file", str(files[plan.zone])),
                    ("zonefile-load", "whole" if plan.different is None else "difference-no-serial"),
                )
            )
            self._wait_loaded(files)  # another file is a reason to read it
        finally:
            self._end_handover(files)
            for file in files.values():
                file.unlink(missing_ok=True)

    def _wait_loaded(self, zones: Iterable[str]) -> None:
        """Until Knot reads none of these zones any more. KnotError after ten minutes."""
        end = time.monotonic() + LOADING
        asked = [unit("zone-status", zone=zone, filters="e") for zone in zones]
        while any(one.get("type") == "load" and one.get("data") in ("pending", "running") for one in self._ask(*asked)):
            if time.monotonic() > end:
                raise KnotError(f"the primary did not read {', '.join(zones)} within {LOADING} seconds")
            time.sleep(LOOK_EVERY)

    def _end_handover(self, zones: Iterable[str]) -> None:
        with suppress(KnotError):  # it may not be set
            self._configure(
                unit("conf-unset", section="zone", id=f"{zone}.", item=item)
                for zone in zones
                for item in ("file", "zonefile-load")
            )

    def _verified(self, plan: _Plan, size: int) -> Synced:
        """KnotError unless the zone holds what had to come, and nothing that had to go."""
        different = [] if plan.is_much else plan.different or []
        meant = {one.owner: one.data for one in different if not one.goes}
        owners = list(dict.fromkeys(one.owner for one in different))
        if not all(self._holds(plan.zone, owners[at : at + PIECE], meant) for at in range(0, len(owners), PIECE)):
            raise _not_held(plan.zone)
        serial = self._serial(plan.zone) if plan.changes else plan.serial
        if serial is None:
            raise _not_held(plan.zone)
        return Synced(size, size if plan.different is None else len(plan.different), serial)

    def _holds(self, zone: str, owners: Sequence[str], meant: Mapping[str, str]) -> bool:
        """Whether each of these owners has just the record of its target, and none if it is not `meant` to have one."""
        said = {target: as_said(zone, target) for target in set(meant.values())}
        asked = [unit("zone-read", zone=zone, owner=owner) for owner in owners]
        expected = [said[meant[owner]](owner) if owner in meant else b"" for owner in owners]
        with Control(self.socket, TIMEOUT) as control:
            return all(
                list(_found(zone, _heard_all(others, but="no such node")))
                == [Found(owner, "CNAME", meant[owner]) for owner in owners[number : number + 1] if owner in meant]
                for number, others in control.answered_otherwise(asked, expected)
            )

    def _differences(self, one: Large, owners: Owners) -> list[Difference] | None:
        """Read a zone beside the owners it is to have, both in the order of zones. None when too much is different."""
        different, said = list[Difference](), as_said(one.zone, one.target)
        most = sys.maxsize - 1 if self._zone_folder is None else LARGE
        with self._reading(one.zone) as (control, held):
            has: Found | None = None
            for owner in owners():
                if has is None and control.skip(said(owner)):
                    continue
                if len(different) > most:
                    return None
                wanted = Found(owner, "CNAME", one.target)
                has = has or next(held, None)
                while has is not None and has != wanted and name_key(has.owner) <= name_key(owner):
                    different.append(Difference(True, has.owner, has.kind))
                    has = next(held, None)
                if has == wanted:
                    has = None
                else:
                    different.append(Difference(False, owner, one.target))
            rest = islice(held if has is None else chain([has], held), most + 1)
            different += [Difference(True, found.owner, found.kind) for found in rest]
        return different if len(different) <= most else None

    @contextmanager
    def _reading(self, zone: str) -> Iterator[tuple[Control, Iterator[Found]]]:
        with Control(self.socket, TIMEOUT) as control:
            control.ask(unit("zone-read", zone=zone))
            yield control, _found(zone, map(_heard, iter(control.take, None)))

    def records(self, zone: str) -> Iterator[Found]:
        """What a zone holds, in its order: it may be millions."""
        with self._reading(zone) as (_control, found):
            yield from found

    def read(self, zone: str) -> frozenset[Record] | None:
        """The zone's records; None when there is no zone, or nothing at all in it. Anything odd comes as a record too."""
        if self._serial(zone) is None:
            return None
        return frozenset(
            Record(one.owner, one.data if one.is_plain else f"{one.kind} {one.data}") for one in self.records(zone)
        )

    def serial(self, zone: str) -> int:
        """The zone's serial number; 0 when it has none."""
        return self._serial(zone) or 0

    def _serial(self, zone: str) -> int | None:
        said = self._ask(unit("zone-read", zone=zone, owner="@"), but="no such")
        for answer in said:
            if answer.get("type") == "SOA":
                return int(answer["data"].split()[2])
        if said:
            raise KnotError(f"{zone} has no SOA record")
        return None

    def zones(self) -> frozenset[str]:
        """Names of all zones of the primary."""
        found = self._ask(unit("conf-read", section="zone", item="domain"))
        return frozenset(one["data"].removesuffix(".") for one in found)

    def catalogs(self) -> dict[str, str]:
        """The zones that stand in a catalog, and the catalog of each."""
        found = self._ask(unit("conf-read", section="zone", item="catalog-zone"))
        return {one["id"].removesuffix("."): one["data"].removesuffix(".") for one in found}

    def add_zone(self, zone: str, *, catalog: str = "") -> None:
        """Let the primary serve a further zone, empty at first, under the default template.

        `catalog`: the one that names it to relays. Whoever reaches the primary may read that: no zone of one subscriber's
        own belongs there. A zone that is there already cannot join one before Knot 3.2 is started anew.
        """
        check_zone(zone)
        if catalog:
            check_zone(catalog)
        self._purge_orphan(zone)  # should `drop_zone` have died half-way
        self._configure([unit("conf-set", section="zone", id=f"{zone}."), *member(zone, catalog)])

    def drop_zone(self, zone: str) -> None:
        """Take a zone away with all it holds, at once. What it held goes last: a zone without it stays in its catalog (Knot 3.2).

        With a transaction of it open, as of a process that died, Knot 3.2.6 would die too: it is ended first.
        """
        check_zone(zone)
        self._configure([unit("conf-unset", section="zone", id=f"{zone}.")], unit("zone-abort", zone=zone))
        self._purge_orphan(zone)

    def _purge_orphan(self, zone: str) -> None:
        """Remove what is left of a zone that the configuration no longer has."""
        self._ask(unit("zone-purge", zone=zone, flags="F", filters="o"))

    def _purge(self, zone: str) -> None:
        self._ask(unit("zone-purge", zone=zone, flags="FB"))

    def accesses(self) -> dict[str, frozenset[str]]:
        """Names of the keys that may transfer, and the zones of each."""
        found = self._ask(unit("conf-read", section="acl", item="id"), unit("conf-read", section="zone", item="acl"))
        names: dict[str, set[str]] = {one["data"]: set() for one in found if one["section"] == "acl"}
        for one in found:
            if one["section"] == "zone":
                names.setdefault(one["data"], set()).add(one["id"].removesuffix("."))
        return {name: frozenset(zones) for name, zones in names.items()}

    def allow(self, access: Access) -> None:
        """Let a subscriber transfer its zones, at once, in one configuration transaction. Replaces a former key."""
        for word in (access.name, access.secret, *access.zones):
            if not _WORD.fullmatch(word):
                raise KnotError("a subscriber's values must be plain words")
        self._configure([*self._unset([access.name]), *lets_in(access)])

    def forbid(self, name: str) -> None:
        """Take a subscriber's key and access away, at once. Nothing to do is no error."""
        commands = self._unset([name])
        if commands:
            self._configure(commands)

    def shut_out(self, names: Iterable[str], askers: Iterable[str]) -> None:
        """`forbid` all these, and let nobody ask but these networks and those `asking` leaves, in one transaction.

        Nor does Knot itself notify one of ours from then on, as it once did.
        """
        commands = self._unset(names) + asking(self._ask(*ASKING), askers)
        if commands:
            self._configure(commands)

    def askers(self) -> frozenset[str]:
        """Networks from which the primary is asked whatever stands in its zones; all others get one and the same refusal."""
        return askers_in(self._ask(*ASKING))

    def _unset(self, names: Iterable[str]) -> list[bytes]:
        names = frozenset(names)
        if not all(map(_WORD.fullmatch, names)):
            raise KnotError("a subscriber's name must be a plain word")
        return shuts_out(names, self._ask(*ACCESS))

    def _configure(self, commands: Iterable[bytes], before: bytes = b"") -> None:
        """One transaction of the configuration: the primary has one at a time. `before`: ends one of a zone, if there is any.

        All on one connection, of which Knot 3.2 serves one at a time: nobody else comes in between.
        """
        with _CONFIGURING:
            try:
                with Control(self.socket, TIMEOUT) as control:
                    _heard_all(control.each([before] if before else []), but="no active transaction")
                    _heard_all(control.each([unit("conf-begin"), *commands]))
                    _heard_all(control.each([unit("conf-commit")]))
            except KnotError:
                with suppress(KnotError):
                    self._ask(unit("conf-abort"))
                raise

    def _ask(self, *units: bytes, but: str = "", seconds: float = TIMEOUT) -> list[Answer]:
        """What the primary says to these commands, on one connection. KnotError at a refusal, but for those that say `but`."""
        with Control(self.socket, seconds) as control:
            found = control.each(units)
        return _heard_all(found, but)


def _found(zone: str, answers: Iterable[Answer]) -> Iterator[Found]:
    suffix = f".{zone}."
    for one in answers:
        owner, kind, data = one["owner"].removesuffix(suffix), one["type"], one["data"]
        if owner == suffix[1:]:
            owner = "@"
        if owner != "@" or kind not in ("SOA", "NS"):
            yield Found(owner, kind, data if one["ttl"] == _TTL else f"{one['ttl']} {data}")


def _heard_all(answers: Iterable[Answer], but: str = "") -> list[Answer]:
    """The answers without refusals that say `but`. KnotError when another one is a refusal."""
    return [_heard(one) for one in answers if not (but and but in one.get("error", ""))]


def _heard(answer: Answer) -> Answer:
    """The answer. KnotError when it is a refusal."""
    if "error" in answer:
        raise KnotError(f"{answer.get('zone') or answer.get('command', '')}: {answer['error']}"[:180])
    return answer


def _apex(plan: _Plan) -> Iterator[bytes]:
    """Commands for the SOA record, and the NS record of a new zone."""
    if plan.onward:
        data = SOA.format(serial=plan.onward)
        yield unit("zone-set", zone=plan.zone, owner="@", ttl=_TTL, type="SOA", data=data)
    if plan.serial is None:
        yield unit("zone-set", zone=plan.zone, owner="@", ttl=_TTL, type="NS", data=NS)


def _not_held(zone: str) -> KnotError:
    return KnotError(f"{zone} does not hold what was published")
