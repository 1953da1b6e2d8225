"""An import is killed -9 in the middle: what it read counts, the same file again adds the rest, none twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils.translation import override

from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.lists.fingerprints import queries, services
from mamori.lists.fingerprints.models import Entry, ImportRun
from tests.jobs import run_waiting
from tests.platform import ROOT

pytestmark = [pytest.mark.crash, pytest.mark.django_db(transaction=True)]
LINES = 60_000


def importing(file: Path, source: str, by: User) -> subprocess.Popen[bytes]:
    """`mamori images import` in a process of its own, on this test's database."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path="/" + str(connection.settings_dict["NAME"]))
    arguments = ["images", "import", str(file), "--format", "md5", "--source", source, "--by", by.email]
    return subprocess.Popen(
        [sys.executable, "-m", "mamori", *arguments],
        env={**os.environ, "DATABASE_URL": url.geturl(), "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def killed_in_the_middle(process: subprocess.Popen[bytes]) -> ImportRun:
    """Kill the process once a batch is kept and before all are; the run it leaves."""
    end = time.monotonic() + 120
    while not (run := ImportRun.objects.filter(read__gt=0).first()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run.refresh_from_db()
    assert run.state == "running"
    assert 0 < run.added < LINES
    return run


def closed(run: ImportRun) -> None:
    """Wait for PostgreSQL to notice that the process is gone; what the worker's sweep does closes the run."""
    end = time.monotonic() + 30
    while not services.imports_close():
        assert time.monotonic() < end
        time.sleep(0.1)
    run.refresh_from_db()
    assert (run.state, run.added) == ("failed", Entry.objects.filter(imported=run).count())


def is_on_today(person: User) -> bool:
    with override("en"):
        return any("broke off" in str(waiting.title) for waiting in queries.desk(person.actor))


@pytest.mark.parametrize("sweep_first", [True, False], ids=["closed by the worker", "closed by the next import"])
def test_after_a_kill_and_a_rerun_all_entries_come_into_force_and_none_twice(
    person: Callable[..., User], tmp_path: Path, sweep_first: bool
) -> None:
    sue, ann = person(Role.SENIOR_ANALYST), person(Role.ANALYST)
    services.source_add(actor=sue.actor, code="ngo", name="An NGO", kind="ngo", shared_with_partners=True)
    file = tmp_path / "list.txt"
    file.write_text("".join(f"{number:032x}\n" for number in range(LINES)))
    dead = killed_in_the_middle(importing(file, "ngo", sue))
    if sweep_first:
        closed(dead)
        assert is_on_today(sue)
    else:
        time.sleep(2)  # PostgreSQL notices that the process is gone
    again = importing(file, "ngo", sue)
    told, _nothing = again.communicate(timeout=300)
    assert again.returncode == 0, told
    assert b"earlier import(s) of this source" in told
    dead.refresh_from_db()
    rest = ImportRun.objects.exclude(id=dead.id).get()
    assert (dead.state, rest.state) == ("failed", "done")
    assert (rest.known, dead.added + rest.added) == (dead.added, LINES)
    assert not is_on_today(sue)
    for run in (dead, rest):
        services.import_confirm(actor=ann.actor, import_id=run.id)
    run_waiting()
    assert Entry.objects.filter(state="active").count() == Entry.objects.count() == LINES
    values = Counter(each.value for each in queries.all_in_force())
    assert (len(values), max(values.values())) == (LINES, 1)
    added = Counter(change.entry_id for change in queries.changes_since(0, 2 * LINES))
    assert (len(added), max(added.values())) == (LINES, 1)


def test_a_dead_import_of_our_own_source_is_compared(person: Callable[..., User], tmp_path: Path) -> None:
    sue = person(Role.SENIOR_ANALYST)
    services.source_add(actor=sue.actor, code="own", name="Our own", kind="hotline")
    file = tmp_path / "list.txt"
    file.write_text("".join(f"{number:032x}\n" for number in range(LINES)))
    dead = killed_in_the_middle(importing(file, "own", sue))
    closed(dead)
    with connection.cursor() as cursor:
        cursor.execute("SELECT args->'arguments'->>'import_id' FROM procrastinate_jobs WHERE status = 'todo'")
        assert (str(dead.id),) in cursor.fetchall()
    run_waiting()
    assert Entry.objects.filter(state="active").count() == dead.added


def test_an_import_that_is_read_by_a_living_process_is_not_closed(person: Callable[..., User], tmp_path: Path) -> None:
    sue = person(Role.SENIOR_ANALYST)
    services.source_add(actor=sue.actor, code="own", name="Our own", kind="hotline")
    file = tmp_path / "list.txt"
    os.mkfifo(file)
    process = importing(file, "own", sue)
    with file.open("w") as pipe:
        end = time.monotonic() + 120
        while not ImportRun.objects.exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        assert services.imports_close() == 0
        pipe.write("0" * 32 + "\n")
    told, _nothing = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert ImportRun.objects.get().state == "done"
