"""How long this room keeps what. Digests of targets, moments and signatures of withdrawals stay: editions need them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from mamori.ground.retention import DataClass
from mamori.hotline.intake import queries as intake
from mamori.lists.listing.models import Appeal, Candidate, Entry
from mamori.lists.listing.queries import entries_held
from mamori.lists.listing.services.forget import appeals_forget, candidates_forget, entries_forget
from mamori.lists.listing.states import BEFORE, IN_FORCE, AppealState

_OPEN = (AppealState.RECEIVED, AppealState.IN_REVIEW)


def _appeals_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = Appeal.objects.filter(received_hour__lt=before).exclude(state__in=_OPEN).exclude(host="")
    return list(rows.order_by("received_hour").values_list("id", flat=True)[:most])


def _entries_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = Entry.objects.filter(ended_at__lt=before).exclude(state__in=[*IN_FORCE, *BEFORE]).exclude(target="")
    return list(rows.order_by("ended_at").values_list("id", flat=True)[:most])


def _appeals_held(ids: Sequence[UUID]) -> set[UUID]:
    entries = dict(Appeal.objects.filter(id__in=ids, entry__isnull=False).values_list("id", "entry__content_id"))
    held = intake.contents_held(entries.values())
    return {appeal for appeal, content in entries.items() if content in held}


def _candidates_due(before: datetime, most: int) -> Sequence[UUID]:
    return list(Candidate.objects.filter(closed_at__lt=before).values_list("content_id", flat=True)[:most])


RETENTION = [
    DataClass(
        "listing.appeal",
        _("Complaints that are closed: address, text and contact"),
        timedelta(days=2 * 365),
        _appeals_due,
        appeals_forget,
        _appeals_held,
        tables=("listing_appeal",),
    ),
    DataClass(
        "listing.entry",
        _("Targets and reasons of entries, after they ended"),
        timedelta(days=2 * 365),
        _entries_due,
        entries_forget,
        entries_held,
        tables=("listing_entry", "listing_approval", "listing_opinion"),
    ),
    DataClass(
        "listing.candidate",
        _("Content the list body considered, after it was put aside"),
        timedelta(days=365),
        _candidates_due,
        candidates_forget,
        intake.contents_held,
        tables=("listing_candidate",),
    ),
]
