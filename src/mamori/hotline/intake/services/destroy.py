"""Destroy what is due: called by a reviewed retention run, which writes the log."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.sealed.services import destroy
from mamori.hotline.intake.models import HELD, ApiBatch, Message, Report, Submission

LATE = Q(submission__purged_on__isnull=False) & ~Q(sealed=b"")  # a message that came after all was destroyed


@transaction.atomic
def sealed_destroy(actor: Actor, ids: Sequence[UUID]) -> int:
    """Destroy the keys of texts and messages, and the messages that a receipt code opens."""
    late = Exists(Message.objects.filter(LATE, submission=OuterRef("pk")))
    submissions = Submission.objects.select_for_update().filter(~HELD, Q(purged_on=None) | late, id__in=ids)
    rows = dict(submissions.values_list("id", "data_key"))
    messages = Message.objects.filter(submission_id__in=rows)
    keys = [key for key in (*rows.values(), *messages.values_list("data_key", flat=True)) if key is not None]
    destroy(actor=actor, key_ids=keys, reason="retention")
    messages.update(for_reporter=b"", sealed=b"")
    Report.objects.filter(submission_id__in=rows).update(sealed_typed=None)
    Submission.objects.filter(id__in=rows).update(
        purged_on=clock.now().date(), sealed_text=None, sealed_contact=None, sealed_case=None, details={}
    )
    return len(rows)


@transaction.atomic
def addresses_destroy(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    free = Report.objects.filter(id__in=ids, submission__legal_hold=False, submission__police_hold=False)
    return free.update(url="", digest="", external_id=None)


@transaction.atomic
def answers_destroy(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    return ApiBatch.objects.filter(id__in=ids).delete()[0]
