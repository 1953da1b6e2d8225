"""Durable jobs (Procrastinate): in the transaction of the change, safe to run twice, stalled ones retried.

`task` declares one, `defer` and `defer_many` store some, `sweep` declares work that is done every so often. What
is due is always computed from recorded events and `clock.now()`, never from a job's own schedule.
"""

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import close_old_connections, connection
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

log = logging.getLogger("mamori.jobs")
Json = dict[str, Any]


class Lane(StrEnum):
    """Where a job waits: behind jobs of its own kind only, so that slow ones never hold up a block or its end."""

    DEFAULT = "default"
    OUTSIDE = "outside"  # waits for other people's servers, or takes long
    CONTROL = "control"  # waits for servers that anybody may name
    LIST = "list"  # publishes the list
    PROBE = "probe"  # watches resolvers


RETRY = RetryStrategy(max_attempts=8, exponential_wait=3)
_tasks: dict[str, Callable[..., None]] = {}
_lanes: dict[str, Lane] = {}
_sweeps: dict[str, Callable[[], object]] = {}
_long_sweeps: set[str] = set()


def task(name: str, lane: Lane = Lane.DEFAULT) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a job's function under a stored name. Its arguments are JSON values: ids and codes only."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        if name in _tasks:
            raise ValueError(f"task {name} is registered twice")
        _tasks[name], _lanes[name] = function, lane
        return function

    return register


def defer(name: str, **arguments: Any) -> None:
    """Store one job in the present transaction."""
    defer_many(name, [arguments])


def defer_many(name: str, many: Iterable[Json], lane: Lane | None = None) -> None:
    """Store jobs for one task in the present transaction: one statement, whatever their number. `lane`: not the task's.

    Procrastinate's own SQL function is called directly: through its Django connector each call costs about 1 ms.
    """
    rows = [json.dumps({"name": name, "arguments": arguments}) for arguments in many]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT procrastinate_defer_jobs_v1(ARRAY(SELECT ROW(%s, %s, 0, NULL, NULL, args::jsonb, NULL)"
            "::procrastinate_job_to_defer_v1 FROM unnest(%s::text[]) AS args))",
            [str(lane or _lanes[name]), "mamori.job", rows],
        )


def waiting(name: str, **arguments: Any) -> int:
    """How many jobs of a task wait or are under way; with arguments: those that have them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND args->>'name' = %s"
            " AND args->'arguments' @> %s::jsonb",
            [name, json.dumps(arguments)],
        )
        return int(cursor.fetchone()[0])


def sweep(name: str, *, long: bool = False) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Register work done every minute (in the demo: every second). A sweep carries no id and finds its own work.

    `long`: it may take seconds or more, and shall hold up no other.
    """

    def register(function: Callable[[], object]) -> Callable[[], object]:
        if name in _sweeps:
            raise ValueError(f"sweep {name} is registered twice")
        _sweeps[name] = function
        if long:
            _long_sweeps.add(name)
        return function

    return register


def sweeps(*, long: bool = False) -> tuple[str, ...]:
    """The names of all short sweeps, or of all long ones."""
    return tuple(name for name in _sweeps if (name in _long_sweeps) is long)


def run_sweep(name: str) -> None:
    """Run one sweep now, under a lock so that two workers never run the same one at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"sweep:{name}"])
        if not cursor.fetchone()[0]:
            return
        try:
            _sweeps[name]()
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [f"sweep:{name}"])


@dataclass(frozen=True)
class Failed:
    """Jobs of one task or listener that failed for good. They carry ids, so that only their number is told."""

    name: str
    number: int
    since: datetime


_NAME = "CASE WHEN args->>'name' = 'ground.listen' THEN args->'arguments'->>'listener' ELSE args->>'name' END"


def failed() -> list[Failed]:
    """What was tried as often as it may and is not tried again, the most first. Successful jobs are not kept."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce({_NAME}, ''), count(*), min((SELECT max(at) FROM procrastinate_events e"  # noqa: S608
            " WHERE e.job_id = j.id)) FROM procrastinate_jobs j WHERE status = 'failed' GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        return [Failed(*row) for row in cursor.fetchall()]


def retry(name: str = "") -> int:
    """Try failed jobs again from their first attempt: all, or those of one task or listener. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'todo', attempts = 0, scheduled_at = NULL, worker_id = NULL"  # noqa: S608
            f" WHERE status = 'failed' AND (%s = '' OR {_NAME} = %s)",
            [name, name],
        )
        return int(cursor.rowcount)


@app.task(name="mamori.job", queue=str(Lane.DEFAULT), retry=RETRY)
def run_job(name: str, arguments: Json) -> None:
    """The one task Procrastinate knows: it calls the registered function."""
    if not connection.in_atomic_block:
        close_old_connections()
    _tasks[name](**arguments)


@task("ground.listen")
def listen(listener: str, fact: Json) -> None:
    """Tell one listener one fact."""
    from mamori.ground import facts  # noqa: PLC0415 - facts stores jobs, jobs tells facts

    facts.deliver(listener, fact)
