"""What is destroyed when its retention period is over."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from mamori.ground.actors import Actor
from mamori.ground.sealed.services import destroy
from mamori.hotline.takedown.models import HosterAnswer, HosterPage, NoticeItem


@transaction.atomic
def answers_forget(actor: Actor, ids: Sequence[UUID]) -> int:
    """Destroy the keys of hosters' texts; that they answered, and when, stays."""
    rows = HosterAnswer.objects.filter(id__in=ids, text_key__isnull=False)
    keys = [key for key in rows.values_list("text_key", flat=True) if key is not None]
    destroy(actor=actor, key_ids=keys, reason="retention")
    return rows.update(text=None)


@transaction.atomic
def findings_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    return NoticeItem.objects.filter(id__in=ids).update(findings={})


@transaction.atomic
def pages_forget(actor: Actor, ids: Sequence[str]) -> int:  # noqa: ARG001 - the caller writes the log
    return HosterPage.objects.filter(token_digest__in=ids).delete()[0]
