"""Canary names: which subscriber's copy of the list leaked.

Each subscriber's side zone holds names nobody uses, under domains of the list body. 50 are its own: one of them in a
file names it. And of 256 shared ones a half of its own, drawn by a keyed hash: subscribers who compare their copies
and keep only what is in both throw their own names away, and keep about 64 that both hold and a third holds by chance
only. All is derived from one key; nothing is stored. What counts is the first label, so domains may be added.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import comb

OWN = 50
SHARED = 256  # as many as a SHA-256 has bits
CHANCE = 1e-6  # of accusing anybody innocent by shared names, for all subscribers together
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwxyz", "aeiou"
_SYLLABLES = 8  # 10^16 labels: not guessed, and no two alike
_LABEL = rb"(?<![a-z0-9-])([a-z]{16})\."
_OVERLAP = 512  # octets: more than a name


@dataclass(frozen=True)
class Suspect:
    """A subscriber whose copy it is. `own`: names only it was given; `shared`: of the `found_shared` it holds."""

    subscriber: str
    own: int
    shared: int
    found_shared: int


def canaries_of(key: bytes, subscriber: str, domains: Sequence[str]) -> frozenset[str]:
    """The names of a subscriber's side zone. ValueError without a key or a domain."""
    if not key or not domains:
        raise ValueError("canary names need a key and a domain of our own")
    return frozenset(
        f"{label}.{domains[sha256(label.encode()).digest()[0] % len(domains)]}" for label in _labels(key, subscriber)
    )


class Tracer:
    """Knows the labels of all subscribers, past ones too. Made once, asked about many files."""

    def __init__(self, key: bytes, subscribers: Iterable[str]) -> None:
        self._held = {subscriber: _held(key, subscriber) for subscriber in subscribers}
        self._own = {label: subscriber for subscriber in self._held for label in _own(key, subscriber)}
        self._shared = {label: 1 << bit for bit, label in enumerate(_shared(key))}

    def suspects(self, labels: Iterable[str]) -> list[Suspect]:
        """Whose copy the first labels found in a file come from, the surest first; empty: nobody can be named."""
        own: dict[str, int] = {}
        shared = 0
        for label in set(labels):
            if label in self._own:
                own[self._own[label]] = own.get(self._own[label], 0) + 1
            shared |= self._shared.get(label, 0)
        found = shared.bit_count()
        chance = CHANCE / max(1, len(self._held))
        named = [
            Suspect(subscriber, own.get(subscriber, 0), (held & shared).bit_count(), found)
            for subscriber, held in self._held.items()
            if subscriber in own or _by_chance(found, (held & shared).bit_count()) < chance
        ]
        return sorted(named, key=lambda one: (-one.own, -one.shared, one.subscriber))


def labels_in(pieces: Iterable[bytes], domains: Sequence[str]) -> set[str]:
    """First labels of names under our domains in a file of any kind, given in pieces: zone, list, log or JSON."""
    ends = b"|".join(re.escape(domain.encode()) for domain in domains)
    name = re.compile(_LABEL + b"(?:" + ends + rb")(?![a-z0-9-])")
    found: set[str] = set()
    rest = b""
    for piece in pieces:
        text = rest + piece.lower()
        found.update(label.decode() for label in name.findall(text))
        rest = text[-_OVERLAP:]
    return found


def _labels(key: bytes, subscriber: str) -> Iterator[str]:
    yield from _own(key, subscriber)
    held = _held(key, subscriber)
    yield from (label for bit, label in enumerate(_shared(key)) if held >> bit & 1)


def _own(key: bytes, subscriber: str) -> Iterator[str]:
    return (_label(_mac(key, f"own:{subscriber}:{number}")) for number in range(OWN))


def _shared(key: bytes) -> Iterator[str]:
    return (_label(_mac(key, f"shared:{number}")) for number in range(SHARED))


def _held(key: bytes, subscriber: str) -> int:
    """Which of the shared names a subscriber holds: one bit for each."""
    return int.from_bytes(_mac(key, f"held:{subscriber}"))


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, f"mamori canary v1:{text}".encode(), "sha256")


def _label(digest: bytes) -> str:
    number, letters = int.from_bytes(digest), []
    for _syllable in range(_SYLLABLES):
        number, one = divmod(number, len(_CONSONANTS))
        number, two = divmod(number, len(_VOWELS))
        letters += [_CONSONANTS[one], _VOWELS[two]]
    return "".join(letters)


def _by_chance(found: int, held: int) -> float:
    """How likely somebody innocent holds this many of the shared names found, or more."""
    return float(sum(comb(found, number) for number in range(held, found + 1)) / 2**found)
