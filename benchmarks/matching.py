"""Look-ups, batches and builds of the matching index, beside the peers' on the same fingerprints.

    python -m benchmarks.matching --size 1000000 --json -
    python -m benchmarks.matching --size 1000000 --skew tight
    python -m benchmarks.matching --size 1000000 --skew all

Peers: threatexchange's PDQIndex (what Hasher-Matcher-Actioner serves from) and faiss's IndexBinaryFlat, which compares every
row and is the brute force that all answers are compared with. Each lives in a process of its own, built once and kept. They
take turns: one measures while the others wait for a line. Ours is built by one process into files and opened from them by
another. "Cold" is a look-up after half a gigabyte of other memory was read and written. PDQIndex has no batch: its loop
stands there. Fingerprints are drawn by chance: no list of anybody's.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import Answering, arguments, finish, goal, machine, median, peak_mb, percentile, say

MISSES, NEAR, BEYOND = 10_240, 10_240, 2_560
JUDGED = 2_304  # queries whose answers are compared
BATCH, COLD, ROUNDS, SECONDS = 100_000, 64, 3, 10.0
Hashes = NDArray[np.uint8]
SKEWS = ("hot", "families", "tight", "constant", "balanced", "duplicated")


# --- sets -----------------------------------------------------------------------------------------------------------


def uniform(rng: np.random.Generator, n: int) -> Hashes:
    return rng.integers(0, 256, (n, 32), dtype=np.uint8)


def turned(rng: np.random.Generator, hashes: Hashes, least: int, most: int) -> Hashes:
    """`least` to `most` bits of each turned, at most (a bit may be turned back)."""
    made, every = hashes.copy(), np.arange(len(hashes))
    wanted = rng.integers(least, most + 1, len(hashes))
    for i in range(most):
        place, which = rng.integers(0, 256, len(hashes)), i < wanted
        made[every, place >> 3] ^= (which.astype(np.uint8) << (place & 7).astype(np.uint8)).astype(np.uint8)
    return made


def hot(rng: np.random.Generator, n: int) -> Hashes:
    """Of each 16-bit word, one per cent of the values holds 30 per cent of the rows."""
    made = uniform(rng, n).view(np.uint16)
    for c in range(16):
        chosen = rng.random(n) < 0.3
        made[chosen, c] = rng.integers(0, 65536, 655)[rng.integers(0, 655, int(chosen.sum()))]
    return made.view(np.uint8)


def families(rng: np.random.Generator, n: int) -> Hashes:
    """Every tenth row in families of up to 10,000 near-duplicates."""
    made = uniform(rng, n)
    sizes = np.minimum(10_000, (10 ** (1 + 3 * rng.random(n // 100))).astype(int))
    owner = np.repeat(np.arange(len(sizes)), sizes)[: n // 10]
    made[: len(owner)] = turned(rng, uniform(rng, len(sizes))[owner], 0, 14)
    return made


def tight(rng: np.random.Generator, n: int) -> Hashes:
    """Every twentieth row some 32 bits from one centre."""
    made = uniform(rng, n)
    made[: n // 20] = turned(rng, np.repeat(made[:1], n // 20, axis=0), 28, 40)
    return made


def constant(rng: np.random.Generator, n: int) -> Hashes:
    """30 per cent share 64 bits."""
    made = uniform(rng, n)
    made[: n * 3 // 10, :8] = made[0, :8]
    return made


def balanced(rng: np.random.Generator, n: int) -> Hashes:
    """Weight exactly 128, as PDQ makes them."""
    parts = []
    for begin in range(0, n, 50_000):
        ranks = np.argsort(rng.random((min(50_000, n - begin), 256), dtype=np.float32), axis=1)
        parts.append(np.packbits(ranks < 128, axis=1))
    return np.concatenate(parts)


def duplicated(rng: np.random.Generator, n: int) -> Hashes:
    """Every tenth row is one of 100 values."""
    made = uniform(rng, n)
    made[: n // 10] = uniform(rng, 100)[rng.integers(0, 100, n // 10)]
    return made


def queries(rng: np.random.Generator, hashes: Hashes, *, awkward: bool) -> Hashes:
    """Misses, members at up to 31 bits, members at 32 to 40; of awkward sets half of them from the awkward part."""
    chosen = rng.integers(0, len(hashes), NEAR + BEYOND)
    if awkward:
        chosen[::2] = rng.integers(0, len(hashes) // 20, len(chosen[::2]))
    near, beyond = turned(rng, hashes[chosen[:NEAR]], 0, 31), turned(rng, hashes[chosen[NEAR:]], 36, 48)
    every = np.concatenate((uniform(rng, MISSES), near, beyond))
    return every[rng.permutation(len(every))]


# --- the processes ----------------------------------------------------------------------------------------------------


class Ours:
    """Opened from the files that another process wrote."""

    def __init__(self, folder: Path) -> None:
        from mamori.engine.matching import HammingIndex, warm_up

        warm_up(say)
        began = time.perf_counter()
        self.index = HammingIndex.open(folder / "index")
        self.built = {"open_s": round(time.perf_counter() - began, 3)}

    def asked(self, hashes: Hashes) -> list[bytes]:
        return [each.tobytes() for each in hashes]

    def search(self, query: bytes) -> list[tuple[int, int]]:
        return self.index.search(query)

    def batch(self, hashes: Hashes) -> None:
        self.index.search_many(hashes)


class Peer:
    def __init__(self, folder: Path) -> None:
        from threatexchange.signal_type.pdq.pdq_index import PDQIndex

        entries = [(each.tobytes().hex(), i) for i, each in enumerate(np.load(folder / "hashes.npy", mmap_mode="r"))]
        before, began = _rss(), time.perf_counter()
        self.index = PDQIndex(entries)
        self.built = {
            "build_s": round(time.perf_counter() - began, 2),
            "index_mb": _rss() - before,
            "rss_mb": peak_mb(),
        }
        del entries

    def asked(self, hashes: Hashes) -> list[str]:
        return [each.tobytes().hex() for each in hashes]

    def search(self, query: str) -> list[tuple[int, int]]:
        return [(int(each.metadata), int(each.similarity_info.distance)) for each in self.index.query(query)]


class Flat:
    def __init__(self, folder: Path) -> None:
        import faiss

        hashes = np.load(folder / "hashes.npy")
        began = time.perf_counter()
        self.index = faiss.IndexBinaryFlat(256)
        self.index.add(hashes)
        self.built = {"build_s": round(time.perf_counter() - began, 3)}

    def asked(self, hashes: Hashes) -> list[Hashes]:
        return [each.reshape(1, 32) for each in hashes]

    def search(self, query: Hashes) -> list[tuple[int, int]]:
        _, distances, ids = self.index.range_search(query, 32)  # strictly below
        return list(zip(ids.tolist(), distances.astype(int).tolist(), strict=True))

    def batch(self, hashes: Hashes) -> None:
        self.index.range_search(hashes, 32)


ROLES: dict[str, Callable[[Path], Any]] = {"ours": Ours, "peer": Peer, "flat": Flat}


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20


def build(folder: Path) -> None:
    """The process that builds ours into files: seconds until it can be searched, of it until durable, and its memory."""
    from mamori.engine.matching import HammingIndex, warm_up

    warm_up(say)
    hashes = np.load(folder / "hashes.npy", mmap_mode="r")
    began, worked = time.perf_counter(), time.process_time()
    HammingIndex.build(hashes, path=folder / "index").close()
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    size = sum(each.stat().st_size for each in (folder / "index").iterdir()) >> 20
    print(
        json.dumps(
            {"build_s": round(seconds, 2), "build_cpu_s": round(worked, 2), "index_mb": size, "rss_mb": peak_mb()}
        )
    )


def serve(role: str, folder: Path) -> None:
    """Build or open, then measure whenever a line asks for it."""
    subject = ROLES[role](folder)
    asked = subject.asked(np.load(folder / "queries.npy"))
    print(json.dumps(subject.built), flush=True)
    for line in sys.stdin:
        what, limit = json.loads(line)
        print(json.dumps(MEASURES[what](subject, asked, folder, limit)), flush=True)


def warm(subject: Any, asked: list[Any], _folder: Path, seconds: float) -> dict[str, Any]:
    """All queries once, at most for `seconds`, after a few that are not counted: they stand in no order, so that any part tells."""
    for query in asked[:50]:
        subject.search(query)
    times, end = [], time.perf_counter() + seconds
    worked, began = time.process_time(), time.perf_counter()
    for query in asked:
        start = time.perf_counter()
        subject.search(query)
        stop = time.perf_counter()
        times.append(stop - start)
        if stop > end:
            break
    whole = time.perf_counter() - began
    return {
        "p50_ms": median(times) * 1e3,
        "p99_ms": percentile(times, 0.99) * 1e3,
        "qps": len(times) / whole,
        "cpu_ms": (time.process_time() - worked) / len(times) * 1e3,
        "queries": len(times),
    }


def cold(subject: Any, asked: list[Any], _folder: Path, _seconds: float) -> dict[str, Any]:
    other, times = np.zeros(1 << 26, np.int64), []
    for query in asked[:COLD]:
        other += 1
        start = time.perf_counter()
        subject.search(query)
        times.append(time.perf_counter() - start)
    return {"cold_p50_ms": median(times) * 1e3}


def together(subject: Any, _asked: list[Any], folder: Path, most: float) -> dict[str, Any]:
    hashes = np.load(folder / "batch.npy")[: int(most)]
    subject.batch(hashes[:4096])
    worked, began = time.process_time(), time.perf_counter()
    subject.batch(hashes)
    seconds = time.perf_counter() - began
    return {"batch_qps": len(hashes) / seconds, "batch_cpu_s": time.process_time() - worked}


def answers(subject: Any, asked: list[Any], folder: Path, most: float) -> dict[str, Any]:
    """All answers, into a file: the memory of what asks is not the measured process's."""
    with (folder / f"answers-{type(subject).__name__}").open("w") as file:
        for query in asked[: int(most)]:
            file.write(json.dumps(sorted(subject.search(query))) + "\n")
    return {"rss_mb": peak_mb()}


MEASURES: dict[str, Callable[..., dict[str, Any]]] = {"warm": warm, "cold": cold, "batch": together, "answers": answers}


class Process(Answering):
    """A process of this module that waits for questions."""

    def __init__(self, role: str, folder: Path) -> None:
        super().__init__("benchmarks.matching", "--role", role, "--folder", str(folder))
        self.built: dict[str, Any] = json.loads(self.line())

    def measure(self, what: str, limit: float = SECONDS) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask(json.dumps([what, limit])))
        return found


# --- the run ----------------------------------------------------------------------------------------------------------


def compared(folder: Path, who: str) -> tuple[float, int]:
    """(recall, false positives) of answers against brute force."""
    found = wanted = wrong = 0
    mine, right = (_lines(folder / f"answers-{name}") for name in (who, "Flat"))
    for ours, theirs in zip(mine, right, strict=False):
        found += len(ours & theirs)
        wanted += len(theirs)
        wrong += len(ours - theirs)
    return (found / wanted if wanted else 1.0), wrong


def _lines(path: Path) -> Iterator[set[tuple[int, int]]]:
    with path.open() as file:
        for line in file:
            yield {(name, distance) for name, distance in json.loads(line)}


def one_set(size: int, skew: str, folder: Path, rounds: int) -> dict[str, Any]:
    """Build all three on one set, let them take turns, compare their answers."""
    say(f"… {size:,} fingerprints, {skew}")
    rng = np.random.default_rng(20261128)
    hashes = (uniform if skew == "uniform" else globals()[skew])(rng, size)
    np.save(folder / "queries.npy", queries(rng, hashes, awkward=skew != "uniform"))
    np.save(
        folder / "batch.npy",
        np.concatenate((uniform(rng, BATCH // 2), turned(rng, hashes[rng.integers(0, size, BATCH // 2)], 0, 40))),
    )
    np.save(folder / "hashes.npy", hashes)
    del hashes
    builder = Answering("benchmarks.matching", "--role", "build", "--folder", str(folder))
    built = json.loads(builder.line())
    builder.end()
    say(f"  ours: {built}")
    subjects: dict[str, Process] = {}
    for name in ("peer", "flat", "ours"):
        subjects[name] = Process(name, folder)
        say(f"  {name}: {subjects[name].built}")
    memory = {}
    subjects["ours"].measure("batch", BATCH)  # its memory counts; the sweep of the caches, later, does not
    for name, subject in subjects.items():
        memory[name] = subject.measure("answers", 300 if name == "peer" else JUDGED)["rss_mb"]
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            some = {**subject.measure("warm"), **subject.measure("cold")}
            if name == "ours":
                some |= subject.measure("batch", BATCH)
            elif name == "flat":
                some |= subject.measure("batch", max(256, min(BATCH, 2_000_000_000 // size)))
            seen[name].append(some)
            say(f"  {name}: " + ", ".join(f"{key} {value:.4g}" for key, value in some.items()))
    result: dict[str, Any] = {}
    for name, subject in subjects.items():
        result[name] = {
            key: round(median([each[key] for each in seen[name]]), 5) for key in seen[name][0] if key != "queries"
        }
        result[name] |= {**(built if name == "ours" else {}), **subject.built}
        result[name]["rss_mb"] = max(memory[name], result[name].get("rss_mb", 0))
    for subject in subjects.values():
        subject.end()
    for name, who in (("ours", "Ours"), ("peer", "Peer")):
        result[name]["recall"], result[name]["false_positives"] = compared(folder, who)
    result["peer"]["batch_qps"] = result["peer"]["qps"]  # it has no batch
    shutil.rmtree(folder / "index")
    ours, peer, flat = result["ours"], result["peer"], result["flat"]
    result["ratio"] = {
        "p50": round(peer["p50_ms"] / ours["p50_ms"], 1),
        "qps": round(ours["qps"] / peer["qps"], 1),
        "batch_qps": round(ours["batch_qps"] / peer["batch_qps"], 1),
        "build": round(peer["build_s"] / ours["build_s"], 1),
        "qps_flat": round(ours["qps"] / flat["qps"], 1),
        "batch_qps_flat": round(ours["batch_qps"] / flat["batch_qps"], 1),
    }
    return result


def goals(size: int, skew: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    ours, ratio = found["ours"], found["ratio"]
    made = [
        goal(f"{skew}: recall", ours["recall"], 1, at_least=True),
        goal(f"{skew}: false positives", ours["false_positives"], 0),
    ]
    if skew != "uniform":
        return [
            *made,
            goal(f"{skew}: look-ups/s, times PDQIndex", ratio["qps"], 10, at_least=True),
            goal(f"{skew}: look-ups/s, times a flat scan", ratio["qps_flat"], 0.5, at_least=True),
        ]
    made.append(goal("look-ups/s, times PDQIndex", ratio["qps"], 60 if size < 5_000_000 else 100, at_least=True))
    if size >= 5_000_000:
        made += [
            goal("p50 of a look-up, ms", ours["p50_ms"], 0.05),
            goal("p50 of a cold look-up, ms", ours["cold_p50_ms"], 0.15),
            goal("batch, look-ups/s", ours["batch_qps"], 150_000, at_least=True),
            goal("build, times PDQIndex", ratio["build"], 8, at_least=True),
            goal("memory, MB", ours["rss_mb"], 2000),
        ]
    return made


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--skew", choices=["uniform", "all", *SKEWS], default="uniform")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path, help="for the files of this run (temporary if not given)")
    parser.add_argument("--role", choices=["build", *ROLES])
    given = parser.parse_args()
    if given.role:
        (build(given.folder) if given.role == "build" else serve(given.role, given.folder))
        return
    folder = given.folder or Path(tempfile.mkdtemp(prefix="mamori-matching-"))
    folder.mkdir(parents=True, exist_ok=True)
    where = machine()
    try:
        sets = SKEWS if given.skew == "all" else (given.skew,)
        found = {each: one_set(given.size, each, folder, given.rounds) for each in sets}
    finally:
        if given.folder is None:
            shutil.rmtree(folder)
    reached = [each for skew, result in found.items() for each in goals(given.size, skew, result)]
    body = {"sets": found} if given.skew == "all" else found[given.skew]
    finish({**body, "size": given.size, "skew": given.skew, "goals": reached, "machine": where}, given.json)


if __name__ == "__main__":
    main()
