"""A client of hash lists written from the published descriptions alone; it shares no code with the writers.

Descriptions: protobuf.dev/programming-guides/encoding; developers.google.com/safe-browsing/v4/compression and
/v4/local-databases; developers.google.com/safe-browsing/reference/Local.Database.
"""

import hashlib
import struct


class Refused(Exception):
    """What a client must not apply."""


def proto(data: bytes) -> dict[int, list]:
    """Field number -> its values in order: int for numbers and fixed ones, bytes for what has a length."""
    found: dict[int, list] = {}
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            octet = data[at]
            at += 1
            value |= (octet & 127) << shift
            shift += 7
            if octet < 128:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            value = varint()
        elif kind == 1:
            (value,) = struct.unpack_from("<Q", data, at)
            at += 8
        elif kind == 2:
            size = varint()
            value = data[at : at + size]
            assert len(value) == size
            at += size
        else:
            raise AssertionError(kind)
        found.setdefault(key >> 3, []).append(value)
    return found


def one(message: dict[int, list], field: int, default=0):
    values = message.get(field, [default])
    assert len(values) == 1
    return values[0]


def bits(data: bytes):
    for octet in data:
        for at in range(8):
            yield octet >> at & 1


def rice(first: int, k: int, count: int, data: bytes) -> list[int]:
    """Numbers of a Golomb-Rice coded list."""
    values = [first]
    if not count:
        assert not data
        return values
    stream = bits(data)
    for _ in range(count):
        quotient = 0
        while next(stream):
            quotient += 1
        remainder = sum(next(stream) << at for at in range(k))
        values.append(values[-1] + (quotient << k) + remainder)
    rest = list(stream)
    assert len(rest) < 8 and not any(rest), "what is left over is padding"
    return values


def v4_numbers(message: bytes) -> list[int]:
    coded = proto(message)
    k = one(coded, 2)
    assert 2 <= k <= 28 if one(coded, 3) else k == 0
    return rice(one(coded, 1), k, one(coded, 3), one(coded, 4, b""))


V5_BOUNDS = {4: (3, 30), 8: (35, 62), 16: (99, 126), 32: (227, 254)}


def v5_numbers(message: bytes, length: int) -> list[int]:
    coded = proto(message)
    parts = max(1, length // 8)
    first = 0
    for part in range(1, parts + 1):
        first = first << 64 | one(coded, part)
    k = one(coded, parts + 1)
    assert V5_BOUNDS[length][0] <= k <= V5_BOUNDS[length][1]
    return rice(first, k, one(coded, parts + 2), one(coded, parts + 3, b""))


def _apply(held: list[bytes], full: bool, gone: list[int], came: list[bytes], checksum: bytes) -> list[bytes]:
    if full:
        assert not gone
        held = []
    assert gone == sorted(set(gone)) and all(at < len(held) for at in gone)
    left = [each for at, each in enumerate(held) if at not in set(gone)]
    new = sorted(left + came)
    if len(set(new)) != len(new) or hashlib.sha256(b"".join(new)).digest() != checksum:
        raise Refused("checksum")
    return new


def v4_apply(held: list[bytes], response: bytes) -> tuple[list[bytes], bytes]:
    """A ListUpdateResponse applied to the client's sorted list: the new list and its state."""
    message = proto(response)
    came: list[bytes] = []
    gone: list[int] = []
    for each in message.get(5, []):
        entries = proto(each)
        if one(entries, 1) == 2:
            came += [struct.pack("<I", number) for number in v4_numbers(one(entries, 4))]
        else:
            raw = proto(one(entries, 2))
            size, data = one(raw, 1), one(raw, 2)
            came += [data[at : at + size] for at in range(0, len(data), size)]
    for each in message.get(6, []):
        entries = proto(each)
        gone += v4_numbers(one(entries, 5)) if one(entries, 1) == 2 else proto(one(entries, 3)).get(1, [])
    checksum = one(proto(one(message, 8)), 1)
    return _apply(held, one(message, 4) == 2, gone, came, checksum), one(message, 7, b"")


def v5_apply(held: list[bytes], hash_list: bytes) -> tuple[list[bytes], bytes]:
    """A HashList applied to the client's sorted list: the new list and its version."""
    message = proto(hash_list)
    came = []
    for field, length in ((4, 4), (9, 8), (10, 16), (11, 32)):
        for each in message.get(field, []):
            came += [number.to_bytes(length, "big") for number in v5_numbers(each, length)]
    gone = [number for each in message.get(5, []) for number in v5_numbers(each, 4)]
    return _apply(held, not one(message, 3), gone, came, one(message, 7)), one(message, 2, b"")
