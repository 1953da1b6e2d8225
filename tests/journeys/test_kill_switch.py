"""`mamori kill-switch` on the machine: the worker's own role, a running worker, and another person who ends it."""

import subprocess
import sys

from demo.platform import Platform
from demo.processes import wait_until
from tests.platform import inside, rows

LIFT = """
import django
django.setup()
from mamori.ground.accounts.models import User
from mamori.lists.distribution.services import kill_lift
kill_lift(actor=User.objects.get(email="fujii@mamori.example").actor)
"""


def pull(platform: Platform, answer: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "mamori", "kill-switch", *arguments],
        env=platform.environment("worker"),
        input=answer,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,  # it waits a minute for resolvers
    )
    return done.returncode, done.stdout + done.stderr


def orders(platform: Platform) -> list[tuple[object, ...]]:
    return rows(platform, "SELECT id FROM distribution_killorder WHERE lifted_at IS NULL")


def published(platform: Platform) -> tuple[object, ...]:
    """Version and kill order of the edition in force."""
    [row] = rows(
        platform,
        "SELECT version, kill_id FROM distribution_edition WHERE state = 'published' ORDER BY version DESC LIMIT 1",
    ) or [(0, None)]
    return row


def test_the_kill_switch_asks_empties_the_list_and_is_lifted_by_another_person(platform: Platform) -> None:
    before = published(platform)
    code, said = pull(platform, "n\n", "--reason", "A grave error in the list")
    assert (code, orders(platform)) == (1, []), said
    code, said = pull(platform, "A grave error in the list\ny\n")
    assert code == 0, said
    assert "Every entry will be lifted" in said
    [(order,)] = orders(platform)
    try:
        wait_until(lambda: published(platform)[1] == order, 60, "no empty edition was published")
        assert int(str(published(platform)[0])) > int(str(before[0]))
        code, said = pull(platform, "y\n", "--reason", "Once more")
        assert len(orders(platform)) == 1, said
        logged = rows(platform, "SELECT actor_kind FROM audit_event WHERE event = 'distribution.killed'")
        assert logged, "it is in the log"
    finally:
        inside(platform, "staff", LIFT)
    assert orders(platform) == []
    wait_until(lambda: published(platform)[1] is None, 60, "the list did not come back")


def test_a_kill_switch_without_the_workers_database_is_one_line(platform: Platform) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mamori", "kill-switch", "--reason", "x"],
        env={**platform.environment("worker"), "MAMORI_SECRET_KEY": ""},
        input="y\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "MAMORI_SECRET_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_not_there_cannot_be_withdrawn(platform: Platform) -> None:
    for arguments, complaint in (
        (("--entry", "nobody.example"), "nothing in force is called nobody.example"),
        (("--edition", "99999"), "no such edition brought an entry"),
        (("--edition", "the last"), "a number, or"),
        (("--edition", "last", "--entry", "x.example"), "choose an edition or an entry"),
    ):
        code, said = pull(platform, "y\n", *arguments)
        assert (code, orders(platform)) == (2, []), said
        assert complaint in " ".join(said.replace("│", " ").split())
