"""What is fetched in a trial, when a page counts as blocked, and the figures of one method: no network, no clock."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from mamori.tools.trial.client import REACHED
from mamori.tools.trial.network import TrialError
from mamori.tools.trial.web import Page, Web

CLIENTS = 10  # that fetch each unlawful page; one of them is out of the method's reach
TRIES = 3  # times that a page is asked for, with the method and without, before it counts as blocked
FAULT = "fault"
_FAULTS = 0.01  # share of fetches above which the figures are worth nothing


@dataclass(frozen=True, slots=True)
class Fetch:
    """One fetch; ``elsewhere``: by a client out of the method's reach."""

    page: Page
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """How a fetch ended with the method: reached, how it was blocked, or `FAULT`.

    ``times``: milliseconds with the method and, side by side with it, without; where it was reached both ways.
    """

    fetch: Fetch
    outcome: str
    times: tuple[float, float] | None = None


def plan(web: Web, seed: int) -> tuple[list[Fetch], list[Fetch]]:
    """Every lawful page once, by a client within reach; every unlawful one by `CLIENTS`. Orders are drawn by the seed."""
    rng = random.Random(seed)  # noqa: S311 - an order, no secret
    lawful = [Fetch(page) for page in web.pages if not page.unlawful]
    unlawful = [Fetch(page, elsewhere=number == 0) for page in web.pages if page.unlawful for number in range(CLIENTS)]
    rng.shuffle(lawful)
    rng.shuffle(unlawful)
    return lawful, unlawful


def judged(tries: Sequence[tuple[str, str]]) -> str:
    """What the tries of one fetch say, (outcome with the method, without it) each.

    Blocked is what the method kept from being reached each time, while it was reached without the method each time.
    """
    if any(outcome == REACHED for outcome, _ in tries):
        return REACHED
    if all(without == REACHED for _, without in tries):
        return tries[-1][0]
    return FAULT


def tally(seen: Sequence[Seen], given: Collection[str]) -> dict[str, Any]:
    """Rates with their counts, and added latency. ``given``: addresses of unlawful pages that the method has on its list.

    TrialError where faults of the network leave too little to be counted.
    """
    valid = [each for each in seen if each.outcome != FAULT]
    lawful = [each for each in valid if not each.fetch.page.unlawful]
    unlawful = [each for each in valid if each.fetch.page.unlawful]
    times = [each.times for each in lawful if each.times]
    if not times or not unlawful:
        raise TrialError(
            "no lawful page was reached with the method in place, or no unlawful one judged: nothing to compare"
        )
    if len(seen) - len(valid) > _FAULTS * len(seen):
        raise TrialError(
            f"{len(seen) - len(valid)} of {len(seen)} fetches failed with and without the method: "
            "this machine is too busy, or misconfigured"
        )
    over = [each for each in lawful if each.outcome != REACHED]
    under = [each for each in unlawful if each.outcome == REACHED]
    blocked = {each.fetch.page.url for each in unlawful if each.outcome != REACHED}
    hosts, hosts_refused = ({each.fetch.page.host for each in some} for some in (lawful, over))

    def why(fetch: Fetch) -> str:
        if fetch.elsewhere and fetch.page.url in blocked:
            return "out_of_reach"
        return "not_seen" if fetch.page.url in given else "single_page"

    quantiles = {
        f"{side}_p{share}_ms": _quantile([pair[at] for pair in times], share)
        for at, side in enumerate(("with", "without"))
        for share in (50, 95)
    }
    return {
        "over_blocking": len(hosts_refused) / len(hosts),
        "lawful_hosts": len(hosts),
        "lawful_hosts_refused": len(hosts_refused),
        "lawful_fetches": len(lawful),
        "lawful_refused": len(over),
        "under_blocking": len(under) / len(unlawful),
        "unlawful_fetches": len(unlawful),
        "unlawful_reached": len(under),
        "unlawful_reached_by": dict(Counter(why(each.fetch) for each in under)),
        "refused_as": dict(Counter(each.outcome for each in valid if each.outcome != REACHED).most_common()),
        "faults": len(seen) - len(valid),
        "latency_p50_ms": median(one - other for one, other in times),
        "latency_p95_ms": quantiles["with_p95_ms"] - quantiles["without_p95_ms"],
        "latency_pairs": len(times),
        **quantiles,
    }


def _quantile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
