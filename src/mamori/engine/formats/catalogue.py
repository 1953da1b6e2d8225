"""Every format: its name, its media type, which decisions it carries, what it can say of what lies below a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mamori.engine.editions import Method
from mamori.engine.formats import names, tables, urls
from mamori.engine.formats.expressions import hash_list
from mamori.engine.formats.listing import Listing, Written

Scope = Literal["tree", "name", "page", "told", "expression"]
"""tree: a name and all below it. name: a name alone. page: single pages. told: as decided, the reader's program blocks.

expression: hashes of host and path expressions, looked up as Safe Browsing does.
"""


@dataclass(frozen=True, slots=True)
class Format:
    """One file a subscriber fetches. ``write`` is deterministic: equal lists give equal bytes.

    ``methods``: decisions it carries, and none but these.
    """

    name: str
    content_type: str
    methods: frozenset[Method]
    scope: Scope
    write: Callable[[Listing], Written]


_DNS: frozenset[Method] = frozenset({"dns"})
_URL: frozenset[Method] = frozenset({"url"})
_TEXT = "text/plain; charset=utf-8"
_CSV, _JSON, _LINES = "text/csv; charset=utf-8", "application/json", "application/jsonl"

FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format("unbound.conf", _TEXT, _DNS, "tree", names.unbound),
        Format("dnsmasq.conf", _TEXT, _DNS, "tree", names.dnsmasq),
        Format("hosts.txt", _TEXT, _DNS, "name", names.hosts),
        Format("adguard.txt", _TEXT, _DNS, "tree", names.adguard),
        Format("squid-dstdomain.txt", _TEXT, _DNS, "tree", names.squid),
        Format("squid-url-regex.txt", _TEXT, _URL, "page", urls.squid),
        Format("e2guardian-sites.txt", _TEXT, _DNS, "tree", names.plain),
        Format("e2guardian-regexp-urls.txt", _TEXT, _URL, "page", urls.e2guardian),
        Format("ufdbguard-domains.txt", _TEXT, _DNS, "tree", names.plain),
        Format("ufdbguard-expressions.txt", _TEXT, _URL, "page", urls.ufdbguard),
        Format("names.csv", _CSV, _DNS, "told", tables.names_csv),
        Format("urls.csv", _CSV, _URL, "told", tables.urls_csv),
        Format("names.json", _JSON, _DNS, "told", tables.names_json),
        Format("urls.json", _JSON, _URL, "told", tables.urls_json),
        Format("search-removals.jsonl", _LINES, _URL, "page", tables.removals),
        Format("hashes-32.bin", "application/octet-stream", _DNS | _URL, "expression", hash_list),
    )
}


def write_all(listing: Listing) -> Iterator[tuple[Written, tuple[Format, ...]]]:
    """Every format, one after the other; those whose files are the same together, written once."""
    alike: dict[Callable[[Listing], Written], list[Format]] = {}
    for each in FORMATS.values():
        alike.setdefault(each.write, []).append(each)
    for write, formats in alike.items():
        yield write(listing), tuple(formats)
