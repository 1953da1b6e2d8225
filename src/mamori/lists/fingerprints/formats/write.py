"""The same files, written: pieces of bytes for a stream.

An entry may hold many values of one kind. A plain list has a line for each. A VICS record and an ICSE line have one
field for MD5, one for SHA-1: the first of each stand in the first, and each further one in a record or line of its own
with the same MediaID or Image ID. A PDQ value too plain to be matched is written nowhere.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from mamori.engine.similar import LEAST_QUALITY
from mamori.lists.fingerprints.codes import told
from mamori.lists.fingerprints.formats import Format
from mamori.lists.fingerprints.formats.icse import HEADER
from mamori.lists.fingerprints.formats.records import Value
from mamori.lists.fingerprints.states import Algorithm, Media

_CONTEXT = {
    Format.VICS_2: '"@odata.context":"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/{}/$metadata#Media"',
    Format.VICS_1: '"odata.metadata":"http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media"',
}
_PROFILES = {"us": "US", "uk": "UK", "ca": "Canada", "icse": "Default"}


_NAMED = (("SHA256", Algorithm.SHA256), ("PDQ", Algorithm.PDQ))


@dataclass(frozen=True, slots=True)
class Written:
    """An entry to write: its values, and its classes."""

    number: int
    media: str
    classification: str
    scale: str
    stated: str
    changed_at: datetime
    values: tuple[Value, ...]

    def of(self, algorithm: Algorithm) -> list[Value]:
        """Its values of this kind that are handed out, in their order."""
        return [
            each
            for each in self.values
            if each.algorithm == algorithm and (each.quality is None or each.quality >= LEAST_QUALITY)
        ]


def write(entries: Iterable[Written], form: Format, *, profile: str = "us") -> Iterator[bytes]:
    """The file of the entries that have what the format needs."""
    if form in _CONTEXT:
        yield from _vics(entries, form, profile)
    elif form == Format.ICSE:
        yield from _icse(entries)
    else:
        yield from _lines(entries, Algorithm(str(form)))


def _vics(entries: Iterable[Written], form: Format, profile: str) -> Iterator[bytes]:
    yield ("{" + _CONTEXT[form].format(_PROFILES[profile]) + ',"value":[').encode()
    between = b""
    for entry in entries:
        scale = f"vics:{profile}"
        code = told(scale, entry.classification, stated_scale=entry.scale, stated=entry.stated)
        about = {
            "MediaID": entry.number,
            "Category": int(code or 0),
            "DateUpdated": entry.changed_at.isoformat(timespec="seconds"),
            "IsPrecategorized": bool(code),
            "MimeType": "video/*" if entry.media == Media.VIDEO else "image/*",
        }
        first_photodna, *photodna = [_base64(each) for each in entry.of(Algorithm.PHOTODNA)] or [""]
        others = [{"HashName": name, "HashValue": each.value.hex()} for name, of in _NAMED for each in entry.of(of)]
        others += [{"HashName": "PhotoDNA", "HashValue": each} for each in photodna]
        for place, (md5, sha1) in enumerate(_digests(entry)):
            record: dict[str, object] = {**about, **{name: d for name, d in (("MD5", md5), ("SHA1", sha1)) if d}}
            if place == 0 and first_photodna:
                record["PhotoDNA"] = first_photodna
            if place == 0 and others:
                record["AlternativeHashes"] = others
            yield between + json.dumps(record, separators=(",", ":")).encode()
            between = b",\n"
    yield b"]}\n"


def _icse(entries: Iterable[Written]) -> Iterator[bytes]:
    yield (";".join(HEADER) + "\n").encode()
    for entry in entries:
        digests = list(_digests(entry))
        photodna = [_base64(each) for each in entry.of(Algorithm.PHOTODNA)]
        lines = [(*each, photodna[0] if photodna and place == 0 else "") for place, each in enumerate(digests)]
        lines += [(*digests[0], each) for each in photodna[1:] if digests]
        baseline = told("iccam", entry.classification, stated_scale=entry.scale, stated=entry.stated) == "BA"
        kind = "Video" if entry.media == Media.VIDEO else "Image"
        for line in lines:
            row = [*line, str(entry.number), *[""] * 6, kind, "1" if baseline else "0"]
            yield (";".join(row) + "\n").encode()


def _digests(entry: Written) -> Iterator[tuple[str, str]]:
    """(MD5, SHA-1) in capital digits: the first of each together, each further one alone; nothing where it has neither."""
    md5, sha1 = ([each.value.hex().upper() for each in entry.of(of)] for of in (Algorithm.MD5, Algorithm.SHA1))
    if md5 or sha1:
        yield (md5 or [""])[0], (sha1 or [""])[0]
        yield from ((each, "") for each in md5[1:])
        yield from (("", each) for each in sha1[1:])


def _base64(value: Value) -> str:
    return base64.b64encode(value.value).decode()


def _lines(entries: Iterable[Written], algorithm: Algorithm) -> Iterator[bytes]:
    for entry in entries:
        for each in entry.of(algorithm):
            yield (each.value.hex() + ("" if each.quality is None else f",{each.quality}") + "\n").encode()
