"""Whether a transferred zone says what the signed list says: judged before a resolver loads it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mamori.engine.addresses import NameRefused, listable_name
from mamori.engine.editions.layers import HOT, LIFT_ALL, compile_hot, hot_names
from mamori.engine.editions.listed import ListInForce
from mamori.engine.editions.rpz import Action, Record, compile_sorted, name_key


@dataclass(frozen=True, slots=True)
class Difference:
    """How many records a zone has too many and too few."""

    extra: int
    missing: int

    def __bool__(self) -> bool:
        return bool(self.extra or self.missing)


@dataclass(frozen=True, slots=True)
class Policy:
    """How the two zones block, and the canary: a name that both hold, though no edition does."""

    action: Action
    stop_host: str | None
    canary: str

    @property
    def hot_canary(self) -> str:
        """Blocked in the base zone, let through by the hot zone."""
        return f"{HOT}{self.canary}"


def base_difference(held: Mapping[str, str], base: ListInForce, policy: Policy) -> Difference:
    """`held` (owner -> target) against the base files of the edition. ``base``: the list without changes since."""
    canaries = sorted((policy.canary, policy.hot_canary), key=name_key)
    names = heapq.merge(base.names(), canaries, key=name_key)
    return _difference(held, compile_sorted(names, policy.action, policy.stop_host))


def hot_difference(held: Mapping[str, str], listed: ListInForce, policy: Policy, *, killed: bool) -> Difference:
    """`held` (owner -> target) against what the signed list of its ring makes of the names in it and of all that changed
    since the base.

    The publisher knows more names than these: those folded into the base lately. A name of that kind may be missing
    here, for the base behind it says the same; one that is here must say what the list says. What is no plain name (``*``
    and triggers of other kinds, such as ``24.0.2.0.192.rpz-ip``) no list asks for.
    """
    if killed:
        return _difference(held, LIFT_ALL)
    named = {owner.removeprefix("*.") for owner in held}
    touched = {name for name in named if _is_plain(name)} | listed.delta.names_changed()
    wanted = hot_names(touched | {policy.hot_canary}, covered=listed.covered, below=listed.below)
    return _difference(held, compile_hot(wanted, policy.action, policy.stop_host))


def changed(before: Iterable[str], now: Iterable[str]) -> tuple[int, int]:
    """How many names came and went between two lists in the order of `name_key`."""
    came = went = 0
    old, new = iter(before), iter(now)
    one, other = next(old, None), next(new, None)
    while one is not None or other is not None:
        if other is None or (one is not None and name_key(one) < name_key(other)):
            went, one = went + 1, next(old, None)
        elif one is None or name_key(other) < name_key(one):
            came, other = came + 1, next(new, None)
        else:
            one, other = next(old, None), next(new, None)
    return came, went


def zone_file(
    zone: str, serial: int, records: Iterable[tuple[str, str]], times: Sequence[int] = (60, 30, 2592000, 60)
) -> str:
    """A judged zone as a master file, in the order it is given."""
    apex = f"$ORIGIN {zone}.\n$TTL 60\n@ SOA hub.invalid. hostmaster.invalid. {serial} {' '.join(map(str, times))}\n"
    return apex + "@ NS hub.invalid.\n" + "".join(f"{owner} CNAME {target}\n" for owner, target in records)


def _is_plain(name: str) -> bool:
    """Whether it is a host's name; what counts as a public suffix changes with time and is not asked."""
    try:
        listable_name(name)
    except NameRefused as error:
        return error.code in {"public_suffix", "above_public_suffix"}
    return True


def _difference(held: Mapping[str, str], wanted: Iterable[Record]) -> Difference:
    there = missing = 0
    for owner, target in wanted:
        if held.get(owner) == target:
            there += 1
        else:
            missing += 1
    return Difference(len(held) - there, missing)
