"""The hash list: SHA-256 of the one expression that stands for each entry.

After "Safe Browsing v5: URLs and Hashing" (developers.google.com/safe-browsing/reference/URLs.and.Hashing): a client
hashes up to 30 expressions of an address, among them ``host/`` and ``host/path?query``, and looks each up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from mamori.engine.addresses import NameSet, page_expression, parents, shared_platforms, touches_public_suffix
from mamori.engine.editions import ListEntry
from mamori.engine.formats.listing import Listing, Written, place_of
from mamori.engine.hashlists.digests import joined

# The host, path and query of a page about which there is no question below: no port, escape, empty part or last slash.
_SIMPLE = re.compile(r"https?://([^/:?%\[]+(?:/[^/?%]+)+(?:\?[^%]+)?)")
_DEEPEST_PREFIX = (
    3  # clients look up the first three directories of a path; one below them is looked up as itself alone
)
# Text Safe Browsing's own canonical form would not change: escapes in upper case, and only of what it escapes itself.
_FIXED = re.compile(r"(?:[^%]|%(?:[89A-F][0-9A-F]|[01][0-9A-F]|20|23|7F))*")


class NotExpressible(ValueError):
    """An entry of which an expression would say more, or something else, than was decided. ``code``: why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def expression_of(entry: ListEntry) -> str:
    """The one expression that stands for an entry: ``host/`` (dns) or the page's host, path and query (url).

    Raises NotExpressible with ``covers_below`` (a directory or a start page: its expression blocks everything below),
    ``covers_neighbours`` (clients try it for names below its host too, which here are other people's sites), ``port``
    (an expression names no port) or ``other_canonical_form`` (Safe Browsing would write the address in another way).
    That canonical form itself is not made here.
    """
    if entry.method == "dns":
        return f"{entry.target}/"
    if _has_neighbours(entry.target):
        raise NotExpressible("covers_neighbours")
    if simple := _SIMPLE.fullmatch(entry.target):
        return simple[1]
    place = place_of(entry.target)
    path, question, query = place.tail.partition("?")
    if place.port is not None:
        raise NotExpressible("port")
    if "//" in path or (question and not query) or ("%" in place.tail and not _FIXED.fullmatch(place.tail)):
        raise NotExpressible("other_canonical_form")
    if path.endswith("/") and not query and path.count("/") - 1 <= _DEEPEST_PREFIX:
        raise NotExpressible("covers_below")
    expression = f"{place.host}{place.tail}"
    if place.host.startswith("[") and expression != page_expression(entry.target):  # it carries an IPv4 address
        raise NotExpressible("other_canonical_form")
    return expression


def _has_neighbours(url: str) -> bool:
    """Whether names below a page's host belong to others: it is a shared platform or a public suffix, or above one."""
    host = url.split("/", 3)[2]
    if host[-1:].isdigit() or host.endswith("]"):  # an address, or a port
        host = place_of(url).host
        if host.endswith("]") or host[-1:].isdigit():
            return False
    return host in _shared() or touches_public_suffix(host)


@cache
def _shared() -> frozenset[str]:
    """The shared platforms, and every name above one."""
    return frozenset(above for name in NameSet(shared_platforms()).names for above in parents(name))


def hash_list(listing: Listing) -> Written:
    """All hashes of a listing in ascending order, 32 octets each, without anything between them."""
    left_out: Counter[str] = Counter()

    def expressions() -> Iterator[str]:
        for entry in (*listing.dns, *listing.url):
            try:
                yield expression_of(entry)
            except NotExpressible as error:
                left_out[error.code] += 1

    return Written(joined(expressions()), left_out)
