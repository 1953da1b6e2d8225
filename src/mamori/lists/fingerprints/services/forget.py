"""What is destroyed at the end of its period. Called by the review of retention only."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from mamori.ground.actors import Actor
from mamori.lists.fingerprints.models import Disagreement, EntryHits, Fingerprint, Harmless, ImportRun, Vote


@transaction.atomic
def values_forget(actor: Actor, entry_ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the signature of every class
    """Destroy the fingerprints of withdrawn entries; the tombstone stays."""
    Fingerprint.objects.filter(entry_id__in=entry_ids).delete()
    return len(entry_ids)


@transaction.atomic
def votes_forget(actor: Actor, ids: Sequence[int]) -> int:  # noqa: ARG001
    return Vote.objects.filter(id__in=ids).delete()[0]


@transaction.atomic
def hits_forget(actor: Actor, ids: Sequence[int]) -> int:  # noqa: ARG001
    return EntryHits.objects.filter(id__in=ids).delete()[0]


@transaction.atomic
def harmless_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001
    """Destroy ended values of the negative bank with the disagreements that named them."""
    Disagreement.objects.filter(harmless_id__in=ids).delete()
    return Harmless.objects.filter(id__in=ids).delete()[0]


@transaction.atomic
def disagreements_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001
    return Disagreement.objects.filter(id__in=ids).delete()[0]


@transaction.atomic
def refusals_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001
    """Empty the list of bad records of old imports; their counts stay."""
    return ImportRun.objects.filter(id__in=ids).update(refusals=[])
