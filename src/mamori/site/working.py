"""The worker process: Procrastinate's worker, the sweeps' ticker, the retry of stalled jobs, the audit sealer."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.db import close_old_connections, connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector

from mamori.ground import jobs
from mamori.ground.audit.services import run_sealer

log = logging.getLogger("mamori.worker")
HEARTBEAT_SECONDS = 5.0
STALLED_SECONDS = 20.0
LONGEST_JOB_SECONDS = 900.0  # a job that seems to run longer has ended, but its end could not be written
RETRY_SECONDS = 5.0  # whatever the sweeps' pause: a worker's death holds its jobs up for half a minute


def run(seal_seconds: float, checkpoint_seconds: float, concurrency: int) -> None:
    """Run until SIGINT or SIGTERM. A part that fails starts again after a pause; nothing acknowledged is lost by it."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    parts: list[tuple[str, Callable[[], None]]] = [
        ("sealer", lambda: run_sealer(seal_seconds, checkpoint_seconds, stop)),
        ("sweeps", lambda: _sweep(stop)),
        ("retry of stalled jobs", lambda: _retry(stop)),
        ("jobs", lambda: asyncio.run(_work(stop, concurrency))),
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


def _sweep(stop: threading.Event) -> None:
    pause = float(settings.SWEEP_SECONDS)
    while not stop.wait(pause):
        close_old_connections()
        for name in jobs.sweeps():
            try:
                jobs.run_sweep(name)
            except Exception:
                log.exception("sweep %s failed", name)
                connection.close()


def _retry(stop: threading.Event) -> None:
    while not stop.is_set():
        retry_stalled()
        stop.wait(RETRY_SECONDS)


def retry_stalled() -> None:
    """Give the jobs of a worker that died back to the queue (Procrastinate never does so by itself).

    Also those of a living worker that lost its connection just when it wanted to write that the job had ended.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE procrastinate_jobs j SET status = 'todo', attempts = attempts + 1, worker_id = NULL
            WHERE status = 'doing' AND (
                worker_id IS NULL
                OR worker_id NOT IN (
                    SELECT id FROM procrastinate_workers WHERE last_heartbeat >= now() - make_interval(secs => %s))
                OR (SELECT max(at) FROM procrastinate_events e WHERE e.job_id = j.id AND e.type = 'started')
                    < now() - make_interval(secs => %s))
            """,
            [STALLED_SECONDS, LONGEST_JOB_SECONDS],
        )
        if cursor.rowcount:
            log.warning("%s stalled jobs were given back to the queue", cursor.rowcount)


async def _work(stop: threading.Event, concurrency: int) -> None:
    worker_app = app.with_connector(cast(DjangoConnector, app.connector).get_worker_connector())
    async with worker_app.open_async():
        running = asyncio.create_task(
            worker_app.run_worker_async(
                queues=[jobs.QUEUE],
                concurrency=concurrency,
                install_signal_handlers=False,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
                delete_jobs="successful",
                fetch_job_polling_interval=1.0,
            )
        )
        while not stop.is_set() and not running.done():  # noqa: ASYNC110 - `stop` belongs to threads
            await asyncio.sleep(0.3)
        running.cancel()
        await asyncio.wait([running])
        if not stop.is_set():
            running.result()
