"""The public suffix list as a hash table for kernels: how many labels the registrable domain of a host has.

Names are A-labels in lower case. Names that lie above a rule are in the table too, so that a look-up ends at the first
name, from the right, that is in no rule.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from ada_url import idna_to_ascii
from numpy.typing import NDArray

from mamori.engine.matching.jit import address, inner
from mamori.engine.matching.words import load8, load32, load64

_ABOVE, _RULE, _WILD, _EXCEPTION = 0, 1, 2, 4
_TAKEN = 1 << 48  # marks a slot in use
_KEYS, _PLACES, _TEXT, _MASK, _WORDS = 0, 1, 2, 3, 4
# FNV-1a (Fowler, Noll, Vo), from the last byte to the first. A hit is compared byte by byte.
_OFFSET, _PRIME = -0x340D631B7BDDDCDB, 0x100000001B3
_DOT = 0x2E


def _hash(name: bytes) -> int:
    total = _OFFSET
    for octet in reversed(name):
        total = (total ^ octet) * _PRIME & 0xFFFFFFFFFFFFFFFF
    return total - (1 << 64) if total >> 63 else total


def _rules() -> dict[bytes, int]:
    """name -> what the list says of it."""
    text = resources.files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text(encoding="utf-8")
    found: dict[bytes, int] = {}
    for line in text.splitlines():
        rule = line.lower().split(" ")[0].rstrip()
        if not rule or rule.startswith("//"):
            continue
        kind = _EXCEPTION if rule.startswith("!") else _WILD if rule.startswith("*.") else _RULE
        name = idna_to_ascii(rule.removeprefix("!").removeprefix("*."))
        found[name] = found.get(name, _ABOVE) | kind
        while b"." in name:
            name = name.partition(b".")[2]
            found.setdefault(name, _ABOVE)
    return found


@cache
def suffix_table() -> tuple[int, tuple[NDArray[Any], ...]]:
    """The table's address, and the arrays it is made of. They are never changed; keep them as long as the address."""
    rules = _rules()
    size = 1 << (2 * len(rules)).bit_length()
    keys, places = np.zeros(size, np.int64), np.zeros(size, np.int64)
    text = bytearray()
    for name, kinds in rules.items():
        key = _hash(name)
        slot = (key ^ (key >> 32)) & (size - 1)
        while places[slot]:
            slot = (slot + 1) & (size - 1)
        keys[slot], places[slot] = key, _TAKEN | len(text) << 16 | len(name) << 8 | kinds
        text += name
    octets = np.frombuffer(bytes(text) + bytes(8), np.uint8)
    words = np.array([address(keys), address(places), address(octets), size - 1], np.int64)
    return address(words), (words, keys, places, octets)


@inner
def _kinds(table: int, key: int, name: int, length: int) -> int:
    """What the list says of a name; -1 where it is in no rule."""
    mask = load64(table, _MASK)
    keys, places = load64(table, _KEYS), load64(table, _PLACES)
    slot = (key ^ (key >> 32)) & mask
    while load64(places, slot) != 0:
        if load64(keys, slot) == key:
            place = load64(places, slot)
            if (place >> 8) & 255 == length:
                text = load64(table, _TEXT) + ((place >> 16) & 0xFFFFFFFF)
                same = True
                for at in range(length):
                    if load8(text, at) != load8(name, at):
                        same = False
                        break
                if same:
                    return place & 255
        slot = (slot + 1) & mask
    return -1


@inner
def registrable_labels(table: int, host: int, end: int, starts: int, labels: int) -> int:
    """Labels of the registrable domain; 0 where the host is a public suffix itself.

    `host` is the address of `end` bytes in lower case, `starts` that of the offsets (32 bits) of its `labels` labels.
    """
    public = 1
    key, behind = _OFFSET, end
    for depth in range(1, labels + 1):
        start = load32(starts, labels - depth)
        for at in range(behind - 1, start - 1, -1):
            key = (key ^ load8(host, at)) * _PRIME
        kinds = _kinds(table, key, host + start, end - start)
        if kinds < 0:
            break
        if kinds & _EXCEPTION:
            public = depth - 1
        elif kinds & _WILD:
            public = depth + 1 if depth < labels else depth
        elif kinds & _RULE:
            public = depth
        key = (key ^ _DOT) * _PRIME
        behind = start - 1
    return public + 1 if labels > public else 0
