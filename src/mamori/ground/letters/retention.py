"""How long letters are kept. Who was written to about what, and what the server said, stays without the words."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from mamori.ground.letters.models import Letter
from mamori.ground.letters.services import FINISHED, letters_forget
from mamori.ground.retention import DataClass


def _due(before: datetime, most: int) -> Sequence[UUID]:
    rows = Letter.objects.filter(state__in=FINISHED, queued_at__lt=before).exclude(body="")
    return list(rows.order_by("queued_at").values_list("id", flat=True)[:most])


RETENTION = [
    DataClass(
        "letters.body",
        _("Words, links and attachments of letters"),
        timedelta(days=500),
        _due,
        letters_forget,
        tables=("letters_letter",),
    )
]
