"""Read fingerprints of a bank from a file: plain text, VICS 2.0 and 1.3 JSON, ICSE CSV. A bad record is named and left out."""

from __future__ import annotations

import base64
import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from mamori.engine.similar import LEAST_QUALITY
from mamori.engine.vics import NotVics, Reader
from mamori.tools.scan.matches import DIGESTS
from mamori.tools.scan.purpose import ScanError

LENGTHS = {"pdq": 32, **DIGESTS}
_VPDQ = "vpdq"
_NAMES = {name: name for name in LENGTHS} | {"sha-1": "sha1", "sha-256": "sha256", "pdqhash": "pdq", _VPDQ: "pdq"}
VICS_ILLEGAL = {"us": {"1"}, "uk": {"1", "2", "3"}, "ca": {"1"}, "icse": {"1", "2"}}
"""Categories that stand for illegal material, by the profile of a country."""
_UNSORTED = {"", "0"}  # what nobody has sorted yet
_EXPORTED = re.compile(r"[0-9a-fA-F]{64},(?P<quality>[0-9]{1,3})")
_ICSE = {"MD5", "SHA1"}
_YES = {"1", "true", "yes", "y"}


@dataclass(slots=True)
class Listed:
    """What a file lists: (algorithm, value, entry, classification) each, and its bad records by line or number.

    `videos`: entries that are videos, so that their PDQ values are frames.
    """

    rows: list[tuple[str, bytes, str, str]] = field(default_factory=list)
    videos: set[str] = field(default_factory=set)
    bad: list[str] = field(default_factory=list)


def read_bank_file(path: Path, *, sixty_four: str = "", profile: str = "us") -> Listed:
    """Read it. ScanError where nothing in it can be used.

    `sixty_four`: what 64 bare digits are, pdq or sha256. `profile`: whose categories a VICS file has.
    """
    with path.open("rb") as raw:
        head = raw.read(512)
        if _begins_with_brace(head):
            raw.seek(0)
            return _used(path, _vics(raw, profile))
    with path.open(encoding="utf-8-sig", errors="replace") as opened:
        begin = opened.read(512).lstrip()
        opened.seek(0)
        is_icse = _ICSE & {name.strip() for name in begin.partition("\n")[0].split(";")}
        return _used(path, _icse(opened) if is_icse else _text(opened, sixty_four))


def _begins_with_brace(head: bytes) -> bool:
    """Whether a file is JSON of an object, in UTF-8 or UTF-16."""
    utf_16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return head[: len(head) // 2 * 2].decode("utf-16" if utf_16 else "utf-8-sig", "replace").lstrip()[:1] == "{"


def _used(path: Path, listed: Listed) -> Listed:
    if not listed.rows:
        raise ScanError(f"{path}: no fingerprint could be read; {listed.bad[0] if listed.bad else 'it is empty'}")
    return listed


def _text(opened: TextIO, sixty_four: str) -> Listed:
    """Each line: [pdq|vpdq|md5|sha1|sha256] DIGITS [entry [classification]], parted by blanks, commas or semicolons.

    vpdq: the PDQ value of a frame of the video that `entry` is; its lines together are the video's list of frames.

    A line DIGITS,NUMBER of PDQ alone is what the platform exports: the number is the quality, below 50 left out.
    """
    listed = Listed()
    for number, line in enumerate(opened, 1):
        words = line.replace(",", " ").replace(";", " ").split()
        if not words or words[0].startswith("#"):
            continue
        algorithm, frame = _NAMES.get(words[0].lower(), ""), words[0].lower() == _VPDQ
        if algorithm:
            words = words[1:]
        digits = words[0] if words else ""
        try:
            value = bytes.fromhex(digits)
        except ValueError:
            listed.bad.append(f"line {number}: no fingerprint in hexadecimal digits")
            continue
        fits = [algorithm] if algorithm else [name for name, length in LENGTHS.items() if length == len(value)]
        if len(fits) == 2:
            if not sixty_four:
                raise ScanError(
                    f"line {number} of the bank: 64 digits may be PDQ or SHA-256; say --bank-algorithm pdq or sha256, "
                    "or write the name before each"
                )
            fits = [sixty_four]
        if not fits or LENGTHS[fits[0]] != len(value):
            listed.bad.append(f"line {number}: {len(digits)} digits are no {algorithm or 'PDQ, MD5, SHA-1 or SHA-256'}")
            continue
        quality = _EXPORTED.fullmatch(line.strip()) if fits[0] == "pdq" else None
        if quality is not None:
            words.pop(1)
            if int(quality["quality"]) < LEAST_QUALITY:
                listed.bad.append(f"line {number}: its quality is below {LEAST_QUALITY}: too plain to be matched")
                continue
        entry, classification = [*words[1:3], "", ""][:2]
        listed.rows.append((fits[0], value, entry or f"line {number}", classification))
        if frame and entry:
            listed.videos.add(entry)
    return listed


def _icse(opened: TextIO) -> Listed:
    """A header, then a line for each file, parted by semicolons (as `mamori.lists.fingerprints.formats.icse` writes it)."""
    listed = Listed()
    header = [name.strip() for name in opened.readline().split(";")]
    reader = csv.reader(opened, delimiter=";")
    while True:
        try:
            fields = next(reader, None)
        except csv.Error:
            fields = ["a field that does not end"]
        if fields is None:
            return listed
        if not fields:
            continue
        row, line = dict(zip(header, fields, strict=False)), reader.line_num + 1
        values = [(name, _decoded(row.get(name.upper(), ""), LENGTHS[name])) for name in ("md5", "sha1")]
        good = [(name, value) for name, value in values if value]
        if not good or len(fields) != len(header):
            listed.bad.append(f"line {line}: no MD5 or SHA-1 value that can be read")
            continue
        baseline = row.get("Baseline", "").strip().lower() in _YES
        entry = row.get("Image ID", "").strip()[:200] or f"line {line}"
        listed.rows += [(name, value, entry, "ICSE baseline" if baseline else "ICSE") for name, value in good]


def _vics(opened: BinaryIO, profile: str) -> Listed:
    """Records of its list of media, or of the lists of its cases. ScanError where it ends before its list does.

    A record of category 0 or none, which nobody has sorted yet, and one of a category of nothing illegal are left out.
    """
    listed = Listed()
    reader, number = Reader(opened), 0
    try:
        for found in reader.elements():
            held = (
                found.get("Media") if isinstance(found, dict) else None
            )  # a case in a list that is not said to be of cases
            for media in held if isinstance(held, list) else [found]:
                number += 1
                _take(listed, number, media, profile)
    except NotVics as error:
        raise ScanError('this JSON is no VICS list: "value" does not stand at its begin') from error
    if not reader.whole:
        raise ScanError("the VICS list ends before its end: get the whole file, else known images would be missed")
    return listed


def _take(listed: Listed, number: int, media: Any, profile: str) -> None:
    if not isinstance(media, dict):
        listed.bad.append(f"record {number}: it is no JSON of a record")
        return
    category = "" if media.get("Category") is None else str(media["Category"]).strip()
    if category in _UNSORTED:
        listed.bad.append(
            f"record {number}: category 0 or none: nobody has sorted it yet; ask its source for a sorted list"
        )
        return
    if category not in VICS_ILLEGAL[profile]:
        listed.bad.append(f"record {number}: category {category[:20]} is nothing illegal in the profile {profile}")
        return
    good = [(name, value) for name, value in _values(media) if value]
    if not good:
        listed.bad.append(f"record {number}: no MD5, SHA-1, SHA-256 or PDQ value that can be read")
    entry = str(media.get("MediaID") or f"record {number}")[:200]
    listed.rows += [(name, value, entry, f"VICS {profile} {category}") for name, value in good]
    if str(media.get("MimeType") or media.get("MediaType") or "").lower().startswith(("video", "movie")):
        listed.videos.add(entry)


def _values(media: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    pairs = [(name, media.get(name.upper())) for name in LENGTHS]
    for key in ("AlternativeHashes", "Hashes"):
        others = media.get(key)
        dicts = [other for other in others if isinstance(other, dict)] if isinstance(others, list) else []
        pairs += [(_NAMES.get(str(each.get("HashName")).lower(), ""), each.get("HashValue")) for each in dicts]
    for name, text in pairs:
        if name and isinstance(text, str):
            yield name, _decoded(text, LENGTHS[name])


def _decoded(text: str, length: int) -> bytes:
    """Hexadecimal digits or base64; b"" where it is neither of this length."""
    for decode in (bytes.fromhex, base64.b64decode):
        try:
            value = decode(text)
        except ValueError:
            continue
        if len(value) == length:
            return value
    return b""
