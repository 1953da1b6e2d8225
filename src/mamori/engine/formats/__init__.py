"""Every subscriber's own format: files written from the entries of an edition.

A decision about a page never becomes a decision about a site: each format says which methods it carries, and what it
cannot say exactly is left out and counted. docs/guides/list-formats.md tells which subscriber takes which file.
"""

from mamori.engine.formats.catalogue import FORMATS, Format, write_all
from mamori.engine.formats.expressions import NotExpressible, expression_of
from mamori.engine.formats.listing import EntryRefused, Listing, Place, Written, place_of, sift

__all__ = [
    "FORMATS",
    "EntryRefused",
    "Format",
    "Listing",
    "NotExpressible",
    "Place",
    "Written",
    "expression_of",
    "place_of",
    "sift",
    "write_all",
]
