"""The audit chain: every event carries the hash of the one before it.

    hash = SHA-256("mamori audit event v1" || 0x00 || previous hash (32) || seq (8, big endian) || event)

`event` is canonical JSON. The first event has seq 1 and the previous hash GENESIS. The hash is also the leaf of the
Merkle log whose root the checkpoints sign. A chain alone shows only careless changes: who can write the table can
compute it anew. Checkpoints and a witness are what anchors it (`mamori.engine.transparency.audit`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

DOMAIN = b"mamori audit event v1\x00"
GENESIS = bytes(32)
_MAX_INTEGER = 2**53 - 1
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class ChainedEvent(NamedTuple):
    """One row of the log: seq from 1, canonical JSON, previous hash and own hash (32 bytes each)."""

    seq: int
    event: bytes
    previous: bytes
    hash: bytes


@dataclass(frozen=True)
class ChainReport:
    """`head` is the last good hash after `events` good events; `broken_seq` and `reason` are None when all is well."""

    events: int
    head: bytes
    broken_seq: int | None
    reason: str | None

    @property
    def ok(self) -> bool:
        return self.broken_seq is None


def canonical(value: object) -> bytes:
    """Canonical JSON of RFC 8785, without fractions. ValueError for floats, large integers, keys that are no text."""
    return _ENCODER.encode(_ordered(value)).encode()


def link(previous: bytes, seq: int, event: bytes) -> bytes:
    """The hash of event number `seq` after the hash `previous` (32 bytes)."""
    if len(previous) != 32:
        raise ValueError("the previous hash is not 32 bytes")
    return sha256(DOMAIN + previous + seq.to_bytes(8) + event).digest()


def verify_chain(rows: Iterable[ChainedEvent]) -> ChainReport:
    """Recompute the chain from its first event and stop at the first fault."""
    head, events = GENESIS, 0
    for row in rows:
        reason = fault(row, events + 1, head)
        if reason:
            return ChainReport(events, head, row.seq, reason)
        head, events = row.hash, row.seq
    return ChainReport(events, head, None, None)


def fault(row: ChainedEvent, seq: int, previous: bytes) -> str | None:
    """What is wrong with a row that should be number `seq` after the hash `previous`; None if nothing."""
    if row.seq != seq:
        return f"event {seq} was expected, event {row.seq} was found"
    if row.previous != previous:
        return f"event {seq} does not follow the event before it"
    if row.hash != link(previous, seq, row.event):
        return f"event {seq} is not what was sealed"
    return None


def _ordered(value: object) -> object:
    """The value with every object's keys in the order of RFC 8785 (UTF-16 code units)."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) > _MAX_INTEGER:
            raise ValueError("canonical JSON holds integers up to 2**53 - 1")
        return value
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    if isinstance(value, dict):
        try:
            plain = "".join(value).isascii()
        except TypeError as error:
            raise ValueError("canonical JSON has only strings as keys") from error
        keys = sorted(value) if plain else sorted(value, key=lambda key: key.encode("utf-16-be"))
        return {key: held if type(held := value[key]) is str else _ordered(held) for key in keys}
    raise ValueError(f"canonical JSON has no {type(value).__name__}")


def export_line(row: ChainedEvent) -> bytes:
    """The row as one line of an exported log: {"event":"<canonical JSON as text>","hash","previous","seq"}."""
    event = json.dumps(row.event.decode(), ensure_ascii=False)
    return f'{{"event":{event},"hash":"{row.hash.hex()}","previous":"{row.previous.hex()}","seq":{row.seq}}}\n'.encode()


def read_line(line: bytes) -> ChainedEvent:
    """The row of a line that `export_line` wrote. ValueError for any other line, even one that means the same."""
    try:
        found = json.loads(line)
        row = ChainedEvent(
            found["seq"], found["event"].encode(), bytes.fromhex(found["previous"]), bytes.fromhex(found["hash"])
        )
        same = export_line(row) == line
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("this is no line of an exported log") from error
    if not same:
        raise ValueError("this line was not written by an export")
    return row
