"""Two layers: a small hot zone of recent changes in front of the large base zone.

A resolver reads the hot zone first. It is written so that hot over base says what the list says now, whichever base
the resolver holds of those since the oldest change in hot: a change reaches resolvers with the hot zone alone, and the
base may follow hours later.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
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
    touched: Iterable[str], *, is_covered: Callable[[str], bool], listed_below: Callable[[str], Iterable[str]]
) -> dict[str, bool]:
    """What the hot zone says of which names (and of all below each): True for blocked, False for let through.

    ``touched``: the names that came or went since the oldest base a resolver may hold. ``is_covered`` tells whether a
    name or one above it stands on the list now, ``listed_below`` which names below one do. A touched name is blocked
    when it is covered; otherwise it passes with everything below it, but for what is listed there. Every name between
    two of these is written too: a wildcard does not reach past a name that exists below it (RFC 4592, section 3.3.1).
    """
    blocked: dict[str, bool] = {}
    for name in touched:
        blocked[name] = is_covered(name)
        if not blocked[name]:
            blocked.update(dict.fromkeys(listed_below(name), True))
    for name in [*blocked]:
        for between in _between(name, blocked):
            blocked.setdefault(between, is_covered(between))
    return {name: hit for name, hit in blocked.items() if not any(blocked.get(above) for above in _above(name))}


def compile_hot(names: Mapping[str, bool], action: Action, stop_host: str | None = None) -> frozenset[Record]:
    """Records of the hot zone for what `hot_names` says (``rpz-passthru.``: draft-vixie-dnsop-dns-rpz)."""
    target = block_target(action, stop_host)
    if stop_host is not None and any(names.get(above) for above in parents(stop_host)):
        raise ValueError("the stop page's own name is on the list")
    return frozenset(
        Record(owner, target if hit else PASSTHRU) for name, hit in names.items() for owner in (name, f"*.{name}")
    )


def _above(name: str) -> Iterator[str]:
    return islice(parents(name), 1, None)


def _between(name: str, points: Container[str]) -> list[str]:
    """The names between `name` and the topmost of `points` above it."""
    chain = list(_above(name))
    last = max((at for at, above in enumerate(chain) if above in points), default=0)
    return chain[:last]
