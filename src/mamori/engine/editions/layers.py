"""Two layers: a small hot zone of recent changes in front of the large base zone.

A resolver reads the hot zone first. It is written so that hot over base says what the list says now, whichever base
the resolver holds of those since the oldest change in hot: a change reaches resolvers with the hot zone alone, and the
base may follow hours later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from itertools import islice

from mamori.engine.addresses import parents
from mamori.engine.editions.entries import LAST_RING
from mamori.engine.editions.rpz import Action, Record, block_target

PASSTHRU = "rpz-passthru."
HOT = "hot-"
"""Before the name of a base zone: its hot zone. Before that of the canary: the canary of the hot zone."""
LIFT_ALL = frozenset({Record("*", PASSTHRU)})
"""The hot zone under the kill switch: everything passes."""


def hot_zone(zone: str, ring: int = LAST_RING) -> str:
    """The name of the hot zone before a base zone, for the subscribers of a ring: hot0-, hot1-, and hot- for the last one."""
    return f"{HOT}{zone}" if ring == LAST_RING else f"hot{ring}-{zone}"


def hot_names(
    touched: Iterable[str],
    *,
    covered: Callable[[Collection[str]], Iterable[str]],
    below: Callable[[Collection[str]], Mapping[str, Iterable[str]]],
) -> dict[str, bool]:
    """What the hot zone says of which names (and of all below each): True for blocked, False for let through.

    ``touched``: the names that came or went since the oldest base a resolver may hold. ``covered`` tells which of some names
    stand on the list now, or have one above them that does; ``below`` which names on the list each of some has below it.
    A touched name is blocked when it is covered; otherwise it passes with everything below it, but for what is listed
    there. Every name between two of these is written too: a wildcard does not reach past a name that exists below it
    (RFC 4592, section 3.3.1).
    """
    blocked = dict.fromkeys(touched, False)
    blocked.update(dict.fromkeys(covered(blocked), True))
    for names in below([name for name, hit in blocked.items() if not hit]).values():
        blocked.update(dict.fromkeys(names, True))
    chains = {name: [*_above(name)] for name in blocked}
    nested = [name for name, chain in chains.items() if not blocked.keys().isdisjoint(chain)]
    between = {each for name in nested for each in _between(chains[name], blocked)} - blocked.keys()
    blocked |= dict.fromkeys(between, False) | dict.fromkeys(covered(between), True)
    under = {name for name in (*nested, *between) if any(blocked.get(above) for above in _above(name))}
    return {name: hit for name, hit in blocked.items() if name not in under}


def compile_hot(names: Mapping[str, bool], action: Action, stop_host: str | None = None) -> frozenset[Record]:
    """Records of the hot zone for what `hot_names` says (``rpz-passthru.``: draft-vixie-dnsop-dns-rpz)."""
    return compile_hots(names, [(action, stop_host)])[0]


def compile_hots(names: Mapping[str, bool], ways: Iterable[tuple[Action, str | None]]) -> list[frozenset[Record]]:
    """As `compile_hot`, for several ways of blocking."""
    passing = frozenset(_records((name for name, hit in names.items() if not hit), PASSTHRU))
    hits = [name for name, hit in names.items() if hit]
    found = []
    for action, stop_host in ways:
        target = block_target(action, stop_host)
        if stop_host is not None and any(names.get(above) for above in parents(stop_host)):
            raise ValueError("the stop page's own name is on the list")
        found.append(passing.union(_records(hits, target)))
    return found


def _records(names: Iterable[str], target: str) -> Iterator[Record]:
    return (Record(owner, target) for name in names for owner in (name, f"*.{name}"))


def _above(name: str) -> Iterator[str]:
    return islice(parents(name), 1, None)


def _between(above: list[str], points: Container[str]) -> list[str]:
    """Of the names above one, those below the topmost of `points`."""
    last = max((at for at, name in enumerate(above) if name in points), default=0)
    return above[:last]
