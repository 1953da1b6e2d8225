"""The list as the engine knows it: entries, signed statements, keys."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from mamori.engine.addresses import parents
from mamori.engine.editions import (
    ListEntry,
    Method,
    PersonKey,
    Signature,
    SignedStatement,
    activation_statement,
)
from mamori.ground import clock
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.intake import queries as intake
from mamori.hotline.referral import queries as referral
from mamori.lists.listing.models import Entry, SigningKey, Withdrawal
from mamori.lists.listing.states import IN_FORCE, EntryState


def list_entry(entry: Entry) -> ListEntry:
    """The entry as both persons sign it. Its `activated_at` is the moment stated in the proposal."""
    return ListEntry(
        entry_id=str(entry.id),
        method=cast("Method", entry.method),
        target=entry.target,
        reason=entry.reason,
        activated_at=entry.stated_at,
        expires_on=entry.expires_on,
    )


def activation_of(entry: Entry) -> bytes:
    """The statement of an entry, byte for byte what is signed."""
    return activation_statement(list_entry(entry))


def entries_in_force(method: str = "") -> list[ListEntry]:
    """One for each target in force, of two the renewal; of one method when given."""
    rows = Entry.objects.filter(state__in=IN_FORCE, yields=False)
    return [list_entry(entry) for entry in (rows.filter(method=method) if method else rows)]


@dataclass(frozen=True)
class Pending:
    """What the next edition has to take up: entries that come, with what was signed of them, and those that go.

    `going`: entry id -> method and target. `endings`: signed withdrawals no edition holds yet. `moments`: entry id -> when it
    was activated and when it ended, of both.
    """

    coming: list[ListEntry]
    activations: list[SignedStatement]
    going: dict[str, tuple[Method, str]]
    endings: list[SignedStatement]
    moments: dict[str, tuple[datetime | None, datetime | None]]

    def __bool__(self) -> bool:
        return bool(self.coming or self.going or self.endings)


def pending() -> Pending:
    """What changed since the last edition. What expired today goes, though the sweep has not come yet."""
    entries, activations, moments = _with_activations(_coming())
    endings = endings_of(untold().values_list("id", flat=True))
    going = {}
    for entry_id, method, target, *at in _going().values_list("id", "method", "target", "activated_at", "ended_at"):
        going[str(entry_id)] = cast("Method", method), target
        moments[str(entry_id)] = at[0], at[1]
    return Pending(entries, activations, going, endings, moments)


def signed_of(ids: Collection[str]) -> Pending:
    """Of these entries all that was ever signed, whatever became of them."""
    entries, activations, moments = _with_activations(Entry.objects.filter(id__in=ids))
    return Pending(entries, activations, {}, endings_of(ids), moments)


def endings_of(ids: Collection[Any]) -> list[SignedStatement]:
    """The signed endings of these entries. Whether their signatures are good, who takes them must look."""
    rows = Withdrawal.objects.filter(entry__in=ids).values_list("entry_id", "statement", "key_id", "signature")
    found = (
        (str(entry_id), SignedStatement(statement.encode(), frozenset([Signature(key, bytes(signature))])))
        for entry_id, statement, key, signature in rows
    )
    return [signed for entry_id, signed in found if (signed.action, signed.entry_id) == ("withdraw", entry_id)]


def listed_twice() -> set[tuple[str, str]]:
    """Method and target of what is noted to stand on the list more than once. No edition has such."""
    rows = Entry.objects.filter(listed=True).values_list("method", "target").annotate(times=Count("id"))
    return {(method, target) for method, target, _times in rows.filter(times__gt=1)}


def ended() -> list[str]:
    """Ids of all entries whose ending was ever signed, in order."""
    rows = Withdrawal.objects.order_by("entry_id").values_list("entry_id", flat=True)
    return [str(entry_id) for entry_id in rows.iterator()]


def reaching_far() -> frozenset[str]:
    """Ids of entries that come with the next edition and need a third person's signature."""
    return frozenset(str(number) for number in _coming().exclude(far=[]).values_list("id", flat=True))


def is_pending(entry_id: UUID) -> bool:
    """Whether the next edition has anything to say of an entry."""
    return (_coming() | _going() | untold()).filter(id=entry_id).exists()


def untold() -> QuerySet[Entry]:
    """What was in force and ended, and no edition says so yet. Few: joined to larger tables it is asked for by its ids."""
    return Entry.objects.filter(activated_at__isnull=False, ended_at__isnull=False, ending_told=False)


def called(word: str) -> list[ListEntry]:
    """The entries for a name or an address, or the one of this number: in force, or withdrawn and not yet off the list."""
    rows = Entry.objects.filter(state__in=[*IN_FORCE, EntryState.PENDING_REMOVAL])
    try:
        return [list_entry(entry) for entry in rows.filter(id=UUID(word))]
    except ValueError:
        return [list_entry(entry) for entry in rows.filter(target=word)]


def names_covered(names: Iterable[str]) -> set[str]:
    """Those of the names that an entry in force blocks: for the name itself, or one above it."""
    above = {name: set(parents(name)) for name in names}
    wanted = set[str]().union(*above.values())
    rows = Entry.objects.filter(method="dns", target__in=wanted, state__in=IN_FORCE) if wanted else Entry.objects.none()
    listed = set(rows.values_list("target", flat=True))
    return {name for name, chain in above.items() if chain & listed}


def covering(names: Iterable[str]) -> list[str]:
    """The names in force that block one of these: itself, or one above it. The shortest first."""
    wanted = {above for name in names for above in parents(name)}
    rows = Entry.objects.filter(method="dns", target__in=wanted, state__in=IN_FORCE) if wanted else Entry.objects.none()
    return sorted(rows.values_list("target", flat=True), key=lambda name: (name.count("."), name))


def removal_pending(ids: Iterable[UUID]) -> bool:
    """Whether one of these entries was withdrawn and no edition without it is out."""
    return Entry.objects.filter(id__in=list(ids), state=EntryState.PENDING_REMOVAL).exists()


def noted_as_listed() -> set[str]:
    """Ids of the entries that are noted to stand in the last edition."""
    return {str(entry_id) for entry_id in Entry.objects.filter(listed=True).values_list("id", flat=True).iterator()}


def targets_of(ids: Iterable[str]) -> dict[str, tuple[Method, str]]:
    """Entry id -> method and target."""
    rows = Entry.objects.filter(id__in=list(ids)).values_list("id", "method", "target")
    return {str(entry_id): (cast("Method", method), target) for entry_id, method, target in rows}


def entries_held(ids: Iterable[UUID]) -> set[UUID]:
    """Those of the entries whose content is under legal or police hold."""
    contents = dict(Entry.objects.filter(id__in=list(ids)).values_list("id", "content_id"))
    held = intake.contents_held(contents.values())
    return {entry for entry, content in contents.items() if content in held}


def urgent(ids: Iterable[str]) -> set[str]:
    """Those of the entries that are urgent: in their content an analyst saw a child at risk."""
    contents = dict(Entry.objects.filter(id__in=list(ids)).values_list("id", "content_id"))
    at_risk = assessment.contents_at_risk(contents.values())
    return {str(entry) for entry, content in contents.items() if content in at_risk}


def _coming() -> QuerySet[Entry]:
    """Nothing comes onto the list while police hold it, nor afterwards before two persons have looked at it.

    Nor what a renewal was signed of meanwhile: that one comes.
    """
    rows = Entry.objects.filter(state__in=IN_FORCE, listed=False, yields=False, expires_on__gt=clock.now().date())
    rows = rows.exclude(state=EntryState.IN_REVIEW, review_reason="police")
    return rows.exclude(content_id__in=referral.held_contents())


def _going() -> QuerySet[Entry]:
    return Entry.objects.filter(Q(expires_on__lte=clock.now().date()) | ~Q(state__in=IN_FORCE), listed=True)


def _with_activations(
    found: QuerySet[Entry],
) -> tuple[list[ListEntry], list[SignedStatement], dict[str, tuple[datetime | None, datetime | None]]]:
    rows = found.values_list(
        "id",
        "method",
        "target",
        "reason",
        "stated_at",
        "expires_on",
        "activated_at",
        "ended_at",
        "approvals__statement",
        "approvals__key_id",
        "approvals__signature",
    )
    entries: dict[UUID, ListEntry] = {}
    moments: dict[str, tuple[datetime | None, datetime | None]] = {}
    signed: list[tuple[str, str, bytes]] = []
    for entry_id, method, target, reason, stated_at, expires_on, activated_at, ended_at, statement, key, value in rows:
        if entry_id not in entries:
            number = str(entry_id)
            entries[entry_id] = ListEntry(number, cast("Method", method), target, reason, stated_at, expires_on)
            moments[number] = activated_at, ended_at
        if statement is not None:
            signed.append((statement, key, bytes(value)))
    return list(entries.values()), _grouped(signed), moments


def keys_in_use() -> frozenset[str]:
    """Ids of confirmed keys, not revoked, of all persons. Whether one counts, the root's list of members says."""
    return frozenset(_confirmed().values_list("id", flat=True))


def person_keys(person_id: UUID) -> dict[str, PersonKey]:
    """Confirmed keys, not revoked, of one person, by key id."""
    return {
        key.id: PersonKey(str(key.person_id), bytes(key.public_key)) for key in _confirmed().filter(person_id=person_id)
    }


def _confirmed() -> QuerySet[SigningKey]:
    return SigningKey.objects.filter(confirmed_at__isnull=False, revoked_at=None)


def _grouped(rows: Iterable[tuple[str, str, bytes]]) -> list[SignedStatement]:
    found: dict[str, set[Signature]] = {}
    for statement, key, value in rows:
        found.setdefault(statement, set()).add(Signature(key, value))
    return [SignedStatement(statement.encode(), frozenset(signatures)) for statement, signatures in found.items()]
