"""What is destroyed at the end of its period. Called by the review of retention only."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from mamori.ground.actors import Actor
from mamori.lists.fingerprints.models import Disagreement, Entry, EntryHits, Fingerprint, Harmless, ImportRun, Vote
from mamori.lists.fingerprints.references import FORGOTTEN, forgotten
from mamori.lists.fingerprints.services.uploads import import_end
from mamori.lists.fingerprints.states import UNREAD, ImportState


@transaction.atomic
def values_forget(actor: Actor, entry_ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the signature of every class
    """Destroy the fingerprints of withdrawn entries; the tombstone stays.

    Of the source's reference, which may be a digest, a keyed hash stays: what comes again is known as withdrawn.
    """
    Fingerprint.objects.filter(entry_id__in=entry_ids).delete()
    rows = list(Entry.objects.filter(id__in=entry_ids).exclude(source_ref__startswith=FORGOTTEN))
    for row in rows:
        row.source_ref = forgotten(row.source_id, row.source_ref)
    Entry.objects.bulk_update(rows, ["source_ref"], batch_size=500)
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
def uploads_forget(actor: Actor, ids: Sequence[UUID]) -> int:
    """Destroy what is stored of files that were given and never read to their end; their imports are broken off."""
    runs = list(ImportRun.objects.select_for_update().filter(id__in=ids, state__in=UNREAD))
    for run in runs:
        import_end(run, ImportState.FAILED, actor)
    return len(runs)


@transaction.atomic
def refusals_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001
    """Empty the list of bad records of old imports; their counts stay."""
    return ImportRun.objects.filter(id__in=ids).update(refusals=[])
