"""Fill a new database with the records of a hotline after three years (`records*.sql`), and tell how far it is."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import psycopg
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

CHUNK = 50_000
_STEP = re.compile(r"^-- step: (\S+) ?(\S*)\n", re.MULTILINE)
Connection = psycopg.Connection[Any]


def steps() -> list[tuple[str, str, str]]:
    """(table, how many rows, SQL) of each step."""
    text = "".join(Path(__file__).with_name(name).read_text() for name in ("records.sql", "records_after.sql"))
    parts = _STEP.split(text)[1:]
    return list(zip(parts[::3], parts[1::3], parts[2::3], strict=True))


def fill(connection: Connection, values: Mapping[str, Any]) -> dict[str, Any]:
    """Run all steps. `values`: contents, reports, and the ids of people. Returns rows and seconds.

    Indexes and foreign keys are dropped meanwhile; made again, they check every row.
    """
    began = time.monotonic()
    connection.execute("SET synchronous_commit = off")
    connection.execute("SET maintenance_work_mem = '512MB'")
    restore = _drop(connection)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        for table, count, sql in steps():
            rows = int(values.get(count) or count or 0)
            task = bar.add_task(table, total=max(rows, 1))
            for first in range(1, max(rows, 1) + 1, CHUNK):
                span = {"first": first, "last": min(rows, first + CHUNK - 1)}
                connection.execute(Template(sql.replace("$$", "$$$$")).substitute(values, **span))
                bar.update(task, completed=span["last"])
        task = bar.add_task("indexes, keys, VACUUM ANALYZE", total=len(restore) + 1)
        for statement in restore:
            connection.execute(statement)
            bar.advance(task)
        connection.execute("VACUUM (FREEZE, ANALYZE)")
        bar.advance(task)
    return {"seconds": round(time.monotonic() - began, 1), "rows": _rows(connection)}


def _drop(connection: Connection) -> list[str]:
    """Drop what slows loading; the statements that make it again: indexes first, foreign keys last."""
    indexes = connection.execute(
        "SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND NOT EXISTS"
        " (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))"
    ).fetchall()
    keys = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    ).fetchall()
    for table, name, _definition in keys:
        connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    for name, _definition in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    return [
        *(definition for _name, definition in indexes),
        *(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}' for table, name, definition in keys),
    ]


def _rows(connection: Connection) -> dict[str, int]:
    found = connection.execute(
        "SELECT relname, reltuples::bigint FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND reltuples >= 1000 ORDER BY reltuples DESC"
    )
    return dict(found.fetchall())
