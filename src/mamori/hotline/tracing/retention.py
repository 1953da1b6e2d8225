"""How long this room keeps what. Contacts stay: they are organisations' public mailboxes, and the ledger names them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from mamori.ground.retention import DataClass
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.intake import queries as intake
from mamori.hotline.tracing.models import HostAddress, Trace
from mamori.hotline.tracing.services import host_addresses_forget, traces_forget


def _traces_due(before: datetime, most: int) -> Sequence[UUID]:
    closed = assessment.closed_before(before).filter(id=OuterRef("content_id"))
    rows = Trace.objects.filter(Exists(closed)).order_by("opened_at")
    return list(rows.values_list("content_id", flat=True)[:most])


def _host_addresses_due(before: datetime, most: int) -> Sequence[int]:
    rows = HostAddress.objects.filter(seen_at__lt=before)
    return list(rows.values_list("id", flat=True)[:most])


RETENTION = [
    DataClass(
        "tracing.trace",
        _("Where content was hosted and what each source said, after the item was closed"),
        timedelta(days=2 * 365),
        _traces_due,
        traces_forget,
        intake.contents_held,
        tables=("tracing_trace", "tracing_vote", "tracing_rung"),
    ),
    DataClass(
        "tracing.host_address",
        _("Names seen on network addresses, after they were last seen there"),
        timedelta(days=2 * 365),
        _host_addresses_due,
        host_addresses_forget,
        tables=("tracing_hostaddress",),
    ),
]
