"""One content item: its address, its standing decision, its reports and its timeline."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import Address, canonicalize
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.ground.ui.moments import Moment
from mamori.ground.ui.states import look
from mamori.hotline.assessment.models import ContentEvent, ContentItem, ContentReport, Decision
from mamori.hotline.assessment.permissions import ARBITRATE, ASSESS, SEE
from mamori.hotline.assessment.states import ILLEGAL, UNDER_LEASE, ContentState, Verdict

MOST = 1000


@dataclass(frozen=True)
class DecisionView:
    """What the last settled round found. `confirmed_by` is None where one person dismissed it."""

    decision_id: UUID
    verdict: Verdict
    law_codes: tuple[str, ...]
    criteria_version: str
    decided_at: datetime
    decided_by: UUID
    confirmed_by: UUID | None
    confirmed_at: datetime | None


@dataclass(frozen=True)
class ContentView:
    """The head of an item's page. `signs`: why it goes first, sign -> number."""

    content_id: UUID
    url: str
    host: str
    state: ContentState
    at_risk: bool
    opened_at: datetime
    state_at: datetime
    report_count: int
    sources: int
    round: int
    position: int


@dataclass(frozen=True)
class ReportView:
    """A report of an item; its text stays sealed in intake."""

    report_id: UUID
    source: str
    seen_on: date | None
    urgent: bool
    linked_at: datetime


def content_address(content_id: UUID) -> Address:
    """The canonical address. NotFound when there is no such item, or its address was destroyed."""
    content = _get(content_id)
    if not content.url:
        raise NotFound
    return canonicalize(content.url)


def content_urls(content_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The canonical addresses of many items, in one query; "" where it was destroyed."""
    return dict(ContentItem.objects.filter(id__in=content_ids).values_list("id", "url"))


def content_state(content_id: UUID) -> ContentState:
    return ContentState(_get(content_id).state)


def content_at(actor: Actor, address: Address) -> UUID | None:
    """The item with exactly this address; None when there is none, or the actor may see no cases."""
    if not actor.may(SEE):
        return None
    return ContentItem.objects.filter(digest=address.digest).values_list("id", flat=True).first()


def is_at_risk(content_id: UUID) -> bool:
    return _get(content_id).at_risk


def contents_at_risk(content_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the items in which an analyst saw a child at risk."""
    return set(ContentItem.objects.filter(id__in=list(content_ids), at_risk=True).values_list("id", flat=True))


def contents_on_host(host: str) -> int:
    """How many items are known on a host, counted up to 1,000."""
    return ContentItem.objects.filter(host=host)[:MOST].count()


def decision_of(content_id: UUID) -> DecisionView | None:
    """What the last settled round found; None while no round is settled."""
    content = (
        ContentItem.objects.select_related("decision", "confirmation")
        .filter(id=content_id, decision__isnull=False)
        .first()
    )
    if content is None or content.decision is None:
        return None
    confirmation = content.confirmation
    return DecisionView(
        decision_id=content.decision.id,
        verdict=Verdict(content.verdict),
        law_codes=tuple(content.law_codes),
        criteria_version=content.decision.criteria_id,
        decided_at=content.decision.decided_at,
        decided_by=content.decision.decided_by_id,
        confirmed_by=confirmation.decided_by_id if confirmation else None,
        confirmed_at=confirmation.decided_at if confirmation else None,
    )


def has_assessed(person_id: UUID, content_ids: Iterable[UUID]) -> bool:
    """Whether a person decided on one of these items, in any round and whatever came of it."""
    return Decision.objects.filter(content_id__in=list(content_ids), decided_by_id=person_id).exists()


def content_view(actor: Actor, content_id: UUID) -> ContentView:
    """The head of an item's page, for those who may see cases. NotFound for all others."""
    content = _visible(actor, content_id)
    return ContentView(
        content.id,
        content.url,
        content.host,
        ContentState(content.state),
        content.at_risk_reported if _hides_risk(actor, content) else content.at_risk,
        content.opened_at,
        content.state_at,
        content.report_count,
        content.sources,
        content.round,
        content.position,
    )


def hides_risk(actor: Actor, content_id: UUID) -> bool:
    """Whether the actor may not know yet that the first analyst saw a child at risk, nor what was done about it."""
    return _hides_risk(actor, _get(content_id))


def _hides_risk(actor: Actor, content: ContentItem) -> bool:
    """Nobody who may still have to give the next opinion is told."""
    if content.at_risk_reported or not content.at_risk or not actor.may(ASSESS):
        return False
    given = Decision.objects.filter(content=content, round=content.round).select_related("content")
    return (
        any(not may_see_opinion(actor, decision) for decision in given)
        and not given.filter(decided_by_id=actor.id).exists()
    )


def reports_of(actor: Actor, content_id: UUID) -> list[ReportView]:
    """The newest 200 reports of an item."""
    _visible(actor, content_id)
    rows = ContentReport.objects.filter(content_id=content_id).order_by("-linked_at")[:200]
    return [ReportView(r.report_id, r.source, r.seen_on, r.urgent, r.linked_at) for r in rows]


def confirmed_since(since: datetime, until: datetime) -> QuerySet[ContentItem]:
    """Items two persons found illegal in a span of time, whatever became of them."""
    return ContentItem.objects.filter(verdict__in=ILLEGAL, settled_at__range=(since, until))


def at_risk_since(since: datetime) -> QuerySet[ContentItem]:
    """Items of children at risk opened in a span of time."""
    return ContentItem.objects.filter(at_risk=True, opened_at__gte=since)


def closed_before(moment: datetime) -> QuerySet[ContentItem]:
    """Items that are closed since before a moment: their retention periods run from there."""
    return ContentItem.objects.filter(state=ContentState.CLOSED, state_at__lt=moment)


def submissions_of(content_id: UUID) -> list[UUID]:
    """The submissions that reported an item."""
    return list(ContentReport.objects.filter(content_id=content_id).values_list("submission_id", flat=True).distinct())


def timeline(actor: Actor, content_id: UUID) -> list[Moment]:
    """The item's moments. What an opinion said is shown when its round is settled: until then it is blind."""
    content = _visible(actor, content_id)
    events = ContentEvent.objects.filter(content=content).order_by("-at", "-id")[:300]
    moments = [_event(event) for event in events if event.now not in UNDER_LEASE]
    for decision in Decision.objects.filter(content=content).select_related("withdrawal").order_by("decided_at"):
        decision.content = content
        shown = look("verdict", decision.verdict).word if _settled(decision) else _("Sealed until the round is settled")
        moments.append(Moment(decision.decided_at, "scale", _WORDS[decision.position], shown, "person", "info"))
        if hasattr(decision, "withdrawal"):
            moments.append(Moment(decision.withdrawal.at, "refresh", _("Opinion taken back"), "", "person", "warning"))
    return sorted(moments, key=lambda m: m.at)


_WORDS = {1: _("First opinion"), 2: _("Second opinion"), 3: _("Third opinion, by a senior")}


def may_see_opinion(actor: Actor, decision: Decision) -> bool:
    """Whether the actor may know what an opinion said: nobody who might still have to give the next one may."""
    if _settled(decision) or decision.decided_by_id == actor.id:
        return True
    content = decision.content
    return content.position == 3 and decision.round == content.round and actor.may(ARBITRATE)


def _settled(decision: Decision) -> bool:
    content = decision.content
    if content.settled_at is None or content.decision_id is None:
        return False
    return decision.round < content.round or content.settled_at >= decision.decided_at


def _event(event: ContentEvent) -> Moment:
    shown = look("content", event.now)
    if not event.was:
        return Moment(event.at, "flag", _("Content item opened"), "", event.actor_kind, "info")
    return Moment(event.at, shown.icon, shown.word, _code(event.code), event.actor_kind, shown.tone)


def _code(code: str) -> str:
    try:
        return str(look("content_code", code).word) if code else ""
    except KeyError:
        return code


def _get(content_id: UUID) -> ContentItem:
    content = ContentItem.objects.filter(id=content_id).first()
    if content is None:
        raise NotFound
    return content


def _visible(actor: Actor, content_id: UUID) -> ContentItem:
    if not actor.may(SEE):
        raise NotFound
    return _get(content_id)
