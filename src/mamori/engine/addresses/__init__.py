"""Addresses: one canonical form, names fit for a DNS list, breadth of an entry."""

from mamori.engine.addresses.breadth import (
    Breadth,
    NameSet,
    breadth,
    names_in,
    parents,
    popular_names,
    popular_set,
    protected_suffixes,
    shared_platforms,
)
from mamori.engine.addresses.canonical import MAX_LENGTH, Address, AddressError, canonicalize, defang
from mamori.engine.addresses.names import ZONE_OCTETS, NameRefused, listable_name
from mamori.engine.addresses.suffixes import (
    Section,
    above_public_suffix,
    public_suffix,
    registrable_domain,
    suffix_section,
)

__all__ = [
    "MAX_LENGTH",
    "ZONE_OCTETS",
    "Address",
    "AddressError",
    "Breadth",
    "NameRefused",
    "NameSet",
    "Section",
    "above_public_suffix",
    "breadth",
    "canonicalize",
    "defang",
    "listable_name",
    "names_in",
    "parents",
    "popular_names",
    "popular_set",
    "protected_suffixes",
    "public_suffix",
    "registrable_domain",
    "shared_platforms",
    "suffix_section",
]
