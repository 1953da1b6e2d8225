"""How often two different harmless pictures are called similar: pairs within 31 bits of PDQ, among pictures compared all with all.

`python -m benchmarks.false_matches` draws pictures like photographs (light that falls off with frequency as in nature,
objects, horizons; no two share anything) and compares each with each. `--photos FOLDER` adds ordinary photographs: files
of one FOLDER are taken to be different pictures, so leave out copies and series of one scene. Pictures of quality below 50
are not compared, as in matching; how many they are is told.

A rate of 0 in N pairs says only: below 3/N with 95 % confidence (the rule of three). What it is on decides: flat logos,
screenshots and scanned text lie nearer to one another than photographs do.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.common import arguments, finish, machine, say, timed
from mamori.engine.similar import LEAST_QUALITY, RADIUS

SIDE = 320
Compute = Callable[[bytes | Path], tuple[bytes | None, int]]
ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}


def drawn(seed: int) -> bytes:
    """One picture as JPEG: 1/f light, a horizon, some bodies with their shades."""
    rng = np.random.default_rng(seed)
    frequencies = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE), indexing="ij"))
    frequencies[0, 0] = 1
    spectrum = np.exp(2j * np.pi * rng.random(frequencies.shape)) / frequencies ** rng.uniform(0.9, 1.5)
    light = np.fft.irfft2(spectrum, (SIDE, SIDE))
    light = light / light.std() * rng.uniform(8, 30)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    picture = rng.uniform(60, 200) + light + rng.uniform(-70, 70) * (y - 0.5) + rng.uniform(-40, 40) * (x - 0.5)
    if rng.random() < 0.6:  # a horizon
        picture += rng.uniform(-70, 70) * (y > rng.uniform(0.3, 0.8) + rng.uniform(-0.2, 0.2) * (x - 0.5))
    for _body in range(rng.integers(1, 9)):
        across, down = rng.uniform(0.03, 0.4, 2)
        turn = rng.uniform(0, np.pi)
        u = (x - rng.random()) * np.cos(turn) + (y - rng.random()) * np.sin(turn)
        v = -(x - 0.5) * np.sin(turn) + (y - rng.random()) * np.cos(turn)
        inside = (u / across) ** 2 + (v / down) ** 2 < 1
        picture = np.where(inside, rng.uniform(0, 255) + 0.5 * light + rng.uniform(-90, 90) * u, picture)
    out = io.BytesIO()
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def photographs(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in ENDINGS and path.is_file())


def by_us(picture: bytes | Path) -> tuple[bytes | None, int]:
    """(PDQ value, quality) by mamori.engine.images. ValueError where it is refused."""
    from mamori.engine.images import fingerprint

    made = fingerprint(picture)
    return made.pdq, made.pdq_quality


def by_the_reference(picture: bytes | Path) -> tuple[bytes | None, int]:
    """The same by pdqhash, of the picture brought to at most 512 pixels a side as the reference in Python does."""
    import pdqhash

    image: Image.Image = Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture).convert("RGB")
    image.thumbnail((512, 512))
    bits, quality = pdqhash.compute(np.asarray(image))
    return np.packbits(bits).tobytes(), int(quality)


def values(pictures: Iterator[bytes | Path], compute: Compute) -> tuple[NDArray[np.uint8], int, int]:
    """(PDQ values of those of quality 50 and more, how many are too plain, how many cannot be read)."""
    kept: list[bytes] = []
    plain = unreadable = 0
    for picture in pictures:
        try:
            value, quality = compute(picture)
        except (ValueError, OSError) as error:
            unreadable += 1
            say(f"not read: {error}")
            continue
        if value is None or quality < LEAST_QUALITY:
            plain += 1
        else:
            kept.append(value)
    return np.frombuffer(b"".join(kept), np.uint8).reshape(-1, 32), plain, unreadable


def distances(rows: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many pairs have each distance from 0 to 256. Every pair is compared: nothing is sampled."""
    words = np.ascontiguousarray(rows).view(np.uint64)
    counts = np.zeros(257, np.int64)
    for i in range(len(words) - 1):
        found = np.bitwise_count(words[i + 1 :] ^ words[i]).sum(axis=1, dtype=np.int64)
        counts += np.bincount(found, minlength=257)
    return counts


def told(name: str, rows: NDArray[np.uint8], plain: int, unreadable: int) -> dict[str, Any]:
    """The rate on one set, with the bound that its number of pairs allows."""
    counts = distances(rows)
    pairs = int(counts.sum())
    matches = int(counts[: RADIUS + 1].sum())
    nearest = int(np.flatnonzero(counts)[0]) if pairs else None
    result = {
        "pictures": len(rows),
        "too_plain": plain,
        "unreadable": unreadable,
        "pairs": pairs,
        "similar_pairs": matches,
        "rate": matches / pairs if pairs else None,
        "upper_bound_95": (3 / pairs if matches == 0 else (matches + 2 * matches**0.5 + 3) / pairs) if pairs else None,
        "nearest_pair_bits": nearest,
        "pairs_within": {str(bits): int(counts[: bits + 1].sum()) for bits in (31, 40, 50, 60, 70, 80, 90)},
    }
    say(
        f"{name}: {matches} of {pairs:,} pairs of {len(rows):,} pictures within {RADIUS} bits; the nearest: {nearest} bits"
    )
    return result


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--drawn", type=int, default=2000, help="pictures to draw (2000)")
    parser.add_argument("--photos", type=Path, action="append", default=[], help="a folder of ordinary photographs")
    parser.add_argument("--reference", action="store_true", help="PDQ by the peer pdqhash instead of ours")
    given = parser.parse_args()
    compute = by_the_reference if given.reference else by_us
    result: dict[str, Any] = {"machine": machine(), "seconds": {}, "sets": {}, "goals": []}
    result["pdq_by"] = "pdqhash" if given.reference else "mamori.engine.images"
    sets: dict[str, Iterator[bytes | Path]] = {"drawn": (drawn(seed) for seed in range(given.drawn))}
    for folder in given.photos:
        sets[f"photographs:{folder.name}"] = photographs(folder)
    for name, pictures in sets.items():
        with timed(f"fingerprints of {name}", result["seconds"]):
            found = values(pictures, compute)
        result["sets"][name] = told(name, *found)
    finish(result, given.json)


if __name__ == "__main__":
    main()
