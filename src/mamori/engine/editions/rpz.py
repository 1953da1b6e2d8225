"""Response policy records (draft-vixie-dnsop-dns-rpz): sets of records, never pasted text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mamori.engine.addresses import ZONE_OCTETS, NameRefused, listable_name, parents
from mamori.engine.addresses.labels import wire_octets

Action = Literal["nxdomain", "stop"]
TTL = 60  # seconds; how long a resolver may keep a blocked answer
_ORIGIN_NAMES = ("localhost.", "nobody.invalid.")
# refresh, retry, expire (weeks, so that blocking outlives a fault of the hub), negative TTL
_SOA_TIMES = (3600, 600, 2419200, 60)
_OWNER = re.compile(r"(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_TARGET = re.compile(r"\.|[a-z0-9-]+(?:\.[a-z0-9-]+)+\.")


class Record(NamedTuple):
    """A CNAME record: ``owner`` relative to the zone, ``target`` absolute with its last dot."""

    owner: str
    target: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What turns one set of records into another."""

    add: frozenset[Record]
    remove: frozenset[Record]


def compile_rpz(names: Iterable[str], action: Action, stop_host: str | None = None) -> frozenset[Record]:
    """Records that block each name and everything below it.

    ``x`` alone does not block ``sub.x`` and ``*.x`` does not block ``x``: both are written. What lies below another
    listed name is left out: it is blocked anyway, and ``a.b.x`` beside ``*.x`` would free ``c.b.x`` in Unbound and
    BIND, for a wildcard only answers below the closest name there is (RFC 4592, section 3.3.1). With ``stop`` the
    answer is a CNAME to ``stop_host``, otherwise NXDOMAIN. Raises NameRefused for a name, ValueError for a wrong
    ``stop_host``.
    """
    return frozenset(compile_sorted(sorted(names, key=name_key), action, stop_host))


def compile_sorted(names: Iterable[str], action: Action, stop_host: str | None = None) -> Iterator[Record]:
    """The records of `compile_rpz`, in the order zones have, for names in the order of `name_key`: of any number."""
    target = block_target(action, stop_host)
    return (Record(owner, target) for owner in blocked_owners(names, stop_host))


def blocked_owners(names: Iterable[str], stop_host: str | None = None) -> Iterator[str]:
    """The owners of these records. ValueError when the stop page's own name is among the names, or below one."""
    last: tuple[str, ...] = ("",)
    own = frozenset(parents(stop_host)) if stop_host is not None else frozenset[str]()
    for name in names:
        key = name_key(listable_name(name))
        if key[: len(last)] == last:
            continue
        if name in own:
            raise ValueError("the stop page's own name is on the list")
        last = key
        yield name
        yield f"*.{name}"


def name_key(name: str) -> tuple[str, ...]:
    """The labels from the last to the first, the order of names in a zone (RFC 4034, section 6.1)."""
    return tuple(reversed(name.split(".")))


def block_target(action: Action, stop_host: str | None) -> str:
    """The target of a blocking CNAME. ValueError when action and ``stop_host`` do not fit, or it is no host name."""
    if (action == "stop") != (stop_host is not None):
        raise ValueError("the action stop needs a stop_host, nxdomain takes none")
    if stop_host is None:
        return "."
    try:
        return f"{listable_name(stop_host)}."
    except NameRefused as error:
        raise ValueError(f"stop_host is no plain host name: {error}") from error


def cover(names: Iterable[str]) -> frozenset[str]:
    """The names without those that lie below another of them."""
    listed = frozenset(names)
    found = set()
    for name in listed:
        at = name.find(".")
        while at >= 0 and name[at + 1 :] not in listed:
            at = name.find(".", at + 1)
        if at < 0:
            found.add(name)
    return frozenset(found)


def diff(old: frozenset[Record], new: frozenset[Record]) -> Changes:
    """Records to add to and to remove from ``old`` to get ``new``."""
    return Changes(add=new - old, remove=old - new)


def set_digest(records: Iterable[Record]) -> str:
    """SHA-256 (hex) of the set, whatever its order: equal sets, equal digests."""
    lines = sorted(f"{record.owner} {record.target}\n" for record in records)
    return hashlib.sha256("".join(lines).encode("ascii")).hexdigest()


def zone_text(records: Iterable[Record], zone: str, serial: int) -> str:
    """The zone as a master file with absolute names, for judges and first loading. ValueError for an unsafe record."""
    zone = zone.removesuffix(".")
    if not re.fullmatch(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*", zone) or wire_octets(zone) > ZONE_OCTETS:
        raise ValueError(f"the zone's name must be plain and at most {ZONE_OCTETS} octets on the wire")
    if not 0 <= serial < 2**32:
        raise ValueError("the serial must fit into 32 bits")
    primary, mailbox = _ORIGIN_NAMES
    times = " ".join(map(str, _SOA_TIMES))
    lines = [f"{zone}. {TTL} IN SOA {primary} {mailbox} {serial} {times}", f"{zone}. {TTL} IN NS {primary}"]
    written = ""
    for record in sorted(records):
        if record.owner == written:
            raise ValueError("a name has two records, of which a zone holds one")
        written = record.owner
        if not _OWNER.fullmatch(record.owner) or not _TARGET.fullmatch(record.target):
            raise ValueError("a record is not of the form compile_rpz makes")
        lines.append(f"{record.owner}.{zone}. {TTL} IN CNAME {record.target}")
    return "\n".join(lines) + "\n"


def read_dump(text: str, zone: str) -> frozenset[Record]:
    """The records of a canonical dump (``named-checkzone -D -s full``), without the zone's own SOA and NS.

    Any line that is none of these comes back as a record too, so that a comparison fails.
    """
    suffix = f".{zone.removesuffix('.')}."
    found: set[Record] = set()
    for line in text.splitlines():
        fields = line.split(None, 4)
        if not fields or (len(fields) == 5 and fields[0] == suffix[1:] and fields[3] in ("SOA", "NS")):
            continue
        if len(fields) == 5 and fields[3] == "CNAME" and fields[0].endswith(suffix):
            found.add(Record(fields[0].removesuffix(suffix), fields[4].strip()))
        else:
            found.add(Record(line, ""))
    return frozenset(found)
