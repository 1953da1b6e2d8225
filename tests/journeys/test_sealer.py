"""The real worker's sealer: what a face writes into the log is soon in the chain, and soon after co-signed outside."""

import time
from statistics import median
from uuid import uuid4

import psycopg

from demo.platform import Platform
from demo.processes import wait_until
from tests.platform import rows

WRITTEN = """
    INSERT INTO audit_event (at, event, actor_kind, subject_type, subject_id, codes)
    VALUES (now(), 'test.happened', 'system', 'thing', %s, '{}')
"""
SEALED = "SELECT seq FROM audit_seal s JOIN audit_event e ON e.id = s.event_id WHERE e.subject_id = %s"


EVENTS = 9
WITHIN = 1.0
FOR_LOAD = 0.5  # what tests that run beside this one may take of the two processors


def test_events_of_a_face_are_sealed_within_a_second_and_then_co_signed(platform: Platform) -> None:
    """The median of several, one after another, each written at another moment of the sealer's own round."""
    took = []
    with psycopg.connect(platform.environment("partner")["DATABASE_URL"], autocommit=True) as connection:
        for n in range(EVENTS):
            thing = str(uuid4())
            connection.execute(WRITTEN, [thing])
            begun = time.monotonic()
            wait_until(lambda thing=thing: bool(rows(platform, SEALED, thing)), 10, "the worker did not seal an event")  # type: ignore[misc]
            took.append(time.monotonic() - begun)
            time.sleep(0.13 * n % 1)
    assert median(took) <= WITHIN + FOR_LOAD, took
    ((seq,),) = rows(platform, SEALED, thing)
    cosigned = "SELECT 1 FROM audit_checkpoint WHERE witnessed AND size >= %s"
    wait_until(lambda: bool(rows(platform, cosigned, seq)), 30, "the witness did not co-sign a sealed event")
