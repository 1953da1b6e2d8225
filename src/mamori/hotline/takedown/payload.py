"""What the hoster's page shows, as plain data: the page, the machine's list and the attachment are made of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from mamori.engine.addresses import defang
from mamori.hotline.assessment.criteria import VERSIONS
from mamori.hotline.assessment.queries import decision_of
from mamori.hotline.checks.queries import online_since
from mamori.hotline.takedown.models import Notice, NoticeItem
from mamori.hotline.takedown.states import ItemState
from mamori.hotline.tracing.queries import host_of

SHOWN = (ItemState.TOLD, ItemState.CLAIMED, ItemState.DISPUTED, ItemState.ESCALATED, ItemState.REMOVED)
MOST_ITEMS = 5000
_ACT = {version["version"]: version for version in VERSIONS}
_LAW = {law["code"]: law for version in VERSIONS for law in version["law_codes"]}


def findings_of(content_id: UUID, now: datetime, *, preserve: str) -> dict[str, Any]:
    """What a letter about one content is based on, to be frozen with the item. `preserve`: see `readiness.secure`."""
    decision, host = decision_of(content_id), host_of(content_id)
    assert decision is not None
    assert host is not None
    return {
        "verdict": str(decision.verdict),
        "law_codes": list(decision.law_codes),
        "criteria": decision.criteria_version,
        "decided_at": (decision.confirmed_at or decision.decided_at).isoformat(),
        "verified_at": (online_since(content_id) or now).isoformat(),
        "addresses": [str(address) for address in host.addresses][:4],
        "asn": host.asn,
        "as_name": host.as_name,
        "country": host.country,
        "registrar": host.registrar,
        "preserve": preserve,
    }


def build(notice: Notice, *, due_at: datetime) -> dict[str, Any]:
    """The payload of a notice's page: everything the page needs, so that the public face needs no other table."""
    items = (
        NoticeItem.objects.filter(notice=notice, state__in=list(SHOWN), told_in__isnull=False)
        .select_related("content")
        .order_by("number")[:MOST_ITEMS]
    )
    return {
        "reference": notice.reference,
        "organisation": notice.contact.current.organisation,
        "level": notice.level,
        "due_at": due_at.isoformat(),
        "jurisdiction": settings.JURISDICTION,
        "domain": settings.MAIL_FROM.rpartition("@")[2],
        "mail": settings.MAIL_FROM,
        "items": [_item(item) for item in items],
    }


def law_words(codes: list[str], language: str) -> list[str]:
    """The law's words for codes, in ja or en; an unknown code stands for itself."""
    return [_LAW[code]["ja" if language == "ja" else "en"] if code in _LAW else code for code in codes]


def act_title(criteria: str, language: str) -> str:
    """The name of the act a version of the criteria rests on, in ja or en."""
    return _ACT[criteria]["title_ja" if language == "ja" else "title_en"] if criteria in _ACT else criteria


def _item(item: NoticeItem) -> dict[str, Any]:
    return {
        "id": str(item.id),
        "number": item.number,
        "state": item.state,
        "url": item.content.url,
        "defanged": defang(item.content.url),
        "host": item.content.host,
        **item.findings,
    }
