"""How long this room keeps what. Tombstones and the feed stay: what was withdrawn must never come back."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from mamori.ground.retention import DataClass
from mamori.hotline.intake import queries as intake
from mamori.lists.fingerprints.models import (
    Disagreement,
    Entry,
    EntryHits,
    Fingerprint,
    Harmless,
    ImportRun,
    Vote,
)
from mamori.lists.fingerprints.references import FORGOTTEN
from mamori.lists.fingerprints.services.forget import (
    disagreements_forget,
    harmless_forget,
    hits_forget,
    refusals_forget,
    uploads_forget,
    values_forget,
    votes_forget,
)
from mamori.lists.fingerprints.states import UNREAD


def _values_due(before: datetime, most: int) -> Sequence[UUID]:
    kept = Exists(Fingerprint.objects.filter(entry=OuterRef("id"))) | ~Q(source_ref__startswith=FORGOTTEN)
    rows = Entry.objects.filter(kept, ended_at__lt=before)
    return list(rows.order_by("ended_at").values_list("id", flat=True)[:most])


def _values_held(ids: Sequence[UUID]) -> set[UUID]:
    rows = Entry.objects.filter(id__in=ids, content_id__isnull=False).values_list("id", "content_id")
    contents = {entry: content for entry, content in rows if content is not None}
    held = intake.contents_held(contents.values())
    return {entry for entry, content in contents.items() if content in held}


def _votes_due(before: datetime, most: int) -> Sequence[int]:
    rows = Vote.objects.filter(entry__ended_at__lt=before)
    return list(rows.order_by("at").values_list("id", flat=True)[:most])


def _hits_due(before: datetime, most: int) -> Sequence[Any]:
    return list(EntryHits.objects.filter(hour__lt=before).order_by("hour").values_list("id", flat=True)[:most])


def _harmless_due(before: datetime, most: int) -> Sequence[UUID]:
    return list(Harmless.objects.filter(ended_at__lt=before).order_by("ended_at").values_list("id", flat=True)[:most])


def _disagreements_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = Disagreement.objects.filter(settled_at__lt=before)
    return list(rows.order_by("settled_at").values_list("id", flat=True)[:most])


def _uploads_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = ImportRun.objects.filter(state__in=UNREAD, total__isnull=False, started_at__lt=before)
    return list(rows.order_by("started_at").values_list("id", flat=True)[:most])


def _refusals_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = ImportRun.objects.filter(started_at__lt=before).exclude(refusals=[])
    return list(rows.order_by("started_at").values_list("id", flat=True)[:most])


RETENTION = [
    DataClass(
        "fingerprints.value",
        _("Fingerprints of withdrawn entries, and the source's references of them"),
        timedelta(days=365),
        _values_due,
        values_forget,
        _values_held,
        tables=("fingerprints_fingerprint",),
    ),
    DataClass(
        "fingerprints.vote",
        _("Votes on entries, after these were withdrawn"),
        timedelta(days=2 * 365),
        _votes_due,
        votes_forget,
        tables=("fingerprints_vote",),
    ),
    DataClass(
        "fingerprints.hits",
        _("Counts of matched uploads by hour"),
        timedelta(days=30),
        _hits_due,
        hits_forget,
        tables=("fingerprints_entryhits",),
    ),
    DataClass(
        "fingerprints.harmless",
        _("Values of the negative bank, after they ended"),
        timedelta(days=2 * 365),
        _harmless_due,
        harmless_forget,
        tables=("fingerprints_harmless",),
    ),
    DataClass(
        "fingerprints.disagreement",
        _("Disagreements about entries, after they were settled"),
        timedelta(days=2 * 365),
        _disagreements_due,
        disagreements_forget,
        tables=("fingerprints_disagreement",),
    ),
    DataClass(
        "fingerprints.upload",
        _("What is stored of files given for import and not read to their end"),
        timedelta(days=7),
        _uploads_due,
        uploads_forget,
        tables=("fingerprints_importpiece",),
    ),
    DataClass(
        "fingerprints.refusal",
        _("Which records of an import were bad"),
        timedelta(days=365),
        _refusals_due,
        refusals_forget,
        tables=("fingerprints_importrun",),
    ),
]
