"""Messages of the Safe Browsing Update API v4: threatListUpdates.fetch and fullHashes.find.

Field numbers after safebrowsing.proto, which Google publishes with its Go client (github.com/google/safebrowsing).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mamori.engine.hashlists import rice
from mamori.engine.hashlists.updates import Update
from mamori.engine.hashlists.wire import MessageRefused, fields, message, number, octets, packed, seconds

URL_ENTRY = 1
RAW, RICE = 1, 2
PARTIAL, FULL = 1, 2
MOST_LISTS, MOST_HASHES = 32, 1000


@dataclass(frozen=True, slots=True)
class ListAsked:
    """A list a client asks for: threat, platform and entry type as numbers, the state it has, what it can take."""

    threat: int = 0
    platform: int = 0
    entry: int = 0
    state: bytes = b""
    compressions: frozenset[int] = frozenset()
    max_update: int = 0
    max_database: int = 0


@dataclass(frozen=True, slots=True)
class HashesAsked:
    """Hash prefixes a client asks about, for these threats and platforms."""

    threats: frozenset[int]
    platforms: frozenset[int]
    hashes: tuple[bytes, ...]


def read_fetch(data: bytes) -> list[ListAsked]:
    """FetchThreatListUpdatesRequest. MessageRefused."""
    asked = [_list_asked(_message(value)) for field, value in fields(data) if field == 3]
    if len(asked) > MOST_LISTS:
        raise MessageRefused("too many lists")
    return asked


def _list_asked(data: bytes) -> ListAsked:
    given: dict[int, int | bytes] = {}
    limits: dict[int, int] = {}
    compressions: set[int] = set()
    for field, value in fields(data):
        given[field] = value
        if field == 4:
            for inner, limit in fields(_message(value)):
                if inner == 4:
                    compressions.update(packed(limit))
                elif isinstance(limit, int):
                    limits[inner] = limit
    return ListAsked(
        _number(given.get(1)),
        _number(given.get(2)),
        _number(given.get(5)),
        _message(given.get(3, b"")),
        frozenset(compressions),
        limits.get(1, 0),
        limits.get(2, 0),
    )


def read_find(data: bytes) -> HashesAsked:
    """FindFullHashesRequest. MessageRefused, also for more than 1,000 hashes or one of another length than 4 to 32."""
    threats: set[int] = set()
    platforms: set[int] = set()
    found: list[bytes] = []
    for outer, value in fields(data):
        if outer != 3:
            continue
        for field, inner in fields(_message(value)):
            if field == 1:
                threats.update(packed(inner))
            elif field == 2:
                platforms.update(packed(inner))
            elif field == 3:
                found += [_message(each) for at, each in fields(_message(inner)) if at == 1]
    if len(found) > MOST_HASHES or not all(4 <= len(each) <= 32 for each in found):
        raise MessageRefused("hashes have 4 to 32 octets, and at most 1,000 are asked about")
    return HashesAsked(frozenset(threats), frozenset(platforms), tuple(found))


def rice_additions(update: Update) -> bytes:
    """A ThreatEntrySet of 4-octet additions: read as little-endian numbers, in their order. Empty for none."""
    if not len(update.additions):
        return b""
    numbers = update.additions.view("<u4").ravel().copy()
    numbers.sort()
    return number(1, RICE) + message(4, _coded(rice.encode_numbers(numbers, rice.V4)))


def raw_additions(update: Update) -> bytes:
    """The same uncompressed: the prefixes joined, in the order of their octets."""
    if not len(update.additions):
        return b""
    return number(1, RAW) + message(2, number(1, update.additions.shape[1]) + octets(2, update.additions.tobytes()))


def removals(update: Update, *, compressed: bool) -> bytes:
    """A ThreatEntrySet of indices. Empty for none."""
    if not len(update.removals):
        return b""
    if compressed:
        return number(1, RICE) + message(5, _coded(rice.encode_numbers(update.removals, rice.V4)))
    indices = b"".join(number(1, int(each)) or b"\x08\x00" for each in update.removals)
    return number(1, RAW) + message(3, indices)


def list_update(asked: ListAsked, update: Update, state: bytes, additions: bytes) -> bytes:
    """A ListUpdateResponse. ``additions``: of `rice_additions` or `raw_additions`."""
    compressed = RICE in asked.compressions
    gone = removals(update, compressed=compressed)
    return b"".join(
        (
            number(1, asked.threat),
            number(2, asked.entry),
            number(3, asked.platform),
            number(4, FULL if update.full else PARTIAL),
            message(5, additions) if additions else b"",
            message(6, gone) if gone else b"",
            octets(7, state),
            message(8, octets(1, update.checksum)),
        )
    )


def fetch_answer(updates: Iterable[bytes], wait: int) -> bytes:
    """FetchThreatListUpdatesResponse; ``wait`` in seconds."""
    return b"".join(message(1, each) for each in updates) + seconds(2, wait)


def find_answer(
    found: Iterable[bytes], threat: int, platforms: Sequence[int], *, wait: int, cache: int, negative: int
) -> bytes:
    """FindFullHashesResponse: each whole hash for each platform asked for. Times in seconds."""
    matches = (
        number(1, threat) + number(2, platform) + message(3, octets(1, one)) + seconds(5, cache) + number(6, URL_ENTRY)
        for one in found
        for platform in platforms
    )
    return b"".join(message(1, each) for each in matches) + seconds(2, wait) + seconds(3, negative)


def _coded(coded: rice.Coded) -> bytes:
    """RiceDeltaEncoding; without a parameter where nothing is coded."""
    return b"".join(
        (
            number(1, int.from_bytes(coded.first, "big")),
            number(2, coded.parameter if coded.count else 0),
            number(3, coded.count),
            octets(4, coded.data),
        )
    )


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise MessageRefused("a number stands where a message belongs")
    return value


def _number(value: int | bytes | None) -> int:
    if isinstance(value, bytes):
        raise MessageRefused("bytes stand where a number belongs")
    return value or 0
