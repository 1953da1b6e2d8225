"""URLs against a list of 1,000,000 pages and hosts, beside plain Python; and the proof that our kernels are exact.

    python -m benchmarks.addresses --json -
    python -m benchmarks.addresses --prove 5000000 --json -

The peer does in plain Python what a client of Safe Browsing has to do: ada-url parses, Python unescapes and writes the
expressions (by the v4 rule, whose host suffixes need no public suffix list, which is less work than ours), hashlib hashes
them, a set of 4-byte prefixes answers. "Exact" is our own slow way by the v5 rule, which the kernels are compared with.
They take turns; figures are medians of the rounds. Throughput is per second of processor time of one thread, because
other work disturbs wall time here; latency is wall time of single calls. Names are drawn by chance under .example.

--prove compares kernels and exact way on N mutated URLs (tests/engine/addresses/mutations.py), half of them by each rule.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from ada_url import normalize_url

from benchmarks.common import arguments, finish, goal, machine, median, percentile, say

LIST, BATCH, PEER_BATCH, SINGLE, ROUNDS, PART = 1_000_000, 200_000, 20_000, 20_000, 7, 50_000
LISTED = 0.05  # of the URLs asked for

# --- URLs -----------------------------------------------------------------------------------------------------------

_WORDS = (
    *("album", "archive", "article", "board", "cat", "data", "entry", "files", "forum", "gallery", "image", "index"),
    *("item", "list", "media", "news", "page", "photo", "post", "view"),
)
_NAMES = ["日本", "画像", "東京", "例え", "料理"]
_ESCAPED = ["%E7%94%BB%E5%83%8F", "%e3%83%9a%e3%83%bc%e3%82%b8", "%7Euser", "a%20b", "%E6%9D%B1%E4%BA%AC"]


def path(random_: random.Random, segments: int) -> str:
    return "/" + "/".join(f"{random_.choice(_WORDS)}{random_.randrange(10_000)}" for _ in range(segments))


def query(random_: random.Random, fields: int) -> str:
    return "&".join(f"{random_.choice(_WORDS)}={random_.getrandbits(32):x}" for _ in range(fields))


def page(random_: random.Random) -> tuple[str, str]:
    """Host, and path with query, of an ordinary page."""
    host = f"{random_.choice(('www.', 'www.', '', '', 'img.', 'm.', 'cdn1.static.'))}site{random_.randrange(400_000)}.example"
    place = path(random_, random_.choice((1, 1, 2, 2, 3, 4, 5))) + random_.choice(("", "", "/", ".html", ".jpg"))
    return host, place if random_.random() < 0.6 else f"{place}?{query(random_, random_.randint(1, 4))}"


# kind -> (share in per cent, URL)
MIX: dict[str, tuple[float, Callable[[random.Random, str, str], str]]] = {
    "ordinary": (62, lambda _r, host, place: f"https://{host}{place}"),
    "percent-escapes": (9, lambda r, host, place: f"https://{host}/{r.choice(_ESCAPED)}/{r.choice(_ESCAPED)}{place}"),
    "port": (5, lambda r, host, place: f"http://{host}:{r.choice((8080, 8443, 81))}{place}"),
    "upper case": (5, lambda _r, host, place: f"HTTP://{host.title()}{place.title()}"),
    "long path or query": (
        5,
        lambda r, host, place: f"https://{host}{path(r, 12)}{place}&{query(r, r.randint(8, 30))}",
    ),
    "deep host": (4, lambda _r, host, place: f"https://a.b.c.d.{host}{place}"),
    "known suffix": (
        4,
        lambda r, host, place: f"https://{host[:-8]}.{r.choice(('co.jp', 'github.io', 'or.jp', 'co.uk'))}{place}",
    ),
    "fragment": (2, lambda _r, host, place: f"https://{host}{place}#part"),
    "IPv4": (
        2,
        lambda r, _host, place: f"http://{'198.51.100.' if r.random() < 0.5 else '192.0.2.'}{r.randrange(256)}{place}",
    ),
    "IDN": (1, lambda r, host, place: f"https://{r.choice(_NAMES)}.{host}{place}"),
    "dot segments": (0.5, lambda _r, host, place: f"https://{host}/a/../b/.{place}"),
    "credentials or IPv6": (
        0.5,
        lambda r, host, place: f"http://{f'u:p@{host}' if r.random() < 0.5 else '[2001:db8::1]'}{place}",
    ),
}


def mixed(random_: random.Random, count: int) -> list[str]:
    kinds, shares = list(MIX), [share for share, _ in MIX.values()]
    return [MIX[kind][1](random_, *page(random_)) for kind in random_.choices(kinds, shares, k=count)]


# --- the peer -------------------------------------------------------------------------------------------------------

_OUTSIDE = re.compile(rb"[\x00-\x20\x7f-\xff#%]")


def plain_expressions(url: str) -> list[bytes]:
    """Host suffixes by the v4 rule; IPv6 as it is. As short as plain Python can be."""
    rest = normalize_url(url).partition("://")[2].partition("#")[0]
    authority, _, tail = rest.partition("/")
    host = authority.rpartition("@")[2]
    if not host.startswith("["):
        host = host.partition(":")[0]
    data = b"/" + tail.encode()
    while b"%" in data and (after := unquote_to_bytes(data)) != data:
        data = after
    whole, mark, rest_of_it = data.partition(b"?")
    while b"//" in whole:
        whole = whole.replace(b"//", b"/")
    if _OUTSIDE.search(data):
        whole, rest_of_it = (_OUTSIDE.sub(lambda found: b"%%%02X" % found[0][0], part) for part in (whole, rest_of_it))
    paths = [whole + mark + rest_of_it, whole] if mark else [whole]
    end = 0
    for _ in range(4):
        end = whole.find(b"/", end) + 1
        if end in {0, len(whole)}:
            break
        paths.append(whole[:end])
    hosts = [host]
    if host[-1] not in "0123456789]":
        labels = host.split(".")
        hosts += [".".join(labels[-count:]) for count in range(min(5, len(labels) - 1), 1, -1)]
    return [name.encode() + each for name in hosts for each in paths]


class Peer:
    def __init__(self, hashes: Any) -> None:
        self.prefixes = {row[:4].tobytes() for row in hashes}

    def check(self, url: str) -> bool:
        prefixes, sha256 = self.prefixes, hashlib.sha256
        return any(sha256(each).digest()[:4] in prefixes for each in plain_expressions(url))

    def check_many(self, urls: list[str]) -> list[bool]:
        return [self.check(url) for url in urls]


# --- measures -------------------------------------------------------------------------------------------------------


def throughput(check: Callable[[Any], Any], urls: Any, count: int) -> dict[str, float]:
    worked, began = time.process_time(), time.perf_counter()
    check(urls)
    return {
        "per_core_s": count / (time.process_time() - worked),
        "per_wall_s": count / (time.perf_counter() - began),
    }


def latency(check: Callable[[str], Any], urls: list[str]) -> dict[str, float]:
    times, now = [], time.perf_counter_ns
    for url in urls:
        began = now()
        check(url)
        times.append(now() - began)
    return {"p50_us": median(times) / 1e3, "p99_us": percentile(times, 0.99) / 1e3}


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def measured(size: int, rounds: int) -> dict[str, Any]:
    from mamori.engine.addresses.expressions import expression_hashes, host_expression, page_expression
    from mamori.engine.addresses.index import NOT_LISTED, UrlIndex, read_plain

    random_ = random.Random(20261129)
    say(f"… a list of {size:,}: seven tenths pages, the rest hosts")
    pages = [f"https://{host}{place}" for host, place in (page(random_) for _ in range(7 * size // 10))]
    hosts = [f"h{number}.listed{number % 1000}.example" for number in range(size - len(pages))]
    page_hashes = [hashlib.sha256(page_expression(url).encode()).digest() for url in pages]
    host_hashes = [hashlib.sha256(host_expression(name).encode()).digest() for name in hosts]
    began = time.perf_counter()
    UrlIndex()  # compiles, or loads what was compiled
    compiled = time.perf_counter() - began
    before, began = resident(), time.perf_counter()
    index = UrlIndex(page_hashes, host_hashes)
    built, memory = time.perf_counter() - began, resident() - before
    before = resident()
    peer = Peer(index.hashes)
    peer_memory = resident() - before

    urls = mixed(random_, BATCH)
    for at in random_.sample(range(BATCH), int(BATCH * LISTED)):
        urls[at] = random_.choice(pages) if random_.random() < 0.5 else f"https://a.{random_.choice(hosts)}/x/y"
    lines = "\n".join(urls).encode()
    few, single = urls[:PEER_BATCH], random_.sample(urls, SINGLE)
    unsure = sum(read_plain(url) is None for url in few) / len(few)

    row_of = {digest.tobytes(): row for row, digest in enumerate(index.hashes)}
    prefixes = set(host_hashes)

    def exact(some: list[str]) -> list[int]:
        return [next(found(url), NOT_LISTED) for url in some]

    def found(url: str) -> Iterator[int]:
        for number, digest in enumerate(expression_hashes(url)):
            row = row_of.get(digest, NOT_LISTED)
            if row >= 0 and (number == 0 or digest in prefixes):
                yield row

    rows = index.check_many(urls)
    differing = sum(a != b for a, b in zip(rows[:PEER_BATCH].tolist(), exact(few), strict=True))
    differing += int((index.check_many(lines) != rows).sum())
    seen: dict[str, list[dict[str, float]]] = {"ours": [], "lines": [], "peer": [], "exact": []}
    for number in range(rounds):
        seen["ours"].append(throughput(index.check_many, urls, BATCH) | latency(index.check, single))
        seen["peer"].append(throughput(peer.check_many, few, PEER_BATCH) | latency(peer.check, single))
        seen["lines"].append(throughput(index.check_many, lines, BATCH))
        seen["exact"].append(throughput(exact, few, PEER_BATCH))
        say(
            f"  round {number + 1}: "
            + ", ".join(f"{name} {some[-1]['per_core_s']:,.0f}/s" for name, some in seen.items())
        )
    result: dict[str, Any] = {
        name: {key: round(median([each[key] for each in some]), 2) for key in some[0]} for name, some in seen.items()
    }
    result["ours"] |= {
        "build_s": round(built, 2),
        "compile_or_load_s": round(compiled, 2),
        "index_mb": round(index.nbytes / 1e6, 1),
        "resident_mb": memory,
        "hits": int((rows >= 0).sum()),
        "left_to_the_exact_way": round(unsure, 4),
    }
    result["peer"] |= {"resident_mb": peer_memory, "hits_of_batch": sum(peer.check_many(few))}
    result["ratio"] = {
        "batch": round(
            median([a["per_core_s"] / b["per_core_s"] for a, b in zip(seen["ours"], seen["peer"], strict=True)]), 2
        ),
        "p50": round(result["peer"]["p50_us"] / result["ours"]["p50_us"], 2),
        "p99": round(result["peer"]["p99_us"] / result["ours"]["p99_us"], 2),
    }
    result["mix"] = {kind: share for kind, (share, _) in MIX.items()} | {"of all, listed": 100 * LISTED}
    result["urls"] = {
        "mean_length": round(len(lines) / BATCH, 1),
        "batch": BATCH,
        "peer_batch": PEER_BATCH,
        "single": SINGLE,
    }
    result["goals"] = [
        goal("batch, URLs/s/core", result["ours"]["per_core_s"], 300_000, at_least=True),
        goal("batch of lines, URLs/s/core", result["lines"]["per_core_s"], 300_000, at_least=True),
        goal("p50 of a single check, us", result["ours"]["p50_us"], 10),
        goal("batch, times plain Python", result["ratio"]["batch"], 3, at_least=True),
        goal("index, MB", result["ours"]["index_mb"], 50),
        goal("answers that differ from the exact way's", differing, 0),
    ]
    return result


# --- the proof ------------------------------------------------------------------------------------------------------


def part(number: int) -> Counter[str]:
    from tests.engine.addresses.proof import prove

    return prove(PART, 1_000_000 + number, "v5" if number % 2 else "v4")


def proved(count: int, processes: int) -> dict[str, Any]:
    parts = -(-count // PART)
    say(f"… {parts * PART:,} mutated URLs, {processes} processes")
    part(0)  # compiles what has to be
    began, total = time.perf_counter(), Counter[str]()
    with ProcessPoolExecutor(processes) as pool:
        for done, counts in enumerate(pool.map(part, range(parts)), 1):  # the first difference is raised here
            total += counts
            if done % 10 == 0 or done == parts:
                say(
                    f"  {total['urls']:,} urls, {total['plain']:,} read by the kernel, {total['refused']:,} refused, no difference"
                )
    return {
        "proof": {**total, "differing": 0, "seconds": round(time.perf_counter() - began)},
        "goals": [goal("mutated URLs without a difference", total["urls"], count, at_least=True)],
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--size", type=int, default=LIST, metavar="N", help="entries of the list")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--prove", type=int, metavar="N", help="compare N mutated URLs instead of measuring")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)), help="of the proof")
    given = parser.parse_args()
    where = machine()
    found = proved(given.prove, given.processes) if given.prove else measured(given.size, given.rounds)
    finish({**found, "machine": where}, given.json)


if __name__ == "__main__":
    main()
