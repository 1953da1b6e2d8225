"""Pictures that Pillow reads: their luma in strips, so that no second picture of full size is ever held.

What each kind of pixel means here, all on a scale of 0 to 255: grey as it is; 16 bits divided by 257; black and white
as 0 and 255; a palette by its colours; CMYK and other colours by Pillow's plain conversion to RGB (no colour profile);
alpha laid on white. Luma is the reference's 0.299 R + 0.587 G + 0.114 B. Of several frames the first counts.
"""

from __future__ import annotations

import io
import math
import resource
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pi_heif  # type: ignore[import-untyped]
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from mamori.engine.images.errors import ImageError
from mamori.engine.images.pdq import Bytes, Floats, points
from mamori.engine.limits import Limits

_PLUGINS = (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
pi_heif.register_heif_opener(thumbnails=False)
# No others: Pillow knows formats that start programs, follow paths, or are little used and little tested.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")

_ORIENTATION = 0x0112
_DEEP = {"I;16", "I;16L", "I;16B", "I;16N", "I"}
_COLOURS = {"RGB", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"}
_CLEAR = {"RGBA", "RGBa", "LA", "La", "PA"}
# Measured: bytes a pixel at the peak of these decoders, which hold the picture several times over; and what the child
# holds before it reads anything.
_COSTS = {"WEBP": 16, "AVIF": 10, "HEIF": 8}
LOADED = 64 * 2**20
_ONE_STRIP = 7  # bytes a pixel of a picture that is stored, and so decoded, in one piece

# What decoders raise over files that are not as they should be.
_FAULTS = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, KeyError, IndexError, TypeError, OverflowError, AttributeError, ZeroDivisionError, RuntimeError)  # fmt: skip  # noqa: E501


def buffer_of(data: bytes, limits: Limits) -> tuple[Floats, int, int]:
    """The 64 x 64 points, width and height as the picture stands. ImageError, refused by the header where it can be."""
    pixels = 0
    try:
        _admit(_webp_pixels(data), "WEBP", limits)  # its decoder takes the memory when the file is opened
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            pixels = image.width * image.height
            _admit(pixels, image.format or "", limits)
            image.load()
            orientation = _orientation(image)
            turned = orientation >= 5
            buffer = points(_rows(image), image.height, image.width, orientation=orientation, channels=_channels(image))
            return buffer, *((image.height, image.width) if turned else (image.width, image.height))
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError("too_many_pixels") from None
    except UnidentifiedImageError:
        raise ImageError("not_an_image") from None
    except MemoryError:
        raise ImageError("memory_exceeded") from None
    except _FAULTS as error:
        if pixels * _ONE_STRIP > _memory_left():  # some decoders call the file damaged when they get no memory
            raise ImageError("memory_exceeded") from None
        raise ImageError("truncated" if "truncated" in str(error).lower() else "damaged") from None


def _memory_left() -> float:
    """Bytes until this process's limit of address space or of data."""
    limits = {
        place: resource.getrlimit(kind)[0] for place, kind in ((0, resource.RLIMIT_AS), (5, resource.RLIMIT_DATA))
    }
    limits = {place: limit for place, limit in limits.items() if limit != resource.RLIM_INFINITY}
    held = Path("/proc/self/statm")
    if not limits or not held.exists():
        return math.inf
    pages = held.read_text().split()
    return min(limit - int(pages[place]) * resource.getpagesize() for place, limit in limits.items())


def _admit(pixels: int, kind: str, limits: Limits) -> None:
    if pixels > min(limits.pixels, (limits.memory - LOADED) // _COSTS.get(kind, 4)):
        raise ImageError("too_many_pixels")


def _webp_pixels(data: bytes) -> int:
    """Width times height by the header (RFC 9649); 0 for anything else."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return 0
    width, height = 0, 0
    if data[12:16] == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
    elif data[12:16] == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        width, height = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    elif data[12:16] == b"VP8 ":
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return width * height


def _orientation(image: Image.Image) -> int:
    with suppress(*_FAULTS):
        value = image.getexif().get(_ORIENTATION, 1)
        if value in range(1, 9):
            return int(value)
    return 1


def _channels(image: Image.Image) -> int:
    """Three for colours, one for grey. ImageError `unsupported_pixels`."""
    if image.mode in {"L", "1"} | _DEEP and "transparency" not in image.info:
        return 1
    if image.mode in {"L", "1", "P"} | _COLOURS | _CLEAR:
        return 3
    raise ImageError("unsupported_pixels")


def _rows(image: Image.Image) -> Callable[[int, int], Bytes | Floats]:
    channels = _channels(image)

    def rows(first: int, last: int) -> Bytes | Floats:
        strip = image.crop((0, first, image.width, last))
        if image.mode in _DEEP:
            deep: Floats = np.clip(np.asarray(strip), 0, 65535).astype(np.float32) / np.float32(257)
            return deep
        if channels == 1:
            return np.asarray(strip.convert("L"))
        if image.mode in _CLEAR or "transparency" in image.info:
            strip = strip.convert("RGBA")
            strip = Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip)
        return np.asarray(strip.convert("RGB")).reshape(last - first, -1)

    return rows
