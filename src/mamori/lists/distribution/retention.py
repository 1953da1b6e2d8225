"""How long this room keeps what. Numbers, moments and digests of editions stay, and how fast resolvers were."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from mamori.ground.retention import DataClass
from mamori.lists.distribution.models import Edition, EditionChange, Subscriber, Taken
from mamori.lists.distribution.services.forget import editions_forget, subscribers_forget, taken_forget
from mamori.lists.distribution.states import SubscriberState


def _editions_due(before: datetime, most: int) -> Sequence[UUID]:
    named = EditionChange.objects.filter(edition=OuterRef("pk")).exclude(target="")
    rows = Edition.objects.filter(Q(Exists(named)) | ~Q(refusals=[]), built_at__lt=before)
    return list(rows.order_by("version").values_list("id", flat=True)[:most])


def _subscribers_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = Subscriber.objects.filter(state=SubscriberState.REVOKED, revoked_at__lt=before).exclude(notify="")
    return list(rows.values_list("id", flat=True)[:most])


def _taken_due(before: datetime, most: int) -> Sequence[int]:
    later = Taken.objects.filter(taker=OuterRef("taker"), zone=OuterRef("zone"), number__gt=OuterRef("number"))
    rows = Taken.objects.filter(Exists(later), at__lt=before)
    return list(rows.order_by("at").values_list("id", flat=True)[:most])


RETENTION = [
    DataClass(
        "distribution.taken",
        _("Which subscriber took which edition when, but for the last"),
        timedelta(days=90),
        _taken_due,
        taken_forget,
        tables=("distribution_taken",),
    ),
    DataClass(
        "distribution.edition",
        _("Targets in the history of editions and in their refusals"),
        timedelta(days=2 * 365),
        _editions_due,
        editions_forget,
        tables=("distribution_edition", "distribution_editionchange"),
    ),
    DataClass(
        "distribution.subscriber",
        _("Addresses told of changes, after the subscriber was revoked"),
        timedelta(days=365),
        _subscribers_due,
        subscribers_forget,
        tables=("distribution_subscriber",),
    ),
]
