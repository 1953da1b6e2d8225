"""Reading files into the bank: streamed, in bulk, bad records named and kept out; twice adds nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, BinaryIO
from uuid import UUID

from django.db import Error, connection, transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock, jobs
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.bulk import insert_rows
from mamori.ground.errors import DomainError, NotFound
from mamori.lists.fingerprints import codes
from mamori.lists.fingerprints.formats import Bad, Format, NotThisFormat, Record, read
from mamori.lists.fingerprints.models import Entry, ImportRun, Source, ordered_id
from mamori.lists.fingerprints.permissions import CONFIRM, IMPORT, WITHDRAW
from mamori.lists.fingerprints.references import references
from mamori.lists.fingerprints.services.disagreements import Stated, restated, withdrawn_settle
from mamori.lists.fingerprints.services.feed import feed_lock
from mamori.lists.fingerprints.states import (
    BANK_ENTRY,
    UNREAD,
    ChangeKind,
    End,
    EntryState,
    ImportState,
    Media,
    Sharing,
)

BATCH = 5000
MOST_REFUSALS = 1000  # named; more are counted
_IMPORT_LOCK = 7_261_011  # with the source's number: one batch of a source is written at a time
_READER = 7_261_013  # with a hash of the run: held by the session that reads, so that the lock ends with its process
_ENTRY = (
    "id, media, source_id, source_ref, classification, scale, stated, state, sharing, received_at, taken_on, "
    'in_force_at, changed_at, imported_id, proposed_by_id, "end"'
)
_MOVE = """
    UPDATE fingerprints_entry SET {set} WHERE id IN (
        SELECT id FROM fingerprints_entry WHERE imported_id = %(run)s AND state = ANY(%(states)s) LIMIT %(most)s
    ) AND state = ANY(%(states)s) RETURNING id
"""
_CONFIRM = (
    "state = 'active', confirmed_by_id = %(by)s, changed_at = %(now)s, in_force_at = coalesce(in_force_at, %(now)s)"
)
_KNOWN = """
    SELECT source_ref, id, classification, scale, stated FROM fingerprints_entry
    WHERE source_id = %s AND source_ref = ANY(%s)
"""
_WITHDRAW = "state = 'withdrawn', ended_at = %(now)s, changed_at = %(now)s, \"end\" = %(end)s"
Progress = Callable[[int, ImportRun], None]


def import_file(
    *,
    actor: Actor,
    source_code: str,
    form: Format,
    stream: BinaryIO,
    profile: str = "us",
    media: str = Media.IMAGE,
    progress: Progress | None = None,
) -> ImportRun:
    """Read a file of a source into the bank. `progress(bytes read, the run so far)`: told after each batch.

    Of a shared source the entries wait until a second person confirms the import whole. Each batch is kept as soon as
    it is read. An import that is cut off, even by a death of its process, is closed as broken off by the next one of its
    source or by the worker: what it read counts, and is confirmed on its own page; the same file again adds the rest.
    What is known and comes with another class than before stays as it is, and is a disagreement for a reviewer.
    """
    run = import_new(actor=actor, source_code=source_code, form=form, profile=profile, media=media)
    imports_close(source_id=run.source_id)

    def told() -> None:
        if progress is not None:
            progress(stream.tell() if stream.seekable() else 0, run)

    with reading(run.id):
        import_begin(run, actor)
        _read(run, actor, batches(stream, form, profile, media), told)
    return run


def imports_close(*, source_id: int | None = None) -> int:
    """Close the command line's imports whose process died: broken off, what they read is kept.

    Returns how many. Safe to run twice. What was given on a page is read to its end instead (`imports_resume`).
    """
    running = ImportRun.objects.filter(state=ImportState.RUNNING, total=None)
    if source_id is not None:
        running = running.filter(source_id=source_id)
    return sum(_close(run) for run in list(running.values_list("id", flat=True)))


@transaction.atomic
def _close(import_id: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", [_READER, str(import_id)])
        (dead,) = cursor.fetchone()
    run = import_locked(import_id) if dead else None
    if run is None or run.state != ImportState.RUNNING:
        return False
    import_finish(run, ImportState.FAILED, SYSTEM)
    return True


@transaction.atomic
def import_confirm(*, actor: Actor, import_id: UUID) -> None:
    """A second person agrees to all entries of an import that wait; the worker puts them in force."""
    actor.require(CONFIRM)
    run = import_locked(import_id)
    BANK_ENTRY.check(actor, EntryState.PROPOSED, EntryState.ACTIVE, first_person=run.imported_by_id)
    if run.confirmed_at is not None or run.state in UNREAD:
        raise DomainError("not_to_confirm", _("This import is confirmed already, or still being read."))
    run.confirmed_by_id, run.confirmed_at = actor.id, clock.now()
    run.save(update_fields=["confirmed_by", "confirmed_at"])
    audit.record("fingerprints.import_confirmed", subject=run, actor=actor, added=run.added)
    jobs.defer("fingerprints.confirm_import", import_id=str(run.id))


@transaction.atomic
def import_withdraw(*, actor: Actor, import_id: UUID) -> None:
    """One person takes back a whole import; the worker withdraws its entries."""
    actor.require(WITHDRAW)
    run = import_locked(import_id)
    if run.state in UNREAD:
        raise DomainError(
            "still_read",
            _("This import is still being read."),
            remedy=_("Stop it first, or wait until it is read: then all of it is withdrawn."),
        )
    audit.record("fingerprints.import_withdrawn", subject=run, actor=actor, added=run.added)
    jobs.defer("fingerprints.withdraw_import", import_id=str(run.id))


def import_carry_out(*, import_id: UUID, withdraw: bool = False) -> int:
    """Put in force, or withdraw, what a person decided for a whole import, batch by batch. Safe to run twice."""
    run = ImportRun.objects.get(id=import_id)
    if not withdraw and run.confirmed_by_id is None:
        return 0
    done = 0
    while moved := _moved(run, withdraw=withdraw):
        done += moved
    if done:
        name = "fingerprints.import_entries_withdrawn" if withdraw else "fingerprints.import_entries_in_force"
        audit.record(name, subject=run, actor=SYSTEM, count=done)
    return done


@transaction.atomic
def _moved(run: ImportRun, *, withdraw: bool) -> int:
    at = feed_lock()
    states = ["proposed", "active", "quarantined"] if withdraw else ["proposed"]
    active = Entry.objects.filter(imported=run, state=EntryState.ACTIVE)
    told_of = set(active.values_list("id", flat=True)) if withdraw else None
    end, by = str(End.MISTAKE), run.confirmed_by_id
    values: dict[str, Any] = {"run": run.id, "states": states, "most": BATCH, "now": at, "by": by, "end": end}
    with connection.cursor() as cursor:
        cursor.execute(_MOVE.format(set=_WITHDRAW if withdraw else _CONFIRM), values)
        rows = cursor.fetchall()
    kind = ChangeKind.WITHDRAW if withdraw else ChangeKind.ADD
    told = [(entry, str(kind), at) for (entry,) in rows if told_of is None or entry in told_of]
    insert_rows("fingerprints_change", "entry_id, kind, at", told)
    if withdraw:
        withdrawn_settle([entry for (entry,) in rows])
    return len(rows)


def import_new(*, actor: Actor, source_code: str, form: Format, profile: str, media: str) -> ImportRun:
    """An import of a file, not stored yet."""
    actor.require(IMPORT)
    if profile not in codes.PROFILES or media not in list(Media):
        raise DomainError("bad_profile", _("The profile or the kind is not one the bank knows."), status=422)
    source = Source.objects.filter(code=source_code).first()
    if source is None:
        raise NotFound
    return ImportRun(
        source=source,
        format=str(form),
        scale=f"vics:{profile}" if form in (Format.VICS_1, Format.VICS_2) else "",
        sharing=str(Sharing.PARTNERS if source.shared_with_partners else Sharing.INTERNAL),
        imported_by_id=actor.id,
        started_at=clock.now(),
        reading_at=clock.now(),
    )


@contextmanager
def reading(import_id: UUID) -> Iterator[bool]:
    """Hold the run's lock: whoever finds it free knows that nobody reads any more. Yields whether it was free."""
    key: tuple[int, str] = (_READER, str(import_id))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", key)
        (free,) = cursor.fetchone()
    try:
        yield free
    finally:
        if free:
            with suppress(Error), connection.cursor() as cursor:  # a lost session holds no lock
                cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", key)


@transaction.atomic
def import_begin(run: ImportRun, actor: Actor) -> None:
    """Store a new import."""
    run.save(force_insert=True)
    audit.record("fingerprints.import_begun", subject=run, actor=actor, source=run.source.code, format=run.format)


def _read(run: ImportRun, actor: Actor, records: Iterator[list[Record | Bad]], told: Callable[[], None]) -> None:
    try:
        for batch in records:
            batch_keep(run, batch)
            told()
    except BaseException:
        with suppress(Error):  # with the database gone the worker closes it later
            import_finish(run, ImportState.FAILED, actor)
        raise
    import_finish(run, ImportState.DONE, actor)


def batches(stream: BinaryIO, form: Format, profile: str, media: str) -> Iterator[list[Record | Bad]]:
    """The records of a file, BATCH at a time. DomainError `bad_file` when it is not of this format."""
    records = read(stream, form, profile=profile, media=media)
    try:
        while batch := list(islice(records, BATCH)):
            yield batch
    except NotThisFormat as error:
        raise DomainError(
            "bad_file",
            _("The file is not of this format: nothing was taken from it."),
            remedy=_("Choose the format the file was written in."),
            status=422,
        ) from error


@transaction.atomic
def import_finish(run: ImportRun, state: ImportState, actor: Actor) -> None:
    """Close an import; what it read is compared with what the bank has."""
    run.state, run.done_at = str(state), clock.now()
    run.save(update_fields=["state", "done_at"])
    counts: dict[str, Any] = {name: getattr(run, name) for name in ("read", "added", "known", "restated", "refused")}
    audit.record("fingerprints.import_ended", subject=run, actor=actor, state=state, **counts)
    if run.added:
        jobs.defer("fingerprints.compare_import", import_id=str(run.id))


@transaction.atomic
def batch_keep(run: ImportRun, batch: list[Record | Bad]) -> None:
    """Keep one batch: what is new of it in two COPYs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_IMPORT_LOCK, run.source_id])
    known = _known(run, [each.ref for each in batch if isinstance(each, Record)])
    fresh: list[tuple[UUID, Record, Stated]] = []
    again: list[tuple[UUID, Stated]] = []
    for each in batch:
        run.read += 1
        if isinstance(each, Bad):
            _refuse(run, each)
            continue
        if codes.is_unsorted(each.scale, each.code):  # that nobody sorted it yet says nothing of what is known either
            _refuse(run, Bad(each.at, "not_sorted"))
            continue
        kind = codes.read(each.scale, each.code) if each.scale else codes.Classification.UNSORTED
        now = Stated(str(kind or ""), each.scale, each.code[:16])
        if each.ref in known:
            entry, before = known[each.ref]
            if now.differs(before):
                run.restated += 1
                again.append((entry, now))
            else:
                run.known += 1
        elif kind is None:
            _refuse(run, Bad(each.at, "not_illegal"))
        else:
            key = ordered_id()
            known[each.ref] = key, now
            fresh.append((key, each, now))
    run.added += _keep(run, fresh)
    restated(again)
    run.moved_at, run.attempts = clock.now(), 0
    run.save(update_fields=["read", "added", "known", "restated", "refused", "refusals", "moved_at", "attempts"])


def _known(run: ImportRun, refs: list[str]) -> dict[str, tuple[UUID, Stated]]:
    """What the source gave before: its reference -> entry, and the class the bank has of it."""
    of = {name: ref for ref in refs for name in references(run.source_id, ref)}
    with connection.cursor() as cursor:  # as one array: thousands of parameters cost more than the question
        cursor.execute(_KNOWN, [run.source_id, list(of)])
        return {of[name]: (entry, Stated(kind, scale, code)) for name, entry, kind, scale, code in cursor.fetchall()}


def _keep(run: ImportRun, fresh: list[tuple[UUID, Record, Stated]]) -> int:
    if not fresh:
        return 0
    waits = run.sharing == Sharing.PARTNERS
    now = clock.now() if waits else feed_lock()
    state = EntryState.PROPOSED if waits else EntryState.ACTIVE
    entries: list[tuple[Any, ...]] = []
    values: list[tuple[Any, ...]] = []
    changes: list[tuple[Any, ...]] = []
    for key, record, told in fresh:
        entries.append((
            key, record.media, run.source_id, record.ref, told.classification, told.scale, told.code, str(state),
            run.sharing, now, record.taken_on, None if waits else now, now, run.id, run.imported_by_id, "",
        ))  # fmt: skip
        values.extend((key, v.algorithm, v.value, v.quality) for v in record.values)
        changes.append((key, str(ChangeKind.ADD), now))
    insert_rows("fingerprints_entry", _ENTRY, entries)
    insert_rows("fingerprints_fingerprint", "entry_id, algorithm, value, quality", values)
    if not waits:
        insert_rows("fingerprints_change", "entry_id, kind, at", changes)
    return len(entries)


def _refuse(run: ImportRun, bad: Bad) -> None:
    run.refused += 1
    if len(run.refusals) < MOST_REFUSALS:
        run.refusals.append({"at": bad.at, "code": bad.code})


def import_locked(import_id: UUID) -> ImportRun:
    run = ImportRun.objects.select_for_update().filter(id=import_id).first()
    if run is None:
        raise NotFound
    return run
