"""The trial itself, run inside namespaces of its own: `python -m mamori.tools.trial.run SIZE SEED`.

Writes JSON lines: ``{"done", "total"}`` as it goes on, then ``{"result"}`` or ``{"error"}``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, cast

from mamori.tools.trial import engines
from mamori.tools.trial.arms import ARMS, CONTROLS, Arm
from mamori.tools.trial.certificates import authority
from mamori.tools.trial.client import REACHED, SILENCE
from mamori.tools.trial.counts import CLIENTS, FAULT, TRIES, Fetch, Seen, judged, plan, tally
from mamori.tools.trial.network import (
    FRONT,
    LIST_HOST,
    ORIGIN,
    RESOLVER,
    SIDES,
    Cost,
    Own,
    Program,
    TrialError,
    lay_out,
)
from mamori.tools.trial.web import (
    FRESH,
    FRESH_ADDRESS,
    HOSTS,
    LISTED,
    PROXY,
    Lists,
    Size,
    Web,
    lists_of,
    sharing,
    synthetic_web,
)

CHANGES: dict[Size, int] = {"small": 3, "full": 20}
_HOME = Path("/run/trial")  # in the file system that ends with the namespaces
_STRETCH = 40  # fetches between two words to the progress bar
_READY, _EFFECT = 30.0, 15.0  # seconds


class Hall:
    """The network with the web and both customers in it, in which the arms are tried one after the other."""

    def __init__(self, web: Web, lists: Lists, folder: Path) -> None:
        self.web, self.lists, self.folder = web, lists, folder
        self.places = {host.name: host.address for host in web.hosts}
        edge = next(host.address for host in web.hosts if host.hidden)
        own = {FRONT: edge, PROXY: RESOLVER["isp"], FRESH: FRESH_ADDRESS, LIST_HOST: ORIGIN}
        trusted, certificates = authority([*self.places, *own], folder)
        world = {
            "hosts": self.places | own,
            "hidden": [host.name for host in web.hosts if host.hidden],
            "redirects": {page.url: page.leads_to for page in web.pages if page.leads_to},
            "certificates": certificates,
        }
        told = folder / "world.json"
        told.write_text(json.dumps(world))
        lay_out()
        self.origin = Own("web", "origin", (str(told),), folder)
        self.clients = {
            provider: Own(customer, "client", (RESOLVER[provider], str(trusted), str(told)), folder)
            for provider, (customer, _) in SIDES.items()
        }


class Stand:
    """One arm set up between a provider and its customer, beside the same without it."""

    def __init__(self, hall: Hall, arm: Arm) -> None:
        self.hall, self.arm = hall, arm
        self.resolvers: dict[str, Program] = {}
        self._blocked: set[tuple[str, str]] = set()
        self.loaded = arm.takes(hall.lists)
        self._ask = hall.clients["isp"].ask
        try:
            arm.begin()
            arm.load(arm.with_fresh(self.loaded))
            self._ask(keep=arm.client_keeps_list)
            for provider in SIDES:
                zones = arm.zones if provider == "isp" else ()
                self.resolvers[provider] = engines.start(arm.engine, provider, zones, hall.folder)
            self.wait("plain", REACHED, _READY)
            self.wait("isp", "refused", _READY)
            arm.load(self.loaded)
            self.wait("isp", REACHED, _READY)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all of it."""
        for resolver in self.resolvers.values():
            resolver.stop()
        self.arm.end()

    def wait(self, provider: str, until: str, within: float) -> float:
        """The moment at which the fresh address is first reached, or refused."""
        at = self.hall.clients[provider].ask(watch=self.arm.fresh, until=until, within=within)
        if at is None:
            self.cost(provider)  # TrialError where a program has ended
            raise TrialError(f"the fresh address was not {until} within {within:.0f} s ({provider})")
        return float(at)

    def fetch(self, fetch: Fetch, turn: int) -> Seen:
        """Fetch with the method and, at once before or after it, without, by turns; what is not reached up to `TRIES` times.

        An unlawful page is asked for without the method only where it was not reached, and only until that is known to be
        a block: the same refusal of the same page is then one, too.
        """
        url = fetch.page.url
        if fetch.page.unlawful:
            outcome, _ = self._fetch("isp", fetch)
            if outcome == REACHED or (url, outcome) in self._blocked:
                return Seen(fetch, outcome)
        tries: list[tuple[str, str]] = []
        for at in range(TRIES):
            sides = sorted(SIDES, reverse=(turn + at) % 2 == 1)
            found = {provider: self._fetch(provider, fetch) for provider in sides}
            tries.append((found["isp"][0], found["plain"][0]))
            if tries[-1] == (REACHED, REACHED):
                return Seen(fetch, REACHED, (found["isp"][1], found["plain"][1]))
            if found["isp"][0] == REACHED:
                break
        outcome = judged(tries)
        if fetch.page.unlawful and outcome not in {REACHED, FAULT}:
            self._blocked.add((url, outcome))
        return Seen(fetch, outcome)

    def _fetch(self, provider: str, fetch: Fetch) -> tuple[str, float]:
        outcome, ms = self.hall.clients[provider].ask(fetch=fetch.page.url, elsewhere=fetch.elsewhere)
        if outcome in SILENCE:
            self.cost(provider)  # TrialError where a program has ended
        return outcome, ms

    def changes(self, count: int) -> dict[str, list[float]]:
        """Seconds until a fresh entry works, and until it no longer does after it was taken off."""
        took: dict[str, list[float]] = {"effect": [], "lift": []}
        for at in range(count):
            for kind, wanted, until in (
                ("effect", self.arm.with_fresh(self.loaded), "refused"),
                ("lift", self.loaded, REACHED),
            ):
                time.sleep(self.arm.period * (at + 0.5) / count)  # else each change would come just after a poll
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
            parts.append(self.hall.clients[provider])
        costs = [part.cost() for part in parts]
        return Cost(sum(cost.cpu_s for cost in costs), sum(cost.rss_mb for cost in costs))


def try_arm(
    hall: Hall,
    arm: Arm,
    fetches: tuple[Sequence[Fetch], Sequence[Fetch]],
    changes: int,
    ahead: Callable[[int], None],
) -> dict[str, Any]:
    """One arm's figures. Cost is that of the lawful fetches, of which both sides have equally many."""
    stand = Stand(hall, arm)
    seen: list[Seen] = []

    def fetch(some: Sequence[Fetch]) -> None:
        for each in some:
            seen.append(stand.fetch(each, len(seen)))
            if len(seen) % _STRETCH == 0:
                ahead(len(seen))

    try:
        before = {provider: stand.cost(provider) for provider in SIDES}
        fetch(fetches[0])
        after = {provider: stand.cost(provider) for provider in SIDES}
        fetch(fetches[1])
        took = stand.changes(changes)
    finally:
        stand.close()
    loaded = stand.loaded
    given = {page.url for page in hall.web.pages if page.unlawful and loaded.has(page, hall.places[page.host])}
    return {
        **tally(seen, given),
        **{f"{kind}_s": median(seconds) for kind, seconds in took.items()},
        **{f"{kind}_max_s": max(seconds) for kind, seconds in took.items()},
        "changes": changes,
        "cpu_s": after["isp"].cpu_s - before["isp"].cpu_s,
        "cpu_without_s": after["plain"].cpu_s - before["plain"].cpu_s,
        "rss_mb": after["isp"].rss_mb,
        "rss_without_mb": after["plain"].rss_mb,
        "loaded": {
            "names": len(loaded.names),
            "pages": len(loaded.pages),
            "addresses": len(loaded.addresses),
        },
    }


def trial(
    size: Size, seed: int, told: Callable[[int, int], None], names: Sequence[str] = tuple(ARMS)
) -> dict[str, Any]:
    """Hold the trial: the methods of these names, then the controls. TrialError when it cannot be held."""
    web = synthetic_web(HOSTS[size], LISTED[size], seed)
    today = datetime.fromtimestamp(time.time(), UTC).date()  # noqa: TID251 - a machine of its own
    lists = lists_of(web, today, seed)
    fetches = plan(web, seed)
    count = len(fetches[0]) + len(fetches[1])
    share, each = sharing([host for host in web.hosts if host.kind in {"dedicated", "shared"}])
    before, began = os.getloadavg()[0], time.monotonic()
    hall = Hall(web, lists, _HOME)

    def tried(at: int, arm: Callable[[Own, Path], Arm], changes: int) -> dict[str, Any]:
        return try_arm(
            hall,
            arm(hall.origin, hall.folder),
            fetches,
            changes,
            lambda done: told(at * count + done, (len(names) + len(CONTROLS)) * count),
        )

    arms = {name: tried(at, ARMS[name], CHANGES[size]) for at, name in enumerate(names)}
    control = {name: tried(len(names) + at, arm, 1) for at, (name, arm) in enumerate(CONTROLS.items())}
    return {
        "size": size,
        "seed": seed,
        "held_on": today.isoformat(),
        "seconds": round(time.monotonic() - began, 1),
        "load_before_and_after": [before, os.getloadavg()[0]],
        "web": {
            "hosts": len(web.hosts),
            "addresses": len({host.address for host in web.hosts}),
            "pages": len(web.pages),
            "unlawful_pages": sum(page.unlawful for page in web.pages),
            "listed_hosts": dict(sorted(Counter(host.sort for host in web.hosts if host.listed).items())),
            "sharing_an_address": share,
            "sites_an_address": each,
        },
        "gate": {
            "names_passed": len(lists.names),
            "pages_passed": len(lists.pages),
            "unknown_to_lists": len(lists.unknown),
            "refused": dict(Counter(refusal.code for refusal in lists.refused)),
        },
        "out_of_reach_share": 1 / CLIENTS,
        "tries": TRIES,
        "arms": arms,
        "control": control,
    }


def main(size: str, seed: str, *names: str) -> None:
    """Hold it and write lines."""

    def say(**line: object) -> None:
        print(json.dumps(line), flush=True)

    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    for needed in (Path("/run/netns"), _HOME):
        needed.mkdir()
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
