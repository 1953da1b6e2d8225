"""How long this room keeps what. Notices, steps and the ledger stay: states and moments of organisations."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from mamori.ground.retention import DataClass
from mamori.ground.sealed.models import DataKey
from mamori.hotline.intake import queries as intake
from mamori.hotline.takedown.models import HosterAnswer, HosterPage, NoticeItem
from mamori.hotline.takedown.services.forget import answers_forget, findings_forget, pages_forget


def _answers_due(before: datetime, most: int) -> Sequence[UUID]:
    kept = DataKey.objects.filter(id=OuterRef("text_key"), wrapped__isnull=False)
    rows = HosterAnswer.objects.filter(Exists(kept), at__lt=before).order_by("at")
    return list(rows.values_list("id", flat=True)[:most])


def _answers_held(ids: Sequence[UUID]) -> set[UUID]:
    """Answers to a notice that names a content under a hold."""
    notices = dict(HosterAnswer.objects.filter(id__in=ids).values_list("id", "notice_id"))
    items = list(NoticeItem.objects.filter(notice_id__in=notices.values()).values_list("notice_id", "content_id"))
    contents = intake.contents_held([content for _notice, content in items])
    held = {notice for notice, content in items if content in contents}
    return {answer for answer, notice in notices.items() if notice in held}


def _findings_due(before: datetime, most: int) -> Sequence[UUID]:
    rows = NoticeItem.objects.filter(ended_at__lt=before).exclude(findings={}).order_by("ended_at")
    return list(rows.values_list("id", flat=True)[:most])


def _findings_held(ids: Sequence[UUID]) -> set[UUID]:
    contents = dict(NoticeItem.objects.filter(id__in=ids).values_list("id", "content_id"))
    held = intake.contents_held(contents.values())
    return {item for item, content in contents.items() if content in held}


def _pages_due(before: datetime, most: int) -> Sequence[str]:
    return list(HosterPage.objects.filter(until__lt=before).values_list("token_digest", flat=True)[:most])


RETENTION = [
    DataClass(
        "takedown.answer",
        _("Hosters' sealed answers"),
        timedelta(days=2 * 365),
        _answers_due,
        answers_forget,
        _answers_held,
        tables=("takedown_hosteranswer",),
    ),
    DataClass(
        "takedown.findings",
        _("What a notice was based on (network addresses), after it ended"),
        timedelta(days=2 * 365),
        _findings_due,
        findings_forget,
        _findings_held,
        tables=("takedown_noticeitem",),
    ),
    DataClass(
        "takedown.page",
        _("Hosters' pages, after their link ended"),
        timedelta(days=1),
        _pages_due,
        pages_forget,
        tables=("takedown_hosterpage",),
    ),
]
