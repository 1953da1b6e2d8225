"""Leak tracing: how often a leaked copy of the list names its subscriber, and whether it ever names another.

    python benchmarks/leaks.py --trials 10000 --json -

Each trial leaks a copy of one subscriber's list: a random 5 % of its lines; and a copy of two who keep only what both have.
"""

import random
import sys
import time
from collections.abc import Iterable
from typing import Any

from rich.progress import track

from benchmarks.common import arguments, finish, goal, machine
from mamori.engine.canaries import OWN, Tracer, canaries_of

NAMED = 0.92  # of the leaked samples: their subscriber
DOMAINS = ("canary-one.example", "canary-two.example")


def measure(
    *, trials: int, subscribers: int, names: int, share: float, seed: int, bar: bool = False
) -> dict[str, float]:
    """Shares from 0 to 1, and how many were named wrongly. `names`: listed names in each copy beside the canaries."""
    lots = random.Random(seed)
    key = seed.to_bytes(32)
    everybody = [f"subscriber-{number}" for number in range(subscribers)]
    copies = {one: sorted(canaries_of(key, one, DOMAINS)) for one in everybody}
    tracer = Tracer(key, everybody)
    named = named_of_two = false = nobody = 0
    listed = [f"n{number}.example" for number in range(names)]
    for _trial in track(range(trials), "Leaking", disable=not bar):
        leaker, other = lots.sample(everybody, 2)
        copy = listed + copies[leaker]
        found = suspects(tracer, lots.sample(copy, round(share * len(copy))))
        named += leaker in found
        false += len(found - {leaker})
        both = suspects(tracer, set(copies[leaker]) & set(copies[other]))
        named_of_two += bool(both & {leaker, other})
        false += len(both - {leaker, other})
        nobody += not suspects(tracer, lots.sample(listed, round(share * names)))
    return {
        "trials": trials, "subscribers": subscribers, "names": names, "share_leaked": share, "own_canaries": OWN,
        "named": named / trials, "one_of_two_colluders_named": named_of_two / trials,
        "false_accusations": false, "nobody_where_nothing_leaked": nobody / trials,
    }  # fmt: skip


def suspects(tracer: Tracer, names: Iterable[str]) -> set[str]:
    """The subscribers named for a file of these names."""
    return {one.subscriber for one in tracer.suspects(name.partition(".")[0] for name in names)}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--names", type=int, default=10_000, help="listed names in each copy (default 10,000)")
    parser.add_argument("--share", type=float, default=0.05, help="of a copy that leaks (default 0.05)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    result: dict[str, Any] = {"benchmark": "leaks", "machine": machine()}
    began = time.perf_counter()
    found = measure(
        trials=given.trials, subscribers=given.subscribers, names=given.names, share=given.share, seed=given.seed,
        bar=sys.stderr.isatty(),
    )  # fmt: skip
    result |= {"ours": found, "seconds": round(time.perf_counter() - began, 1)}
    result["goals"] = [
        goal(f"{given.share:.0%} of one copy names its subscriber, share", found["named"], NAMED, at_least=True),
        goal(f"subscribers named wrongly in {given.trials:,} trials", found["false_accusations"], 0),
    ]
    finish(result, given.json)


if __name__ == "__main__":
    main()
