"""What a line or an element of a file becomes: a record for the bank, or the place and reason of a bad one."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import date, datetime

from mamori.lists.fingerprints.states import LENGTHS, Algorithm, Media

_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")  # what PostgreSQL stores in no text: NUL and lone surrogates


@dataclass(frozen=True, slots=True)
class Value:
    algorithm: str
    value: bytes
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """`ref`: the source's reference of it; `code`: its class on the file's own scale. Wrong where these are no text."""

    at: str
    ref: str
    media: str
    scale: str
    code: str
    values: tuple[Value, ...]
    taken_on: date | None = None

    def __post_init__(self) -> None:
        if any(_NO_TEXT.search(text) for text in (self.ref, self.code)):
            raise Wrong("bad_text")


@dataclass(frozen=True, slots=True)
class Bad:
    """A record kept out. `at`: "line 12" or "record 12"; `code`: why, a word of `looks`."""

    at: str
    code: str


class Wrong(ValueError):
    """Raised with a code (a word of `looks`) where a value is not right."""


class NotThisFormat(ValueError):
    """The whole file is not what it was said to be."""


def digest(algorithm: Algorithm, text: object) -> Value | None:
    """A digest from hexadecimal text of either case; None where the field is empty. Wrong when it is not one."""
    if text is None or text == "":
        return None
    try:
        value = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        raise Wrong(f"bad_{algorithm}") from None
    if len(value) != LENGTHS[algorithm]:
        raise Wrong(f"bad_{algorithm}")
    return Value(str(algorithm), value)


def photodna(text: object) -> Value | None:
    """An opaque PhotoDNA value: 144 bytes as 192 characters of base64 or 288 of hexadecimal."""
    if text is None or text == "":
        return None
    try:
        if not isinstance(text, str):
            raise Wrong("bad_photodna")
        value = bytes.fromhex(text) if len(text) == 288 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise Wrong("bad_photodna") from None
    if len(value) != LENGTHS[Algorithm.PHOTODNA]:
        raise Wrong("bad_photodna")
    return Value(str(Algorithm.PHOTODNA), value)


def reference(values: list[Value]) -> str:
    """A reference for a record that has none of its own: its first exact digest, else its first value."""
    for algorithm in (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256, Algorithm.PDQ):
        for value in values:
            if value.algorithm == algorithm:
                return f"{algorithm}:{value.value.hex()}"
    raise Wrong("no_digest")


def kind(text: object) -> str:
    """image or video, of a MIME type or a word; an image when nothing is said."""
    said = str(text or "").lower()
    return str(Media.VIDEO if said.startswith(("video", "movie")) else Media.IMAGE)


def day(text: object) -> date | None:
    """The day of an ISO 8601 moment; None where it is not one: a date alone keeps no record out."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text.strip()).date()
    except ValueError:
        return None
