"""Load on the real front doors while something is killed, and the account of what was acknowledged."""

import json
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO
from uuid import uuid4

import urllib3

from demo.mailboxes import Mailboxes
from demo.platform import Platform
from demo.processes import WorldError, wait_until
from demo.visitor import Visitor
from tests.platform import ROOT, environment, partner_token, rows

API_WRITERS, FORM_WRITERS = 6, 2
PAGES = [f"https://shapes.example/{n}" for n in range(5)]
CODE = re.compile(r"\b\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}\b")
RESUME_SECONDS = 60
_LETTERS = """
import sys, time, django
django.setup()
from django.db import Error, connection
from mamori.ground.letters.services import letter_post
run, number = sys.argv[1], 0
while True:
    try:
        letter = letter_post(key=f"crash:{run}:{number}", kind="notice", to=f"abuse@host{number % 7}.example",
                             subject="A notice", body="A notice waits for you on our page.")
    except Error:
        connection.close()
        time.sleep(0.05)
        continue
    print(letter, flush=True)
    number += 1
    time.sleep(0.15)
"""


@dataclass
class Account:
    """What the house said it has: report ids with the partner's names for them, receipt codes, letter ids."""

    reports: dict[str, str] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    failures: int = 0
    wrong: list[str] = field(default_factory=list)

    def size(self) -> int:
        return len(self.reports) + len(self.codes) + len(self.letters)


def missing(acknowledged: Iterable[str], stored: Iterable[str]) -> list[str]:
    """What was acknowledged and is not stored."""
    return sorted(set(acknowledged) - set(stored))


def more_than_once(counts: Counter[str]) -> list[str]:
    return sorted(name for name, count in counts.items() if count > 1)


@contextmanager
def writing(platform: Platform) -> Iterator[Account]:
    """Eight writers at the partner and the public face, and one process that posts letters."""
    account, stop, run = Account(), threading.Event(), uuid4().hex[:8]
    token = partner_token(platform, "reports.write")
    writers: list[Callable[[], None]] = [
        *(
            lambda n=n: _write_batches(platform, token, f"{run}-{n}", account, stop)  # type: ignore[misc]
            for n in range(API_WRITERS)
        ),
        *(lambda: _fill_in_forms(platform, account, stop) for _ in range(FORM_WRITERS)),
    ]
    threads = [threading.Thread(target=_watched, args=(writer, account)) for writer in writers]
    poster = subprocess.Popen(
        [sys.executable, "-c", _LETTERS, run],
        env=environment(platform, "worker"),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert poster.stdout is not None
    threads.append(threading.Thread(target=_collect, args=(poster.stdout, account)))
    for thread in threads:
        thread.start()
    try:
        yield account
    finally:
        stop.set()
        poster.terminate()
        for thread in threads:
            thread.join(90)
        poster.wait(10)
        poster.stdout.close()


def check(platform: Platform, mail: Mailboxes, account: Account) -> None:
    """Right after the last restart: jobs resume in time, nothing acknowledged is lost, no letter is sent twice or lost."""
    (then,) = rows(platform, "SELECT now(), coalesce(max(id), 0), count(*) FROM procrastinate_jobs")
    try:
        until(lambda: _resumed(platform, *then), RESUME_SECONDS, "interrupted jobs are not taken up again")
    except WorldError as error:
        jobs = "SELECT id, task_name, status::text, worker_id, attempts, scheduled_at FROM procrastinate_jobs"
        workers = "SELECT id, now() - last_heartbeat FROM procrastinate_workers"
        told = {query: rows(platform, query + " ORDER BY id LIMIT 20") for query in (jobs, workers)}
        raise WorldError(f"{error}: then {then}, now {told}\n{platform.program('worker').tail()}") from error
    _drained(platform)

    assert account.wrong == []
    named = rows(platform, "SELECT external_id, id::text FROM intake_report WHERE external_id IS NOT NULL")
    assert missing(account.reports, [name for name, _ in named]) == []
    assert more_than_once(Counter(name for name, _ in named)) == []
    assert {name: ident for name, ident in named if name in account.reports} == account.reports
    visitor = Visitor(platform.url("public"))
    unknown = [code for code in account.codes if "Received" not in _receipt(visitor, code)]
    assert unknown == []
    until(lambda: not _unscreened(platform), RESUME_SECONDS, "the sweeps do not take up new reports")

    platform.forward(120)  # past the longest time a mail server is waited for
    until(lambda: not _letters(platform, "queued", "sending", "handing_over"), 60, "letters are still on the way")
    assert missing(account.letters, _letters(platform)) == []
    arrived = Counter({name.strip("<>").partition("@")[0]: n for name, n in mail.counts().items()})
    assert more_than_once(arrived) == []
    assert missing(_letters(platform, "handed"), arrived) == []
    assert missing(_letters(platform), _letters(platform, "handed", "uncertain")) == []
    platform.mamori("audit", "verify", "--witness-folder", str(platform.witness_folder))


def waiting_jobs(platform: Platform) -> list[tuple[str, int]]:
    """Jobs that are not done, by status; failed for good is not done either."""
    return rows(platform, "SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY status")


def _drained(platform: Platform) -> None:
    """Wait until no job is left. How long that takes is the machine's business; that jobs are done is ours."""
    most, end = -1, 0.0
    while left := sum(number for _status, number in waiting_jobs(platform)):
        done = rows(platform, "SELECT last_value FROM procrastinate_jobs_id_seq")[0][0] - left
        if done > most:
            most, end = done, time.monotonic() + RESUME_SECONDS
        assert time.monotonic() < end, f"{left} jobs are left over: {waiting_jobs(platform)}"
        time.sleep(0.2)


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """As wait_until, for questions that cost something."""

    def now_and_then() -> bool:
        time.sleep(0.2)
        return true()

    wait_until(now_and_then, seconds, what)


def _resumed(platform: Platform, moment: object, last: int, left: int) -> bool:
    """Whether no job still hangs that ran at this moment, and some of those waiting then are done."""
    hanging = rows(
        platform,
        "SELECT 1 FROM procrastinate_jobs j WHERE status = 'doing' AND %s >"
        " (SELECT max(at) FROM procrastinate_events e WHERE e.job_id = j.id AND e.type = 'started') LIMIT 1",
        moment,
    )
    now_left = rows(platform, "SELECT count(*) FROM procrastinate_jobs WHERE id <= %s", last)[0][0]
    return not hanging and (now_left < left or now_left == 0)


def goes_on(account: Account, before: int) -> None:
    """Wait until something more was acknowledged."""
    wait_until(lambda: account.size() > before, RESUME_SECONDS, "nothing was acknowledged any more")


def pause(dice: random.Random) -> None:
    time.sleep(dice.uniform(0.3, 1.2))


def _unscreened(platform: Platform) -> int:
    count: int = rows(platform, "SELECT count(*) FROM intake_report WHERE state = 'received'")[0][0]
    return count


def _letters(platform: Platform, *states: str) -> list[str]:
    found = rows(platform, "SELECT id::text, state FROM letters_letter WHERE kind = 'notice'")
    return [ident for ident, state in found if not states or state in states]


def _receipt(visitor: Visitor, code: str) -> str:
    return visitor.submit("/en/receipt/", "code", {"code": code}).text


def _watched(writer: Callable[[], None], account: Account) -> None:
    try:
        writer()
    except Exception as error:  # noqa: BLE001 - whatever ends a writer is told
        account.wrong.append(repr(error))


def _write_batches(platform: Platform, token: str, name: str, account: Account, stop: threading.Event) -> None:
    """Batches of two; one that got no answer is sent again as it was, until it gets one."""
    pool = urllib3.PoolManager(maxsize=1, retries=False, timeout=20)
    number = 0
    while not stop.is_set():
        names = [f"{name}-{number}-{place}" for place in range(2)]
        body = json.dumps(
            {"reports": [{"url": random.choice(PAGES), "comment": "shapes", "external_id": each} for each in names]}
        )
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": name + str(number)}
        while not stop.is_set():
            try:
                answer = pool.request("POST", f"{platform.url('partner')}/api/v1/reports", body=body, headers=headers)
            except urllib3.exceptions.HTTPError:
                answer = None
            if answer is not None and answer.status == 201:
                told = answer.json()["accepted"]
                account.reports.update({names[row["index"]]: row["report_id"] for row in told})
                break
            if answer is not None and answer.status < 500:
                account.wrong.append(f"{answer.status} {answer.data[:200]!r}")
            account.failures += 1
            stop.wait(0.1)
        number += 1
        stop.wait(0.8)


def _fill_in_forms(platform: Platform, account: Account, stop: threading.Event) -> None:
    """The public form without JavaScript: fill in, wait for the turn, send, note the receipt's code."""
    while not stop.is_set():
        visitor = Visitor(platform.url("public"))
        try:
            page = visitor.submit("/en/report/", "addresses", {"addresses": random.choice(PAGES), "text": "shapes"})
            while "ticket" in page.form("addresses").values and not CODE.search(page.text) and not stop.is_set():
                stop.wait(1)
                page = visitor.post(page, page.form("ticket"), {})
                if CODE.search(page.text):
                    break
        except (WorldError, urllib3.exceptions.HTTPError):
            account.failures += 1
            stop.wait(0.1)
            continue
        found = CODE.search(page.text)
        if found:
            account.codes.append(found[0])


def _collect(lines: IO[str], account: Account) -> None:
    for line in lines:
        account.letters.append(line.strip())
