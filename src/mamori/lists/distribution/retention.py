"""How long this room keeps what. Numbers, moments and digests of editions stay, and how fast resolvers were."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from mamori.ground.retention import DataClass
from mamori.lists.distribution.models import Edition, EditionChange, Halt, KillOrder, Subscriber, Taken
from mamori.lists.distribution.services.forget import (
    editions_forget,
    halts_forget,
    kills_forget,
    subscribers_forget,
    taken_forget,
)
from mamori.lists.distribution.states import SubscriberState
from mamori.lists.listing.queries import entries_held


def _editions_due(before: datetime, most: int) -> Sequence[UUID]:
    named = EditionChange.objects.filter(edition=OuterRef("pk")).exclude(target="")
    rows = Edition.objects.filter(Q(Exists(named)) | ~Q(refusals=[]), built_at__lt=before)
    return list(rows.order_by("version").values_list("id", flat=True)[:most])


def _editions_held(ids: Sequence[UUID]) -> set[UUID]:
    """Editions that name an entry of held content, in what they changed or in what they refused."""
    named = list(EditionChange.objects.filter(edition_id__in=ids).values_list("edition_id", "entry_id"))
    for edition, refusals in Edition.objects.filter(id__in=ids).values_list("id", "refusals"):
        named += [(edition, UUID(each["entry_id"])) for each in refusals if each.get("entry_id")]
    held = entries_held(entry for _edition, entry in named)
    return {edition for edition, entry in named if entry in held}


def _kills_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = KillOrder.objects.filter(lifted_at__lt=before).exclude(reason="")
    return list(rows.order_by("lifted_at").values_list("id", flat=True)[:most])


def _halts_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = Halt.objects.filter(ended_at__lt=before).exclude(reason="", end_reason="", faults=[])
    return list(rows.order_by("ended_at").values_list("id", flat=True)[:most])


def _subscribers_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = Subscriber.objects.filter(state=SubscriberState.REVOKED, revoked_at__lt=before).exclude(
        notify="", asks_from=[]
    )
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
        _editions_held,
        tables=("distribution_edition", "distribution_editionchange"),
    ),
    DataClass(
        "distribution.kill",
        _("Why the list was emptied, after it came back"),
        timedelta(days=2 * 365),
        _kills_due,
        kills_forget,
        tables=("distribution_killorder",),
    ),
    DataClass(
        "distribution.halt",
        _("Why additions were halted in the rings, and why they went on"),
        timedelta(days=2 * 365),
        _halts_due,
        halts_forget,
        tables=("distribution_halt",),
    ),
    DataClass(
        "distribution.subscriber",
        _("Addresses told of changes or asked from, after the subscriber was revoked"),
        timedelta(days=365),
        _subscribers_due,
        subscribers_forget,
        tables=("distribution_subscriber",),
    ),
]
