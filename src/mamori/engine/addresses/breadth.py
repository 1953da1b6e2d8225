"""How much else an entry would block: facts for the list's approval page, and name sets for the gate."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mamori.engine.addresses.suffixes import (
    Section,
    above_public_suffix,
    public_suffix,
    registrable_domain,
    suffix_section,
)


def parents(name: str) -> Iterator[str]:
    """``name`` and every name above it."""
    yield name
    at = name.find(".")
    while at >= 0:
        yield name[at + 1 :]
        at = name.find(".", at + 1)


class NameSet:
    """Names that must not be hit, indexed so that each question costs one look-up per label.

    A name given with a dot before it is a tree: ``held_whole`` tells what belongs to it. A ``*`` stands for one label
    that is not the first (``city.*.chiba.jp``).
    """

    def __init__(self, names: Iterable[str]) -> None:
        given = frozenset(names)
        self.names = frozenset(name.removeprefix(".") for name in given)
        self.trees = frozenset(name.removeprefix(".") for name in given if name.startswith("."))
        self._places: dict[str, list[list[str]]] = {}  # by first label: the labels of each member with a *
        self._below: dict[str, str] = {}
        for name in self.names:
            if "*" in name:
                self._places.setdefault(name.partition(".")[0], []).append(name.split("."))
        for name in sorted(self.names):
            for parent in parents(name):
                self._below.setdefault(parent, name)

    def __len__(self) -> int:
        return len(self.names)

    def covered_by(self, name: str) -> str | None:
        """A member that blocking ``name`` and everything below it would hit."""
        return name if name in self.names else self._below.get(name)

    def above(self, name: str) -> str | None:
        """The nearest member equal to ``name`` or above it; of a member with a ``*`` the name it stands for."""
        return next((parent for parent in parents(name) if parent in self.names or self._of_place(parent)), None)

    def _of_place(self, name: str) -> bool:
        """Whether a member with a ``*`` stands for the name."""
        first, _dot, rest = name.partition(".")
        members = self._places.get(first)
        if not members or suffix_section(rest) == "private":
            return False  # gov.no-ip.ca: somebody's own name
        labels = name.split(".")
        return any(
            len(labels) == len(member)
            and all(given in ("*", label) for given, label in zip(member, labels, strict=True))
            for member in members
        )

    def same_holder(self, name: str) -> str | None:
        """A member above ``name`` with the same registrable domain: most likely the same holder."""
        member = self.above(name)
        if member is None or registrable_domain(member) != registrable_domain(name):
            return None
        return member

    def held_whole(self, name: str) -> str | None:
        """The tree ``name`` belongs to; none when a longer member or public suffix gives it to somebody of its own."""
        member = self.above(name)
        if member not in self.trees or member is None or len(public_suffix(name) or "") > len(member):
            return None
        return member


@dataclass(frozen=True, slots=True)
class Breadth:
    """What blocking ``name`` and everything below it would reach. Counts are of names known to us."""

    name: str
    public_suffix: Section | None
    above_public_suffix: bool
    shared_platform: str | None
    popular: str | None
    others_on_host: int
    others_on_address: int

    @property
    def hits_others(self) -> bool:
        """True when unrelated sites would be blocked for certain or very likely."""
        return bool(self.public_suffix or self.above_public_suffix or self.shared_platform or self.popular)


def breadth(
    name: str,
    *,
    known_names_on_host: Collection[str],
    known_names_on_address: Collection[str],
    popular: NameSet | Collection[str],
    shared_platforms: NameSet | Collection[str],
) -> Breadth:
    """Facts about ``name`` (canonical host).

    ``known_names_on_host``: names we know at or below it. ``known_names_on_address``: names we know on its addresses.
    """
    liked = popular if isinstance(popular, NameSet) else NameSet(popular)
    shared = shared_platforms if isinstance(shared_platforms, NameSet) else NameSet(shared_platforms)
    return Breadth(
        name=name,
        public_suffix=suffix_section(name),
        above_public_suffix=above_public_suffix(name),
        shared_platform=shared.covered_by(name) or shared.held_whole(name),
        popular=liked.covered_by(name) or liked.same_holder(name),
        others_on_host=len(set(known_names_on_host) - {name}),
        others_on_address=len(set(known_names_on_address) - {name}),
    )


@cache
def _lines(file: str) -> frozenset[str]:
    text = resources.files("mamori.engine.addresses").joinpath("data", file).read_text(encoding="ascii")
    return frozenset(line for raw in text.splitlines() if (line := raw.split("#")[0].strip()))


def popular_names() -> frozenset[str]:
    """Most-visited names, never to be listed as a whole."""
    return _lines("popular_names.txt")


@cache
def popular_set(own: str = "") -> NameSet:
    """Popular names, indexed, together with those of whoever runs the list (a text as `names_in` reads it)."""
    return NameSet(popular_names() | names_in(own))


def names_in(text: str) -> frozenset[str]:
    """Names of a text: one a line, or a ranking of lines like ``12,example.jp``; what follows ``#`` is a remark."""
    lines = (raw.split("#")[0].strip().lower().rstrip(".") for raw in text.splitlines())
    return frozenset(line.rpartition(",")[2].strip() for line in lines if line)


def protected_suffixes() -> frozenset[str]:
    """Suffixes of governments and public bodies; no name at or below them goes on a DNS list. Some hold a ``*``."""
    return _lines("protected_suffixes.txt")


@cache
def protected_classes() -> tuple[frozenset[str], ...]:
    """The same, by the headings of their file: governments, schools, cities, emergency services and so on."""
    text = resources.files("mamori.engine.addresses").joinpath("data", "protected_suffixes.txt").read_text("ascii")
    groups: list[set[str]] = []
    after_remark = True
    for line in map(str.strip, text.splitlines()):
        if line.startswith("#"):
            after_remark = True
        elif name := line.split("#")[0].strip():
            if after_remark:
                groups.append(set())
            groups[-1].add(name)
            after_remark = False
    return tuple(frozenset(group) for group in groups)


def shared_platforms() -> frozenset[str]:
    """Hosts on which many unrelated people publish under one name or its sub-names; with a dot before it, a tree."""
    return _lines("shared_platforms.txt")
