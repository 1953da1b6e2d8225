"""How an entry moves: state, log and timeline in one place."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q

from mamori.ground import clock, states
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.lists.listing.models import Entry, EntryEvent
from mamori.lists.listing.states import ENTRY, EntryState, Method


def locked(entry_id: UUID) -> Entry:
    """The entry's row, locked. NotFound when there is none."""
    entry = Entry.objects.select_for_update().filter(id=entry_id).first()
    if entry is None:
        raise NotFound
    return entry


def of_targets(entries: Iterable[Entry]) -> Q:
    """Entries for the same targets by the same methods."""
    rows = list(entries)
    digests = {str(method): [row.target_digest for row in rows if row.method == method] for method in Method}
    return Q(*(Q(method=method, target_digest__in=some) for method, some in digests.items()), _connector=Q.OR)


def move(
    entry: Entry,
    to: EntryState,
    *,
    actor: Actor,
    code: str = "",
    first_person: Any = None,
    changed: tuple[str, ...] = (),
) -> None:
    """Move a locked entry and write its timeline."""
    was = entry.state
    states.move(
        entry,
        to,
        machine=ENTRY,
        actor=actor,
        event=f"listing.{to}",
        first_person=first_person,
        changed=changed,
        method=entry.method,
        code=code,
    )
    EntryEvent.objects.create(entry=entry, at=clock.now(), was=was, now=str(to), code=code, actor_kind=actor.kind)


def move_many(
    entries: Sequence[Entry], to: EntryState, *, actor: Actor, code: str = "", changed: Mapping[str, Any] | None = None
) -> None:
    """Move locked entries and write their timelines. `code`: of all; without one, each entry's own end."""
    past = [(entry, entry.state) for entry in entries]
    states.move_many(
        entries,
        to,
        machine=ENTRY,
        actor=actor,
        event=f"listing.{to}",
        codes=lambda entry: {"method": entry.method, "code": code or entry.end},
        changed=changed,
    )
    at = clock.now()
    EntryEvent.objects.bulk_create(
        EntryEvent(entry=entry, at=at, was=was, now=str(to), code=code or entry.end, actor_kind=actor.kind)
        for entry, was in past
    )
