"""The log: what it takes, how it is chained, and that tampering in the database is seen."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
import typer
from django.db import connection
from typer.testing import CliRunner

from mamori.engine.keys import create_signing_key
from mamori.ground import audit
from mamori.ground.accounts.models import User
from mamori.ground.actors import SYSTEM, Role
from mamori.ground.audit import queries as audit_queries
from mamori.ground.audit import services
from mamori.ground.audit.models import Verification
from mamori.ground.audit.services import Sealer
from mamori.site.commands import audit_verify
from mamori.tools.witness import Witness, WitnessServer, set_up

pytestmark = pytest.mark.django_db


def write(count: int) -> None:
    for number in range(count):
        audit.record("test.happened", subject=f"thing:{number}", actor=SYSTEM, number=number, ref=uuid4())


@pytest.fixture
def keys(settings: object, tmp_path: Path) -> Iterator[None]:
    create_signing_key(tmp_path / "log.pem")
    settings.LOG_KEY_FILE = tmp_path / "log.pem"
    services.signer.cache_clear()
    yield
    services.signer.cache_clear()


@pytest.fixture
def witness(settings: object, keys: None, tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """A real witness on loopback. Returns a function that reads what it keeps in its own storage."""
    from mamori.tools.audit_verify import stored_notes

    folder = tmp_path / "witness"
    key = set_up(folder, "witness.example", [services.signer().key.vkey])
    seconds = iter(range(1_800_000_000, 1_900_000_000))
    witness = Witness(folder, lambda: next(seconds))
    server = WitnessServer(("127.0.0.1", 0), witness)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.WITNESS_URL = f"http://127.0.0.1:{server.server_address[1]}"
    settings.WITNESS_KEY = key.vkey
    yield lambda: stored_notes(folder, settings.LOG_ORIGIN)
    server.shutdown()
    thread.join()
    server.server_close()
    witness.close()


@pytest.mark.parametrize("bad", ["a free text", "https://page.example/", "a@b.example", "x" * 81, "新"])
def test_free_text_and_addresses_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="short codes"):
        audit.record("test.happened", subject="thing:1", actor=SYSTEM, code=bad)


def test_events_are_chained_and_verify(keys: None) -> None:
    write(25)
    sealer = Sealer.resume()
    assert sealer.seal() == 25
    assert sealer.seal() == 0
    write(5)
    assert Sealer.resume().seal() == 5
    sealer = Sealer.resume()
    sealer.checkpoint()
    report = services.verify([])
    assert report.ok, report.findings
    assert report.events == 30


def test_the_witness_cosigns_and_keeps_checkpoints(witness: Callable[[], list[str]]) -> None:
    sealer = Sealer.resume()
    for size in (3, 4, 9):
        write(size)
        sealer.seal()
        sealer.checkpoint()
    assert len(witness()) == 3
    report = services.verify(witness())
    assert report.ok, report.findings
    assert report.witnessed == 16


def test_an_unreachable_witness_is_not_claimed(keys: None, settings: object, witness: Callable[[], list[str]]) -> None:
    settings.WITNESS_URL = "http://127.0.0.1:9"
    write(3)
    sealer = Sealer.resume()
    sealer.seal()
    sealer.checkpoint()
    assert not services.models.Checkpoint.objects.get().witnessed


def test_the_alarm_of_a_silent_witness_lasts_until_it_signs(
    keys: None,
    witness: Callable[[], list[str]],
    person: Callable[..., User],
    frozen: time_machine.Traveller,
    settings: object,
) -> None:
    auditor, url = person(Role.AUDITOR).actor, settings.WITNESS_URL
    settings.WITNESS_URL = "http://127.0.0.1:9"
    sealer = Sealer.resume()
    write(3)
    sealer.seal()
    sealer.checkpoint()
    assert not audit_queries.desk(auditor)
    for _quarter in range(3):
        frozen.shift(timedelta(minutes=20))
        assert [waiting.alarm for waiting in audit_queries.desk(auditor)] == [True], "though nothing new happens"
    settings.WITNESS_URL = url
    write(1)
    sealer.seal()
    sealer.checkpoint()
    assert not audit_queries.desk(auditor)


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica") if _superuser() else None
        cursor.execute(statement)


def _superuser() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


def rewrite_everything() -> None:
    """What a database superuser who also stole the log's key could do: a new history with right hashes."""
    sql("DELETE FROM audit_seal")
    sql("DELETE FROM audit_checkpoint")
    sql("DELETE FROM audit_event WHERE codes->>'number' = '2'")
    sealer = Sealer.resume()
    sealer.seal()
    note = services.sign_checkpoint(
        services.Checkpoint("mamori.example/log", sealer.tree.size, sealer.tree.root()), services.signer()
    )
    services.models.Checkpoint.objects.create(at="2026-11-24T00:00Z", size=sealer.tree.size, note=note, witnessed=False)


TAMPERING = {
    "edit": lambda: sql("UPDATE audit_event SET codes = '{\"number\": 99}' WHERE codes->>'number' = '3'"),
    "delete an event": lambda: sql("DELETE FROM audit_event WHERE codes->>'number' = '3'"),
    "delete event and link": lambda: sql(
        "WITH x AS (DELETE FROM audit_seal WHERE seq = 4 RETURNING event_id) DELETE FROM audit_event WHERE id IN (SELECT event_id FROM x)"
    ),
    "insert": lambda: sql(
        "INSERT INTO audit_seal (seq, event_id, previous, hash) SELECT 11, event_id + 100000, hash, previous FROM audit_seal WHERE seq = 10"
    ),
    "reorder": lambda: sql(
        "UPDATE audit_seal SET event_id = -event_id WHERE seq IN (3, 4);"
        "UPDATE audit_seal a SET event_id = -b.event_id FROM audit_seal b WHERE a.seq IN (3, 4) AND b.seq = 7 - a.seq"
    ),
    "truncate": lambda: sql(
        "WITH x AS (DELETE FROM audit_seal WHERE seq > 7 RETURNING event_id) DELETE FROM audit_event WHERE id IN (SELECT event_id FROM x)"
    ),
    "truncate with checkpoints": lambda: sql(
        "DELETE FROM audit_checkpoint WHERE size > 7;"
        "WITH x AS (DELETE FROM audit_seal WHERE seq > 7 RETURNING event_id) DELETE FROM audit_event WHERE id IN (SELECT event_id FROM x)"
    ),
    "rewrite": rewrite_everything,
}


def sealed_twice() -> None:
    """Ten events under two co-signed checkpoints, of 7 and of 10."""
    sealer = Sealer.resume()
    for more in (7, 3):
        write(more)
        sealer.seal()
        sealer.checkpoint()


def asked_on_the_desk() -> Verification:
    """What the worker finds when the Audit desk asks for a verification."""
    row = Verification.objects.create(asked_at="2026-11-24T00:00Z", asked_by=uuid4())
    services.verification_run(row.id)
    row.refresh_from_db()
    return row


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_detected_with_what_the_witness_holds(kind: str, witness: Callable[[], list[str]]) -> None:
    """Both ways: from its own storage, and by asking it as the desk's verification does."""
    sealed_twice()
    assert services.verify(witness()).ok
    before = asked_on_the_desk()
    assert (before.ok, before.confirmed, before.witnessed) == (True, True, 10)
    TAMPERING[kind]()
    report = services.verify(witness())
    assert not report.ok
    assert report.findings[0].message
    after = asked_on_the_desk()
    assert after.ok is False
    assert after.findings


@pytest.mark.parametrize("gone", ["silent", "knows no such log", "not configured"])
def test_a_log_the_witness_itself_did_not_confirm_is_not_called_whole(
    gone: str, witness: Callable[[], list[str]], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed_twice()
    if gone == "silent":
        settings.WITNESS_URL = "http://127.0.0.1:9"
    elif gone == "not configured":
        settings.WITNESS_URL = ""
    else:
        monkeypatch.setattr(Witness, "latest", lambda _self, _origin: None)
    TAMPERING["truncate with checkpoints"]()
    found = asked_on_the_desk()
    assert (found.ok, found.confirmed, found.witnessed) == (True, False, 7)


def test_the_command_asks_the_witness_and_says_when_it_gave_nothing(
    witness: Callable[[], list[str]], settings: Any
) -> None:
    sealed_twice()
    command, app = CliRunner(), typer.Typer()
    app.command()(audit_verify)
    assert command.invoke(app).output.endswith("OK\n")
    where, settings.WITNESS_URL = settings.WITNESS_URL, "http://127.0.0.1:9"
    done = command.invoke(app)
    assert (done.exit_code, "OK" in done.output) == (0, False)
    assert "not confirmed by the witness itself" in done.output
    settings.WITNESS_URL = where
    TAMPERING["truncate with checkpoints"]()
    done = command.invoke(app)
    assert done.exit_code == 1
    assert "at least 3 of the last events are missing" in done.output
