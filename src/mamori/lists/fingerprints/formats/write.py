"""The same files, written: pieces of bytes for a stream."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from mamori.engine.similar import LEAST_QUALITY
from mamori.lists.fingerprints.codes import told
from mamori.lists.fingerprints.formats import Format
from mamori.lists.fingerprints.formats.icse import HEADER
from mamori.lists.fingerprints.states import Algorithm, Media

_CONTEXT = {
    Format.VICS_2: '"@odata.context":"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/{}/$metadata#Media"',
    Format.VICS_1: '"odata.metadata":"http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media"',
}
_PROFILES = {"us": "US", "uk": "UK", "ca": "Canada", "icse": "Default"}


@dataclass(frozen=True, slots=True)
class Written:
    """An entry to write: values by algorithm, and its classes."""

    number: int
    media: str
    classification: str
    scale: str
    stated: str
    changed_at: datetime
    values: dict[str, bytes]
    quality: int | None


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
        if not {"md5", "sha1"} & set(entry.values):
            continue
        scale = f"vics:{profile}"
        code = told(scale, entry.classification, stated_scale=entry.scale, stated=entry.stated)
        record = {
            "MediaID": entry.number,
            "Category": int(code or 0),
            "DateUpdated": entry.changed_at.isoformat(timespec="seconds"),
            "IsPrecategorized": bool(code),
            "MimeType": "video/*" if entry.media == Media.VIDEO else "image/*",
        }
        for name, algorithm in (("MD5", "md5"), ("SHA1", "sha1")):
            if algorithm in entry.values:
                record[name] = entry.values[algorithm].hex().upper()
        if Algorithm.PHOTODNA in entry.values:
            record["PhotoDNA"] = base64.b64encode(entry.values[Algorithm.PHOTODNA]).decode()
        others = [
            {"HashName": name, "HashValue": entry.values[algorithm].hex()}
            for name, algorithm in (("SHA256", "sha256"), ("PDQ", "pdq"))
            if algorithm in entry.values
        ]
        if others:
            record["AlternativeHashes"] = others
        yield between + json.dumps(record, separators=(",", ":")).encode()
        between = b",\n"
    yield b"]}\n"


def _icse(entries: Iterable[Written]) -> Iterator[bytes]:
    yield (";".join(HEADER) + "\n").encode()
    for entry in entries:
        if not {"md5", "sha1"} & set(entry.values):
            continue
        photodna = entry.values.get("photodna", b"")
        row = [
            entry.values.get("md5", b"").hex().upper(),
            entry.values.get("sha1", b"").hex().upper(),
            base64.b64encode(photodna).decode(),
            str(entry.number),
            *[""] * 6,
            "Video" if entry.media == Media.VIDEO else "Image",
            "1" if told("iccam", entry.classification, stated_scale=entry.scale, stated=entry.stated) == "BA" else "0",
        ]
        yield (";".join(row) + "\n").encode()


def _lines(entries: Iterable[Written], algorithm: Algorithm) -> Iterator[bytes]:
    for entry in entries:
        value = entry.values.get(str(algorithm))
        low = entry.quality is not None and entry.quality < LEAST_QUALITY
        if value is None or (algorithm == Algorithm.PDQ and low):
            continue
        quality = f",{entry.quality}" if algorithm == Algorithm.PDQ and entry.quality is not None else ""
        yield f"{value.hex()}{quality}\n".encode()
