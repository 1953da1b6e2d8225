"""ICSE's list: a CSV with `;` between fields and a header (sepinf-inc/IPED, HashDBTool.java, reads the same)."""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import BinaryIO

from mamori.lists.fingerprints.formats.records import (
    Bad,
    NotThisFormat,
    Record,
    Wrong,
    digest,
    kind,
    photodna,
    reference,
)
from mamori.lists.fingerprints.states import Algorithm

HEADER = (
    "MD5",
    "SHA1",
    "PhotoDNA",
    "Image ID",
    "Is distributed",
    "Victim identified",
    "Offender identified",
    "Series name",
    "Number of submissions",
    "File Available",
    "Media Type",
    "Baseline",
)
_YES = {"1", "true", "yes", "y"}
MOST_LINE = 100_000


def read_icse(stream: BinaryIO) -> Iterator[Record | Bad]:
    """Records of the list; lines that follow each other with one Image ID and one class are one record.

    NotThisFormat when the header is not there.
    """
    held: Record | None = None
    for found in _records(stream):
        if held is not None and isinstance(found, Record) and _is_of(found, held):
            held = replace(held, values=tuple(dict.fromkeys((*held.values, *found.values))))
            continue
        if held is not None:
            yield held
        held = found if isinstance(found, Record) else None
        if held is None:
            yield found
    if held is not None:
        yield held


def _is_of(line: Record, held: Record) -> bool:
    return line.ref.startswith("icse:") and (line.ref, line.media, line.code) == (held.ref, held.media, held.code)


def _records(stream: BinaryIO) -> Iterator[Record | Bad]:
    lines = _text(stream)
    header = [name.strip() for name in next(csv.reader([next(lines, "")], delimiter=";"), [])]
    if not {"MD5", "SHA1"} & set(header):
        raise NotThisFormat
    reader = csv.reader(lines, delimiter=";", strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Bad(f"line {reader.line_num + 1}", "bad_line")
            continue
        if not row:
            continue
        at = f"line {reader.line_num + 1}"
        if len(row) != len(header):
            yield Bad(at, "bad_line")
            continue
        try:
            yield _record(at, dict(zip(header, (field.strip() for field in row), strict=True)))
        except Wrong as error:
            yield Bad(at, str(error))


def _record(at: str, row: dict[str, str]) -> Record:
    given = [
        digest(Algorithm.MD5, row.get("MD5")),
        digest(Algorithm.SHA1, row.get("SHA1")),
        photodna(row.get("PhotoDNA")),
    ]
    values = [value for value in given if value is not None]
    if not values:
        raise Wrong("no_digest")
    own = row.get("Image ID", "")[:60]
    code = "BA" if row.get("Baseline", "").lower() in _YES else "NA"
    ref = f"icse:{own}" if own else reference(values)
    return Record(at, ref, kind(row.get("Media Type")), "iccam", code, tuple(values))


def _text(stream: BinaryIO) -> Iterator[str]:
    """Lines of UTF-8 text, with or without a mark; a byte that is not UTF-8 spoils its own line only."""
    first = stream.readline(MOST_LINE)
    first = first.removeprefix(codecs.BOM_UTF8)
    for line in chain([first], iter(lambda: stream.readline(MOST_LINE), b"")):
        yield line.decode("utf-8", "replace")
