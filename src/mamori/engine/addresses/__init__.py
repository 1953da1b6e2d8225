"""Addresses: one canonical form, names fit for a DNS list, breadth of an entry, expressions of a URL list.

`UrlIndex`, which looks URLs up in such a list, is in `mamori.engine.addresses.index`: it brings Numba with it.
"""

from mamori.engine.addresses.breadth import (
    Breadth,
    NameSet,
    breadth,
    names_in,
    parents,
    popular_names,
    popular_set,
    protected_classes,
    protected_suffixes,
    shared_platforms,
)
from mamori.engine.addresses.canonical import MAX_LENGTH, Address, AddressError, canonicalize, defang
from mamori.engine.addresses.expressions import (
    Rule,
    expression_hashes,
    expressions,
    host_expression,
    page_expression,
    safe_browsing_url,
)
from mamori.engine.addresses.names import ZONE_OCTETS, NameRefused, listable_name
from mamori.engine.addresses.suffixes import (
    Section,
    above_public_suffix,
    public_suffix,
    registrable_domain,
    suffix_section,
    touches_public_suffix,
)

__all__ = [
    "MAX_LENGTH",
    "ZONE_OCTETS",
    "Address",
    "AddressError",
    "Breadth",
    "NameRefused",
    "NameSet",
    "Rule",
    "Section",
    "above_public_suffix",
    "breadth",
    "canonicalize",
    "defang",
    "expression_hashes",
    "expressions",
    "host_expression",
    "listable_name",
    "names_in",
    "page_expression",
    "parents",
    "popular_names",
    "popular_set",
    "protected_classes",
    "protected_suffixes",
    "public_suffix",
    "registrable_domain",
    "safe_browsing_url",
    "shared_platforms",
    "suffix_section",
    "touches_public_suffix",
]
