"""What the writers write from: entries whose targets were judged once, in one order, so that equal lists give equal bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from mamori.engine.addresses import AddressError, NameRefused, canonicalize, listable_name
from mamori.engine.editions import ListEntry, cover
from mamori.engine.formats.literals import decoded, literal

# A URL the WHATWG parser would not change, told by its characters alone: lower-case LDH host whose last label is no
# number and no A-label, no default port, no dot segment, no character that is percent-encoded or means something.
_LABEL = r"(?!xn--)%s(?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"(?:{_LABEL % '[a-z0-9]'}\.)+{_LABEL % '[a-z]'}"
_PLAIN = re.compile(rf"https?://{_HOST}(?:/(?![.]{{1,2}}(?:[/?]|$))[A-Za-z0-9._~-]*)+(?:\?[A-Za-z0-9._~/&=+-]+)?")
# A URL in which only dots and question marks mean something in an expression.
_EASY = re.compile(r"https?://([a-z0-9.-]+/[A-Za-z0-9./:=&_?-]*)")
_MAX_PLAIN = 2000  # longer ones, and hosts of more than 253 octets, go the long way
_MAX_HOST = 253
_SOME = 8192  # lines
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}")


class EntryRefused(ValueError):
    """An entry no format may carry. ``code``: why, as the gate names it. ``entry_id``: which."""

    def __init__(self, entry: ListEntry, code: str) -> None:
        self.entry_id, self.code = entry.entry_id, code
        super().__init__(f"entry {entry.entry_id!r} is not fit for any format: {code}")


class Place(NamedTuple):
    """A canonical URL in its parts. ``host`` with brackets around IPv6; ``port`` None for the scheme's own.

    ``tail`` begins with the path's first slash and goes on to the query's end.
    """

    scheme: str
    host: str
    port: int | None
    tail: str

    @property
    def path(self) -> str:
        """The path without the query."""
        return self.tail.partition("?")[0]


class Page(NamedTuple):
    """Expressions of a URL's parts: host with brackets around IPv6, path and query as `literals.decoded` writes them.

    ``port`` None for the scheme's own.
    """

    host: str
    port: int | None
    tail: str


def place_of(url: str) -> Place:
    """Take a canonical URL apart; ValueError for what is none by its first look."""
    scheme, _, rest = url.partition("://")
    at = rest.index("/")
    host, tail, port = rest[:at], rest[at:], ""
    if ":" in host and not host.endswith("]"):
        host, _, port = host.rpartition(":")
    return Place(scheme, host, int(port) if port else None, tail)


def _page(url: str) -> Page | None:
    """The parts of a canonical URL as expressions; None where an escape cannot be told from what it stands for."""
    if easy := _EASY.fullmatch(url):
        text = easy[1].replace(".", "\\.").replace("?", "\\?")
        at = text.index("/")
        return Page(text[:at], None, text[at:])
    _scheme, host, port, tail = place_of(url)
    written = decoded(tail)
    return None if written is None else Page(literal(host), port, written)


def is_canonical_url(url: str) -> bool:
    """Whether ``url`` is what `canonicalize` makes of it."""
    if len(url) <= _MAX_PLAIN and _PLAIN.fullmatch(url) and url.index("/", 8) - url.index("/") - 2 <= _MAX_HOST:
        return True
    try:
        return canonicalize(url).url == url
    except AddressError:
        return False


def fault(entry: ListEntry) -> str | None:
    """Code of what makes an entry unfit for every format: its target, or a field with characters no code has."""
    if not (_CODE.fullmatch(entry.entry_id) and _CODE.fullmatch(entry.reason)):
        return "not_a_code"
    if entry.method == "dns":
        try:
            listable_name(entry.target)
        except NameRefused as error:
            return f"name_{error.code}"
        return None
    return None if is_canonical_url(entry.target) else "not_canonical_url"


def sift(entries: Iterable[ListEntry]) -> tuple[list[ListEntry], list[EntryRefused]]:
    """Entries every format may be asked to carry, and the refused ones: one faulty entry holds back no other."""
    fit: list[ListEntry] = []
    refused: list[EntryRefused] = []
    for entry in entries:
        if code := fault(entry):
            refused.append(EntryRefused(entry, code))
        else:
            fit.append(entry)
    return fit, refused


def encoded(lines: Iterable[str]) -> bytes:
    """The lines as UTF-8, some thousands at a time: the whole text stands in memory once. Surrogates become octets."""
    all_lines = iter(lines)
    some = iter(lambda: "".join(islice(all_lines, _SOME)), "")
    return b"".join(each.encode("utf-8", "surrogateescape") for each in some)


@dataclass(frozen=True, slots=True)
class Written:
    """A file's bytes. ``left_out``: code -> how many decisions of its methods it cannot say exactly, and leaves out."""

    data: bytes
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """Judged entries. ``dns`` and ``url``: by target, then entry id. Make one with `of`."""

    dns: tuple[ListEntry, ...]
    url: tuple[ListEntry, ...]

    @classmethod
    def of(cls, entries: Iterable[ListEntry]) -> Listing:
        """Judge and order entries. Raises EntryRefused for the first one that is not fit."""
        fit, refused = sift(entries)
        if refused:
            raise refused[0]
        return cls.judged(fit)

    @classmethod
    def judged(cls, fit: Iterable[ListEntry]) -> Listing:
        """Order entries that `sift` found fit."""
        ordered = sorted(fit, key=lambda entry: (entry.target, entry.entry_id))
        return cls(
            tuple(entry for entry in ordered if entry.method == "dns"),
            tuple(entry for entry in ordered if entry.method == "url"),
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every listed name, in order."""
        return tuple(dict.fromkeys(entry.target for entry in self.dns))

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The listed names below no other listed name, in order: what blocks whole trees needs no more."""
        roots = cover(self.names)
        return tuple(name for name in self.names if name in roots)

    @cached_property
    def urls(self) -> tuple[str, ...]:
        """Every listed URL, in order."""
        return tuple(dict.fromkeys(entry.target for entry in self.url))

    @cached_property
    def pages(self) -> tuple[Page | None, ...]:
        """The parts of every listed URL as expressions; None for one that programs cannot tell from others.

        In order, and each once: ``http`` and ``https`` make no difference to any of those programs.
        """
        found: dict[Page | str, Page | None] = {}
        for url in self.urls:
            page = _page(url)
            found[page or url] = page
        return tuple(found.values())
