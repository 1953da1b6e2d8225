"""What a provider asks about and what it is told: files by their fingerprints, never a file."""

from dataclasses import dataclass, field
from typing import Literal

from mamori.engine.similar import LEAST_QUALITY

Kind = Literal["same", "similar"]
MOST = 10_000  # fingerprints in one request
LENGTHS = {"pdq": 32, "md5": 16, "sha1": 20, "sha256": 32}  # bytes of each algorithm that is matched
DIGESTS = ("md5", "sha1", "sha256")


def is_matched(algorithm: str, quality: int | None) -> bool:
    """Whether a value of the bank is matched, and so handed to those who match themselves."""
    return algorithm != "pdq" or quality is None or quality >= LEAST_QUALITY


@dataclass(slots=True)
class Item:
    """One file: `pdq` (32 bytes) with its quality 0 to 100 (None: not known, then it is matched), and digests by name.

    `file`: a number that items of one file share, such as the frames of a video; None for an item that is a file.
    """

    pdq: bytes | None = None
    quality: int | None = None
    digests: dict[str, bytes] = field(default_factory=dict)
    file: int | None = None

    @property
    def fingerprints(self) -> int:
        return (self.pdq is not None) + len(self.digests)

    @property
    def too_plain(self) -> bool:
        return self.pdq is not None and self.quality is not None and self.quality < LEAST_QUALITY


@dataclass(frozen=True, slots=True)
class Match:
    """An entry of the bank. `distance`: of the nearest PDQ fingerprint, None where only digests agree.

    `harmless`: the digest stands on the list of known harmless files as well, so the entry itself is in doubt.
    """

    entry: int
    kind: Kind
    distance: int | None
    algorithms: tuple[str, ...]
    classification: str
    source: str
    media: str
    disputed: bool
    harmless: bool = False


@dataclass(slots=True)
class Told:
    """What is told of one file. `too_plain`: its PDQ was not compared; `harmless`: similar entries were left out."""

    matches: list[Match] = field(default_factory=list)
    too_plain: bool = False
    harmless: bool = False


@dataclass(frozen=True, slots=True)
class FileTold:
    """What a file that was asked about in several items, such as the frames of a video, has of one entry.

    `match`: "same" (a digest is equal), "similar" (the entry is a video too, and enough of its frames are in the file,
    as vPDQ's published rule says) or "frame" (a frame of the file is similar). `percent`: of the file's distinct PDQ
    values, those like the entry. `known`, `known_percent`: the entry's distinct frames, and the share of them that is
    in the file; None where the entry is a picture.
    """

    file: int
    entry: int
    match: Literal["same", "similar", "frame"]
    percent: float
    known: int | None
    known_percent: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """`version`: number of the last change of the bank in the index; `age`: seconds since it was last known complete."""

    version: int
    age: int
    told: list[Told]
    files: list[FileTold] = field(default_factory=list)
