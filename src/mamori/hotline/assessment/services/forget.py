"""What is destroyed when its retention period is over."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from mamori.ground.actors import Actor
from mamori.ground.sealed.services import destroy
from mamori.hotline.assessment.models import ContentItem, Decision, DutyPresence, ExposureLift, Lease
from mamori.hotline.assessment.states import ContentState


@transaction.atomic
def notes_forget(actor: Actor, ids: Sequence[UUID]) -> int:
    """Destroy the keys of notes: an opinion's row is never changed. Returns how many."""
    keys = Decision.objects.filter(id__in=ids, note_key__isnull=False).values_list("note_key", flat=True)
    return destroy(actor=actor, key_ids=[key for key in keys if key is not None], reason="retention")


@transaction.atomic
def addresses_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    """Forget the addresses of closed items; their digests stay, so that a new report finds its item."""
    rows = ContentItem.objects.filter(id__in=ids, state=ContentState.CLOSED)
    return rows.update(url="", host="", registrable="")


@transaction.atomic
def leases_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    return Lease.objects.filter(id__in=ids).delete()[0]


@transaction.atomic
def presence_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    return DutyPresence.objects.filter(person_id__in=ids).delete()[0]


@transaction.atomic
def lifts_forget(actor: Actor, ids: Sequence[int]) -> int:  # noqa: ARG001 - the caller writes the log
    return ExposureLift.objects.filter(id__in=ids).delete()[0]
