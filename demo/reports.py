"""The user's own file of reports for the main job: read whole, refused with the line that cannot be used."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

import psycopg

from demo.processes import WorldError
from mamori.engine.addresses import AddressError, NameRefused, canonicalize, listable_name

MOST_REPORTS = 5000
TAKEN = ("mamori.example", "abuse-contacts.example")
"""Where the demo world keeps its own names: the stop page, the canary, the contacts of networks."""


def read_reports(file: Path) -> list[dict[str, str]]:
    """Rows of a CSV file with the columns url,seen_at,comment. WorldError names the line that cannot be used."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened)
            if "url" not in (reader.fieldnames or []):
                raise WorldError(f"{file} has no column “url”: its first line must be url,seen_at,comment")
            rows = [dict(row) for row in reader]
    except (OSError, UnicodeDecodeError) as error:
        raise WorldError(f"{file} cannot be read: {error}") from error
    for number, row in enumerate(rows, 2):
        try:
            _hostable(row["url"] or "")
            seen = row.get("seen_at") or ""
            if seen.strip():
                datetime.fromisoformat(seen.strip())
        except (AddressError, NameRefused, ValueError, WorldError) as error:
            raise WorldError(f"{file}, line {number}: {error}") from error
    if not 1 <= len(rows) <= MOST_REPORTS:
        raise WorldError(f"{file} has {len(rows)} reports; the demo takes 1 to {MOST_REPORTS}")
    return rows


def not_reported(rows: list[dict[str, str]], database: str) -> list[dict[str, str]]:
    """The rows whose content Mamori does not know yet. `database`: its address."""
    wanted = {canonicalize(row["url"]).url for row in rows}
    with psycopg.connect(database, autocommit=True) as connection:
        found = connection.execute("SELECT url FROM assessment_contentitem WHERE url = ANY(%s)", [list(wanted)])
        known = {url for (url,) in found.fetchall()}
    return [row for row in rows if canonicalize(row["url"]).url not in known]


def _hostable(url: str) -> None:
    """Refuse an address that the demo world cannot host, or that cannot be listed."""
    address = canonicalize(url)
    if not address.host.endswith(".example"):
        raise WorldError(f"{address.host} is not under .example; a demo touches no stranger")
    if any(f".{address.host}".endswith(f".{taken}") for taken in TAKEN):
        raise WorldError(f"{address.host} is a name of the demo world itself")
    if address.port not in {None, 80, 443}:
        raise WorldError(f"port {address.port}: sites of the demo world are served on 80 and 443 only")
    listable_name(address.host)
