"""A scan of distinct JPEGs: one process, N processes, a Ray cluster of N nodes with a processor each. The same work in turn, medians.

    python benchmarks/scan.py --json -                      2,000 pictures of 1280x960, three rounds
    python benchmarks/scan.py --files 500 --rounds 1 --no-ray

Each way reads every file, makes its digests and PDQ with quality, looks them up in one bank, and writes matches and the
journal. "One process" is the same code in a loop without children. Seconds are counted from when all processes are
ready. Ray starts its actors anew for each run: "seconds" has that in it, "running" counts from the first batch that
came back, for as many files as came after it. "whole" is the command from begin to end. The pictures are drawn here and
removed after.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, arguments, finish, goal, machine, median, peak_mb_of_all, say

PYTHON = sys.executable
LOOPBACK = "127.0.0.2"  # Ray takes 127.0.0.1 for "this host" and would put its outer address instead
WAYS = ("serial", "processes", "ray")
GOAL = 1.7


# --- one run, in a process of its own --------------------------------------------------------------------------------


def one(way: str, folder: Path, workers: int) -> None:
    """Scan once and print seconds and counts as JSON."""
    from mamori.engine.limits import Limits
    from mamori.tools.scan.banks import open_bank
    from mamori.tools.scan.outputs import Outputs
    from mamori.tools.scan.purpose import DataClass, Purpose
    from mamori.tools.scan.run import Plan, run
    from mamori.tools.scan.sources import read_roots

    limits = Limits()
    bank = open_bank(str(folder / "bank.txt"))
    plan = Plan(read_roots([str(folder / "files")]), bank, Purpose(DataClass.STORED, "a benchmark"), limits)
    with ExitStack() as stack:
        examine = {"serial": _serial, "processes": _processes, "ray": _ray}[way](stack, folder, workers, limits)
        out = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder))) / "matches.jsonl"
        outputs = stack.enter_context(Outputs(out, plan.told(), begun_at=""))
        began = time.perf_counter()
        first: list[float] = []
        totals = run(plan, outputs, lambda items: _noting(examine(items), first))
        ended = time.perf_counter()
        memory = peak_mb_of_all()
    told = {"seconds": ended - began, "examined": totals.examined, "matched": totals.matched, "rss_mb": memory}
    if way == "ray":
        from mamori.tools.scan.on_ray import BATCH

        told["running"] = (ended - first[0]) * totals.examined / (totals.examined - BATCH)
    print(json.dumps(told))


def _noting(events: Iterator[Any], first: list[float]) -> Iterator[Any]:
    """The same events; `first` gets the moment of the first."""
    for event in events:
        if not first:
            first.append(time.perf_counter())
        yield event


def _serial(_stack: ExitStack, folder: Path, _workers: int, limits: Any) -> Any:
    from mamori.tools.scan.examine import Examiner
    from mamori.tools.scan.pool import Done, Looked
    from mamori.tools.scan.sources import Item

    told: list[Any] = []
    examiner = Examiner(limits, told.append)
    examiner.item(Item(str(folder / "warm.jpg")))

    def examine(items: Iterator[Any]) -> Iterator[Any]:
        for item in items:
            told.clear()
            examiner.item(item)
            for event in told:
                if event[0] == "found":
                    yield Looked(item, *event[1:])
            yield Done(item)

    return examine


def _processes(stack: ExitStack, folder: Path, workers: int, limits: Any) -> Any:
    from mamori.tools.scan.pool import Pool
    from mamori.tools.scan.sources import Item

    pool = stack.enter_context(Pool(workers, limits))
    pool.wait_ready()
    list(pool.examine(iter([Item(str(folder / "warm.jpg"))])))
    return pool.examine


def _ray(stack: ExitStack, _folder: Path, workers: int, limits: Any) -> Any:
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    warnings.simplefilter("ignore")
    from ray.cluster_utils import Cluster as Local

    from mamori.tools.scan.on_ray import Cluster

    node: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "node_ip_address": LOOPBACK}
    local = Local(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    stack.callback(local.shutdown)
    for _ in range(workers - 1):
        local.add_node(**node)
    return stack.enter_context(Cluster(local.address, limits, workers)).examine


# --- the pictures ----------------------------------------------------------------------------------------------------


def draw(folder: Path, files: int, size: tuple[int, int]) -> None:
    """Smooth random fields in colour with grain: every picture another one, about the bytes of a photograph."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(2026)
    (folder / "files").mkdir()
    grain = rng.integers(-12, 13, (size[1] + 64, size[0] + 64, 3)).astype(np.int16)
    for number in range(files + 1):
        coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)).astype(np.int16)
        x, y = rng.integers(0, 64, 2)
        seen = np.clip(smooth + grain[y : y + size[1], x : x + size[0]], 0, 255).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(seen).save(out, "JPEG", quality=85)
        name = folder / "files" / f"{number:05}.jpg" if number < files else folder / "warm.jpg"
        name.write_bytes(out.getvalue())
    values = rng.integers(0, 256, (100_000, 32), dtype=np.uint8)
    (folder / "bank.txt").write_text("".join(f"pdq {row.tobytes().hex()} {n}\n" for n, row in enumerate(values)))


def measure(way: str, folder: Path, workers: int) -> dict[str, Any]:
    argv = [PYTHON, __file__, "--one", way, "--folder", str(folder), "--workers", str(workers)]
    began = time.perf_counter()
    path = os.pathsep.join(filter(None, [f"{ROOT}/src", str(ROOT), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{way} failed: {done.stderr.strip()[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    told["whole"] = time.perf_counter() - began
    say(f"  {way}: {told['seconds']:.2f} s ({told['examined'] / told['seconds']:.0f}/s), whole {told['whole']:.1f} s")
    return told


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--size", default="1280x960", help="width x height in pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument("--one", choices=WAYS, help="(used by this program itself)")
    parser.add_argument("--folder", type=Path, help="(used by this program itself)")
    options = parser.parse_args()
    if options.one:
        one(options.one, options.folder, options.workers)
        return
    result: dict[str, Any] = {"machine": machine(), "files": options.files, "workers": options.workers}
    width, _x, height = options.size.partition("x")
    folder = Path(tempfile.mkdtemp(prefix="mamori-bench-"))
    ways = [way for way in WAYS if way != "ray" or not options.no_ray]
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    try:
        say(f"… drawing {options.files} pictures of {options.size}")
        draw(folder, options.files, (int(width), int(height)))
        result["bytes"] = sum(path.stat().st_size for path in (folder / "files").iterdir())
        for number in range(options.rounds):
            say(f"… round {number + 1} of {options.rounds}")
            for way in ways:
                runs[way].append(measure(way, folder, options.workers))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    counts = {(run["examined"], run["matched"]) for way in ways for run in runs[way]}
    if len(counts) != 1 or next(iter(counts))[0] != options.files:
        raise SystemExit(f"the ways did not find the same: {sorted(counts)}")
    for way in ways:
        seconds = median([run["seconds"] for run in runs[way]])
        result[way] = {
            "seconds": round(seconds, 3),
            "per_second": round(options.files / seconds, 1),
            "whole_seconds": round(median([run["whole"] for run in runs[way]]), 2),
            "rounds": [round(run["seconds"], 3) for run in runs[way]],
            "rss_mb": max(run["rss_mb"] for run in runs[way]),
        }
        if way == "ray":
            result[way]["running_seconds"] = round(median([run["running"] for run in runs[way]]), 3)
    serial = result["serial"]["seconds"]
    result["ratio"] = {way: round(serial / result[way]["seconds"], 3) for way in ways if way != "serial"}
    result["goals"] = [
        goal(
            f"{options.workers} processes against one, times as fast", result["ratio"]["processes"], GOAL, at_least=True
        )
    ]
    if "ray" in ways:
        result["ratio"]["ray_running"] = round(serial / result["ray"]["running_seconds"], 3)
        name = f"{options.workers} nodes of Ray, once they run, against one process, times as fast"
        result["goals"].append(goal(name, result["ratio"]["ray_running"], GOAL, at_least=True))
    finish(result, options.json)


if __name__ == "__main__":
    main()
