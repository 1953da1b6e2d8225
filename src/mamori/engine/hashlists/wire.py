"""The few parts of the Protocol Buffers wire format the hash lists need (protobuf.dev/programming-guides/encoding)."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MASK64 = (1 << 64) - 1


class MessageRefused(ValueError):
    """Bytes that are no message of the expected form."""


def varint(number: int) -> bytes:
    """A number of 0 to 2**64 - 1 in groups of seven bits, the least significant first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    """An integer, enum or boolean field; nothing for 0, which is what its absence means."""
    return varint(field << 3 | _VARINT) + varint(value & _MASK64) if value else b""


def fixed64(field: int, value: int) -> bytes:
    """A fixed64 field; nothing for 0."""
    return varint(field << 3 | _FIXED64) + value.to_bytes(8, "little") if value else b""


def octets(field: int, value: bytes) -> bytes:
    """A bytes or string field; nothing for an empty one."""
    return message(field, value) if value else b""


def message(field: int, value: bytes) -> bytes:
    """A message field; present even when empty."""
    return varint(field << 3 | _LENGTH) + varint(len(value)) + value


def seconds(field: int, value: int) -> bytes:
    """A google.protobuf.Duration of whole seconds."""
    return message(field, number(1, value))


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) in the order of the bytes; a number, or bytes for what has a length. MessageRefused."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        field, kind = key >> 3, key & 7
        if not field:
            raise MessageRefused("field number 0")
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield field, value
            continue
        if kind == _LENGTH:
            size, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise MessageRefused("an unknown wire type")
        if size > len(data) - at:
            raise MessageRefused("a value is cut short")
        part = data[at : at + size]
        at += size
        yield field, part if kind == _LENGTH else int.from_bytes(part, "little")


def packed(value: int | bytes) -> list[int]:
    """The numbers of a repeated number field, packed or single."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        one, at = _varint(value, at)
        found.append(one)
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise MessageRefused("a number is cut short")
        octet = data[at]
        at += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value & _MASK64, at
    raise MessageRefused("a number has more than ten octets")
