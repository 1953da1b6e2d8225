"""Records of a VICS file (`mamori.engine.vics`). Categories are read by the profile of a country."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from mamori.engine.vics import NotVics, Reader
from mamori.lists.fingerprints.formats.records import (
    Bad,
    NotThisFormat,
    Record,
    Value,
    Wrong,
    day,
    digest,
    kind,
    photodna,
    reference,
)
from mamori.lists.fingerprints.states import Algorithm

_NAMES = {
    "MD5": Algorithm.MD5,
    "SHA1": Algorithm.SHA1,
    "SHA-1": Algorithm.SHA1,
    "SHA256": Algorithm.SHA256,
    "SHA-256": Algorithm.SHA256,
    "PDQ": Algorithm.PDQ,
}
_LISTS = ("AlternativeHashes", "Hashes", "MediaHashes")


def read_vics(stream: BinaryIO, profile: str) -> Iterator[Record | Bad]:
    """Records of a VICS file by a country's profile. NotThisFormat when no list is in it.

    A file that ends before its list does says so in a last bad record: nobody knows how many are missing.
    """
    reader, number = Reader(stream), 0
    try:
        for number, found in enumerate(reader.elements(), 1):
            at = f"record {number}"
            if not isinstance(found, dict):
                yield Bad(at, "bad_json")
                continue
            try:
                yield _record(at, found, f"vics:{profile}")
            except Wrong as error:
                yield Bad(at, str(error))
    except NotVics as error:
        raise NotThisFormat from error
    if not reader.whole:
        yield Bad(f"record {number + 1}", "cut_off")


def _record(at: str, found: dict[str, Any], scale: str) -> Record:
    values = [
        value
        for value in (
            digest(Algorithm.MD5, found.get("MD5")),
            digest(Algorithm.SHA1, found.get("SHA1")),
            digest(Algorithm.SHA256, found.get("SHA256")),
            photodna(found.get("PhotoDNA")),
            *_alternatives(found),
        )
        if value is not None
    ]
    category = found.get("Category")
    category = 0 if category is None else category
    if isinstance(category, bool) or not isinstance(category, int | str):
        raise Wrong("bad_category")
    unique = {(value.algorithm, value.value): value for value in values}
    return Record(
        at,
        reference(values),
        kind(found.get("MimeType") or found.get("MediaType")),
        scale,
        str(category).strip(),
        tuple(unique.values()),
        day(found.get("DateUpdated")),
    )


def _alternatives(found: dict[str, Any]) -> Iterator[Value | None]:
    for name in _LISTS:
        others = found.get(name) or []
        if not isinstance(others, list) or not all(isinstance(each, dict) for each in others):
            raise Wrong("bad_json")
        for each in others:
            named = str(each.get("HashName", "")).upper().strip()
            if named == "PHOTODNA":
                yield photodna(each.get("HashValue"))
            elif named in _NAMES:
                yield digest(_NAMES[named], each.get("HashValue"))
