"""The trial itself, run inside namespaces of its own: `python -m mamori.tools.trial.run SIZE SEED`.

Writes JSON lines: ``{"done", "total"}`` as it goes on, then ``{"result"}`` or ``{"error"}``.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, cast

from mamori.tools.trial import engines
from mamori.tools.trial.arms import ARMS, Arm
from mamori.tools.trial.certificates import authority
from mamori.tools.trial.client import REACHED
from mamori.tools.trial.network import RESOLVER, SIDES, Cost, Own, Program, TrialError, lay_out
from mamori.tools.trial.origin import ADDRESS, LIST_HOST
from mamori.tools.trial.web import (
    FRESH,
    FRESH_ADDRESS,
    FRONT,
    HOSTS,
    PROXY,
    Lists,
    Page,
    Size,
    Web,
    lists_of,
    sharing,
    synthetic_web,
)

CLIENTS = 10  # that fetch each unlawful page; one of them is out of the method's reach
CHANGES: dict[Size, int] = {"small": 3, "full": 20}
_STRETCH = 40  # fetches with the method, then without, and so on
_AGAIN = 2  # times a page that was refused is asked for again: a fault of the network is no block
_READY, _EFFECT = 30.0, 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Fetch:
    """One fetch; ``elsewhere``: by a client out of the method's reach."""

    page: Page
    hidden: bool
    elsewhere: bool

    def job(self) -> tuple[str, bool, bool]:
        """As the client is told."""
        return self.page.url, self.hidden, self.elsewhere


@dataclass(frozen=True, slots=True)
class Seen:
    """How a fetch ended with the method and without it: outcome, milliseconds."""

    fetch: Fetch
    outcome: str
    ms: float
    without: str
    without_ms: float


def plan(web: Web, seed: int) -> list[Fetch]:
    """Every lawful page once, every unlawful one by `CLIENTS` clients, in an order drawn by the seed."""
    rng = random.Random(seed)  # noqa: S311 - an order, no secret
    hidden = {host.name for host in web.hosts if host.hidden}
    fetches = []
    for page in web.pages:
        kinds = [number == 0 for number in range(CLIENTS)] if page.unlawful else [rng.random() < 1 / CLIENTS]
        fetches += [Fetch(page, page.host in hidden, elsewhere) for elsewhere in kinds]
    rng.shuffle(fetches)
    return fetches


def tally(seen: Sequence[Seen], lists: Lists) -> dict[str, Any]:
    """Rates with their counts, and added latency. Pages that nobody could reach without the method count nowhere."""
    valid = [each for each in seen if each.without == REACHED]
    lawful = [each for each in valid if not each.fetch.page.unlawful]
    unlawful = [each for each in valid if each.fetch.page.unlawful]
    if not lawful or not unlawful:
        raise TrialError("the web could not be reached without any method: this machine is too busy, or misconfigured")
    over = [each for each in lawful if each.outcome != REACHED]
    under = [each for each in unlawful if each.outcome == REACHED]
    seen_by_method = {each.fetch.page.url for each in unlawful if not each.fetch.elsewhere and each.outcome != REACHED}
    both = [each for each in lawful if each.outcome == REACHED]
    times = [each.ms for each in both], [each.without_ms for each in both]
    return {
        "over_blocking": len(over) / len(lawful),
        "under_blocking": len(under) / len(unlawful),
        "lawful_fetches": len(lawful),
        "lawful_refused": len(over),
        "lawful_hosts_refused": len({each.fetch.page.host for each in over}),
        "unlawful_fetches": len(unlawful),
        "unlawful_reached": len(under),
        "unlawful_reached_by": dict(
            Counter(
                "out_of_reach"
                if each.fetch.page.url in seen_by_method
                else "single_page"
                if each.fetch.page.url in lists.pages
                else "not_seen"
                for each in under
            )
        ),
        "refused_as": dict(Counter(each.outcome for each in valid if each.outcome != REACHED).most_common()),
        "unreachable_without": len(seen) - len(valid),
        **{
            f"latency_p{share}_ms": _quantile(times[0], share) - _quantile(times[1], share) if both else None
            for share in (50, 95)
        },
        **{f"with_p{share}_ms": _quantile(times[0], share) if both else None for share in (50, 95)},
        **{f"without_p{share}_ms": _quantile(times[1], share) if both else None for share in (50, 95)},
    }


def _quantile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


class Hall:
    """The network with the web in it, in which the arms are tried one after the other."""

    def __init__(self, web: Web, lists: Lists, folder: Path) -> None:
        self.lists, self.folder = lists, folder
        hosts = {host.name: host.address for host in web.hosts}
        edge = next(host.address for host in web.hosts if host.hidden)
        own = {FRONT: edge, PROXY: RESOLVER["isp"], FRESH: FRESH_ADDRESS, LIST_HOST: ADDRESS}
        self.authority, certificates = authority([*hosts, *own], folder)
        world = {
            "hosts": hosts | own,
            "redirects": {page.url: page.leads_to for page in web.pages if page.leads_to},
            "certificates": certificates,
        }
        (folder / "world.json").write_text(json.dumps(world))
        lay_out()
        self.origin = Own("web", "origin", (str(folder / "world.json"),), folder)

    def close(self) -> None:
        """End the web."""
        self.origin.stop()


class Stand:
    """One arm set up between a provider and its customer, beside the same without it."""

    def __init__(self, hall: Hall, arm: Arm) -> None:
        self.arm, self._running = arm, list[Program]()
        self._without: dict[str, tuple[str, float]] = {}
        self.loaded = arm.takes(hall.lists)
        try:
            arm.begin()
            arm.load(arm.with_fresh(self.loaded))
            self.resolvers = {
                provider: self._keep(
                    engines.start(arm.engine, provider, arm.zones if provider == "isp" else (), hall.folder)
                )
                for provider in SIDES
            }
            self.clients = {
                provider: self._keep(
                    Own(
                        SIDES[provider][0],
                        "client",
                        (
                            RESOLVER[provider],
                            str(hall.authority),
                            "list" if arm.client_keeps_list and provider == "isp" else "",
                        ),
                        hall.folder,
                    )
                )
                for provider in SIDES
            }
            self.wait("plain", REACHED, _READY)
            self.wait("isp", "refused", _READY)
            arm.load(self.loaded)
            self.wait("isp", REACHED, _READY)
        except BaseException:
            self.close()
            raise

    def _keep(self, program: Any) -> Any:
        self._running.append(program)
        return program

    def close(self) -> None:
        """End all of it."""
        for program in reversed(self._running):
            program.stop()
        self.arm.end()

    def wait(self, provider: str, until: str, within: float) -> float:
        """The moment at which the fresh address is first reached, or refused."""
        at = self.clients[provider].ask(watch=self.arm.fresh, until=until, within=within)
        if at is None:
            raise TrialError(f"the fresh address was not {until} within {within:.0f} s ({provider})")
        return float(at)

    def fetch(self, fetches: Sequence[Fetch], turn: int) -> list[Seen]:
        """Fetch with the method and without, by turns which is first; without it, an unlawful page only once."""
        alone = {fetch.page.url: fetch for fetch in fetches if fetch.page.url not in self._without}
        for provider in sorted(SIDES, reverse=turn % 2 == 1):
            if provider == "plain":
                self._without |= dict(zip(alone, self._fetch(provider, list(alone.values())), strict=True))
            else:
                found = self._fetch(provider, fetches)
        return [
            Seen(fetch, *ended, *self._without[fetch.page.url]) for fetch, ended in zip(fetches, found, strict=True)
        ]

    def _fetch(self, provider: str, fetches: Sequence[Fetch]) -> list[tuple[str, float]]:
        ask = self.clients[provider].ask
        found = [(outcome, ms) for outcome, ms in ask(fetch=[fetch.job() for fetch in fetches])]
        for _ in range(_AGAIN):
            again = [
                at for at, (outcome, _) in enumerate(found) if outcome != REACHED and self._odd(provider, fetches[at])
            ]
            if again:
                for at, (outcome, ms) in zip(again, ask(fetch=[fetches[at].job() for at in again]), strict=True):
                    found[at] = outcome, ms
        return found

    @staticmethod
    def _odd(provider: str, fetch: Fetch) -> bool:
        return provider == "plain" or not fetch.page.unlawful

    def changes(self, count: int) -> dict[str, list[float]]:
        """Seconds until a fresh entry works, and until it no longer does after it was taken off."""
        took: dict[str, list[float]] = {"effect": [], "lift": []}
        for _ in range(count):
            for kind, wanted, until in (
                ("effect", self.arm.with_fresh(self.loaded), "refused"),
                ("lift", self.loaded, REACHED),
            ):
                begun = time.monotonic()
                self.arm.load(wanted)
                took[kind].append(self.wait("isp", until, _EFFECT) - begun)
        return took

    def cost(self, provider: str) -> Cost:
        """Of the provider's processes, and of the client where it is the one that filters."""
        parts: list[Program] = [self.resolvers[provider]]
        if self.arm.box and provider == "isp":
            parts.append(self.arm.box)
        if self.arm.client_keeps_list:
            parts.append(self.clients[provider])
        costs = [part.cost() for part in parts]
        return Cost(sum(cost.cpu_s for cost in costs), sum(cost.rss_mb for cost in costs))


def try_arm(
    hall: Hall, arm: Arm, fetches: Sequence[Fetch], changes: int, ahead: Callable[[int], None]
) -> dict[str, Any]:
    """One arm's figures."""
    stand = Stand(hall, arm)
    try:
        before = {provider: stand.cost(provider) for provider in SIDES}
        seen: list[Seen] = []
        for at in range(0, len(fetches), _STRETCH):
            seen += stand.fetch(fetches[at : at + _STRETCH], at // _STRETCH)
            ahead(len(seen))
        after = {provider: stand.cost(provider) for provider in SIDES}
        took = stand.changes(changes)
    finally:
        stand.close()
    return {
        **tally(seen, hall.lists),
        **{f"{kind}_s": median(seconds) for kind, seconds in took.items()},
        **{f"{kind}_max_s": max(seconds) for kind, seconds in took.items()},
        "changes": changes,
        "cpu_s": after["isp"].cpu_s - before["isp"].cpu_s,
        "cpu_without_s": after["plain"].cpu_s - before["plain"].cpu_s,
        "rss_mb": after["isp"].rss_mb,
        "rss_without_mb": after["plain"].rss_mb,
        "loaded": {
            "names": len(stand.loaded.names),
            "pages": len(stand.loaded.pages),
            "addresses": len(stand.loaded.addresses),
        },
    }


def trial(
    size: Size, seed: int, told: Callable[[int, int], None], names: Sequence[str] = tuple(ARMS)
) -> dict[str, Any]:
    """Hold the trial. TrialError when it cannot be held."""
    web = synthetic_web(HOSTS[size], seed)
    today = datetime.fromtimestamp(time.time(), UTC).date()  # noqa: TID251 - a machine of its own
    lists = lists_of(web, today)
    fetches = plan(web, seed)
    share, each = sharing([host for host in web.hosts if host.kind in {"dedicated", "shared"}])
    with tempfile.TemporaryDirectory(prefix="mamori-trial-") as place:
        hall = Hall(web, lists, Path(place))
        try:
            arms = {
                name: try_arm(
                    hall,
                    ARMS[name](hall.origin, hall.folder),
                    fetches,
                    CHANGES[size],
                    lambda done, at=at: told(at * len(fetches) + done, len(names) * len(fetches)),  # type: ignore[misc]
                )
                for at, name in enumerate(names)
            }
        finally:
            hall.close()
    return {
        "size": size,
        "seed": seed,
        "held_on": today.isoformat(),
        "web": {
            "hosts": len(web.hosts),
            "addresses": len({host.address for host in web.hosts}),
            "pages": len(web.pages),
            "unlawful_pages": sum(page.unlawful for page in web.pages),
            "sharing_an_address": share,
            "sites_an_address": each,
        },
        "gate": {
            "names_passed": len(lists.names),
            "pages_passed": len(lists.pages),
            "refused": dict(Counter(refusal.code for refusal in lists.refused)),
        },
        "out_of_reach_share": 1 / CLIENTS,
        "arms": arms,
    }


def main(size: str, seed: str, *names: str) -> None:
    """Hold it and write lines."""

    def say(**line: object) -> None:
        print(json.dumps(line), flush=True)

    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    Path("/run/netns").mkdir()
    try:
        result = trial(
            cast("Size", size), int(seed), lambda done, total: say(done=done, total=total), names or tuple(ARMS)
        )
    except (TrialError, OSError) as error:
        say(error=str(error))
    else:
        say(result=result)


if __name__ == "__main__":
    main(*sys.argv[1:])
