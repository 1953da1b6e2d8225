"""Whether the time of an answer tells what is known: 4,000 reports and 2,000 questions about receipts, one after another.

Reports name addresses that are unknown, closed, in assessment or held, in random order: each kind against the unknown
ones. Receipts are of reports that are open, or closed and held by police: both say "received", so the held against the
open ones. Figure: the area under the ROC curve of the best guesser that sees the time only (Mann-Whitney U / n1 n2).
0.5 is a coin; by chance alone 1,000 against 1,000 give up to 0.53. The control: what 5 ms more for the known would give.

    python -m benchmarks.oracle --json FILE
"""

from __future__ import annotations

import os
import random
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

import urllib3

from benchmarks.client import Client
from benchmarks.common import (
    PYTHON,
    arguments,
    django,
    environment,
    finish,
    goal,
    machine,
    median,
    say,
    serving,
    timed,
    world,
)
from benchmarks.intake import WORDS, http, proof
from demo.platform import Platform
from demo.processes import Program

KINDS = ("closed", "assessed", "held")
UNKNOWN, OPEN, HELD = "unknown", "open", "held"
ADDRESSES = 25
SAMPLES = 1000
AT_ONCE = 200  # in one round of the client, which waits two minutes at most
MOST = 0.55
LOOK_UP = 0.005  # seconds: the control, what this would show of a way that did so much more for what is known


def area(some: Sequence[float], others: Sequence[float]) -> float:
    """Area under the ROC curve of a threshold between two samples, folded to 0.5 and above."""
    ordered = sorted(others)
    below = sum(bisect_left(ordered, value) + bisect_right(ordered, value) for value in some) / 2
    share = below / (len(some) * len(others))
    return max(share, 1 - share)


def _address(kind: str, number: int) -> str:
    """As long as all others."""
    return f"https://{kind}-{number:0{20 - len(kind)}}.example/page/{number:04}"


def _form(address: str) -> bytes:
    given = {"addresses": address, "text": WORDS, "contact": "", "proof": proof(), "ticket": ""}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "en"}
    return http("/en/report/", headers, urlencode(given).encode())


def _receipt(code: str) -> bytes:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Language": "en"}
    return http("/en/receipt/", headers, urlencode({"code": code}).encode())


def _prepare(port: int, platform: Platform) -> dict[str, list[str]]:
    """Known addresses in each state; the receipts' codes by kind."""
    from mamori.ground import clock
    from mamori.hotline.assessment.models import ContentItem
    from mamori.hotline.intake.models import Report, Submission

    codes: dict[str, list[str]] = {}
    pool = urllib3.PoolManager(maxsize=1, retries=False, timeout=30)
    for kind in ("open", *KINDS):
        for number in range(ADDRESSES):
            given = {"addresses": _address(kind, number), "text": WORDS, "contact": "", "proof": proof(), "ticket": ""}
            page = pool.request(
                "POST", f"http://127.0.0.1:{port}/en/report/", fields=given, encode_multipart=False, redirect=False
            )
            found = re.search(rb"\d{4}-\d{4}-\d{4}-\d{4}", page.data)
            if found is None:
                raise SystemExit(f"the form answered {page.status}: {page.data[:300]!r}")
            codes.setdefault(kind, []).append(found[0].decode())
    fast = {"MAMORI_SWEEP_SECONDS": "1", "MAMORI_SCREENING_DELAY_SECONDS": "0"}
    worker = Program(
        "worker",
        [PYTHON, "-m", "mamori", "worker"],
        platform.base / "log",
        env=environment(platform, "worker") | fast,
        as_is=True,
    )
    worker.start()
    end = time.monotonic() + 180
    while ContentItem.objects.count() < ADDRESSES * 4:
        if time.monotonic() > end or not worker.running():
            raise SystemExit(f"the worker did not screen the reports: {worker.tail()}")
        time.sleep(0.5)
    time.sleep(5)
    worker.stop()
    of = {kind: Report.objects.filter(url__startswith=f"https://{kind}") for kind in KINDS}
    for kind in ("closed", HELD):
        of[kind].update(state="closed", outcome="removed", closed_at=clock.now())
    closed = {"closed_at": clock.now(), "released_hour": clock.this_hour()}
    Submission.objects.filter(reports__in=of["closed"]).update(**closed)
    Submission.objects.filter(reports__in=of[HELD]).update(closed_at=clock.now(), police_hold=True)
    ContentItem.objects.filter(host__startswith="assessed").update(state="in_assessment")
    return codes


def _measure(
    client: Client, port: int, against: str, kinds: Sequence[str], build: Callable[[str, int], bytes]
) -> dict[str, Any]:
    """The areas of each kind against another, from requests sent one after another in random order."""
    order = [(kind, number) for kind in (against, *kinds) for number in range(SAMPLES)]
    random.shuffle(order)
    client.round([port], [build(against, SAMPLES + number) for number in range(50)], 1)
    spans: dict[str, list[float]] = {}
    for at in range(0, len(order), AT_ONCE):
        part = order[at : at + AT_ONCE]
        done = client.round([port], [build(kind, number) for kind, number in part], 1)
        if set(done.statuses) != {200}:
            raise SystemExit(f"not all were answered alike: {done.statuses}")
        for (kind, _number), seconds in zip(part, done.latencies, strict=True):
            spans.setdefault(kind, []).append(seconds)
    return {
        "median_ms": {kind: round(median(span) * 1000, 2) for kind, span in spans.items()},
        "area": {kind: round(area(spans[kind], spans[against]), 3) for kind in kinds},
        "area_if_5_ms_more": round(area([each + LOOK_UP for each in spans[kinds[0]]], spans[against]), 3),
    }


def main() -> None:
    given = arguments(__doc__).parse_args()
    result: dict[str, Any] = {"benchmark": "oracle", "machine": machine(), "samples_of_each_kind": SAMPLES}
    times: dict[str, float] = {}
    with ExitStack() as stack:
        with timed("PostgreSQL, tables, roles", times):
            platform = stack.enter_context(world())
        django(platform, "manage")
        os.environ.update(environment(platform, "manage"))
        serve = [PYTHON, "-m", "mamori", "serve", "public", "--port", "{port}", "--workers", "1"]
        port = stack.enter_context(serving(platform, serve, environment(platform, "public"), "/en/"))
        client = stack.enter_context(Client())
        with timed("known addresses", times):
            codes = _prepare(port, platform)

        def form(kind: str, number: int) -> bytes:
            return _form(_address(kind, number if kind == UNKNOWN else number % ADDRESSES))

        def receipt(kind: str, number: int) -> bytes:
            return _receipt(codes[kind][number % ADDRESSES])

        with timed("reports", times):
            result["reports"] = _measure(client, port, UNKNOWN, KINDS, form)
        with timed("receipts", times):
            result["receipts"] = _measure(client, port, OPEN, (HELD,), receipt)
    result["seconds"] = times
    for what in ("reports", "receipts"):
        say(f"{what}: {result[what]}")
    result["goals"] = [
        goal(f"{what}: {kind} against {against}, area under the curve", value, MOST)
        for what, against in (("reports", UNKNOWN), ("receipts", OPEN))
        for kind, value in result[what]["area"].items()
    ] + [
        goal(f"{what}: the control, 5 ms more", result[what]["area_if_5_ms_more"], MOST, at_least=True)
        for what in ("reports", "receipts")
    ]
    finish(result, given.json)


if __name__ == "__main__":
    main()
