"""Each format and kind of pixel means what the papers say: compared with the reference on what it should look like."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from mamori.engine.images import ImageError, Limits, digests_of, fingerprint
from tests.engine.images.pictures import distance, drawing, encoded, heic, opened, photo, reference


def near(data: bytes, image: Image.Image, most: int = 2) -> None:
    expected, quality = reference(image)
    made = fingerprint(data)
    assert distance(made.pdq, expected) <= most
    assert abs(made.pdq_quality - quality) <= 2
    assert (made.width, made.height) == image.size


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "jpeg"}),
        ("WEBP", {"quality": 80}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("AVIF", {"speed": 10}),
        ("JPEG", {"progressive": True}),
        ("JPEG", {"subsampling": 0, "optimize": True}),
        ("JPEG", {"restart_marker_blocks": 4}),
    ],
)
def test_formats_give_what_is_in_them(kind: str, options: dict[str, Any]) -> None:
    data = encoded(photo(1, 300, 220), kind, **options)
    near(data, opened(data))


def test_heic() -> None:
    image = photo(1, 320, 240)
    data = heic(image)
    near(data, image, most=16)  # as lossy as the encoder was
    near(heic(image, turns=1), image.transpose(Image.Transpose.ROTATE_90), most=16)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "YCbCr", "I;16", "I"])
def test_kinds_of_pixels(mode: str) -> None:
    image = photo(4, 300, 220)
    kind = {"CMYK": "TIFF", "YCbCr": "TIFF"}.get(mode, "PNG")
    if mode in {"I;16", "I"}:
        deep = (np.asarray(image.convert("L")).astype(np.uint16) * 257).astype(
            np.uint16 if mode == "I;16" else np.int32
        )
        kind, shown = "TIFF", Image.fromarray(deep)
        image = image.convert("L")
    else:
        shown = image.convert(mode)
        image = shown.convert("RGB")
    data = encoded(shown, kind)
    assert opened(data).mode == mode
    near(data, image)


def test_sixteen_bits_a_channel_keep_their_scale() -> None:
    """One step of 8 bits is 257 of 16: a dark picture is not taken for a bright one, nor cut off."""
    grey = np.asarray(photo(5, 200, 150).convert("L")).astype(np.uint16)
    data = encoded(Image.fromarray(grey * 257), "PNG")
    near(data, Image.fromarray(grey.astype(np.uint8)))


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_of_each_colour_keep_their_scale(channels: int) -> None:
    """A PNG that Pillow reads and cannot write: the eight bits of each colour, and others below them."""
    image = photo(5, 200, 150).convert("RGBA" if channels == 4 else "RGB")
    if channels == 4:
        image.putalpha(photo(7, 200, 150).convert("L"))
    eight = np.asarray(image).astype(np.uint16)
    deep = (eight * 256 + np.random.default_rng(1).integers(0, 256, eight.shape, np.uint16)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    header = struct.pack(">IIBBBBB", image.width, image.height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )
    near(data, Image.alpha_composite(Image.new("RGBA", image.size, "white"), image) if channels == 4 else image)


def test_floating_point_is_refused() -> None:
    with pytest.raises(ImageError) as refusal:
        fingerprint(encoded(Image.new("F", (50, 50)), "TIFF"))
    assert refusal.value.code == "unsupported_pixels"


def _see_through(mode: str) -> Image.Image:
    image = photo(6, 300, 220).convert("RGBA")
    image.putalpha(photo(7, 300, 220).convert("L"))
    return image if mode == "RGBA" else image.convert(mode)


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "WEBP"), ("RGBA", "TIFF")])
def test_alpha_is_laid_on_white(mode: str, kind: str) -> None:
    image = _see_through(mode)
    data = encoded(image, kind, lossless=True) if kind == "WEBP" else encoded(image, kind)
    shown = opened(data).convert("RGBA")
    near(data, Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown))
    assert distance(fingerprint(data).pdq, reference(shown)[0]) > 10


def test_a_clear_colour_of_a_palette_is_laid_on_white() -> None:
    image = drawing(1, 300, 220).quantize(16)
    data = encoded(image, "PNG", transparency=image.getpixel((1, 1)))
    shown = opened(data).convert("RGBA")
    assert shown.getextrema()[3] == (0, 255)
    near(data, Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_cameras_orientation_is_applied(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"speed": 10, "quality": 95} if kind == "AVIF" else {}
    data = encoded(photo(8, 321, 200), kind, exif=exif, **options)
    shown = ImageOps.exif_transpose(opened(data))
    assert (shown.width > shown.height) == (orientation < 5)
    near(data, shown)


def test_a_large_jpeg_is_turned_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(photo(2, 1400, 1011), "JPEG", exif=exif)
    assert fingerprint(data).preprocessing == "mamori-1/scale-2"
    near(data, ImageOps.exif_transpose(opened(data)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("value", "turned"), [(6, True), (0, False), (9, False), (65535, False)])
def test_orientation_in_either_byte_order(order: str, value: int, turned: bool) -> None:
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IHHHIHH", 8, 1, 0x0112, 3, 1, value, 0)
    body = b"Exif\0\0" + tiff + bytes(4)
    plain = encoded(photo(8, 320, 200), "JPEG")
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + plain[2:]
    made = fingerprint(data)
    assert (made.width, made.height) == ((200, 320) if turned else (320, 200))


@pytest.mark.parametrize(
    "broken", [b"", b"II", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"XX*\0\x08\0\0\0\x01\0"]
)
def test_a_broken_orientation_counts_as_none(broken: bytes) -> None:
    plain = encoded(photo(8, 320, 200), "JPEG")
    body = b"Exif\0\0" + broken
    data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + plain[2:]
    assert fingerprint(data).pdq == fingerprint(plain).pdq


def test_jpeg_of_other_colours_is_not_taken_for_luma() -> None:
    image = photo(9, 320, 240)
    four = encoded(image.convert("CMYK"), "JPEG", quality=95)
    near(four, opened(four).convert("RGB"))
    plain = encoded(image, "JPEG", keep_rgb=True, quality=95)  # red, green, blue, marked so by Adobe's segment
    near(plain, opened(plain))
    adobe_ycck = four.replace(b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\0\0\0\2")
    assert adobe_ycck != four
    near(adobe_ycck, opened(adobe_ycck).convert("RGB"))


def test_the_first_frame_of_several_counts() -> None:
    frames = [photo(seed, 200, 150) for seed in (1, 2, 3)]
    for kind, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PNG", {})):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert opened(data).n_frames == 3
        near(data, opened(data))


def test_digests_and_paths(tmp_path: Path) -> None:
    data = encoded(photo(1, 300, 220), "JPEG")
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    made = fingerprint(path)
    assert made == fingerprint(str(path)) == fingerprint(data)
    assert made.md5 == hashlib.md5(data, usedforsecurity=False).digest()
    assert made.sha1 == hashlib.sha1(data, usedforsecurity=False).digest()
    assert made.sha256 == hashlib.sha256(data).digest()
    found = digests_of(path)
    assert (found.md5, found.sha1, found.sha256, found.size) == (made.md5, made.sha1, made.sha256, len(data))


def test_a_file_too_large_still_has_digests(tmp_path: Path) -> None:
    data = encoded(photo(1, 300, 220), "JPEG")
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(ImageError) as refusal:
            fingerprint(source, limits=Limits(file_bytes=len(data) - 1))
        assert refusal.value.code == "too_many_bytes"
        assert refusal.value.digests == digests_of(data)
    assert fingerprint(data, limits=Limits(file_bytes=len(data))).pdq is not None


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path, Path("/dev/zero"), "a\0b"):
        with pytest.raises(ImageError) as refusal:
            fingerprint(path)
        assert refusal.value.code == "not_readable"
        assert refusal.value.digests is None
    for data in (
        b"",
        b"plain text",
        b"%!PS-Adobe-3.0 EPSF\n%%BoundingBox: 0 0 9 9\n",
        io.BytesIO(b"P6 1 1 255 abc").read(),
    ):
        with pytest.raises(ImageError) as refusal:
            fingerprint(data)
        assert refusal.value.code == "not_an_image"
        assert refusal.value.digests == digests_of(data)
