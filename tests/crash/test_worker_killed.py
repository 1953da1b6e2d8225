"""The worker is killed -9 under load, again and again."""

import os
import random

import pytest

from demo.platform import Platform
from demo.world import World
from tests.crash.load import RESUME_SECONDS, check, pause, until, writing
from tests.platform import inside, rows

pytestmark = pytest.mark.crash
ROUNDS = int(os.environ.get("MAMORI_CRASH_ROUNDS", "20"))
_POST = """
import django
django.setup()
from mamori.ground.letters.services import letter_post
letter_post(key="slow", kind="account", to="slow@host.example", subject="A letter", body="A letter.")
"""


def test_a_job_whose_worker_was_killed_is_retried(house: Platform, slow_world: World) -> None:
    inside(house, "worker", _POST)
    until(lambda: _jobs_of("slow", house) == ["doing"], 20, "the letter's job did not begin")
    house.program("worker").kill9()
    left = _jobs_of("slow", house)
    house.program("worker").start()
    assert left == ["doing"]
    until(lambda: not _jobs_of("slow", house), RESUME_SECONDS, "the dead worker's job was not taken up")
    assert len(slow_world.mail.received("slow@host.example")) <= 1


def test_nothing_acknowledged_is_lost_and_no_letter_sent_twice(house: Platform, slow_world: World) -> None:
    dice = random.Random(21)
    worker = house.program("worker")
    with writing(house) as account:
        for _round in range(ROUNDS):
            before = _handed(house)
            until(lambda before=before: _handed(house) > before, RESUME_SECONDS, "no letter leaves any more")  # type: ignore[misc]
            pause(dice)
            worker.kill9()
            worker.start()
    check(house, slow_world.mail, account)
    print(f"{ROUNDS} kills: {len(account.reports)} reports, {len(account.codes)} forms, {len(account.letters)} letters")


def _jobs_of(key: str, house: Platform) -> list[str]:
    """The status of each job that is to send the letter of this key and has not done so."""
    found = rows(
        house,
        "SELECT status::text FROM procrastinate_jobs JOIN letters_letter l ON args #>> '{arguments,letter_id}' = l.id::text"
        " WHERE l.key = %s",
        key,
    )
    return [status for (status,) in found]


def _handed(house: Platform) -> int:
    count: int = rows(house, "SELECT count(*) FROM letters_letter WHERE state = 'handed'")[0][0]
    return count
