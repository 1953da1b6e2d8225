"""Public suffixes (publicsuffix.org list, as packaged by publicsuffixlist). Names are A-labels in lower case."""

from __future__ import annotations

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


@cache
def _parents() -> frozenset[str]:
    """Every name that has a public suffix below it."""
    text = resources.files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text(encoding="utf-8")
    parents: set[str] = set()
    for line in text.splitlines():
        rule = line.split("//")[0].strip()
        if not rule or rule.startswith("!"):
            continue
        labels = idna_to_ascii(rule.removeprefix("*.")).decode().split(".")
        first = 0 if rule.startswith("*.") else 1
        parents.update(".".join(labels[at:]) for at in range(first, len(labels)))
    return frozenset(parents)


def above_public_suffix(name: str) -> bool:
    """True when public suffixes lie below ``name`` (amazonaws.com): blocking it blocks strangers' sites."""
    return name in _parents()
