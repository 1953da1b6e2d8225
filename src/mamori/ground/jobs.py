"""Durable jobs (Procrastinate): in the transaction of the change, safe to run twice, stalled ones retried.

`task` declares one, `defer` and `defer_many` store some, `sweep` declares work that is done every so often. What
is due is always computed from recorded events and `clock.now()`, never from a job's own schedule.
"""

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.db import close_old_connections, connection
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

log = logging.getLogger("mamori.jobs")
Json = dict[str, Any]
QUEUE = "default"
RETRY = RetryStrategy(max_attempts=8, exponential_wait=3)
_tasks: dict[str, Callable[..., None]] = {}
_sweeps: dict[str, Callable[[], object]] = {}


def task(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a job's function under a stored name. Its arguments are JSON values: ids and codes only."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        if name in _tasks:
            raise ValueError(f"task {name} is registered twice")
        _tasks[name] = function
        return function

    return register


def defer(name: str, **arguments: Any) -> None:
    """Store one job in the present transaction."""
    defer_many(name, [arguments])


def defer_many(name: str, many: Iterable[Json]) -> None:
    """Store jobs for one task in the present transaction: one statement, whatever their number.

    Procrastinate's own SQL function is called directly: through its Django connector each call costs about 1 ms.
    """
    rows = [json.dumps({"name": name, "arguments": arguments}) for arguments in many]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT procrastinate_defer_jobs_v1(ARRAY(SELECT ROW(%s, %s, 0, NULL, NULL, args::jsonb, NULL)"
            "::procrastinate_job_to_defer_v1 FROM unnest(%s::text[]) AS args))",
            [QUEUE, "mamori.job", rows],
        )


def sweep(name: str) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Register work done every minute (in the demo: every second). A sweep carries no id and finds its own work."""

    def register(function: Callable[[], object]) -> Callable[[], object]:
        if name in _sweeps:
            raise ValueError(f"sweep {name} is registered twice")
        _sweeps[name] = function
        return function

    return register


def sweeps() -> tuple[str, ...]:
    return tuple(_sweeps)


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


@app.task(name="mamori.job", queue=QUEUE, retry=RETRY)
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
