"""Videos: PDQ of frames taken by time, and how much of two videos is alike.

Source: vPDQ's published description (a frame each second, its PDQ, quality and time; a video is a bag of such frames;
shares of distinct frames of each side within a distance of one of the other side). As in its reference, frames are
taken as they are coded: a turn noted beside the picture is not applied.

PyAV (FFmpeg) opens only the containers named here and nothing that a file points to. Decoding is in this process:
`video_fingerprint_safely` and `Decoder` run it in a child.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mamori.engine.images import pdq
from mamori.engine.images.errors import Digests, ImageError
from mamori.engine.images.files import Source, digest_file, plain_file, read
from mamori.engine.limits import Limits

DISTANCE, QUALITY = 31, 50  # as vPDQ is published
# Containers of one file. Playlists, concatenations and devices are not among them.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,h264,hevc,m4v,gif,ivf,rm,dv"
_FAULTY_PACKETS = 1000
_OPTIONS = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none", "probesize": "5000000"}


@dataclass(frozen=True, slots=True)
class Frame:
    """`pdq`: 32 bytes. `quality`: 0 to 100. `at_seconds`: from the first frame."""

    pdq: bytes
    quality: int
    at_seconds: float


@dataclass(frozen=True, slots=True)
class VideoFingerprint:
    """`seconds`: from the first frame to the last."""

    md5: bytes
    sha1: bytes
    sha256: bytes
    seconds: float
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class VideoMatch:
    """Percent of the distinct frames of each side, of enough quality, that have one like them on the other side."""

    query_percent: float
    compared_percent: float

    def reaches(self, *, query: float = 0.0, compared: float = 80.0) -> bool:
        """The published rule: enough of the known video is in the one asked about; what else it holds counts by `query`."""
        return self.compared_percent >= compared and self.query_percent >= query


def video_fingerprint(source: Source, *, interval: float = 1.0, limits: Limits = Limits()) -> VideoFingerprint:  # noqa: B008
    """The first frame, and the first one at or after each `interval` seconds. `source`: a path or bytes.

    ImageError, with the exact digests where the file could be read.
    """
    if isinstance(source, bytes):
        data, digests = read(source, max(1, len(source)))
        return fingerprint_open(io.BytesIO(data), digests, interval=interval, limits=limits)
    with plain_file(source) as file:
        digests = digest_file(file)
        file.seek(0)
        return fingerprint_open(file, digests, interval=interval, limits=limits)


def fingerprint_open(file: BinaryIO, digests: Digests, *, interval: float, limits: Limits) -> VideoFingerprint:
    """The same of an open file whose digests are known."""
    try:
        frames, seconds = _sampled(file, interval, limits)
    except ImageError as error:
        raise ImageError(error.code, digests) from None
    except MemoryError:
        raise ImageError("memory_exceeded", digests) from None
    return VideoFingerprint(digests.md5, digests.sha1, digests.sha256, seconds, frames)


def video_match(
    query: Sequence[Frame], compared: Sequence[Frame], *, distance: int = DISTANCE, quality: int = QUALITY
) -> VideoMatch:
    """Shares of frames as vPDQ counts them; 0 on both sides when either has no frame of that quality."""
    asked, known = _distinct(query, quality), _distinct(compared, quality)
    if not len(asked) or not len(known):
        return VideoMatch(0.0, 0.0)
    found, met = 0, np.zeros(len(known), bool)
    for one in asked:
        near = np.bitwise_count(known ^ one).sum(axis=1) <= distance
        found += bool(near.any())
        met |= near
    return VideoMatch(100.0 * found / len(asked), 100.0 * int(met.sum()) / len(known))


def feature_list(frames: Sequence[Frame]) -> list[str]:
    """As vPDQ's Python clients exchange them: "<64 hexadecimal digits>,<quality>,<seconds>" each."""
    return [f"{frame.pdq.hex()},{frame.quality},{frame.at_seconds:.3f}" for frame in frames]


def _distinct(frames: Sequence[Frame], quality: int) -> NDArray[np.uint64]:
    """Shape (n, 4). The first of equal frames speaks for all: its quality decides."""
    first: dict[bytes, int] = {}
    for frame in frames:
        first.setdefault(frame.pdq, frame.quality)
    kept = b"".join(value for value, seen in first.items() if seen >= quality)
    return np.frombuffer(kept, np.uint64).reshape(-1, 4)


def _sampled(file: BinaryIO, interval: float, limits: Limits) -> tuple[tuple[Frame, ...], float]:
    import av  # noqa: PLC0415 - FFmpeg's libraries, only where a video is read

    try:
        container = av.open(file, options=_OPTIONS, metadata_errors="ignore")
    except (av.FFmpegError, ValueError, OSError):
        raise ImageError("not_a_video") from None
    with container:
        stream = next((one for one in container.streams.video if one.codec_context is not None), None)
        if stream is None:  # none, or none that FFmpeg has a decoder for
            raise ImageError("not_a_video")
        stream.codec_context.thread_count = 1
        if stream.codec_context.width * stream.codec_context.height > limits.pixels:
            raise ImageError("too_many_pixels")
        frames: list[Frame] = []
        begun: float | None = None
        seconds, due, rate = 0.0, 0.0, float(stream.average_rate or 25)
        for number, picture in enumerate(_pictures(container, stream)):
            time = picture.time if picture.time is not None else number / rate
            begun = time if begun is None else begun
            seconds = max(seconds, time - begun)
            if seconds > limits.duration:
                raise ImageError("too_long")
            if time - begun + 1e-6 < due:
                continue
            due = (int((time - begun + 1e-6) / interval) + 1) * interval
            if picture.width * picture.height > limits.pixels:
                raise ImageError("too_many_pixels")
            if min(picture.width, picture.height) >= pdq.LEAST:
                frames.append(_hashed(picture, time - begun))
        if begun is None:
            raise ImageError("damaged")
        return tuple(frames), seconds


def _pictures(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames; a packet with a fault is left out, as players do, up to a limit."""
    import av  # noqa: PLC0415

    faults = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            yield from packet.decode()
        except (av.FFmpegError, ValueError):
            faults += 1
            if faults > _FAULTY_PACKETS:
                return


def _hashed(picture: Any, at: float) -> Frame:
    try:
        plane = picture.to_ndarray(format="gray")
    except ValueError:
        raise ImageError("unsupported_pixels") from None
    height, width = plane.shape
    buffer = pdq.points(lambda first, last: plane[first:last], height, width)
    return Frame(pdq.bits(pdq.frequencies(buffer)), pdq.quality(buffer), at)
