"""PDQ with its quality from JPEG files, images per second of processor time, beside the peer's.

    python -m benchmarks.hashing --json -

The peer: threatexchange's PdqSignal, `hash_from_file`, with the published implementation (pdqhash) behind it. Each is a process
of its own with its libraries loaded; they take turns, a pass over all files of a size each, and never run at once. The
files are distinct pictures made by code, as rough as photographs, stored as JPEG and read from disk. Time is processor time
of the whole process, with one thread of the matrix library; so a busy machine matters little, though not nothing: its caches are shared.
Ours reads, decodes, hashes and gives the quality, as theirs; `fingerprint` adds MD5, SHA-1 and SHA-256, `decoder` is the same in
the child for hostile files, parent and child counted together. Small files are nearly all entropy decoding, which both
do: the better their JPEG quality, the nearer the two, so the rows "q85" and "q95". Distances: ours to theirs, same files.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.common import Answering, arguments, descendants, finish, goal, machine, median, peak_mb_of_all, say

# size -> files, and the least ratio of images per second of processor time (what is aimed at: 9, 7, 25)
SIZES = {(640, 480): (48, 6), (1920, 1080): (16, 5), (4000, 3000): (5, 12)}
AIMS = {"640x480": 9, "1920x1080": 7, "4000x3000": 25}
QUALITY = 75  # of JPEG: the default of libjpeg; and what small files of better quality give is printed beside it
BETTER = (85, 95)
ROUNDS = 5
LEAST_SECONDS = 0.4  # of processor time a pass: files are read again until then
WAYS = ("ours", "fingerprint", "decoder", "peer")


# --- pictures -------------------------------------------------------------------------------------------------------


def picture(seed: int, width: int, height: int) -> Image.Image:
    """Noise in octaves of about equal strength (1/f, as photographs have it), a little colour, and grain."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3), np.float32)
    weight, across = 1.0, 2
    while across <= width // 2:
        down = max(2, across * height // width)
        grey = rng.normal(size=(down, across)).astype(np.float32)
        large = np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.BICUBIC))
        pixels += (large * weight)[..., None] * rng.uniform(0.8, 1.2, 3).astype(np.float32)
        weight, across = weight * rng.uniform(0.75, 0.95), across * 2
    pixels *= rng.uniform(35, 55) / pixels.std()
    pixels += rng.uniform(100, 150) + rng.normal(size=(height, width, 1)).astype(np.float32) * 2
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def make(folder: Path) -> dict[str, list[str]]:
    files: dict[str, list[str]] = {}
    for (width, height), (count, _least) in SIZES.items():
        size = f"{width}x{height}"
        qualities = {size: QUALITY} | ({f"{size} q{better}": better for better in BETTER} if width == 640 else {})
        say(f"… {count} pictures of {size}")
        files |= {name: [] for name in qualities}
        for seed in range(count):
            image = picture(1000 * width + seed, width, height)
            for name, quality in qualities.items():
                path = folder / f"{name}-{seed}.jpg".replace(" ", "-")
                image.save(path, quality=quality)
                files[name].append(str(path))
    return files


# --- a process of each kind -----------------------------------------------------------------------------------------


def hasher(way: str) -> Callable[[str], tuple[str, int | None]]:
    """(64 hexadecimal digits, quality) of a file."""
    if way == "peer":
        from threatexchange.signal_type.pdq.signal import PdqSignal

        return lambda path: (PdqSignal.hash_from_file(Path(path)), None)
    from mamori.engine import images

    if way == "ours":

        def ours(path: str) -> tuple[str, int | None]:
            value, quality = images.pdq_of(Path(path).read_bytes())
            return (value or b"").hex(), quality

        return ours
    compute = images.fingerprint if way == "fingerprint" else images.Decoder().fingerprint

    def whole(path: str) -> tuple[str, int | None]:
        made = compute(path)
        return (made.pdq or b"").hex(), made.pdq_quality

    return whole


def seconds_of(way: str) -> Callable[[], float]:
    if way != "decoder":
        return time.process_time
    tick = os.sysconf("SC_CLK_TCK")

    def both() -> float:
        """This process and its child: a child that lives is counted by the system in hundredths of a second."""
        total = time.process_time()
        for child in descendants():
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) / tick
        return total

    return both


def serve(way: str) -> None:
    """Lines of JSON: a list of files comes, seconds for one image and what was found go back."""
    compute, clock = hasher(way), seconds_of(way)
    for line in sys.stdin:
        paths = json.loads(line)
        compute(paths[0])
        began, done = clock(), 0
        found: list[tuple[str, int | None]] = []
        while True:
            found = [compute(path) for path in paths]
            done += len(paths)
            if (spent := clock() - began) >= LEAST_SECONDS:
                break
        print(json.dumps({"seconds": spent / done, "found": found, "rss_mb": peak_mb_of_all()}), flush=True)


# --- the run --------------------------------------------------------------------------------------------------------


def distances(ours: list[list[Any]], theirs: list[list[Any]]) -> dict[str, float]:
    found = [(int(one[0], 16) ^ int(other[0], 16)).bit_count() for one, other in zip(ours, theirs, strict=True)]
    return {"max": max(found), "mean": round(sum(found) / len(found), 3)}


def run(files: dict[str, list[str]], rounds: int) -> dict[str, Any]:
    processes = {way: Answering("benchmarks.hashing", "--serve", way, OPENBLAS_NUM_THREADS="1") for way in WAYS}
    result: dict[str, Any] = {way: {} for way in WAYS} | {
        "ratio": {},
        "better_quality": {},
        "ratio_fingerprint": {},
        "ratio_decoder": {},
        "distance": {},
        "rss_mb": {},
    }
    try:
        for size, paths in files.items():
            say(f"… {size}")
            times: dict[str, list[float]] = {way: [] for way in WAYS}
            found: dict[str, list[list[Any]]] = {}
            for _ in range(rounds):
                for way, process in processes.items():
                    answer = json.loads(process.ask(json.dumps(paths)))
                    times[way].append(answer["seconds"])
                    found[way] = answer["found"]
                    result["rss_mb"][way] = answer["rss_mb"]
            for way in WAYS:
                result[way][size] = {
                    "images_per_cpu_second": round(1 / median(times[way]), 1),
                    "ms": round(1000 * median(times[way]), 3),
                    "ms_each_round": [round(1000 * one, 3) for one in times[way]],
                }
            result["ratio"][size] = round(median(times["peer"]) / median(times["ours"]), 2)
            for way in ("fingerprint", "decoder"):
                result[f"ratio_{way}"][size] = round(median(times["peer"]) / median(times[way]), 2)
            if " " in size:
                result["better_quality"][size] = result["ratio"].pop(size)
            result["distance"][size] = distances(found["ours"], found["peer"])
            result["ours"][size]["least_quality"] = min(quality for _value, quality in found["ours"])
    finally:
        for process in processes.values():
            process.end()
    return result


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--serve", choices=WAYS, help="used by the run itself")
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    result: dict[str, Any] = {"machine": machine(), "jpeg_quality": QUALITY, "files": {}}
    with tempfile.TemporaryDirectory(prefix="mamori-bench-") as folder:
        files = make(Path(folder))
        for size, paths in files.items():
            result["files"][size] = {
                "count": len(paths),
                "mean_bytes": sum(Path(path).stat().st_size for path in paths) // len(paths),
            }
        result |= run(files, given.rounds)
    result["aims"] = AIMS
    result["goals"] = [
        goal(
            f"images per processor second, {width}x{height}, times threatexchange",
            result["ratio"][f"{width}x{height}"],
            least,
            at_least=True,
        )
        for (width, height), (_count, least) in SIZES.items()
    ]
    result["goals"] += [
        goal(f"distance to the peer, {size}", found["max"], 6) for size, found in result["distance"].items()
    ]
    finish(result, given.json)


if __name__ == "__main__":
    main()
