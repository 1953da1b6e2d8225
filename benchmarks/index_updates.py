"""Additions and withdrawals of the matching index until they are effective, in the writer and in another process.

    python -m benchmarks.index_updates --size 10000000 --json -

The peer's index (threatexchange's PDQIndex) takes no withdrawal and is rebuilt for each change, as
Hasher-Matcher-Actioner does: the seconds of one whole build stand beside ours. "Effective" is: a search of the process finds
it, or no longer finds it. The reader is a process of its own that is asked through a pipe; its figure holds that way too.
"while_searching" is the same with a third process that searches without a pause; it goes on during the compaction.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common import Answering, arguments, finish, goal, machine, median, peak_mb, percentile, say
from benchmarks.matching import uniform

if TYPE_CHECKING:
    from mamori.engine.matching import HammingIndex

TIMES, MANY = 40, 1000


def peer(folder: Path) -> None:
    """One whole build of PDQIndex, and a search in it."""
    from threatexchange.signal_type.pdq.pdq_index import PDQIndex

    entries = [(each.tobytes().hex(), i) for i, each in enumerate(np.load(folder / "hashes.npy", mmap_mode="r"))]
    began = time.perf_counter()
    assert PDQIndex(entries).query(entries[5][0])
    print(json.dumps({"rebuild_s": round(time.perf_counter() - began, 2), "rss_mb": peak_mb()}))


def reader(folder: Path) -> None:
    from mamori.engine.matching import HammingIndex

    index = HammingIndex.open(folder / "index", verify=False)
    index.search(bytes(32))
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        found = index.search(bytes.fromhex(line))
        print(len(found), time.perf_counter() - began, flush=True)
    print(peak_mb(), flush=True)


def searcher(folder: Path) -> None:
    """Searches on and on; for each line that comes, what searches since the last one took goes back as JSON."""
    from mamori.engine.matching import HammingIndex

    index = HammingIndex.open(folder / "index", verify=False)
    asked = [row.tobytes() for row in uniform(np.random.default_rng(7), 10_000)]
    took: deque[float] = deque()

    def search() -> None:
        for value in itertools.cycle(asked):
            began = time.perf_counter()
            index.search(value)
            took.append((time.perf_counter() - began) * 1e3)

    index.search(asked[0])
    threading.Thread(target=search, daemon=True).start()
    print("ready", flush=True)
    for _line in sys.stdin:
        now = [took.popleft() for _ in range(len(took))]
        told = {"searches": len(now), "p50_ms": round(median(now), 4), "p99_ms": round(percentile(now, 0.99), 4)}
        print(json.dumps(told | {"max_ms": round(max(now), 2)}), flush=True)


def command(role: str, folder: Path) -> list[str]:
    return ["benchmarks.index_updates", "--role", role, "--folder", str(folder)]


def start(role: str, folder: Path) -> Answering:
    """A process of this role, once it is ready."""
    process = Answering(*command(role, folder))
    process.line()
    return process


def changes(index: HammingIndex, other: Answering, first: int, seed: int) -> dict[str, Any]:
    """Milliseconds of each kind of change: until it returns (durable), until the writer and the reader answer by it."""
    rng = np.random.default_rng(seed)
    times: dict[str, dict[str, list[float]]] = {}
    for i in range(TIMES):
        for count in (1, MANY):
            names, fresh = np.arange(first + i * MANY, first + i * MANY + count), uniform(rng, count)
            last = fresh[-1].tobytes()
            for what, expected in (("add", 1), ("withdraw", 0)):
                begin = time.perf_counter()
                if what == "add":
                    index.add_many(names, fresh)
                else:
                    index.remove_many(names)
                durable = time.perf_counter()
                mine = len(index.search(last))
                here = time.perf_counter()
                theirs, inside = other.ask(last.hex()).split()
                there = time.perf_counter()
                assert mine == int(theirs) == expected
                kept = times.setdefault(f"{what}_{count}", {})
                parts = {
                    "durable": durable - begin,
                    "writer": here - begin,
                    "reader": there - begin,
                    "reader_search": float(inside),
                }
                for key, value in parts.items():
                    kept.setdefault(key, []).append(value * 1e3)
    return {
        what: {f"{key}_ms": round(median(values), 4) for key, values in kept.items()}
        | {"reader_p95_ms": round(percentile(kept["reader"], 0.95), 4)}
        for what, kept in times.items()
    }


def ours_at(folder: Path, hashes: Any) -> dict[str, Any]:
    """All figures of ours in an index of these."""
    from mamori.engine.matching import HammingIndex

    began = time.perf_counter()
    index = HammingIndex.build(hashes, path=folder / "index")
    found: dict[str, Any] = {"build_s": round(time.perf_counter() - began, 2)}
    size = len(index)
    other = start("reader", folder)
    found |= changes(index, other, size, 5)
    third = start("searcher", folder)
    busy = changes(index, other, size + TIMES * MANY, 6)
    found["while_searching"] = busy | {"searcher": json.loads(third.ask(""))}
    began = time.perf_counter()
    index.compact()
    found["compaction_s"] = round(time.perf_counter() - began, 2)
    found["searcher_beside_compaction"] = json.loads(third.ask(""))
    third.end()
    found["rss_mb"] = {"writer": peak_mb(), "reader": int(other.end())}
    index.close()
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--size", type=int, default=10_000_000, metavar="N")
    parser.add_argument("--folder", type=Path, help="for the files of this run (temporary if not given)")
    parser.add_argument("--role", choices=["peer", "reader", "searcher"])
    given = parser.parse_args()
    if given.role:
        {"peer": peer, "reader": reader, "searcher": searcher}[given.role](given.folder)
        return
    from mamori.engine.matching import warm_up

    folder, where = given.folder or Path(tempfile.mkdtemp(prefix="mamori-updates-")), machine()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        warm_up(say)
        hashes = uniform(np.random.default_rng(20261128), given.size)
        np.save(folder / "hashes.npy", hashes)
        say(f"… changes of ours at {given.size:,}")
        ours = ours_at(folder, hashes)
        say(json.dumps(ours, indent=1))
        say("… a whole build of PDQIndex")
        rebuilt = Answering(*command("peer", folder))
        theirs = json.loads(rebuilt.line())
        rebuilt.end()
        say(json.dumps(theirs))
    finally:
        shutil.rmtree(folder / "index", ignore_errors=True)
        if given.folder is None:
            shutil.rmtree(folder)
    kinds = [f"{what}_{count}" for count in (1, MANY) for what in ("add", "withdraw")]
    ratio = {each: round(theirs["rebuild_s"] * 1e3 / ours[each]["reader_ms"]) for each in kinds}
    goals = [
        goal(
            f"{each}{words}, effective in another process, ms",
            found[each]["reader_ms"],
            10 if each.endswith("_1") else 100,
        )
        for words, found in (("", ours), (" while another searches", ours["while_searching"]))
        for each in kinds
    ]
    finish(
        {"ours": ours, "peer": theirs, "ratio": ratio, "size": given.size, "goals": goals, "machine": where}, given.json
    )


if __name__ == "__main__":
    main()
