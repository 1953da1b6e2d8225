"""What is destroyed when its retention period is over."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from mamori.ground.actors import Actor
from mamori.ground.sealed.services import destroy
from mamori.lists.listing.models import Appeal, Approval, Candidate, Entry, Opinion
from mamori.lists.listing.states import BEFORE, IN_FORCE


@transaction.atomic
def appeals_forget(actor: Actor, ids: Sequence[UUID]) -> int:
    """Destroy the keys of complaints and forget whose address it was; how it was decided stays."""
    rows = Appeal.objects.filter(id__in=ids)
    destroy(actor=actor, key_ids=list(rows.values_list("seal_key", flat=True)), reason="retention")
    return rows.update(url="", host="", text=b"", contact=b"", decision_reason="")


@transaction.atomic
def entries_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    """Forget what an ended entry named and why. Its digest, moments and persons stay, and the withdrawal's signature."""
    rows = Entry.objects.filter(id__in=ids).exclude(state__in=[*IN_FORCE, *BEFORE])
    Approval.objects.filter(entry__in=rows).update(statement="")
    Opinion.objects.filter(entry__in=rows).update(note="")
    return rows.update(target="", answers={}, refused=[])


@transaction.atomic
def candidates_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    return Candidate.objects.filter(content_id__in=ids, closed_at__isnull=False).delete()[0]
