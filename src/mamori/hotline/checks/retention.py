"""How long this room keeps what."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from mamori.ground.retention import DataClass
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.checks.models import Watch
from mamori.hotline.checks.services import checks_forget
from mamori.hotline.intake import queries as intake


def _due(before: datetime, most: int) -> Sequence[UUID]:
    closed = assessment.closed_before(before).filter(id=OuterRef("content_id"))
    return list(Watch.objects.filter(Exists(closed)).values_list("content_id", flat=True)[:most])


RETENTION = [
    DataClass(
        "checks.look",
        _("What re-checks saw (fingerprints), after the item was closed"),
        timedelta(days=2 * 365),
        _due,
        checks_forget,
        intake.contents_held,
        tables=("checks_check", "checks_watch"),
    )
]
