"""Jobs whose worker died, or whose end could not be written, are taken up again; jobs under way are not run twice."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from mamori.site.working import Running, retry_stalled

pytestmark = pytest.mark.django_db


def worker(silent_for: int = 0) -> int:
    return _one(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => %s)) RETURNING id",
        silent_for,
    )


def job(worker_id: int | None) -> int:
    return _one(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id)"
        " VALUES ('mamori', 'of.a.test', 'doing', %s) RETURNING id",
        worker_id,
    )


def waits(number: int) -> bool:
    return bool(_one("SELECT status = 'todo' FROM procrastinate_jobs WHERE id = %s", number))


def _one(query: str, *values: object) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        row = cursor.fetchone()
    assert row
    return row[0]


def during(running: Running, worker_id: int, number: int, look: Any) -> None:
    """Do `look` while a job is under way. No event loop: nothing here waits, and Django keeps one connection."""

    async def body() -> None:
        look()

    context = SimpleNamespace(job=SimpleNamespace(id=number))
    under_way = running.around(body, context, SimpleNamespace(worker_id=worker_id))  # type: ignore[arg-type]
    with pytest.raises(StopIteration):
        under_way.send(None)


def test_jobs_of_a_worker_that_is_gone_or_silent_wait_again() -> None:
    silent, lost, going = job(worker(60)), job(None), job(worker())
    retry_stalled(Running())
    assert (waits(silent), waits(lost), waits(going)) == (True, True, False)


def test_a_job_whose_end_could_not_be_written_waits_again_after_two_looks() -> None:
    running, ours = Running(), worker()
    ended, of_another = job(ours), job(worker())
    during(running, ours, ended, lambda: retry_stalled(running))
    retry_stalled(running)
    assert not waits(ended), "its end may be on the way"
    retry_stalled(running)
    assert waits(ended)
    assert not waits(of_another)


def test_a_job_under_way_is_not_given_back_though_its_worker_winds_down() -> None:
    running, ours = Running(), worker(60)
    number = job(ours)
    during(running, ours, number, lambda: [retry_stalled(running) for _ in range(3)])
    assert not waits(number)
    retry_stalled(running)
    assert waits(number), "now it is over, and its worker silent"
