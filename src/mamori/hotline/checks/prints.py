"""Coarse fingerprints of an answer, and what they say about content seen before. Nothing can be rebuilt from them."""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b, md5, sha1, sha256

from mamori.hotline.checks.states import Result

FIRST_BYTES = 1024 * 1024
MOST_TAGS = 20_000
SIMILAR_BITS = 6
_TAG = re.compile(rb"<([A-Za-z][A-Za-z0-9-]{0,20})")


@dataclass(frozen=True)
class FilePrint:
    """Exact digests of a whole image or video, and the PDQ value of an image that could be read (quality 0 to 100)."""

    md5: bytes
    sha1: bytes
    sha256: bytes
    pdq: bytes | None = None
    pdq_quality: int | None = None


@dataclass(frozen=True)
class Print:
    """SHA-256 of at most the first MiB, 64-bit similarity hash of its tags (None: no page), its coarse kind, and of a
    whole image or video the fingerprints others know it by.
    """

    fingerprint: bytes
    structure: bytes | None
    media: str
    file: FilePrint | None = None


def media_of(content_type: str) -> str:
    """page, image, video or other."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in {"text/html", "application/xhtml+xml"}:
        return "page"
    major = kind.partition("/")[0]
    return major if major in {"image", "video"} else "other"


def take(body: bytes, content_type: str, *, whole: bool = False) -> Print:
    """Fingerprints of an answer. `whole`: nothing of it is missing; else digests of the file are not known."""
    media = media_of(content_type)
    file = _file(body, media) if whole and media in {"image", "video"} else None
    return Print(sha256(body[:FIRST_BYTES]).digest(), _structure(body) if media == "page" else None, media, file)


def _file(body: bytes, media: str) -> FilePrint:
    """Lists of known files go by the old digests too. An image is decoded in a child process with limits."""
    pdq = quality = None
    if media == "image":
        from mamori.engine.images import (  # noqa: PLC0415 - faces that never look load no decoder
            ImageError,
            fingerprint_safely,
        )

        with suppress(ImageError):
            seen = fingerprint_safely(body)
            pdq, quality = seen.pdq, seen.pdq_quality if seen.pdq is not None else None
    return FilePrint(
        md5(body, usedforsecurity=False).digest(),
        sha1(body, usedforsecurity=False).digest(),
        sha256(body).digest(),
        pdq,
        quality,
    )


def classify(seen: Print, known: Print | None, *, gone: frozenset[bytes], sent_home: bool) -> Result:
    """What an answer of 200 means beside what was `known` to be the content.

    `gone`: fingerprints a person looked at and found to hold nothing any more. `sent_home`: a deep address now leads
    to the site's front page. Without a known print the first answer is taken for the content.
    """
    if seen.fingerprint in gone:
        return Result.PAGE_UP_MEDIA_GONE
    if known is None or seen.fingerprint == known.fingerprint:
        return Result.ONLINE_SAME
    if sent_home or (known.media in {"image", "video"} and seen.media == "page"):
        return Result.PAGE_UP_MEDIA_GONE
    if known.structure is not None and seen.structure is not None and _distance(known, seen) <= SIMILAR_BITS:
        return Result.ONLINE_SIMILAR
    return Result.ONLINE_CHANGED


def _distance(one: Print, other: Print) -> int:
    return (int.from_bytes(one.structure or b"") ^ int.from_bytes(other.structure or b"")).bit_count()


def _structure(body: bytes) -> bytes:
    """Similarity hash (Charikar) of the page's runs of three tags."""
    tags = [tag.lower() for tag in _TAG.findall(body)[:MOST_TAGS]]
    runs = Counter(b" ".join(tags[i : i + 3]) for i in range(max(1, len(tags) - 2)))
    weights = [0] * 64
    for run, times in runs.items():
        bits = int.from_bytes(blake2b(run, digest_size=8).digest())
        for bit in range(64):
            weights[bit] += times if bits >> bit & 1 else -times
    return sum(1 << bit for bit in range(64) if weights[bit] > 0).to_bytes(8)
