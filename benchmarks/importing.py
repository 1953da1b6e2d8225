"""`mamori reports import` against a bare psycopg COPY of the same rows, ready made, into the same tables."""

from __future__ import annotations

import csv
import resource
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from benchmarks.common import median, owner, say, subcommand
from benchmarks.peer_rows import KEYS, REPORTS, SUBMISSIONS
from demo.platform import Platform

ROWS = 60_000
ROUNDS = 3
COMMENT = "Seen on a public board. The page asks visitors to pass it on."


def measure_import(platform: Platform) -> dict[str, Any]:
    """Medians of the rounds; each round its own rows, the same for both."""
    ours, bare, work = [], [], []
    run = uuid4().hex[:8]
    for number in range(ROUNDS):
        urls = [f"https://import{n % 4000}.example/{run}/{number}/{uuid4().hex}" for n in range(ROWS)]
        path = platform.base / f"reports-{number}.csv"
        _write(path, urls)
        for side in ("ours", "bare") if number % 2 else ("bare", "ours"):
            if side == "ours":
                before = _worked()
                ours.append(ROWS / subcommand(platform, "manage", "mamori", "reports", "import", str(path)))
                work.append(ROWS / (_worked() - before))
            else:
                bare.append(ROWS / _copy(platform, urls))
    with owner(platform) as connection:
        found = connection.execute("SELECT count(*) FROM intake_report WHERE url LIKE %s", [f"https://import%/{run}/%"])
        kept = found.fetchall()[0][0]
    if kept != 2 * ROUNDS * ROWS:
        raise SystemExit(f"{kept} rows were kept of {2 * ROUNDS * ROWS}")
    result: dict[str, Any] = {
        "rows": ROWS,
        "rounds": ROUNDS,
        "reports_per_second": round(median(ours)),
        "copy_per_second": round(median(bare)),
        "reports_per_second_of_processor": round(median(work)),
    }
    result["ratio"] = round(result["reports_per_second"] / result["copy_per_second"], 3)
    say(
        f"import: {result['reports_per_second']} reports/s, start of the program included; bare COPY {result['copy_per_second']}"
    )
    return result


def _worked() -> float:
    """Seconds on a processor of the commands so far, without PostgreSQL."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _write(path: Path, urls: list[str]) -> None:
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["url", "seen_at", "comment"])
        out.writerows([url, "2026-11-20", f"{COMMENT} {n}"] for n, url in enumerate(urls))


def _copy(platform: Platform, urls: list[str]) -> float:
    """Seconds of three COPY in one transaction. The rows are made beforehand: nothing is read, checked or sealed."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    keys, submissions, reports = [], [], []
    for url in urls:
        key, submission = uuid4(), uuid4()
        text = uuid4().bytes * 7
        keys.append((key, text[:80]))
        submissions.append(
            (submission, "import", "", None, hour, "", None, None, key, text[:100], None, Jsonb({}), False, False)
        )
        digest = uuid4().hex * 2
        reports.append((
            *(uuid4(), submission, "import", None, f"row:{digest}", hour, url, digest, None, date(2026, 11, 20)),
            *(False, "received", "", ""),
        ))  # fmt: skip
    with psycopg.connect(platform.postgres.owner_dsn()) as connection, connection.cursor() as cursor:
        began = time.monotonic()
        for table, columns, rows in (
            ("sealed_datakey", KEYS, keys),
            ("intake_submission", SUBMISSIONS, submissions),
            ("intake_report", REPORTS, reports),
        ):
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        connection.commit()
        return time.monotonic() - began
