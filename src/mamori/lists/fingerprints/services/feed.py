"""How an entry moves: state, timeline, log and the feed that matching follows, in one transaction."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from mamori.ground import clock, states
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.ground.facts import announce
from mamori.lists.fingerprints.facts import FingerprintsInForce, FingerprintsWithdrawn
from mamori.lists.fingerprints.models import Change, Entry, EntryEvent
from mamori.lists.fingerprints.queries.bank import FEED_LOCK
from mamori.lists.fingerprints.states import BANK_ENTRY, ChangeKind, EntryState


def feed_lock() -> datetime:
    """Hold the feed until the transaction ends, so that changes are committed in their order. Returns the moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FEED_LOCK])
    return clock.now()


def changed(entry_ids: Collection[UUID], kind: ChangeKind, at: datetime) -> None:
    """Write changes of the feed; the caller holds its lock since `at`."""
    Change.objects.bulk_create([Change(entry_id=entry, kind=str(kind), at=at) for entry in entry_ids])


def locked(entry_id: UUID) -> Entry:
    """The entry's row, locked. NotFound when there is none."""
    entry = Entry.objects.select_for_update().filter(id=entry_id).first()
    if entry is None:
        raise NotFound
    return entry


def told(entry: Entry, *, actor: Actor, was: str = "", code: str = "") -> None:
    """One line of the entry's timeline."""
    EntryEvent.objects.create(entry=entry, at=clock.now(), was=was, now=entry.state, code=code, actor_kind=actor.kind)


def move(
    entry: Entry,
    to: EntryState,
    *,
    actor: Actor,
    code: str = "",
    first_person: Any = None,
    saved: tuple[str, ...] = (),
) -> None:
    """Move a locked entry. What begins or ends being in force goes into the feed and is announced."""
    was = entry.state
    entry.changed_at = feed_lock()
    if to == EntryState.ACTIVE and entry.in_force_at is None:
        entry.in_force_at = entry.changed_at
    states.move(
        entry,
        to,
        machine=BANK_ENTRY,
        actor=actor,
        event=f"fingerprints.{to}",
        first_person=first_person,
        changed=("changed_at", "in_force_at", *saved),
        source=entry.source_id,
        code=code,
    )
    told(entry, actor=actor, was=was, code=code)
    if to == EntryState.ACTIVE:
        changed([entry.id], ChangeKind.ADD, entry.changed_at)
        announce(FingerprintsInForce(entry.id))
    elif was == EntryState.ACTIVE:
        changed([entry.id], ChangeKind.WITHDRAW, entry.changed_at)
        announce(FingerprintsWithdrawn(entry.id))


def updated(entry: Entry, *, actor: Actor, code: str, saved: tuple[str, ...]) -> None:
    """Save other fields of a locked entry; partners are told the new words."""
    entry.changed_at = feed_lock()
    entry.save(update_fields=["changed_at", *saved])
    told(entry, actor=actor, was=entry.state, code=code)
    if entry.state == EntryState.ACTIVE:
        changed([entry.id], ChangeKind.UPDATE, entry.changed_at)
