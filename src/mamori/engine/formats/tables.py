"""CSV (RFC 4180) and JSON (RFC 8259) for own programs, and JSON Lines for search engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from itertools import chain
from json.encoder import encode_basestring_ascii as quoted

from mamori.engine.editions import ListEntry
from mamori.engine.editions.statements import utc_text
from mamori.engine.formats.listing import Listing, Written, encoded

_BETWEEN = ("", ",\n")
COLUMNS = ("target", "reason", "activated_at", "expires_on", "entry_id")


def _moments(entries: Iterable[ListEntry]) -> Iterator[tuple[ListEntry, str, str]]:
    """Each entry with its moment of activation and its first day without force, as text."""
    moment = cache(utc_text)
    day = cache(date.isoformat)
    return ((entry, moment(entry.activated_at), day(entry.expires_on)) for entry in entries)


def _csv(entries: Iterable[ListEntry]) -> Written:
    # Every text is quoted; a canonical URL holds no quotation mark, and every field begins with a letter or a digit,
    # so no spreadsheet takes one for a formula.
    lines = (
        f'"{entry.target}","{entry.reason}",{since},{until},"{entry.entry_id}"\r\n'
        for entry, since, until in _moments(entries)
    )
    return Written(encoded(chain([",".join(COLUMNS) + "\r\n"], lines)))


def _json(entries: Iterable[ListEntry]) -> Written:
    # Ids and reasons are codes (listing.fault): only a target can hold what JSON escapes.
    lines = (
        f'{_BETWEEN[number > 0]}{{"target":{quoted(entry.target)},"reason":"{entry.reason}","activated_at":"{since}",'
        f'"expires_on":"{until}","entry_id":"{entry.entry_id}"}}'
        for number, (entry, since, until) in enumerate(_moments(entries))
    )
    return Written(encoded(chain(["["], lines, ["]\n"])))


def names_csv(listing: Listing) -> Written:
    """The names with reason, moment of activation (UTC), first day without the entry, and the entry's id."""
    return _csv(listing.dns)


def urls_csv(listing: Listing) -> Written:
    """The same of the URLs."""
    return _csv(listing.url)


def names_json(listing: Listing) -> Written:
    """An array of objects with the columns of the CSV file."""
    return _json(listing.dns)


def urls_json(listing: Listing) -> Written:
    """The same of the URLs."""
    return _json(listing.url)


def removals(listing: Listing) -> Written:
    """What search engines drop from their results: one JSON object a line, for single pages alone.

    ``scope`` is always "page": no other page of the site, and no name, is meant. ``remove_until``: the first day on
    which the page may be shown again.
    """
    lines = (
        f'{{"url":{quoted(entry.target)},"scope":"page","reason":"{entry.reason}","decided_at":"{since}",'
        f'"remove_until":"{until}","reference":"{entry.entry_id}"}}\n'
        for entry, since, until in _moments(listing.url)
    )
    return Written(encoded(lines))
