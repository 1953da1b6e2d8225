"""Pictures drawn by code."""

import io

from PIL import Image, ImageDraw


def drawing(size: int = 256, seed: int = 3) -> bytes:
    """A PNG of circles and lines: enough edges for a PDQ value of good quality."""
    image = Image.new("RGB", (size, size), (240, 240, 230))
    pen = ImageDraw.Draw(image)
    for n in range(40):
        x, y = (n * 37 * seed) % size, (n * 59 * seed) % size
        pen.ellipse((x, y, x + 20 + n, y + 30), fill=((n * 31) % 255, (n * 77) % 255, (n * 13) % 255))
        pen.line((x, 0, size - y, size), fill=(0, 0, (n * 40) % 255), width=2)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
