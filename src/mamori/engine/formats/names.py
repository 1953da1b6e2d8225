"""Lists of names (method dns), one writer for each program that takes one.

Sources of the formats: unbound.conf(5) of NLnet Labs, dnsmasq(8), hosts(5), AdGuard's "DNS filtering rules syntax",
Squid's squid.conf documentation (acl dstdomain), the comments of e2guardian's own bannedsitelist, ufdbGuard's
Reference Manual. Every name passed `listable_name`, so it holds nothing but letters, digits, hyphens and dots.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from mamori.engine.formats.listing import Listing, Written, encoded

_TREE = (
    "Mamori: names whose sites and everything below them are to be blocked.",
    "Mamori: 記載の名前とその配下すべてを遮断する一覧です。",
)
_ALONE = (
    "Mamori: names to be blocked. This format cannot say 'and everything below': subdomains are NOT blocked.",
    "Mamori: 遮断する名前の一覧です。この形式では配下を指定できません。サブドメインは遮断されません。",
)


def header(mark: str, lines: Iterable[str]) -> str:
    """Comment lines, each begun with ``mark``."""
    return "".join(f"{mark} {line}\n" for line in lines)


def _written(mark: str, head: Iterable[str], lines: Iterable[str]) -> Written:
    return Written(encoded(chain([header(mark, head)], lines)))


def unbound(listing: Listing) -> Written:
    """A local-zone of type always_nxdomain for each name; it answers for the name and all below it."""
    lines = (f'local-zone: "{name}." always_nxdomain\n' for name in listing.roots)
    return _written("#", _TREE, chain(["server:\n"], lines))


def dnsmasq(listing: Listing) -> Written:
    """address=/name/ without an address: no such domain, for the name and all below it."""
    return _written("#", _TREE, (f"address=/{name}/\n" for name in listing.roots))


def hosts(listing: Listing) -> Written:
    """Each name at 0.0.0.0 and ::, and nothing below it: a hosts file has no other way."""
    return _written("#", _ALONE, (f"0.0.0.0 {name}\n:: {name}\n" for name in listing.names))


def adguard(listing: Listing) -> Written:
    """||name^ for each name; it stands for the name and all below it."""
    return _written("!", _TREE, (f"||{name}^\n" for name in listing.roots))


def squid(listing: Listing) -> Written:
    """A dstdomain file: a leading dot stands for the name and all below it."""
    return _written("#", _TREE, (f".{name}\n" for name in listing.roots))


def plain(listing: Listing) -> Written:
    """One name a line: e2guardian's site lists and ufdbGuard's domain tables block all below it too."""
    return _written("#", _TREE, (f"{name}\n" for name in listing.roots))
