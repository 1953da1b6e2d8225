"""A whole list of a million entries built anew: every name judged, every file and zone written, signed; then judged.

The base files of an edition with all entries and their signatures, and a thousand changes since, which are folded in.
Every step is the product's own code, in a process of its own, whose memory at most is told; what stands side by side in
the worker (the fold and the formats) runs on two cores here too. The round trip, after it, has BIND, Knot, Unbound and
PowerDNS load both zones, one after the other, and compares. The peer, for the zones, is what others publish: the same
names read from a list and written to a zone file by plain Python, nothing judged, ordered or compared.

    python -m benchmarks.build_list --size 1000000 --json FILE
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from benchmarks.common import arguments, django, finish, goal, machine, say, timed, world
from benchmarks.publish import Publisher, clock

BUILD, ROUND_TRIP = 30.0, 120.0  # seconds
MEMORY = 2000.0  # MB
CHANGES = 1000


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="entries (default 1,000,000)")
    given = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "build_list", "size": given.size, "machine": machine()}
    times: dict[str, float] = {}
    with ExitStack() as stack:
        platform = stack.enter_context(world())
        platform.world = {
            "MAMORI_LIST_MAX_ADDED": "10000000",
            "MAMORI_STOP_PAGE_HOST": "stop.mamori.example",
            "MAMORI_CANARY_NAME": "canary.mamori.example",
        }
        django(platform, "worker")
        publisher = Publisher(platform, given.size)
        for what, step in (
            ("entries and signatures", publisher.write_base),
            ("rows in PostgreSQL", publisher.write_rows),
            ("changes", lambda: publisher.add([f"new-{number}.example" for number in range(CHANGES)])),
        ):
            with timed(what, times):
                step()
        from django.db import connection

        connection.close()
        began = time.monotonic()
        parts = together(base=base, zones=zones, formats=formats)
        whole = time.monotonic() - began
        say(f"built in {whole:.1f} s")
        trip = together(round_trip=round_trip)["round_trip"]
    result |= {
        "prepared": times,
        "ours": {"build_s": round(whole, 1), "parts": parts, "round_trip": trip},
    }
    result["goals"] = [
        goal("built, s", whole, BUILD),
        goal("memory of all at most, MB", sum(part["rss_mb"] for part in parts.values()), MEMORY),
        goal("round trip through the engines, s", trip["seconds"], ROUND_TRIP),
    ]
    finish(result, given.json)


def opened() -> Any:
    from mamori.lists.distribution import press

    row = press.in_force()
    assert row is not None
    return press.open_edition(press.keys(), row)


def base() -> dict[str, Any]:
    """All entries held against the rules; the base folded, on disk, and signed."""
    from mamori.engine.editions import fold, sign_files
    from mamori.lists.distribution import press, store
    from mamori.lists.distribution.services.editions import LIFE
    from mamori.lists.distribution.services.judging import against_newer_rules

    now, held = opened(), press.keys()
    assert not against_newer_rules(now.listed)
    draft = store.Draft(press.folder(), "build")
    files = {name: draft.write(name, pieces) for name, pieces in fold(now.base.files, now.listed.delta).items()}
    at = clock()
    signed = sign_files(2, files, keys=held.service, roots=held.roots, version=2, now=at, expires=at + LIFE)
    for name, data in signed.items():
        draft.write(name, [data])
    draft.drop()
    return {"entries": len(now.listed)}


def zones() -> dict[str, Any]:
    """Both zones as files, every record judged once more."""
    from mamori.lists.distribution import press, store
    from mamori.lists.distribution.knot import zone_lines
    from mamori.lists.distribution.services import primary

    now = opened()
    draft = store.Draft(press.folder(), "zones")
    sizes = {}
    for each in primary.all_zones():
        lines = zone_lines(each.base, primary.base_records(now.base, each)())
        sizes[each.base] = draft.write(each.base, (line.encode() for line in lines)).length
    draft.drop()
    return {"octets": sizes}


def formats() -> dict[str, Any]:
    """Every subscriber's format and the coded hash lists."""
    from mamori.lists.distribution.services import formats_write

    steps: list[str] = []
    formats_write(steps.append)
    return {"formats": sum(step.endswith("written") for step in steps) - 1}


def round_trip() -> dict[str, Any]:
    """What each engine holds after it loaded the base zones."""
    from mamori.lists.distribution.services import primary

    verdicts: list[str] = []
    primary.judge_base(opened().base, verdicts.append)
    return {"verdicts": verdicts}


def together(**parts: Callable[[], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Run each part in a process of its own, at the same time; what each says, with its seconds and memory."""
    answers: multiprocessing.Queue[tuple[str, dict[str, Any] | str]] = multiprocessing.Queue()

    def run(name: str, part: Callable[[], dict[str, Any]]) -> None:
        began, busy = time.monotonic(), time.process_time()
        try:
            told = part()
        except Exception as error:
            answers.put((name, f"{type(error).__name__}: {error}"))
            return
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 * 1.048576
        answers.put(
            (
                name,
                {
                    "seconds": round(time.monotonic() - began, 1),
                    "processor_s": round(time.process_time() - busy, 1),
                    "rss_mb": round(used),
                    **told,
                },
            )
        )

    children = [multiprocessing.Process(target=run, args=pair) for pair in parts.items()]
    for child in children:
        child.start()
    found: dict[str, dict[str, Any]] = {}
    for _ in children:
        name, told = answers.get()
        if isinstance(told, str):
            raise SystemExit(f"{name}: {told}")
        say(f"  {name}: {told}")
        found[name] = told
    for child in children:
        child.join()
    return found


if __name__ == "__main__":
    main()
