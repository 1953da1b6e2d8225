"""Files given on a page: what they say is stored before the page answers, and the worker reads it into the bank.

Each batch and the piece it came from go in one transaction: a worker that dies leaves whole batches, and the next one
goes on behind them. Nothing is read twice, and nothing of a file that was read or given up stays.
"""

from typing import BinaryIO
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock, jobs
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.bulk import insert_rows
from mamori.ground.errors import DomainError
from mamori.lists.fingerprints.formats import Format
from mamori.lists.fingerprints.formats.packed import pack, unpack
from mamori.lists.fingerprints.models import ImportPiece, ImportRun
from mamori.lists.fingerprints.permissions import IMPORT
from mamori.lists.fingerprints.services.imports import (
    batch_keep,
    batches,
    import_begin,
    import_finish,
    import_locked,
    import_new,
    reading,
)
from mamori.lists.fingerprints.states import UNREAD, ImportState, Media

MOST_ATTEMPTS = 5  # readings begun without a batch kept, before an import is given up


def import_upload(
    *,
    actor: Actor,
    source_code: str,
    form: Format,
    stream: BinaryIO,
    profile: str = "us",
    media: str = Media.IMAGE,
) -> ImportRun:
    """Store what a file says for the worker to read. DomainError when it is not of this format or holds no record.

    Stored of each record is what the bank takes of it; whatever else the file holds is not kept.
    """
    run = import_new(actor=actor, source_code=source_code, form=form, profile=profile, media=media)
    pieces: list[str] = []
    total = 0
    for batch in batches(stream, form, profile, media):
        pieces.append(pack(batch))
        total += len(batch)
    if not total:
        raise DomainError("empty_file", _("The file holds no record."), remedy=_("Choose another file."), status=422)
    run.state, run.total, run.reading_at = str(ImportState.WAITING), total, None
    with transaction.atomic():
        import_begin(run, actor)
        insert_rows(
            "fingerprints_importpiece",
            "run_id, number, records",
            [(run.id, number, records) for number, records in enumerate(pieces)],
        )
        jobs.defer("fingerprints.read_import", import_id=str(run.id))
    return run


def import_read(*, import_id: UUID) -> None:
    """Read what is stored of a file, batch by batch. Safe to run twice, at once too."""
    with reading(import_id) as alone:
        if alone and _taken_up(import_id):
            while _next_kept(import_id):
                pass


@transaction.atomic
def _taken_up(import_id: UUID) -> bool:
    """Whether there is something to read. What ended its reader again and again is given up."""
    run = import_locked(import_id)
    if run.total is None or run.state not in UNREAD:
        return False
    if run.attempts >= MOST_ATTEMPTS:
        import_end(run, ImportState.FAILED, SYSTEM)
        return False
    run.state, run.attempts = str(ImportState.RUNNING), run.attempts + 1
    run.reading_at, run.reading_from = clock.now(), run.read
    run.save(update_fields=["state", "attempts", "reading_at", "reading_from"])
    return True


@transaction.atomic
def _next_kept(import_id: UUID) -> bool:
    run = import_locked(import_id)
    if run.state != ImportState.RUNNING:  # stopped meanwhile
        return False
    piece = ImportPiece.objects.filter(run=run).order_by("number").first()
    if piece is None:
        import_finish(run, ImportState.DONE, SYSTEM)
        return False
    batch_keep(run, unpack(piece.records))
    piece.delete()
    return True


def imports_resume() -> int:
    """Give the worker again what is stored and what no job reads any more. Returns how many. Safe to run twice."""
    unread = ImportRun.objects.filter(state__in=UNREAD, total__isnull=False).values_list("id", flat=True)
    left = [str(run) for run in unread if not jobs.waiting("fingerprints.read_import", import_id=str(run))]
    jobs.defer_many("fingerprints.read_import", [{"import_id": run} for run in left])
    return len(left)


@transaction.atomic
def import_stop(*, actor: Actor, import_id: UUID) -> None:
    """A person ends the reading of a file. What was read until then is kept, the rest is destroyed."""
    actor.require(IMPORT)
    run = import_locked(import_id)
    if run.state not in UNREAD:
        raise DomainError("not_to_stop", _("This import has ended already."))
    if run.total is None:
        raise DomainError(
            "not_to_stop",
            _("This import is read on the command line."),
            remedy=_("The operator who began it stops it there."),
        )
    import_end(run, ImportState.STOPPED, actor)


def import_end(run: ImportRun, state: ImportState, actor: Actor) -> None:
    """Close an import before all of it was read, and destroy the rest, in the present transaction."""
    ImportPiece.objects.filter(run=run).delete()
    import_finish(run, state, actor)
