"""The real worker's sealer: what a face writes into the log is soon in the chain, and soon after co-signed outside."""

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


def test_an_event_of_a_face_is_sealed_in_seconds_and_then_co_signed(platform: Platform) -> None:
    """The log says within a second; a machine under load is given more here, and the figure is measured elsewhere."""
    thing = str(uuid4())
    with psycopg.connect(platform.environment("partner")["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(WRITTEN, [thing])
    wait_until(lambda: bool(rows(platform, SEALED, thing)), 10, "the worker did not seal an event")
    ((seq,),) = rows(platform, SEALED, thing)
    cosigned = "SELECT 1 FROM audit_checkpoint WHERE witnessed AND size >= %s"
    wait_until(lambda: bool(rows(platform, cosigned, seq)), 30, "the witness did not co-sign a sealed event")
