"""How far our PDQ lies from the reference's on ordinary photographs, in bits.

`python -m benchmarks.distance --photos FOLDER` takes each picture of the folder as it is, and again as JPEGs below the
size from which Mamori may decode at a smaller scale, and above it (at qualities of 50, 75 and 92). The reference is pdqhash
on the whole picture; what is clear lies on white for both. Files of a quality below 50 are left out, as in matching.
Goals: 6 bits at a smaller scale, 10 wherever the quality is 80 or more; how many are within 2 is told.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.common import arguments, finish, goal, machine, say
from benchmarks.false_matches import photographs
from mamori.engine.similar import LEAST_QUALITY

SIDES = (480, 640, 900, 1800)  # the longer one; from 1000 on the shorter a JPEG may be decoded at a smaller scale
QUALITIES = (50, 75, 92)
LEAST_SIDE = 64  # no photograph is smaller; PDQ of less is made up of rounding


def ways_to_store(path: Path) -> Iterator[bytes]:
    """The file as it is, then as JPEGs of several sizes."""
    with Image.open(path) as picture:
        if min(picture.size) < LEAST_SIDE:
            return
        whole = on_white(picture)
    yield path.read_bytes()
    for side in SIDES:
        made = whole.copy()
        made.thumbnail((side, side))
        for quality in QUALITIES:
            out = io.BytesIO()
            made.save(out, "JPEG", quality=quality)
            yield out.getvalue()


def on_white(picture: Image.Image) -> Image.Image:
    if "A" not in picture.getbands() and "transparency" not in picture.info:
        return picture.convert("RGB")
    clear = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")


def bits_apart(data: bytes) -> tuple[str, int, int]:
    """("full" or "scaled", distance in bits, the reference's quality). ValueError where it is refused."""
    import pdqhash

    from mamori.engine.images import fingerprint

    made = fingerprint(data)
    with Image.open(io.BytesIO(data)) as picture:
        bits, quality = pdqhash.compute(np.asarray(on_white(picture)))
    ours = np.frombuffer(made.pdq or bytes(32), np.uint8)
    apart = int(np.bitwise_count(ours ^ np.packbits(bits)).sum())
    return "full" if made.preprocessing.endswith("/full") else "scaled", apart, int(quality)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--photos", type=Path, action="append", required=True, help="a folder of ordinary photographs")
    given = parser.parse_args()
    apart: dict[str, Counter[int]] = {"full": Counter(), "scaled": Counter(), "quality_80": Counter()}
    pictures = plain = refused = 0
    for path in (path for folder in given.photos for path in photographs(folder)):
        pictures += 1
        for data in ways_to_store(path):
            try:
                way, bits, quality = bits_apart(data)
            except (ValueError, OSError) as error:
                refused += 1
                say(f"{path.name}: {error}")
                continue
            if quality < LEAST_QUALITY:
                plain += 1
                continue
            apart[way][bits] += 1
            if quality >= 80:
                apart["quality_80"][bits] += 1
    if not any(apart.values()):
        raise SystemExit(f"No picture could be read in {', '.join(map(str, given.photos))}.")
    result: dict[str, Any] = {
        "machine": machine(),
        "pictures": pictures,
        "too_plain_files": plain,
        "refused_files": refused,
        "bits_apart": {
            name: {
                "files": counts.total(),
                "within_2": counts[0] + counts[2],
                "files_of_each": dict(sorted(counts.items())),
            }
            for name, counts in apart.items()
        },
    }
    for name, found in result["bits_apart"].items():
        say(
            f"{name}: {found['within_2']} of {found['files']} files within 2 bits; how many of each: {found['files_of_each']}"
        )
    result["goals"] = [
        goal("bits from the reference at a smaller scale", max(apart["scaled"], default=0), 6),
        goal("bits from the reference of quality 80 and more", max(apart["quality_80"], default=0), 10),
    ]
    finish(result, given.json)


if __name__ == "__main__":
    main()
