"""JPEG: what its header says, and its luma, decoded no larger than the fingerprint needs.

Source: ITU-T T.81 (markers), JFIF 1.02 and Adobe's APP14 (which colours the components are), Exif 2.3 (orientation).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import simplejpeg

from mamori.engine.images.errors import ImageError
from mamori.engine.images.pdq import Bytes
from mamori.engine.limits import Limits

_SOI, _EOI, _SOS, _APP0, _APP1, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
_PASSED = {0x00, 0xFF, 0x01, _SOI, *range(0xD0, 0xD8)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_TOLD = {_APP0, _APP1, _APP14, *_FRAMES}
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_ORIENTATION = 0x0112
_SHORT = 3

# Shorter side in pixels from which a picture is decoded at 1/scale. With fewer samples than 500 a side fine lines and
# stripes move the fingerprint by more than 6 bits, measured on drawings; photographs move by 2 or less.
SCALES = ((2000, 4), (1000, 2))


@dataclass(frozen=True, slots=True)
class Header:
    """`luma`: its first component is what the reference computes from red, green and blue, within rounding."""

    height: int
    width: int
    luma: bool
    progressive: bool
    coefficients: int
    orientation: int

    @property
    def scales(self) -> tuple[int, ...]:
        """What to decode it at, the quickest first: samples stand for blocks of 4, 2 or 1 pixels a side."""
        part = next((scale for least, scale in SCALES if min(self.height, self.width) >= least), 1)
        return (1,) if part == 1 else (part, 1)


def is_jpeg(data: bytes) -> bool:
    return data[:3] == b"\xff\xd8\xff"


def header(data: bytes) -> Header:
    """Everything before the first scan. ImageError `truncated` or `damaged` when there is no whole frame header."""
    orientation, adobe, jfif = 1, None, False
    frame: tuple[int, bytes] | None = None
    for marker, body in _segments(data):
        if marker == _APP0 and body[:5] == b"JFIF\0":
            jfif = True
        elif marker == _APP1 and body[:6] == b"Exif\0\0":
            orientation = _orientation(body[6:])
        elif marker == _APP14 and body[:5] == b"Adobe" and len(body) >= 12:
            adobe = body[11]
        elif marker in _FRAMES and frame is None:
            frame = marker, body
    if frame is None:
        raise ImageError("damaged")
    kind, body = frame
    if len(body) < 6 or len(body) < 6 + 3 * body[5] or not body[5]:
        raise ImageError("damaged")
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    if not height or not width:
        raise ImageError("damaged")
    named = [body[6 + 3 * number] for number in range(components)]
    samplings = [body[7 + 3 * number] for number in range(components)]
    return Header(
        height=height,
        width=width,
        luma=precision == 8
        and kind in {_BASELINE, _EXTENDED, _PROGRESSIVE}
        and (components == 1 or (components == 3 and _is_ycbcr(named, adobe, jfif=jfif))),
        progressive=kind not in {_BASELINE, _EXTENDED},
        coefficients=_coefficients(height * width, samplings),
        orientation=orientation,
    )


def gray(data: bytes, head: Header, scale: int, limits: Limits) -> Bytes | None:
    """Decoded luma, shape (ceil(height / scale), ceil(width / scale)).

    None where it should be decoded as colours, by the rules of the reference: other kinds of colour, and files with
    faults, on which decoders differ in what they forgive.
    """
    allowed = limits.scaled_pixels if scale > 1 and not head.progressive else limits.pixels
    if head.height * head.width > allowed:
        raise ImageError("too_many_pixels")
    if head.progressive and 2 * head.coefficients > limits.memory:  # held whole, two bytes each
        raise ImageError("too_many_pixels")
    if not head.luma:
        return None
    height, width = -(-head.height // scale), -(-head.width // scale)
    try:
        plane: Bytes = simplejpeg.decode_jpeg(
            data, "GRAY", min_height=height, min_width=width, min_factor=scale, strict=True
        )
    except ValueError:
        return None
    if plane.shape != (height, width, 1):
        return None
    return np.ascontiguousarray(plane[:, :, 0])


def _segments(data: bytes) -> list[tuple[int, bytes]]:
    """(marker, body) of each segment before the first scan, without tables."""
    found: list[tuple[int, bytes]] = []
    at, end = 2, len(data)
    while True:
        if at + 4 > end:
            raise ImageError("truncated")
        if data[at] != 0xFF:  # what stands between segments is passed over
            at = data.find(b"\xff", at)
            if at < 0:
                raise ImageError("truncated")
            continue
        marker = data[at + 1]
        if marker in _PASSED:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _SOS:
            return found
        if marker == _EOI:
            raise ImageError("damaged")
        length = data[at + 2] << 8 | data[at + 3]
        if length < 2:
            raise ImageError("damaged")
        if at + 2 + length > end:
            raise ImageError("truncated")
        if marker in _TOLD:
            found.append((marker, data[at + 4 : at + 2 + length]))
        at += 2 + length


def _is_ycbcr(named: list[int], adobe: int | None, *, jfif: bool) -> bool:
    """As libjpeg decides it."""
    if jfif:
        return True
    if adobe is not None:
        return adobe == 1
    return named != [ord("R"), ord("G"), ord("B")]


def _coefficients(pixels: int, samplings: list[int]) -> int:
    """How many a decoder of all components holds, roughly: each component has its share of the pixels."""
    factors = [max(1, (each >> 4) * (each & 15)) for each in samplings]
    return sum(pixels * factor // max(factors) for factor in factors)


def _orientation(tiff: bytes) -> int:
    """Tag 0x0112 of the first directory, 1 to 8; 1 when there is none that can be read."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return 1
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    if at + 2 > len(tiff):
        return 1
    (entries,) = struct.unpack_from(f"{order}H", tiff, at)
    for number in range(entries):
        place = at + 2 + 12 * number
        if place + 12 > len(tiff):
            break
        tag, kind, count, value = struct.unpack_from(f"{order}HHIH", tiff, place)
        if tag == _ORIENTATION:
            return int(value) if kind == _SHORT and count == 1 and 1 <= value <= 8 else 1
    return 1
