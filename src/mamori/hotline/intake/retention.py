"""How long this room keeps what."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from mamori.ground.retention import DataClass
from mamori.hotline.intake.models import HELD, ApiBatch, Message, Report, Submission
from mamori.hotline.intake.services.destroy import LATE, addresses_destroy, answers_destroy, sealed_destroy


def _sealed_due(before: datetime, most: int) -> Sequence[UUID]:
    """Those never destroyed before; then those whose reporter wrote again after that, as long after their message."""
    rows = Submission.objects.filter(closed_at__lt=before, purged_on=None).order_by("closed_at")
    found = list(rows.values_list("id", flat=True)[:most])
    late = Message.objects.filter(LATE, sent_hour__lt=before).values_list("submission_id", flat=True)
    return [*found, *late.order_by().distinct()[: most - len(found)]]


def _sealed_held(ids: Sequence[UUID]) -> set[UUID]:
    return set(Submission.objects.filter(HELD, id__in=ids).values_list("id", flat=True))


def _addresses_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = Report.objects.filter(closed_at__lt=before).exclude(url="").order_by("closed_at")
    return list(rows.values_list("id", flat=True)[:most])


def _addresses_held(ids: Sequence[UUID]) -> set[UUID]:
    held = Submission.objects.filter(HELD, id=OuterRef("submission_id"))
    return set(Report.objects.filter(Exists(held), id__in=ids).values_list("id", flat=True))


def _answers_due(before: datetime, most: int) -> Sequence[UUID]:
    return list(
        ApiBatch.objects.filter(received_at__lt=before).order_by("received_at").values_list("id", flat=True)[:most]
    )


RETENTION = [
    DataClass(
        "intake.sealed",
        _("Reporters' text, contact and messages, after their report was closed"),
        timedelta(days=90),
        _sealed_due,
        sealed_destroy,
        _sealed_held,
        tables=("intake_submission", "intake_message", "sealed_datakey"),
    ),
    DataClass(
        "intake.address",
        _("Reported addresses, after the report was closed"),
        timedelta(days=2 * 365),
        _addresses_due,
        addresses_destroy,
        _addresses_held,
        tables=("intake_report",),
    ),
    DataClass(
        "intake.api_answer",
        _("Answers to partners' batches"),
        timedelta(days=30),
        _answers_due,
        answers_destroy,
        tables=("intake_apibatch",),
    ),
]
