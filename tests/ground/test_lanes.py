"""Jobs wait only behind jobs of their own kind: a thousand slow re-checks hold no block and no end of one up."""

import asyncio
import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connection

from mamori.ground import facts, jobs
from mamori.hotline.tracing import jobs as _tracing  # noqa: F401 - registers its jobs
from mamori.lists.distribution.facts import EditionPublished
from mamori.lists.listing.facts import EntryActivated, EntryWithdrawn
from mamori.site import working


def queues() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(args->'arguments'->>'listener', args->>'name'), queue_name FROM procrastinate_jobs"
        )
        return dict(cursor.fetchall())


@pytest.mark.django_db
def test_each_kind_of_job_has_its_lane() -> None:
    facts.announce(EntryActivated(uuid4()), EntryWithdrawn(uuid4()), EditionPublished(uuid4()))
    jobs.defer("tracing.run", content_id=str(uuid4()))
    jobs.defer("intake.screen_batch", batch_id=str(uuid4()))
    assert (
        queues().items()
        >= {
            "distribution.publish_added": "list",
            "distribution.publish_removed": "list",
            "distribution.watch": "probe",
            "distribution.write_formats": "outside",
            "tracing.run": "outside",
            "intake.screen_batch": "default",
        }.items()
    )


@pytest.mark.django_db(transaction=True)
def test_a_job_of_the_list_runs_while_every_hand_waits_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, published, stop = threading.Event(), threading.Event(), threading.Event()
    tasks: dict[str, Callable[..., object]] = {"slow": lambda: go_on.wait(60), "quick": published.set}
    for name, lane in (("slow", jobs.Lane.OUTSIDE), ("quick", jobs.Lane.LIST)):
        monkeypatch.setitem(jobs._tasks, name, tasks[name])
        monkeypatch.setitem(jobs._lanes, name, lane)
    jobs.defer_many("slow", [{}] * 5)
    jobs.defer("quick")
    thread = threading.Thread(target=lambda: asyncio.run(working._work(working.Running(), stop, 2)))
    thread.start()
    try:
        assert published.wait(30)
        assert not go_on.is_set()
    finally:
        go_on.set()
        end = time.monotonic() + 30
        while queues() and time.monotonic() < end:
            time.sleep(0.1)
        stop.set()
        thread.join(30)
    assert queues() == {}
