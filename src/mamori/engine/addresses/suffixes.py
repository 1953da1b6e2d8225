"""Public suffixes (publicsuffix.org list, as packaged by publicsuffixlist). Names are A-labels in lower case."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Literal

from ada_url import idna_to_ascii
from publicsuffixlist import PublicSuffixList

Section = Literal["icann", "private"]


@cache
def _rules(only_icann: bool) -> PublicSuffixList:
    return PublicSuffixList(only_icann=only_icann)


def public_suffix(name: str) -> str | None:
    """The suffix under which strangers register names; the last label where the list knows no rule."""
    return _rules(False).publicsuffix(name)


def registrable_domain(name: str) -> str | None:
    """The public suffix plus one label, or None when ``name`` is itself a suffix."""
    return _rules(False).privatesuffix(name)


def suffix_section(name: str) -> Section | None:
    """Which part of the list makes ``name`` a public suffix, if any."""
    if _rules(True).publicsuffix(name) == name:
        return "icann"
    return "private" if public_suffix(name) == name else None


def _listed_rules() -> Iterator[tuple[str, bool]]:
    """Each rule of the list but exceptions, as a name without its asterisk, and whether it had one."""
    text = resources.files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text(encoding="utf-8")
    for line in text.splitlines():
        rule = line.split("//")[0].strip()
        if rule and not rule.startswith("!"):
            yield idna_to_ascii(rule.removeprefix("*.")).decode(), rule.startswith("*.")


@cache
def _parents() -> frozenset[str]:
    """Every name that has a public suffix below it."""
    parents: set[str] = set()
    for name, wild in _listed_rules():
        labels = name.split(".")
        parents.update(".".join(labels[at:]) for at in range(0 if wild else 1, len(labels)))
    return frozenset(parents)


@cache
def _suffixes() -> tuple[frozenset[str], frozenset[str]]:
    """Names that are a rule themselves, and names below which every name is a suffix."""
    rules = list(_listed_rules())
    return frozenset(name for name, wild in rules if not wild), frozenset(name for name, wild in rules if wild)


def touches_public_suffix(name: str) -> bool:
    """False when a name of two labels or more is surely neither a public suffix nor above one: two or three look-ups."""
    exact, wild = _suffixes()
    return name in exact or name.partition(".")[2] in wild or name in _parents()


def above_public_suffix(name: str) -> bool:
    """True when public suffixes lie below ``name`` (amazonaws.com): blocking it blocks strangers' sites."""
    return name in _parents()
