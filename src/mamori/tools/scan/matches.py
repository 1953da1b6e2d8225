"""What a look-up answers, from whichever bank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mamori.engine.similar import LEAST_QUALITY

DIGESTS = {"md5": 16, "sha1": 20, "sha256": 32}  # bytes of each
CONFIRM = "similar only: a person must confirm it before it is reported"
FRAME = "a frame of the video is similar, not the video: a person must look at it before anything is reported"


@dataclass(frozen=True, slots=True)
class Asked:
    """One file or one frame of a video: `pdq` (32 bytes, quality 50 or better) and digests by name.

    `frame`: of the same file as the one before it.
    """

    pdq: bytes | None
    quality: int
    digests: dict[str, bytes]
    frame: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a video is in an entry that is a video's list of frames, and of the entry in it, as vPDQ counts.

    `percent` of the distinct frames asked, `known_percent` of the entry's `known` ones. `similar`: the published rule
    holds.
    """

    percent: float
    known: int
    known_percent: float
    similar: bool


@dataclass(frozen=True, slots=True)
class Match:
    """An entry. `kind`: "same" (a digest is equal) or "similar" (PDQ within 31 bits, `distance` of the nearest).

    `share`: of the whole video that a frame is asked of, where the entry is a video's list of frames.
    """

    entry: str
    kind: str
    distance: int | None
    algorithms: tuple[str, ...] = ()
    classification: str = ""
    source: str = ""
    doubts: tuple[str, ...] = ()
    share: Share | None = None


class Bank(Protocol):
    """Where fingerprints are looked up."""

    def identity(self) -> str:
        """Changes when another bank is meant: part of the plan's fingerprint."""

    def name(self) -> str:
        """Where entries have their numbers from: stands in each match."""

    def describe(self) -> str:
        """One line for the person."""

    def look_up(self, asked: Sequence[Asked]) -> list[list[Match]]:
        """The matches of each, surest first. All of one file stands in one call."""


def files_of(asked: Sequence[Asked]) -> list[range]:
    """The places of each file: itself, and the frames that follow it."""
    begins = [n for n, one in enumerate(asked) if not one.frame or n == 0]
    return [range(begin, end) for begin, end in zip(begins, [*begins[1:], len(asked)], strict=True)]


def asked_of(told: dict[str, Any]) -> list[Asked]:
    """What to look up for a file: itself first, then the frames of a video. ValueError if a child told nonsense."""
    digests = {name: _value(told[name], length) for name, length in DIGESTS.items() if name in told}
    first = Asked(*_picture(told.get("pdq"), told.get("quality", 0)), digests)
    return [first, *(Asked(*_picture(pdq, quality), {}, frame=True) for pdq, quality, _at in told.get("frames", []))]


def _picture(pdq: str | None, quality: int) -> tuple[bytes | None, int]:
    quality = int(quality)
    return (_value(pdq, 32) if pdq and quality >= LEAST_QUALITY else None), quality


def _value(text: str, length: int) -> bytes:
    value = bytes.fromhex(text)
    if len(value) != length:
        raise ValueError("a fingerprint has another length")
    return value
