"""Reports from a CSV file: good lines are kept, bad ones named, and the same file twice adds nothing."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _text
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import AddressError, canonicalize
from mamori.ground import audit, clock
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.hotline.intake.models import Report
from mamori.hotline.intake.permissions import OPERATE
from mamori.hotline.intake.services.receive import MOST_TEXT
from mamori.hotline.intake.services.store import Entry, Told, write
from mamori.hotline.intake.states import Source

CHUNK = 1000
COLUMNS = ("url", "seen_at", "comment")
Progress = Callable[[int, int], None]


@dataclass
class ImportResult:
    """How many lines were kept, how many were there before, and which were refused: (line number, reason)."""

    kept: int = 0
    duplicates: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Row:
    told: Told
    comment: str


def reports_import(
    *, actor: Actor, path: Path, organisation_id: UUID | None = None, progress: Progress | None = None
) -> ImportResult:
    """Import a UTF-8 CSV file with the columns url, seen_at, comment (others are ignored). One transaction per 1,000 lines.

    `progress(bytes read, bytes in all)`. DomainError when the file cannot be read or has no such header.
    """
    actor.require(OPERATE)
    result = ImportResult()
    chunk: list[_Row] = []
    for row in _rows(path, organisation_id, result, progress):
        chunk.append(row)
        if len(chunk) >= CHUNK:
            _store(actor, organisation_id, chunk, result)
            chunk = []
    _store(actor, organisation_id, chunk, result)
    return result


@transaction.atomic
def _store(actor: Actor, organisation_id: UUID | None, chunk: list[_Row], result: ImportResult) -> None:
    if not chunk:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"intake:{organisation_id}"])
    names = [row.told.external_id for row in chunk]
    known = set(
        Report.objects.filter(organisation_id=organisation_id, external_id__in=names).values_list(
            "external_id", flat=True
        )
    )
    hour = clock.this_hour()
    new: list[Entry] = []
    for row in chunk:
        if row.told.external_id in known:
            continue
        known.add(row.told.external_id)
        new.append(
            Entry(source=Source.IMPORT, hour=hour, told=[row.told], text=row.comment, organisation_id=organisation_id)
        )
    write(new)
    audit.record("intake.imported", subject="intake:file", actor=actor, kept=len(new), duplicates=len(chunk) - len(new))
    result.kept += len(new)
    result.duplicates += len(chunk) - len(new)


def _rows(path: Path, organisation_id: UUID | None, result: ImportResult, progress: Progress | None) -> Iterator[_Row]:
    try:
        size, raw = path.stat().st_size, path.open("rb")
    except OSError as error:
        raise DomainError(
            "file_unreadable",
            _("The file %(path)s cannot be read: %(reason)s.") % {"path": path, "reason": error.strerror},
        ) from error
    with raw, io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        reader = csv.reader(text)
        place = _header(reader)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
                if any(cell.strip() for cell in cells):
                    yield _row(cells, place, organisation_id)
            except StopIteration:
                break
            except (csv.Error, ValueError) as error:
                result.refused.append((line, str(error)))
            if progress is not None and reader.line_num % 100 == 0:
                progress(raw.tell(), size)
        if progress is not None:
            progress(size, size)


def _header(reader: Iterator[list[str]]) -> dict[str, int]:
    try:
        names = [name.strip().lower() for name in next(reader)]
    except (StopIteration, csv.Error):
        names = []
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise DomainError(
            "csv_header",
            _("The first line must name the columns; missing: %(columns)s.") % {"columns": ", ".join(missing)},
            remedy=_("Begin the file with the line: url,seen_at,comment"),
            status=422,
        )
    return {name: names.index(name) for name in COLUMNS}


def _row(cells: list[str], place: dict[str, int], organisation_id: UUID | None) -> _Row:
    """Read one line. ValueError with the reason when it is not right."""
    if len(cells) <= max(place.values()):
        raise ValueError(_text("The line has too few columns."))
    url, seen_at, comment = (cells[place[name]].strip() for name in COLUMNS)
    if any("\udc80" <= letter <= "\udcff" for letter in url + seen_at + comment):
        raise ValueError(_text("The line is not in UTF-8."))
    try:
        address = canonicalize(url)
    except AddressError as error:
        raise ValueError(f"{_text(error.message)} {_text(error.remedy)}") from error
    if len(comment) > MOST_TEXT:
        raise ValueError(_text("The comment is longer than %(most)d characters.") % {"most": MOST_TEXT})
    seen_on = _day(seen_at)
    told = Told(address, url, seen_on, external_id=_name(organisation_id, address.url, seen_at, comment))
    return _Row(told, comment)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        moment = parse_datetime(text)
        found = moment.date() if moment else parse_date(text)
    except ValueError:
        found = None
    if found is None:
        raise ValueError(_text("“seen_at” is no day: write it like 2026-11-24 or 2026-11-24T10:00:00+09:00."))
    return found


def _name(organisation_id: UUID | None, *parts: str) -> str:
    """A keyed digest of the row: the same row has the same name, and nobody guesses the comment from it."""
    key = hashlib.sha256(settings.RECEIPT_PEPPER.encode()).digest()
    text = "\x00".join((str(organisation_id), *parts))
    return f"row:{hashlib.blake2b(text.encode(), digest_size=32, key=key).hexdigest()}"
