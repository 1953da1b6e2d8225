"""How this part says no, and what it allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mamori.engine.refused import Refused


@dataclass(frozen=True, slots=True)
class Digests:
    """MD5 (16 bytes), SHA-1 (20) and SHA-256 (32) of a file's bytes, and how many bytes there are."""

    md5: bytes
    sha1: bytes
    sha256: bytes
    size: int


class ImageError(Refused):
    """A file without a perceptual fingerprint. `digests`: of its bytes, where they were read before it was refused."""

    reasons: ClassVar[dict[str, tuple[str, str]]] = {
        "not_an_image": (
            "This is no picture in a format that is read.",
            "Give JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC.",
        ),
        "not_a_video": ("This is no video in a format that is read.", "Give a file with a video track."),
        "damaged": ("The file is damaged: it cannot be decoded.", "Compare its exact digests."),
        "truncated": ("The file ends too early.", "Compare its exact digests."),
        "unsupported_pixels": ("Its pixels are of a kind that is not defined here.", "Convert it to 8 or 16 bits."),
        "too_many_pixels": ("It has more pixels than allowed.", "Raise the limit of pixels, or compare exact digests."),
        "too_many_bytes": ("The file is larger than allowed.", "Raise the limit of bytes, or compare exact digests."),
        "too_long": ("The video is longer than allowed.", "Raise the limit of seconds, or compare exact digests."),
        "memory_exceeded": (
            "Decoding it needs more memory than allowed.",
            "Raise the limit, or compare exact digests.",
        ),
        "time_exceeded": ("Decoding it takes longer than allowed.", "Raise the limit, or compare exact digests."),
        "decoder_died": (
            "The decoder ended while it read the file.",
            "Compare its exact digests, and report the fault.",
        ),
        "not_readable": ("The file cannot be read.", "Check that it is there, a plain file, and readable."),
    }

    def __init__(self, code: str, digests: Digests | None = None) -> None:
        super().__init__(code)
        self.digests = digests


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost.

    `pixels`: width times height; fewer where a format's decoder would need more than `memory`. `scaled_pixels`: the
    same for a baseline JPEG that is decoded at 1/2 or 1/4. `file_bytes`: of a picture; a video is never held whole.
    `memory`, `video_memory`: bytes a decoder child may hold. `seconds`: its processor time for one picture;
    `video_seconds`: for one video; it may wait `patience` times as long on a busy machine. `duration`: seconds of video
    that are read.
    """

    pixels: int = 40_000_000
    scaled_pixels: int = 300_000_000
    file_bytes: int = 64 * 2**20
    memory: int = 256 * 2**20
    video_memory: int = 512 * 2**20
    seconds: int = 5
    video_seconds: int = 600
    patience: int = 4
    duration: int = 4 * 3600
