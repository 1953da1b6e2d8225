"""Run stored jobs inside a test's own transaction."""

import json

from django.db import connection

from mamori.ground import jobs


def run_waiting(most: int = 1000, *, times: int = 2) -> int:
    """Take waiting jobs one by one and run each twice in this thread: it must be safe to run again. Raises what it raises."""
    done = 0
    while done < most:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id LIMIT 1")
            row = cursor.fetchone()
            if row is None:
                return done
            cursor.execute("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = %s", [row[0]])
        call = row[1] if isinstance(row[1], dict) else json.loads(row[1])
        for _time in range(times):
            jobs.run_job.func(call["name"], call["arguments"])
        done += 1
    raise AssertionError("jobs make jobs without end")
