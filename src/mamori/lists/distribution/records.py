"""Judged records as a zone file, and as commands of the primary: the last place that looks at each of them."""

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mamori.engine.addresses import NameRefused, listable_name
from mamori.engine.editions import PASSTHRU, Record

TTL = 60  # seconds
SOA = f"@ {TTL} SOA hub.invalid. hostmaster.invalid. {{serial}} 60 30 2592000 60"
"""Secondaries look every 60 s should a NOTIFY be lost, and keep the list 30 days when the primary is away."""
_ZONE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_NAME = re.compile(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,62}")


class KnotError(Exception):
    """The primary refused a command or does not answer, or a record is not fit for it."""


class Difference(NamedTuple):
    """A record that has to go (`data`: its type and data), or to come (`data`: the target of its CNAME)."""

    goes: bool
    owner: str
    data: str


def write_zone(zone: str, records: Iterable[Record], file: Path) -> int:
    """Write a zone's file; how many records it has besides the apex. KnotError."""
    lines = itertools.count(-1)  # the first piece is the apex
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "w") as text:
            text.writelines(line for line, _n in zip(zone_lines(zone, records), lines, strict=False))
    except OSError as error:
        raise KnotError(f"{file.parent} cannot be written (MAMORI_KNOT_ZONE_DIR): {error.strerror}") from error
    return next(lines)


def zone_lines(zone: str, records: Iterable[Record]) -> Iterator[str]:
    """A zone as a file: each record judged once more, every name absolute. KnotError for one that is not fit."""
    check_zone(zone)
    yield f"{SOA.format(serial=1).replace('@', f'{zone}.', 1)}\n{zone}. {TTL} NS hub.invalid.\n"
    judged: Record | None = None
    for record in single(records):
        if judged is None or record.owner.removeprefix("*.") != judged.owner or record.target != judged.target:
            _check_record(record)  # a name and what is below it stand together
            judged = Record(record.owner.removeprefix("*."), record.target)
        yield f"{record.owner}.{zone}. {TTL} CNAME {record.target}\n"


def single(records: Iterable[Record]) -> Iterator[Record]:
    """The records, if no owner has two, which cost BIND and PowerDNS the whole zone: KnotError. Those of a name stand together."""
    name, owners = "", set[str]()
    for record in records:
        if (bare := record.owner.removeprefix("*.")) != name:
            name, owners = bare, set()
        if record.owner in owners:
            raise KnotError(f"{record.owner[:100]} has two records, of which a zone holds one")
        owners.add(record.owner)
        yield record


def commands(zone: str, different: Sequence[Difference]) -> Iterator[str]:
    """What takes the differences out of the way. A name whose target changes is taken out and put in again."""
    yield from dict.fromkeys(f"zone-unset {zone} {one.owner} {one.data.split()[0]}" for one in different if one.goes)
    for one in different:
        if not one.goes:
            _check_record(Record(one.owner, one.data))
            yield f"zone-set {zone} {one.owner} {TTL} CNAME {one.data}"


def owner_and_data(zone: str, line: str) -> tuple[str, str]:
    """Owner (relative) and "TYPE data" of a record's line."""
    owner, _ttl, data = line.split(None, 2)
    return ("@" if owner == f"{zone}." else owner.removesuffix(f".{zone}.")), data


def check_zone(zone: str) -> None:
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
