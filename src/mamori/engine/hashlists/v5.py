"""Messages of Safe Browsing v5: hashList.get, hashLists.batchGet, hashLists.list and hashes.search.

Field numbers after google/security/safebrowsing/v5/safebrowsing.proto (github.com/googleapis/googleapis).
"""

from __future__ import annotations

from collections.abc import Iterable

from mamori.engine.hashlists import rice
from mamori.engine.hashlists.updates import Update
from mamori.engine.hashlists.wire import fixed64, message, number, octets, seconds

MOST_PREFIXES = 1000
_LENGTHS = {4: 2, 8: 3, 16: 4, 32: 5}  # octets -> HashListMetadata.HashLength
_ADDITIONS = {4: 4, 8: 9, 16: 10, 32: 11}  # octets -> field of HashList


def additions(update: Update) -> bytes:
    """The field of a HashList that holds the additions, by their length. Empty for none."""
    if not len(update.additions):
        return b""
    return message(_ADDITIONS[update.additions.shape[1]], _coded(rice.encode(update.additions)))


def hash_list(name: str, version: bytes, update: Update, added: bytes, wait: int) -> bytes:
    """A HashList. ``added``: of `additions`. ``wait``: seconds until the client asks again."""
    gone = message(5, _coded(rice.encode_numbers(update.removals))) if len(update.removals) else b""
    return b"".join(
        (
            octets(1, name.encode()),
            octets(2, version),
            number(3, 0 if update.full else 1),
            added,
            gone,
            seconds(6, wait),
            octets(7, update.checksum),
        )
    )


def batch_answer(lists: Iterable[bytes]) -> bytes:
    """BatchGetHashListsResponse, in the order asked for."""
    return b"".join(message(1, each) for each in lists)


def described(name: str, length: int, threat: int, description: str) -> bytes:
    """A HashList with its metadata alone, for ListHashListsResponse (see `batch_answer`: the same field)."""
    metadata = message(1, bytes([threat])) + octets(4, description.encode()) + number(6, _LENGTHS[length])
    return octets(1, name.encode()) + message(8, metadata)


def search_answer(found: Iterable[bytes], threat: int, cache: int) -> bytes:
    """SearchHashesResponse. ``cache``: seconds for which it holds, for what was not found too."""
    return b"".join(message(1, octets(1, one) + message(2, number(1, threat))) for one in found) + seconds(2, cache)


def _coded(coded: rice.Coded) -> bytes:
    """RiceDeltaEncoded32Bit to RiceDeltaEncoded256Bit: the first number in 64-bit parts, the others coded.

    Its first part is a varint, each further one a fixed64; then parameter, count and data.
    """
    parts = [coded.first[at : at + 8] for at in range(0, len(coded.first), 8)]
    numbers = [int.from_bytes(part, "big") for part in parts]
    at = len(numbers)
    return b"".join(
        (
            number(1, numbers[0]),
            *(fixed64(place, value) for place, value in enumerate(numbers[1:], 2)),
            number(at + 1, coded.parameter),
            number(at + 2, coded.count),
            octets(at + 3, coded.data),
        )
    )
