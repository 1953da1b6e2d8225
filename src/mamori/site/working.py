"""The worker process: Procrastinate's worker, the sweeps' ticker, the retry of stalled jobs, the audit sealer."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, cast

from django.conf import settings
from django.db import close_old_connections, connection
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.worker import Worker

from mamori.ground import jobs
from mamori.ground.audit.services import run_sealer

log = logging.getLogger("mamori.worker")
HEARTBEAT_SECONDS = 5.0
STALLED_SECONDS = 20.0
RETRY_SECONDS = 5.0  # whatever the sweeps' pause: a worker's death holds its jobs up for half a minute


class Running:
    """What this process runs at the moment: the jobs that are under way, and the numbers of the workers it has had."""

    def __init__(self) -> None:
        self._workers: set[int] = set()
        self._jobs: set[int] = set()
        self._unseen: set[int] = set()

    async def around(self, call_next: Callable[[], Awaitable[Any]], context: JobContext, worker: Worker) -> Any:
        """Procrastinate's middleware around each job."""
        self._workers.add(cast(int, worker.worker_id))
        number = cast(int, context.job.id)
        self._jobs.add(number)
        try:
            return await call_next()
        finally:
            self._jobs.discard(number)

    def ended(self) -> list[int]:
        """Jobs a worker of ours is said to do that are not under way here, and were not at the last look either.

        Their end could not be written: the connection was lost at that moment. Two looks, for between a job's end and
        the word of it a moment passes.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = ANY(%s)",
                [list(self._workers)],
            )
            said = {number for (number,) in cursor.fetchall()}
        unseen = said.difference(self.under_way())
        ended, self._unseen = unseen & self._unseen, unseen
        return sorted(ended)

    def under_way(self) -> list[int]:
        """The jobs under way in this process."""
        return list(self._jobs)


def run(seal_seconds: float, checkpoint_seconds: float, concurrency: int) -> None:
    """Run until SIGINT or SIGTERM. A part that fails starts again after a pause; nothing acknowledged is lost by it."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    running = Running()
    parts: list[tuple[str, Callable[[], None]]] = [
        ("sealer", lambda: run_sealer(seal_seconds, checkpoint_seconds, stop)),
        ("sweeps", lambda: _sweep(jobs.sweeps(), stop)),
        *((f"sweep {name}", partial(_sweep, (name,), stop)) for name in jobs.sweeps(long=True)),
        ("retry of stalled jobs", lambda: _retry(running, stop)),
        ("jobs", lambda: asyncio.run(_work(running, stop, concurrency))),
    ]
    threads = [threading.Thread(target=_keep_running, args=(n, f, stop), name=n) for n, f in parts]
    for thread in threads:
        thread.start()
    while not stop.wait(0.5):
        pass
    for thread in threads:
        thread.join(10)
    if any(thread.is_alive() for thread in threads):
        os._exit(0)  # a job that does not end is taken up again by the next worker


def _keep_running(name: str, part: Callable[[], None], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            part()
        except Exception:
            log.exception("%s failed and starts again", name)
            stop.wait(1)
        finally:
            connection.close()


def _sweep(names: Iterable[str], stop: threading.Event) -> None:
    """Run these sweeps again and again, one after another."""
    pause = float(settings.SWEEP_SECONDS)
    while not stop.wait(pause):
        close_old_connections()
        for name in names:
            try:
                jobs.run_sweep(name)
            except Exception:
                log.exception("sweep %s failed", name)
                connection.close()


def _retry(running: Running, stop: threading.Event) -> None:
    while not stop.is_set():
        retry_stalled(running)
        stop.wait(RETRY_SECONDS)


def retry_stalled(running: Running) -> None:
    """Give the jobs of a worker that died back to the queue (Procrastinate never does so by itself).

    Also those of a living worker of this process that lost its connection just when it wanted to write that the job
    had ended. Not those of a worker of this process that winds down: they are under way.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE procrastinate_jobs SET status = 'todo', attempts = attempts + 1, worker_id = NULL
            WHERE status = 'doing' AND id <> ALL(%s) AND (
                worker_id IS NULL
                OR worker_id NOT IN (
                    SELECT id FROM procrastinate_workers WHERE last_heartbeat >= now() - make_interval(secs => %s))
                OR id = ANY(%s))
            """,
            [running.under_way(), STALLED_SECONDS, running.ended()],
        )
        if cursor.rowcount:
            log.warning("%s stalled jobs were given back to the queue", cursor.rowcount)


async def _work(running: Running, stop: threading.Event, concurrency: int) -> None:
    """A worker for each lane. The list has one publisher; what waits for others has as many hands as all the rest."""
    worker_app = app.with_connector(cast(DjangoConnector, app.connector).get_worker_connector())
    hands = dict.fromkeys(jobs.Lane, concurrency) | {jobs.Lane.LIST: 1}
    async with worker_app.open_async():
        tasks = [
            asyncio.create_task(
                worker_app.run_worker_async(
                    queues=[str(lane)],
                    name=str(lane),
                    concurrency=many,
                    install_signal_handlers=False,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=STALLED_SECONDS,
                    delete_jobs="successful",
                    fetch_job_polling_interval=1.0,
                    worker_middleware=[running.around],
                )
            )
            for lane, many in hands.items()
        ]
        while not stop.is_set() and not any(task.done() for task in tasks):  # noqa: ASYNC110 - `stop` belongs to threads
            await asyncio.sleep(0.3)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        if not stop.is_set():
            for task in tasks:
                if not task.cancelled():
                    task.result()
