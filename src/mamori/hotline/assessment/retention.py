"""How long this room keeps what. Opinions, events and digests stay: they hold no address and no text."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from mamori.ground.retention import DataClass
from mamori.ground.sealed.models import DataKey
from mamori.hotline.assessment.models import ContentItem, Decision, DutyPresence, ExposureLift, Lease
from mamori.hotline.assessment.services.forget import (
    addresses_forget,
    leases_forget,
    lifts_forget,
    notes_forget,
    presence_forget,
)
from mamori.hotline.assessment.states import ContentState
from mamori.hotline.intake import queries as intake


def _notes_due(before: datetime, most: int) -> Sequence[UUID]:
    held = DataKey.objects.filter(id=OuterRef("note_key"), wrapped__isnull=False)
    rows = Decision.objects.filter(
        Exists(held), content__state=ContentState.CLOSED, content__state_at__lt=before
    ).order_by("decided_at")
    return list(rows.values_list("id", flat=True)[:most])


def _addresses_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = ContentItem.objects.filter(state=ContentState.CLOSED, state_at__lt=before).exclude(url="")
    return list(rows.order_by("state_at").values_list("id", flat=True)[:most])


def _notes_held(ids: Sequence[UUID]) -> set[UUID]:
    contents = dict(Decision.objects.filter(id__in=ids).values_list("id", "content_id"))
    held = intake.contents_held(contents.values())
    return {found for found, content in contents.items() if content in held}


def _leases_due(before: datetime, most: int) -> Sequence[UUID]:
    return list(Lease.objects.filter(until__lt=before).order_by("until").values_list("id", flat=True)[:most])


def _presence_due(before: datetime, most: int) -> Sequence[UUID]:
    return list(DutyPresence.objects.filter(seen_at__lt=before).values_list("person_id", flat=True)[:most])


def _lifts_due(before: datetime, most: int) -> Sequence[int]:
    return list(ExposureLift.objects.filter(lifted_at__lt=before).values_list("id", flat=True)[:most])


RETENTION = [
    DataClass(
        "assessment.note",
        _("Analysts' sealed notes, after the item was closed"),
        timedelta(days=365),
        _notes_due,
        notes_forget,
        _notes_held,
        tables=("assessment_decision",),
    ),
    DataClass(
        "assessment.address",
        _("Addresses of content, after the item was closed"),
        timedelta(days=2 * 365),
        _addresses_due,
        addresses_forget,
        intake.contents_held,
        tables=("assessment_contentitem",),
    ),
    DataClass(
        "assessment.lease",
        _("Who looked at what and for how long"),
        timedelta(days=365),
        _leases_due,
        leases_forget,
        tables=("assessment_lease",),
    ),
    DataClass(
        "assessment.presence",
        _("When a member was last seen at the queue"),
        timedelta(days=30),
        _presence_due,
        presence_forget,
        tables=("assessment_dutypresence",),
    ),
    DataClass(
        "assessment.lift",
        _("Why somebody was given more time to look"),
        timedelta(days=365),
        _lifts_due,
        lifts_forget,
        tables=("assessment_exposurelift",),
    ),
]
