"""How this part says no."""

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
