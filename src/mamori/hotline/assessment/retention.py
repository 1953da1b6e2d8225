"""How long this room keeps what. Opinions, events and digests stay: they hold no address and no text."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from mamori.ground.retention import DataClass
from mamori.ground.sealed.models import DataKey
from mamori.hotline.assessment.models import ContentItem, Decision
from mamori.hotline.assessment.services.forget import addresses_forget, notes_forget
from mamori.hotline.assessment.states import ContentState


def _notes_due(before: datetime, most: int) -> Sequence[UUID]:
    held = DataKey.objects.filter(id=OuterRef("note_key"), wrapped__isnull=False)
    rows = Decision.objects.filter(
        Exists(held), content__state=ContentState.CLOSED, content__state_at__lt=before
    ).order_by("decided_at")
    return list(rows.values_list("id", flat=True)[:most])


def _addresses_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = ContentItem.objects.filter(state=ContentState.CLOSED, state_at__lt=before).exclude(url="")
    return list(rows.order_by("state_at").values_list("id", flat=True)[:most])


RETENTION = [
    DataClass(
        "assessment.note",
        _("Analysts' sealed notes, after the item was closed"),
        timedelta(days=365),
        _notes_due,
        notes_forget,
    ),
    DataClass(
        "assessment.address",
        _("Addresses of content, after the item was closed"),
        timedelta(days=2 * 365),
        _addresses_due,
        addresses_forget,
    ),
]
