"""Records as text, for as long as they wait to be read into the bank: what it takes of them, and nothing else of a file."""

import json
from collections.abc import Iterable
from datetime import date

from mamori.lists.fingerprints.formats.records import Bad, Record, Value


def pack(records: Iterable[Record | Bad]) -> str:
    """One batch. ASCII; values as hexadecimal digits."""
    return json.dumps([_packed(each) for each in records], separators=(",", ":"))


def unpack(text: str) -> list[Record | Bad]:
    return [_unpacked(*fields) for fields in json.loads(text)]


def _packed(each: Record | Bad) -> tuple[object, ...]:
    if isinstance(each, Bad):
        return each.at, each.code
    values = [(value.algorithm, value.value.hex(), value.quality) for value in each.values]
    taken = each.taken_on.isoformat() if each.taken_on else None
    return each.at, each.ref, each.media, each.scale, each.code, values, taken


def _unpacked(at: str, *fields: object) -> Record | Bad:
    if len(fields) == 1:
        return Bad(at, str(fields[0]))
    ref, media, scale, code, values, taken = fields
    assert isinstance(values, list)
    found = tuple(Value(algorithm, bytes.fromhex(digits), quality) for algorithm, digits, quality in values)
    return Record(
        at, str(ref), str(media), str(scale), str(code), found, date.fromisoformat(str(taken)) if taken else None
    )
