"""The sealer: chains new events, signs checkpoints, hands them to the witness. And the verification of all of it."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import urllib3
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from mamori.engine.keys import load_signing_key
from mamori.engine.transparency.audit import LogReport, verify_log
from mamori.engine.transparency.chain import GENESIS, ChainedEvent, canonical, export_line, link
from mamori.engine.transparency.checkpoint import AddCheckpoint, Checkpoint, accept_cosignatures, sign_checkpoint
from mamori.engine.transparency.merkle import Tree
from mamori.engine.transparency.note import NoteError, NoteKey, NoteSigner
from mamori.ground import clock, jobs
from mamori.ground.actors import Actor
from mamori.ground.audit import models
from mamori.ground.audit.log import record
from mamori.ground.audit.permissions import VERIFY
from mamori.ground.errors import DomainError

log = logging.getLogger("mamori.audit")
BATCH = 2000
LOCK = 7_261_001  # PostgreSQL advisory lock: one sealer at a time
_COLUMNS = "e.id, e.at, e.event, e.actor_kind, e.actor_id, e.organisation_id, e.subject_type, e.subject_id, e.codes"
_UNSEALED = f"""
    SELECT {_COLUMNS} FROM audit_event e
    WHERE e.xact >= %s AND e.id > %s AND NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.event_id = e.id)
    ORDER BY e.id LIMIT {BATCH}
"""  # noqa: S608 - column names only
_SEALED = f"SELECT s.seq, s.previous, s.hash, {_COLUMNS} FROM audit_seal s LEFT JOIN audit_event e ON e.id = s.event_id"  # noqa: S608
_SEAL = """
    INSERT INTO audit_seal (seq, event_id, previous, hash)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[], %s::bytea[])
"""
_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


@cache
def signer() -> NoteSigner:
    """The key that signs checkpoints of this log (worker only)."""
    path: Path | None = settings.LOG_KEY_FILE
    if path is None:
        raise DomainError(
            "no_log_key",
            _("This process does not hold the key that signs the log's checkpoints."),
            remedy=_("The operator sets MAMORI_LOG_KEY."),
            status=503,
        )
    return NoteSigner(settings.LOG_ORIGIN, load_signing_key(path))


def witness_key() -> NoteKey | None:
    """The witness's key, None when no witness is configured."""
    return NoteKey.parse(settings.WITNESS_KEY) if settings.WITNESS_KEY else None


@dataclass
class Sealer:
    """Holds the head of the chain and the Merkle tree in memory; one lives at a time, in the worker.

    `horizon`: every event of a transaction before it is sealed, so that no commit, however late, is missed and no
    long transaction holds the others up.
    """

    tree: Tree = field(default_factory=Tree)
    head: bytes = GENESIS
    horizon: int = 0
    witnessed: int = 0

    @classmethod
    def resume(cls) -> "Sealer":
        """Read the chain as it stands."""
        sealer = cls()
        for digest in models.Seal.objects.order_by("seq").values_list("hash", flat=True).iterator(10_000):
            sealer.tree.append(bytes(digest))
            sealer.head = bytes(digest)
        last = models.Checkpoint.objects.filter(witnessed=True).order_by("-size").first()
        sealer.witnessed = last.size if last else 0
        return sealer

    def seal(self) -> int:
        """Chain what was committed since the last time. Returns how many events were sealed."""
        sealed, last = 0, 0
        with connection.cursor() as cursor:
            cursor.execute(_HORIZON)
            horizon = cursor.fetchone()[0]
        while True:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_UNSEALED, [self.horizon, last])
                rows = cursor.fetchall()
                if rows:
                    cursor.execute(_SEAL, list(map(list, zip(*map(self._link, rows), strict=True))))
            sealed += len(rows)
            if len(rows) < BATCH:
                self.horizon = horizon
                return sealed
            last = rows[-1][0]  # what is committed behind it meanwhile is younger than the horizon: found next time

    def checkpoint(self) -> None:
        """Sign size and root, ask the witness to co-sign, keep both. Without the witness's answer nothing is claimed."""
        size = self.tree.size
        if size in {self.witnessed, 0}:
            return
        note = sign_checkpoint(Checkpoint(settings.LOG_ORIGIN, size, self.tree.root()), signer())
        witnessed = False
        key = witness_key()
        if key is not None:
            try:
                note, witnessed = self._ask_witness(note, key), True
            except (urllib3.exceptions.HTTPError, NoteError) as error:
                log.warning("the witness did not co-sign: %s", error)
        if witnessed or not models.Checkpoint.objects.filter(size=size).exists():
            models.Checkpoint.objects.create(at=clock.now(), size=size, note=note, witnessed=witnessed)
        if witnessed:
            self.witnessed = size

    def _link(self, row: tuple[Any, ...]) -> tuple[int, int, bytes, bytes]:
        """(seq, event's id, previous hash, hash)."""
        seq = self.tree.size + 1
        previous, self.head = self.head, link(self.head, seq, event_bytes(row))
        self.tree.append(self.head)
        return seq, row[0], previous, self.head

    def _ask_witness(self, note: str, key: NoteKey) -> str:
        old = self.witnessed
        for _attempt in range(2):
            request = str(AddCheckpoint(old, tuple(self.tree.consistency_proof(old)), note))
            answer = urllib3.request(
                "POST", f"{settings.WITNESS_URL}/add-checkpoint", body=request, timeout=5.0, retries=False
            )
            if answer.status == 409 and answer.data.strip().isdigit():
                old = int(answer.data)  # the witness is ahead of what we remember: prove from there
                if old > self.tree.size:
                    break
                continue
            if answer.status == 200:
                return accept_cosignatures(note, answer.data.decode(), [key])
            break
        raise NoteError(f"it answered {answer.status}: {answer.data.decode(errors='replace')[:200].strip()}")


def event_bytes(row: tuple[Any, ...]) -> bytes:
    """The canonical JSON of one audit_event row: what is hashed. Shape of `row`: the columns of `_COLUMNS`."""
    if row[0] is None:
        return b"null"  # the event is gone although its seal is there
    names = ("id", "at", "event", "actor_kind", "actor_id", "organisation_id", "subject_type", "subject_id", "codes")
    event = dict(zip(names, row, strict=True))
    event["at"] = event["at"].astimezone(tz=UTC).isoformat(timespec="microseconds")
    for name in ("actor_id", "organisation_id"):
        event[name] = None if event[name] is None else str(event[name])
    if isinstance(event["codes"], str):
        event["codes"] = json.loads(event["codes"])
    return canonical(event)


def run_sealer(seconds: float, checkpoint_seconds: float, stop: threading.Event) -> None:
    """Seal every `seconds`, checkpoint every `checkpoint_seconds`, until told to stop. One sealer at a time."""
    while not stop.is_set() and not _lock():
        stop.wait(1)
    sealer, due = Sealer.resume(), 0.0
    while not stop.wait(seconds):
        sealer.seal()
        if time.monotonic() >= due:
            sealer.checkpoint()
            due = time.monotonic() + checkpoint_seconds


def _lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def chained_events() -> Iterator[ChainedEvent]:
    """The log as it stands in the database: every event's bytes are computed anew from its row."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DECLARE log NO SCROLL CURSOR FOR {_SEALED} ORDER BY s.seq")
        while True:
            cursor.execute("FETCH 5000 FROM log")
            rows = cursor.fetchall()
            for seq, previous, digest, *event in rows:
                yield ChainedEvent(seq, event_bytes(tuple(event)), bytes(previous), bytes(digest))
            if not rows:
                cursor.execute("CLOSE log")
                return


def witness_newest(seconds: float) -> urllib3.BaseHTTPResponse:
    """What the witness answers when it is asked for its newest checkpoint of our log. urllib3.exceptions.HTTPError."""
    origin = {"origin": settings.LOG_ORIGIN}
    return urllib3.request("GET", f"{settings.WITNESS_URL}/checkpoints", fields=origin, timeout=seconds, retries=False)


def witness_notes() -> tuple[list[str], bool]:
    """The co-signed checkpoints kept here and the newest one, asked of the witness now; whether it gave one.

    Whoever owns the database can take away what is kept here. Only the witness tells that a log was cut short.
    """
    notes = list(models.Checkpoint.objects.filter(witnessed=True).order_by("size").values_list("note", flat=True))
    if not settings.WITNESS_URL or witness_key() is None:
        return notes, False
    try:
        answer = witness_newest(5)
    except urllib3.exceptions.HTTPError as error:
        log.warning("the witness did not give its checkpoint: %s", error)
        return notes, False
    if answer.status != 200:
        log.warning("the witness did not give its checkpoint: it answered %s", answer.status)
        return notes, False
    return [*notes, answer.data.decode(errors="replace")], True


def verify(
    witness_notes: list[str],
    log_key: NoteKey | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LogReport:
    """Recompute the whole log and compare it with every checkpoint.

    `witness_notes`: of `witness_notes()`, or from the witness's own storage.
    `progress(events read, events in all)`: told each 10,000 events.
    """
    notes = list(models.Checkpoint.objects.order_by("size").values_list("note", flat=True))
    key = witness_key()
    return verify_log(
        _told(chained_events(), progress), notes, witness_notes, log_key or signer().key, [key] if key else []
    )


def _told(rows: Iterator[ChainedEvent], progress: Callable[[int, int], None] | None) -> Iterator[ChainedEvent]:
    total = models.Seal.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    for number, row in enumerate(rows, 1):
        if progress is not None and number % 10_000 == 0:
            progress(number, total)
        yield row


@transaction.atomic
def verification_ask(*, actor: Actor) -> None:
    """Have the worker verify the log. While one verification runs, asking again changes nothing."""
    actor.require(VERIFY)
    assert actor.id is not None
    try:
        with transaction.atomic():
            row = models.Verification.objects.create(asked_at=clock.now(), asked_by=actor.id)
    except IntegrityError:
        return
    record("audit.verification_asked", subject=row, actor=actor)
    jobs.defer("audit.verify", verification_id=str(row.id))


def verification_run(verification_id: UUID) -> None:
    """Verify the whole log and keep the result. Safe to run twice."""
    if not models.Verification.objects.filter(id=verification_id, done_at=None).exists():
        return
    notes, asked = witness_notes()  # before the log is read, which only grows
    report = verify(notes)
    models.Verification.objects.filter(id=verification_id).update(
        done_at=clock.now(),
        ok=report.ok,
        confirmed=asked,
        events=report.events,
        witnessed=report.witnessed,
        findings=[finding.message for finding in report.findings[:50]],
    )


def exported_lines() -> Iterator[bytes]:
    """The sealed log as lines that `mamori audit verify-export` reads without the platform."""
    yield from map(export_line, chained_events())


def unsealed_count() -> int:
    """Events not yet in the chain: more than a few means that no sealer runs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM audit_event WHERE id > "
            "(SELECT coalesce(max(event_id), 0) FROM audit_seal) LIMIT 10000) AS waiting"
        )
        return int(cursor.fetchone()[0])
