"""Pictures made by code: as rough and as smooth as photographs, and plain drawings; and the reference that judges."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pdqhash
from PIL import Image, ImageDraw


@cache
def photo(seed: int, width: int, height: int) -> Image.Image:
    """Noise of all sizes, each octave about as strong as the next coarser one (1/f, as in photographs), shapes, grain."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3), np.float32)
    weight, across = 1.0, 2
    while across <= max(width, height) // 2:
        down = max(2, across * height // width)
        grey, colour = rng.normal(size=(down, across, 1)), rng.normal(size=(down, across, 3))
        layer = (grey + 0.4 * colour).astype(np.float32)
        for channel in range(3):
            large = Image.fromarray(np.ascontiguousarray(layer[..., channel])).resize(
                (width, height), Image.Resampling.BICUBIC
            )
            pixels[..., channel] += np.asarray(large) * weight
        weight, across = weight * rng.uniform(0.8, 1.0), across * 2
    pixels += np.linspace(-1, 1, height, dtype=np.float32)[:, None, None] * rng.uniform(-1, 1)
    pixels = (pixels - pixels.mean()) / pixels.std() * rng.uniform(25, 60) + rng.uniform(90, 160)
    pixels += rng.normal(size=(height, width, 1)).astype(np.float32) * 3
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(4):
        left, top = int(rng.integers(0, width * 3 // 4)), int(rng.integers(0, height * 3 // 4))
        box = (left, top, left + int(rng.integers(2, width // 3)), top + int(rng.integers(2, height // 3)))
        pen.ellipse(box, fill=tuple(int(value) for value in rng.integers(60, 200, 3)))
    return image


def poster(seed: int, width: int, height: int) -> Image.Image:
    """A photograph with large discs of pure colours, beyond what JPEG's luma and clipped red, green, blue agree on."""
    image = photo(seed, width, height).copy()
    pen = ImageDraw.Draw(image)
    for number, colour in enumerate(("blue", "red", "lime", "magenta", "yellow", "cyan")):
        left, top = number % 3 * width // 3, number // 3 * height // 2
        pen.ellipse((left, top, left + width // 3 - 7, top + height // 2 - 7), fill=colour)
    return image


def drawing(seed: int, width: int, height: int) -> Image.Image:
    """Sharp lines, text and stripes on a plain ground: what decoding at a smaller scale has most trouble with."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), tuple(int(value) for value in rng.integers(180, 256, 3)))
    pen = ImageDraw.Draw(image)
    for _ in range(60):
        ends = [(int(rng.integers(0, width)), int(rng.integers(0, height))) for _ in range(2)]
        pen.line(ends, fill=tuple(int(value) for value in rng.integers(0, 160, 3)), width=int(rng.integers(1, 6)))
    for row in range(20, height // 2, 18):
        pen.text((10, row), f"line {row} of a drawing " * 12, fill="black")
    step = int(rng.integers(3, 9))
    for column in range(width // 2, width, step):
        pen.line([(column, height // 2), (column, height)], fill="black", width=step // 2)
    return image


def grain(seed: int, width: int, height: int) -> Image.Image:
    """Stripes as of wood, in warm colours beyond what a screen shows: much to see, hardly any of it in large shapes."""
    rng = np.random.default_rng(seed)
    across = np.linspace(0, 2 * np.pi * (20 + seed), width)[None, :]
    light = 140 + 90 * np.sin(across + rng.uniform(0, 6)) + rng.normal(size=(height, width)) * 3
    pixels = np.stack([light * 1.5, light * 0.9, light * 0.2], axis=-1)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def reference(image: Image.Image) -> tuple[bytes, int]:
    """(PDQ, quality) by the published implementation, on the full picture as RGB."""
    value, quality = pdqhash.compute(np.asarray(image.convert("RGB")))
    return np.packbits(value).tobytes(), int(quality)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def distance(one: bytes | None, other: bytes | None) -> int:
    assert one is not None
    assert other is not None
    assert len(one) == len(other) == 32
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


# --- HEIC: no encoder of it is at hand, so a frame of HEVC gets its container here (ISO/IEC 14496-12 and 23008-12) ----


def heic(image: Image.Image, *, turns: int = 0, says: tuple[int, int] | None = None) -> bytes:
    """`turns`: quarter turns anticlockwise that a reader applies. `says`: a size in the header that is not the picture's."""
    import av

    encoder = av.CodecContext.create("libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt = image.width, image.height, "yuv420p"
    encoder.time_base = Fraction(1, 1)
    encoder.options = {"crf": "12", "x265-params": "log-level=none:pools=1:frame-threads=1"}
    stream = b"".join(
        bytes(packet) for packet in encoder.encode(av.VideoFrame.from_image(image)) + encoder.encode(None)
    )
    units = [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1")[1:]]
    kinds = {kind: [unit for unit in units if unit[0] >> 1 == kind] for kind in (32, 33, 34)}  # VPS, SPS, PPS
    profile = kinds[33][0][3:].replace(b"\0\0\3", b"\0\0")[:12]
    arrays = b"".join(struct.pack(">BHH", 0x80 | kind, 1, len(found[0])) + found[0] for kind, found in kinds.items())
    configuration = _box(b"hvcC", b"\1", profile, b"\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f\3", arrays)
    sample = b"".join(struct.pack(">I", len(unit)) + unit for unit in units if unit[0] >> 1 < 32)
    width, height = says or image.size
    properties = configuration + _box(b"ispe", bytes(4), struct.pack(">II", width, height))
    which = [0x81, 2]
    if turns:
        properties += _box(b"irot", bytes([turns]))
        which.append(0x83)
    head = _box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(offset: int) -> bytes:
        return _box(
            b"meta",
            bytes(4),
            _box(b"hdlr", bytes(8), b"pict", bytes(13)),
            _box(b"pitm", bytes(4), struct.pack(">H", 1)),
            _box(b"iloc", bytes(4), struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(sample))),
            _box(
                b"iinf", bytes(4), struct.pack(">H", 1), _box(b"infe", b"\2\0\0\0", struct.pack(">HH", 1, 0), b"hvc1\0")
            ),
            _box(
                b"iprp",
                _box(b"ipco", properties),
                _box(b"ipma", bytes(4), struct.pack(">IHB", 1, 1, len(which)), bytes(which)),
            ),
        )

    return head + meta(len(head) + len(meta(0)) + 8) + _box(b"mdat", sample)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body
