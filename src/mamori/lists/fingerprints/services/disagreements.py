"""Disagreements: found by rule, shown to all, settled by a reviewer."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock, states
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.lists.fingerprints.codes import Classification
from mamori.lists.fingerprints.models import Disagreement, Entry, EntryEvent
from mamori.lists.fingerprints.permissions import REVIEW
from mamori.lists.fingerprints.states import DISAGREEMENT, DisagreementState, Dispute, EntryState, Outcome

_LOCK = 7_261_012


@dataclass(frozen=True, slots=True)
class Stated:
    """A class a source gives: ours ("": not illegal), and its own code on its own scale where it has one."""

    classification: str
    scale: str = ""
    code: str = ""

    def differs(self, before: "Stated") -> bool:
        """Whether this is another class than the one before. A list that names no class says nothing of it."""
        if self.classification == Classification.UNSORTED and not self.scale:
            return False
        same_scale = self.scale == before.scale and bool(before.code)
        return self.classification != before.classification or (same_scale and self.code != before.code)


def disagreement_open(
    *,
    kind: Dispute,
    entry_id: UUID,
    other_id: UUID | None = None,
    harmless_id: UUID | None = None,
    distance: int = 0,
) -> bool:
    """Open a disagreement unless the same was opened before. Returns whether it is new. Inside a transaction."""
    if other_id is not None and other_id < entry_id:
        entry_id, other_id = other_id, entry_id
    same = Disagreement.objects.filter(kind=str(kind), entry_id=entry_id)
    same = same.filter(other_id=other_id) if other_id else same.filter(other=None)
    same = same.filter(harmless_id=harmless_id) if harmless_id else same.filter(harmless=None)
    same = same.filter(Q(state=DisagreementState.OPEN) | ~Q(kind=Dispute.VOTE))
    if same.exists():
        return False
    _take_turns()
    if same.exists():  # another opened it meanwhile
        return False
    row = Disagreement(
        kind=str(kind),
        entry_id=entry_id,
        other_id=other_id,
        harmless_id=harmless_id,
        distance=distance,
        found_at=clock.now(),
    )
    row.save(force_insert=True)
    audit.record(
        "fingerprints.disagreement_found", subject=row, actor=SYSTEM, kind=kind, entry=entry_id, other=other_id
    )
    return True


def _take_turns() -> None:
    """Until the transaction's end: two who notice the same thing open one disagreement."""
    with connection.cursor() as cursor:  # not the entries' rows: a partner's face may not lock them
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def restated(again: Iterable[tuple[UUID, Stated]]) -> int:
    """Sources gave another class to entries they gave before: nothing changes, a reviewer is told. Returns how many are new.

    The same word again opens nothing again, whatever became of it. A withdrawn entry is past disagreeing.
    """
    told = list(again)
    if not told:
        return 0
    _take_turns()
    rows = Entry.objects.filter(id__in={entry for entry, _now in told}).exclude(state=EntryState.WITHDRAWN)
    were = dict(rows.values_list("id", "classification"))
    opened = Disagreement.objects.filter(kind=Dispute.RESTATED, entry_id__in=list(were))
    known = set(opened.values_list("entry_id", "classification", "stated"))
    fresh: dict[tuple[UUID, str, str], Disagreement] = {}
    for entry, now in told:
        key = entry, now.classification, now.code
        if entry in were and key not in known:
            fresh[key] = Disagreement(
                kind=str(Dispute.RESTATED),
                entry_id=entry,
                classification=now.classification,
                scale=now.scale,
                stated=now.code,
                found_at=clock.now(),
            )
    Disagreement.objects.bulk_create(fresh.values())
    audit.record_many(
        "fingerprints.disagreement_found",
        subjects=[
            (row, {"kind": row.kind, "entry": row.entry_id, "was": were[row.entry_id], "now": row.classification})
            for row in fresh.values()
        ],
        actor=SYSTEM,
    )
    return len(fresh)


@transaction.atomic
def disagreement_settle(*, actor: Actor, disagreement_id: UUID, outcome: str = Outcome.KEPT) -> None:
    """A reviewer says it is settled: the entry is kept as it is, or was given another class since.

    Where an entry is withdrawn, or the negative bank's value ends, that settles it.
    """
    actor.require(REVIEW)
    row = Disagreement.objects.select_for_update().filter(id=disagreement_id).first()
    if row is None:
        raise NotFound
    if outcome not in (Outcome.KEPT, Outcome.RECLASSIFIED):
        raise DomainError("bad_outcome", _("Say that it is kept, or that it was given another class."), status=422)
    if outcome == Outcome.RECLASSIFIED and not _classified_since(row):
        raise DomainError(
            "not_classified",
            _("No entry of it was given another class since it was noticed."),
            remedy=_("Give it one on its own page first, or say that it is kept as it is."),
        )
    row.settled_at, row.settled_by_id, row.outcome = clock.now(), actor.id, str(Outcome(outcome))
    states.move(
        row,
        DisagreementState.SETTLED,
        machine=DISAGREEMENT,
        actor=actor,
        event="fingerprints.disagreement_settled",
        changed=("settled_at", "settled_by", "outcome"),
        outcome=outcome,
    )


def withdrawn_settle(entry_ids: Collection[UUID], *, by: UUID | None = None) -> int:
    """Settle what is open about entries that were withdrawn: there is nobody left to disagree. Returns how many.

    Inside the transaction of the withdrawal. `by`: the person who withdrew.
    """
    named = Q(entry_id__in=entry_ids) | Q(other_id__in=entry_ids)
    rows = Disagreement.objects.select_for_update().filter(named, state=DisagreementState.OPEN).order_by("id")
    found = list(rows)
    states.move_many(
        found,
        DisagreementState.SETTLED,
        machine=DISAGREEMENT,
        actor=SYSTEM,
        event="fingerprints.disagreement_settled",
        codes=lambda _row: {"outcome": Outcome.WITHDRAWN},
        changed={"settled_at": clock.now(), "settled_by_id": by, "outcome": str(Outcome.WITHDRAWN)},
    )
    return len(found)


def _classified_since(row: Disagreement) -> bool:
    sides = [each for each in (row.entry_id, row.other_id) if each]
    classes = [str(each) for each in Classification]
    return EntryEvent.objects.filter(entry_id__in=sides, at__gte=row.found_at, code__in=classes).exists()
