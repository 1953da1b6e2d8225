"""Additions and withdrawals of the matching index until they are effective, in the writer and in another process.

    python -m benchmarks.index_updates --size 10000000 --json -

The peer's index (threatexchange's PDQIndex) takes no withdrawal and is rebuilt for each change, as
Hasher-Matcher-Actioner does: the seconds of one whole build stand beside ours. "Effective" is: a search of the process finds
it, or no longer finds it. The reader is a process of its own that is asked through a pipe; its figure holds that way too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import PYTHON, ROOT, arguments, finish, goal, machine, median, percentile, say
from benchmarks.matching import uniform

TIMES, MANY = 40, 1000


def peer(folder: Path) -> None:
    """One whole build of PDQIndex, and a search in it."""
    from threatexchange.signal_type.pdq.pdq_index import PDQIndex

    entries = [(each.tobytes().hex(), i) for i, each in enumerate(np.load(folder / "hashes.npy", mmap_mode="r"))]
    began = time.perf_counter()
    assert PDQIndex(entries).query(entries[5][0])
    print(json.dumps({"rebuild_s": round(time.perf_counter() - began, 2)}))


def reader(folder: Path) -> None:
    from mamori.engine.matching import HammingIndex

    index = HammingIndex.open(folder / "index", verify=False)
    index.search(bytes(32))
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        found = index.search(bytes.fromhex(line))
        print(len(found), time.perf_counter() - began, flush=True)


def command(role: str, folder: Path) -> list[str]:
    return [PYTHON, "-m", "benchmarks.index_updates", "--role", role, "--folder", str(folder)]


def changes(folder: Path, hashes: Any) -> dict[str, Any]:
    """Milliseconds of each kind of change: until it returns (durable), until the writer and the reader answer by it."""
    from mamori.engine.matching import HammingIndex

    env = {**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"}
    began = time.perf_counter()
    index = HammingIndex.build(hashes, path=folder / "index")
    built, size = time.perf_counter() - began, len(index)
    other = subprocess.Popen(
        command("reader", folder), cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdin
    assert other.stdout
    other.stdout.readline()
    rng = np.random.default_rng(5)
    times: dict[str, dict[str, list[float]]] = {}
    for i in range(TIMES):
        for count in (1, MANY):
            names, fresh = np.arange(size + i * MANY, size + i * MANY + count), uniform(rng, count)
            last = fresh[-1].tobytes()
            for what, expected in (("add", 1), ("withdraw", 0)):
                start = time.perf_counter()
                if what == "add":
                    index.add_many(names, fresh)
                else:
                    index.remove_many(names)
                durable = time.perf_counter()
                mine = len(index.search(last))
                here = time.perf_counter()
                other.stdin.write(last.hex() + "\n")
                other.stdin.flush()
                theirs, inside = other.stdout.readline().split()
                there = time.perf_counter()
                assert mine == int(theirs) == expected
                kept = times.setdefault(f"{what}_{count}", {})
                parts = {
                    "durable": durable - start,
                    "writer": here - start,
                    "reader": there - start,
                    "reader_search": float(inside),
                }
                for key, value in parts.items():
                    kept.setdefault(key, []).append(value * 1e3)
    began = time.perf_counter()
    index.compact()
    compacted = time.perf_counter() - began
    other.stdin.close()
    other.wait()
    index.close()
    found: dict[str, Any] = {
        what: {f"{key}_ms": round(median(values), 4) for key, values in kept.items()}
        | {"reader_p95_ms": round(percentile(kept["reader"], 0.95), 4)}
        for what, kept in times.items()
    }
    return {**found, "build_s": round(built, 2), "compaction_s": round(compacted, 2)}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--size", type=int, default=10_000_000, metavar="N")
    parser.add_argument("--folder", type=Path, help="for the files of this run (temporary if not given)")
    parser.add_argument("--role", choices=["peer", "reader"])
    given = parser.parse_args()
    if given.role:
        (peer if given.role == "peer" else reader)(given.folder)
        return
    from mamori.engine.matching import warm_up

    folder, where = given.folder or Path(tempfile.mkdtemp(prefix="mamori-updates-")), machine()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        warm_up(say)
        hashes = uniform(np.random.default_rng(20261128), given.size)
        np.save(folder / "hashes.npy", hashes)
        say(f"… changes of ours at {given.size:,}")
        ours = changes(folder, hashes)
        say(json.dumps(ours, indent=1))
        say("… a whole build of PDQIndex")
        done = subprocess.run(
            command("peer", folder), cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"},
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        theirs = json.loads(done.stdout)
        say(json.dumps(theirs))
    finally:
        shutil.rmtree(folder / "index", ignore_errors=True)
        if given.folder is None:
            shutil.rmtree(folder)
    kinds = [f"{what}_{count}" for count in (1, MANY) for what in ("add", "withdraw")]
    ratio = {each: round(theirs["rebuild_s"] * 1e3 / ours[each]["reader_ms"]) for each in kinds}
    goals = [
        goal(f"{each}, effective in another process, ms", ours[each]["reader_ms"], 10 if each.endswith("_1") else 100)
        for each in kinds
    ]
    finish(
        {"ours": ours, "peer": theirs, "ratio": ratio, "size": given.size, "goals": goals, "machine": where}, given.json
    )


if __name__ == "__main__":
    main()
