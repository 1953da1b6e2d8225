"""What is destroyed when its retention period is over."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.sealed.services import destroy
from mamori.hotline.referral.models import Evidence, Hold, Preservation, Referral, Step

NOBODY = "-"  # stands for an officer whose name was forgotten


@transaction.atomic
def evidence_forget(actor: Actor, content_ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    return Evidence.objects.filter(content_id__in=content_ids).delete()[0]


@transaction.atomic
def sealed_forget(actor: Actor, content_ids: Sequence[UUID]) -> int:
    """Destroy the keys of calls and reasons, and forget who the officer was. Rows and their moments stay."""
    referrals = Referral.objects.filter(content_id__in=content_ids)
    keys = {key for key in referrals.values_list("data_key", flat=True) if key is not None}
    for rows in (Hold.objects.all(), Step.objects.all()):
        found = rows.filter(referral__in=referrals, data_key__isnull=False)
        keys.update(key for key in found.values_list("data_key", flat=True) if key is not None)
    destroy(actor=actor, key_ids=sorted(keys), reason="retention")
    referrals.exclude(officer="").update(officer=NOBODY)
    return referrals.update(reference="", case_no="", sealed_call=None)


@transaction.atomic
def preservations_forget(actor: Actor, content_ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    return Preservation.objects.filter(content_id__in=content_ids, until__lt=clock.now()).delete()[0]
