"""How long this room keeps what. Referrals, steps and their moments stay: they hold no address and no text."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from mamori.ground.retention import DataClass
from mamori.ground.sealed.models import DataKey
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.intake import queries as intake
from mamori.hotline.referral.models import Evidence, Hold, Preservation, Referral, Step
from mamori.hotline.referral.services.forget import evidence_forget, preservations_forget, sealed_forget


def _held(content_ids: Sequence[UUID]) -> set[UUID]:
    """Under a legal hold, or held by police now."""
    now = Hold.objects.filter(referral__content_id__in=content_ids, ended_at=None)
    return intake.contents_held(content_ids) | set(now.values_list("referral__content_id", flat=True))


def _evidence_due(before: datetime, most: int) -> Sequence[UUID]:
    closed = assessment.closed_before(before).filter(id=OuterRef("content_id"))
    rows = Evidence.objects.filter(Exists(closed)).order_by("made_at")
    return list(dict.fromkeys(rows.values_list("content_id", flat=True)[:most]))


def _sealed_due(before: datetime, most: int) -> Sequence[UUID]:
    closed = assessment.closed_before(before).filter(id=OuterRef("content_id"))
    kept = DataKey.objects.filter(wrapped__isnull=False)
    call = kept.filter(id=OuterRef("data_key"))
    hold = Hold.objects.filter(Exists(call), referral=OuterRef("pk"))
    step = Step.objects.filter(Exists(call), referral=OuterRef("pk"))
    rows = Referral.objects.filter(Exists(closed)).filter(
        Q(Exists(call)) | Q(Exists(hold)) | Q(Exists(step)) | ~Q(officer__in=["", "-"])
    )
    return list(rows.order_by("opened_at").values_list("content_id", flat=True)[:most])


def _preservations_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = Preservation.objects.filter(until__lt=before).order_by("until")
    return list(rows.values_list("content_id", flat=True)[:most])


RETENTION = [
    DataClass(
        "referral.evidence",
        _("Signed evidence bundles, after the item was closed"),
        timedelta(days=5 * 365),
        _evidence_due,
        evidence_forget,
        _held,
        tables=("referral_evidence",),
    ),
    DataClass(
        "referral.sealed",
        _("Sealed calls and reasons of holds, officers' names and numbers, after the item was closed"),
        timedelta(days=365),
        _sealed_due,
        sealed_forget,
        _held,
        tables=("referral_referral", "referral_hold", "referral_step"),
    ),
    DataClass(
        "referral.preservation",
        _("Requests to preserve, after their time"),
        timedelta(days=2 * 365),
        _preservations_due,
        preservations_forget,
        _held,
        tables=("referral_preservation",),
    ),
]
