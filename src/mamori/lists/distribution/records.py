"""Judged records as a zone file, and as commands of the primary: the last place that looks at each of them."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mamori.engine.addresses import NameRefused, listable_name
from mamori.engine.editions import PASSTHRU, Record, name_key
from mamori.engine.files import Paced
from mamori.lists.distribution.control import KnotError, section, unit

TTL = 60  # seconds
NS = "hub.invalid."
SOA = f"{NS} hostmaster.invalid. {{serial}} 60 30 2592000 60"
"""Secondaries look every 60 s should a NOTIFY be lost, and keep the list 30 days when the primary is away."""
_LINES = 10_000  # written at a time
_ZONE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_NAME = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,62}")


class Difference(NamedTuple):
    """A record that has to go (`data`: its type), or to come (`data`: the target of its CNAME)."""

    goes: bool
    owner: str
    data: str


Owners = Callable[[], Iterable[str]]
"""In the order of zones, again each time."""


def zone_lines(zone: str, records: Iterable[Record]) -> Iterator[str]:
    """A zone as a file: each record judged once more, every name absolute. KnotError for one that is not fit."""
    check_zone(zone)
    yield _top(zone, 1)
    for record in fit(records):
        yield f"{record.owner}.{zone}. {TTL} CNAME {record.target}\n"


def write_zones(zones: Mapping[str, tuple[Path, str, int]], owners: Iterable[str]) -> None:
    """Write zones' files: of each its file, the target all its records have, and its serial number. Each record is judged once
    more. KnotError.
    """
    for zone, (_file, target, _serial) in zones.items():
        check_zone(zone)
        check_record(Record("name.example", target))
    records = fit(Record(owner, ".") for owner in owners)
    try:
        with ExitStack() as stack:
            texts = []
            for zone, (file, target, serial) in zones.items():
                descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
                paced = Paced(stack.enter_context(os.fdopen(descriptor, "w")))
                paced.write(_top(zone, serial))
                texts.append((paced, f".{zone}. {TTL} CNAME {target}\n"))
            while piece := list(islice(records, _LINES)):
                for paced, rest in texts:
                    paced.write("".join([record.owner + rest for record in piece]))
    except OSError as error:
        raise KnotError(f"{file.parent} cannot be written (MAMORI_KNOT_ZONE_DIR): {error.strerror}") from error


def fit(records: Iterable[Record]) -> Iterator[Record]:
    """The records, each judged. KnotError for one that is not fit for a zone, and for an owner with two, which cost BIND and
    PowerDNS the whole zone: seen where a name and what is below it (`*.`) stand together.
    """
    last: Record | None = None
    owners = set[str]()
    for record in records:
        bare = Record(record.owner.removeprefix("*."), record.target)
        if last is None or bare.owner != last.owner:
            owners = set()
        if record.owner in owners:
            raise KnotError(f"{record.owner[:100]} has two records, of which a zone holds one")
        if bare != last:
            check_record(record)
            last = bare
        owners.add(record.owner)
        yield record


def unsets(zone: str, different: Sequence[Difference]) -> Iterator[bytes]:
    """Commands that take away what has to go. A record whose target changes is taken out here and put in by `sets`."""
    for owner, kind in dict.fromkeys((one.owner, one.data) for one in different if one.goes):
        yield unit("zone-unset", zone=zone, owner=owner, type=kind)


def sets(zone: str, different: Iterable[Difference]) -> Iterator[bytes]:
    """Commands that put in what has to come. KnotError for a record that is not fit for a zone."""
    first, rest = unit("zone-set", zone=zone), dict[str, bytes]()
    for record in fit(Record(one.owner, one.data) for one in different if not one.goes):
        if record.target not in rest:
            rest[record.target] = _cname(record.target)
        yield first + section("owner", record.owner) + rest[record.target]


def as_said(zone: str, target: str) -> Callable[[str], bytes]:
    """How the primary says that a zone has a record of this target, by the record's owner."""
    first, rest = unit("", zone=f"{zone}."), _cname(target)
    return lambda owner: first + section("owner", f"{owner}.{zone}.") + rest


def _cname(target: str) -> bytes:
    """What follows the owner, in a command and in an answer."""
    return section("ttl", str(TTL)) + section("type", "CNAME") + section("data", target)


_listable = lru_cache(10_000)(listable_name)  # a name stands in the zones of each way, with "*." and without


def check_zone(zone: str) -> None:
    if not _ZONE.fullmatch(zone):
        raise KnotError("the zone's name is not plain")


def check_record(record: Record) -> None:
    """The last judge before a command: strict names once more, plain targets. KnotError."""
    if record.target == PASSTHRU:  # what passes need not be fit for blocking; "*" lets everything pass
        if record.owner != "*" and not _NAME.fullmatch(record.owner.removeprefix("*.")):
            raise KnotError("a record is not fit for the zone: its name is not plain")
        return
    try:
        _listable(record.owner.removeprefix("*."))
        if record.target != ".":
            _listable(record.target.removesuffix("."))
    except NameRefused as error:
        raise KnotError(f"a record is not fit for the zone: {error.code}") from error
    if record.target != "." and not record.target.endswith("."):
        raise KnotError("a record's target is not absolute")


def _top(zone: str, serial: int) -> str:
    return f"{zone}. {TTL} SOA {SOA.format(serial=serial)}\n{zone}. {TTL} NS {NS}\n"


class Counting:
    """Owners of a zone, and how many there are once they were all gone through."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners
        self._since: list[tuple[bool, str]] | None = None
        self.size = 0

    def __call__(self) -> Iterator[str]:
        size = 0
        for owner in self._owners():
            size += 1
            yield owner
        self.size = size

    def is_above(self, size: int) -> bool:
        """Whether there are more."""
        return max(self.size, sum(1 for _owner in islice(self._owners(), size + 1))) > size

    def since(self, before: Owners) -> list[tuple[bool, str]]:
        """Whether it goes, and the owner: of all that were not there before, or are there no more."""
        if self._since is None:
            self._since = list(_differing(iter(before()), iter(self())))
        return self._since


def _differing(before: Iterator[str], now: Iterator[str]) -> Iterator[tuple[bool, str]]:
    had = next(before, None)
    for owner in now:
        while had is not None and had != owner and name_key(had) <= name_key(owner):
            yield True, had
            had = next(before, None)
        if had == owner:
            had = next(before, None)
        else:
            yield False, owner
    while had is not None:
        yield True, had
        had = next(before, None)
