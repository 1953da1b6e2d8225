"""A synthetic web as a pure function of size and seed: hosts on addresses, pages, and which of them are listed.

How many sites share an address follows what was published for com, net and org (CSMG for Ofcom, 2012): 97 % of sites share
one, 7.5 sites an address on average without the addresses of more than 1,000 sites. All names are under `.example`.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Literal

import idna

from mamori.engine.addresses import NameSet
from mamori.engine.editions import ListEntry, Method, Refusal, Rules, content_refusals
from mamori.tools.trial.network import FRONT

Kind = Literal["dedicated", "shared", "content-network", "sub-site", "platform", "shortener"]
Size = Literal["small", "full"]
HOSTS: dict[Size, int] = {"small": 120, "full": 10_000}
LISTED: dict[Size, float] = {
    "small": 0.05,
    "full": 0.01,
}  # share of hosts that are listed, and of single pages to hosts
PROXY = "proxy.isp.example"
FRESH, FRESH_ADDRESS = "fresh.example", "10.64.0.9"  # listed and lifted while watched: one site, alone at its address
BLOGS, PAGES, SHORT = (
    "blogs.example",
    ("gallery.example", "upload.example", "forum.example"),
    ("sh.example", "ln.example"),
)

_SHARING, _SITES_AN_ADDRESS, _CROWD = 0.97, 7.5, 1000
_ORDINARY, _CONTENT_NETWORK = 0.82, 0.10  # of all hosts; the rest are sub-sites of a platform
_IDN, _HTTPS = 0.05, 0.8
_UNKNOWN = 0.1  # of the hosts on which others publish: those that no list names, where the lists have gaps
_MEMBERS = 5  # pages of a platform or links of a shortener for each listed one
_NET = "10.64"


@dataclass(frozen=True, slots=True)
class Host:
    """A host. ``hidden``: its name is encrypted on the way. ``listed``: all of it is what the list is for."""

    name: str
    kind: Kind
    address: str
    https: bool
    hidden: bool = False
    listed: bool = False

    @property
    def sort(self) -> str:
        """Its kind and what of it can be read on the way."""
        return f"{self.kind}, {'name encrypted' if self.hidden else 'https' if self.https else 'http'}"


@dataclass(frozen=True, slots=True)
class Page:
    """A page. ``unlawful``: its label, what the trial judges by. ``leads_to``: the page it redirects to."""

    url: str
    host: str
    unlawful: bool
    leads_to: str | None = None


@dataclass(frozen=True, slots=True)
class Web:
    """Hosts and pages, in a fixed order."""

    hosts: tuple[Host, ...]
    pages: tuple[Page, ...]


@dataclass(frozen=True, slots=True)
class Lists:
    """What each kind of method loads.

    ``names``: hosts that passed the gate, whose lists name every host on which others publish. ``pages``: single pages
    that passed it. ``gap_names``: hosts that pass where no list names those of ``unknown``, on which others publish.
    ``ordered_names`` and ``ordered_addresses``: every host of an unlawful page and its address, judged by no gate.
    ``refused``: what the gate said of those hosts.
    """

    names: frozenset[str]
    gap_names: frozenset[str]
    unknown: frozenset[str]
    pages: frozenset[str]
    ordered_names: frozenset[str]
    ordered_addresses: frozenset[str]
    refused: tuple[Refusal, ...]


def synthetic_web(hosts: int, listed: float, seed: int) -> Web:
    """The web of ``hosts`` hosts (at least 100), a share ``listed`` of them listed, for this seed."""
    if hosts < 100:
        raise ValueError("the synthetic web needs at least 100 hosts")
    rng = random.Random(seed)  # noqa: S311 - a drawn world, no secret
    places = _addresses()
    made = [*_ordinary(rng, int(hosts * _ORDINARY), places), *_networks(rng, int(hosts * _CONTENT_NETWORK), places)]
    made += _sub_sites(rng, hosts - len(made) - len(PAGES) - len(SHORT), places)
    for at in _drawn(rng, made, listed):
        made[at] = replace(made[at], listed=True)
    shared = [Host(name, "platform", next(places), https=name != PAGES[0]) for name in PAGES]
    links = [Host(name, "shortener", next(places), https=name != SHORT[0]) for name in SHORT]
    every = (*made, *shared, *links)
    return Web(every, tuple(_pages(rng, every, max(2, round(hosts * listed / len(PAGES))))))


def lists_of(web: Web, today: date, seed: int) -> Lists:
    """What is proposed for the web, as far as the gate lets it pass; which hosts no list names is drawn by the seed."""
    of = {host.name: host for host in web.hosts}
    unlawful = [page for page in web.pages if page.unlawful]
    ordered = {page.host for page in unlawful}
    others = {name for name in ordered if not of[name].listed}  # lawful pages of other people are there, too
    drawn = random.Random(seed)  # noqa: S311 - a drawn world, no secret
    unknown = frozenset(drawn.sample(sorted(others), max(1, round(_UNKNOWN * len(others)))))
    rules, gaps = (
        _rules(today, {BLOGS, *others} - {*SHORT, *gone}, {FRONT, *SHORT} - gone) for gone in (frozenset(), unknown)
    )
    proposed = [_entry(name, "dns", today) for name in sorted({"edge.example", BLOGS} | ordered)]  # whole networks, too
    proposed += [_entry(page.url, "url", today) for page in unlawful if page.host in others]
    faults = {entry: list(content_refusals(entry, rules)) for entry in proposed}
    passed = [entry for entry, found in faults.items() if not found]
    return Lists(
        frozenset(entry.target for entry in passed if entry.method == "dns"),
        frozenset(
            entry.target for entry in proposed if entry.method == "dns" and not any(content_refusals(entry, gaps))
        ),
        unknown,
        frozenset(entry.target for entry in passed if entry.method == "url"),
        frozenset(ordered),
        frozenset(of[name].address for name in ordered),
        tuple(refusal for found in faults.values() for refusal in found),
    )


def _rules(today: date, shared: set[str], popular: set[str]) -> Rules:
    return Rules(today, {}, NameSet(popular), NameSet(()), NameSet(shared))


def sharing(hosts: Sequence[Host]) -> tuple[float, float]:
    """Share of hosts that share their address, and hosts an address without those of 1,000 and more."""
    held = Counter(host.address for host in hosts)
    usual = [count for count in held.values() if count < _CROWD]
    return sum(count for count in held.values() if count > 1) / len(hosts), sum(usual) / len(usual)


def _addresses() -> Iterator[str]:
    for number in range(256, 65_000):  # the first 256 are the servers' own
        yield f"{_NET}.{number >> 8}.{number & 255}"


def _ordinary(rng: random.Random, count: int, places: Iterator[str]) -> Iterator[Host]:
    alone = round(count * (1 - _SHARING))
    crowds = [_CROWD] * (count // (5 * _CROWD))
    rest = count - alone - sum(crowds)
    shared = max(1, round((alone + rest) / _SITES_AN_ADDRESS) - alone)
    sizes = [2] * shared
    weights = [rng.lognormvariate(0, 1) for _ in sizes]
    for at in rng.choices(range(shared), weights, k=rest - 2 * shared):
        sizes[at] = min(_CROWD - 1, sizes[at] + 1)
    numbers = iter(range(count))
    for size in (*[1] * alone, *sizes, *crowds):
        place, kind = next(places), "dedicated" if size == 1 else "shared"
        for number in (next(numbers) for _ in range(size)):
            label = f"店{number}" if rng.random() < _IDN else f"site-{number}"
            yield Host(
                idna.encode(label, uts46=True).decode() + ".example",
                "dedicated" if kind == "dedicated" else "shared",
                place,
                https=rng.random() < _HTTPS,
            )


def _networks(rng: random.Random, count: int, places: Iterator[str]) -> Iterator[Host]:
    edges = [next(places) for _ in range(2)]
    for number in range(count):
        yield Host(f"brand-{number}.example", "content-network", rng.choice(edges), https=True, hidden=number % 2 == 0)


def _sub_sites(rng: random.Random, count: int, places: Iterator[str]) -> Iterator[Host]:
    place = next(places)
    for number in range(count):
        yield Host(f"writer-{number}.{BLOGS}", "sub-site", place, https=rng.random() < _HTTPS)


def _drawn(rng: random.Random, hosts: Sequence[Host], share: float) -> set[int]:
    """Which hosts are listed: of each sort that there is one for certain, the rest anywhere."""
    sorts: dict[str, list[int]] = defaultdict(list)
    for at, host in enumerate(hosts):
        sorts[host.sort].append(at)
        if host.name.startswith("xn--"):
            sorts["idn"].append(at)
    chosen: set[int] = set()
    for sort in sorts.values():
        if chosen.isdisjoint(sort):
            chosen.add(rng.choice(sort))
    rest = [at for at in range(len(hosts)) if at not in chosen]
    return chosen | set(rng.sample(rest, max(0, round(len(hosts) * share) - len(chosen))))


def _pages(rng: random.Random, hosts: Sequence[Host], listed_each: int) -> Iterator[Page]:
    bad = [host for host in hosts if host.listed]
    single = rng.sample([host for host in hosts if not host.listed and host.kind == "shared"], listed_each)
    for host in hosts:
        root = f"{'https' if host.https else 'http'}://{host.name}"
        if host.kind == "platform":
            for number in range(listed_each * _MEMBERS):
                yield Page(f"{root}/member/{number}", host.name, unlawful=number % _MEMBERS == 0)
        elif host.kind == "shortener":
            for number in range(listed_each * _MEMBERS):
                target = (
                    rng.choice(bad) if number % _MEMBERS == 0 else rng.choice([h for h in hosts[:50] if not h.listed])
                )
                leads = f"{'https' if target.https else 'http'}://{target.name}/"
                yield Page(f"{root}/{number}", host.name, unlawful=target.listed, leads_to=leads)
        else:
            yield Page(f"{root}/", host.name, unlawful=host.listed)
            if host in single:
                yield Page(f"{root}/left/by/others", host.name, unlawful=True)


def _entry(target: str, method: Method, today: date) -> ListEntry:
    return ListEntry(
        "trial", method, target, "trial", datetime(today.year, today.month, today.day, tzinfo=UTC), date.max
    )
