"""Disagreements: found by rule, shown to all, settled by a reviewer."""

from uuid import UUID

from django.db import transaction
from django.db.models import Q

from mamori.ground import audit, clock, states
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import NotFound
from mamori.lists.fingerprints.models import Disagreement
from mamori.lists.fingerprints.permissions import REVIEW
from mamori.lists.fingerprints.states import DISAGREEMENT, DisagreementState, Dispute, Outcome


def disagreement_open(
    *,
    kind: Dispute,
    entry_id: UUID,
    other_id: UUID | None = None,
    harmless_id: UUID | None = None,
    distance: int = 0,
) -> bool:
    """Open a disagreement unless the same was opened before. Returns whether it is new."""
    if other_id is not None and other_id < entry_id:
        entry_id, other_id = other_id, entry_id
    same = Disagreement.objects.filter(kind=str(kind), entry_id=entry_id)
    same = same.filter(other_id=other_id) if other_id else same.filter(other=None)
    same = same.filter(harmless_id=harmless_id) if harmless_id else same.filter(harmless=None)
    if same.filter(Q(state=DisagreementState.OPEN) | ~Q(kind=Dispute.VOTE)).exists():
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


@transaction.atomic
def disagreement_settle(*, actor: Actor, disagreement_id: UUID, outcome: str = Outcome.KEPT) -> None:
    """A reviewer says it is settled: the entry is kept as it is, or has been withdrawn or classified anew."""
    actor.require(REVIEW)
    row = Disagreement.objects.select_for_update().filter(id=disagreement_id).first()
    if row is None:
        raise NotFound
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
