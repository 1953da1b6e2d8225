"""The police's own system: it fetches what is referred to it, and answers by POST. A GET delivers nothing."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema

from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.referral import queries, services
from mamori.hotline.referral.models import Referral
from mamori.hotline.referral.permissions import API_READ, API_WRITE, SCOPES
from mamori.hotline.referral.states import FeedbackKind
from mamori.hotline.tracing import queries as tracing

router = Router(tags=["referrals"])


class ErrorOut(Schema):
    code: str
    message: str
    remedy: str = ""


class ReferralOut(Schema):
    """A referral. `clears`: what lets notices go; `due_at`: when the running clock ends."""

    id: UUID
    state: str
    urgent: bool
    clears: str
    queued_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    acknowledged_at: datetime | None
    unseen_since: datetime | None
    cleared_at: datetime | None
    hold_until: datetime | None = None
    due_at: datetime | None = None


class ReferralsOut(Schema):
    """`next`: give it as `since` to go on; null when nothing is left."""

    referrals: list[ReferralOut]
    next: str | None


class HostOut(Schema):
    addresses: list[str]
    asn: int | None
    as_name: str
    country: str
    registrar: str
    provider: str


class DetailOut(ReferralOut):
    """What is referred."""

    url: str
    url_sha256: str
    verdict: str | None
    law_codes: list[str]
    decided_at: datetime | None
    host: HostOut | None


class AcknowledgeIn(Schema):
    officer: str = Field(min_length=1, max_length=120)
    reference: str = Field("", max_length=80)


class HoldIn(Schema):
    until: datetime
    reason: str = Field(min_length=1, max_length=2000)


class FeedbackIn(Schema):
    kind: Literal["new_victim", "known", "case_no"]
    case_no: str = Field("", max_length=80)


_ERRORS: dict[int, Any] = {401: Any, 404: ErrorOut, 409: ErrorOut, 422: Any}


@router.get(
    "/referrals",
    response={200: ReferralsOut, **_ERRORS},
    summary="Referrals that wait for an officer, the oldest first",
)
def referrals_list(request: HttpRequest, since: str = "", limit: int = 100) -> ReferralsOut:
    """Referrals that wait to be acknowledged. Fetching marks them as sent; only POST …/acknowledge delivers them.

    One that was acknowledged is here again, with `unseen_since`, when a new report says that a child is at risk now,
    until it is acknowledged again.
    """
    actor = _police(request, API_READ)
    if not 1 <= limit <= 500:
        raise DomainError("bad_limit", "The limit is 1 to 500.", status=422)
    found = services.referrals_fetch(actor=actor, since=_cursor(since), limit=limit)
    last = found[-1] if len(found) == limit else None
    following = f"{last.told_at.isoformat()}~{last.id}" if last else None  # type: ignore[attr-defined]
    return ReferralsOut(referrals=[ReferralOut(**_values(r)) for r in found], next=following)


@router.get("/referrals/{referral_id}", response={200: DetailOut, **_ERRORS}, summary="One referral")
def referral_get(request: HttpRequest, referral_id: UUID) -> DetailOut:
    """What is referred. Reading it delivers nothing."""
    actor = _police(request, API_READ)
    referral = queries.referral_row(actor, referral_id)
    address = assessment.content_address(referral.content_id)
    decision = assessment.decision_of(referral.content_id)
    host = tracing.host_of(referral.content_id)
    return DetailOut(
        **_values(referral),
        url=address.url,
        url_sha256=address.digest,
        verdict=str(decision.verdict) if decision else None,
        law_codes=list(decision.law_codes) if decision else [],
        decided_at=decision.decided_at if decision else None,
        host=HostOut(
            addresses=list(host.addresses),
            asn=host.asn,
            as_name=host.as_name,
            country=host.country,
            registrar=host.registrar,
            provider=host.contact_organisation,
        )
        if host
        else None,
    )


@router.get("/referrals/{referral_id}/evidence", response={200: dict[str, Any], **_ERRORS}, summary="Signed evidence")
def referral_evidence(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """The signed bundle (DSSE envelope) of a delivered referral."""
    actor = _police(request, API_READ)
    referral = queries.referral_row(actor, referral_id)
    return HttpResponse(queries.evidence_envelope(actor, referral), content_type="application/json")


@router.post("/referrals/{referral_id}/acknowledge", response={200: ReferralOut, **_ERRORS}, summary="Acknowledge")
def referral_acknowledge(request: HttpRequest, referral_id: UUID, body: AcknowledgeIn) -> ReferralOut:
    """A named officer has it: it is delivered and acknowledged. Also for a new report of a child at risk."""
    actor = _police(request, API_WRITE)
    services.acknowledge(actor=actor, referral_id=referral_id, officer=body.officer, reference=body.reference)
    return _out(actor, referral_id)


@router.post("/referrals/{referral_id}/hold", response={200: ReferralOut, **_ERRORS}, summary="Hold, or renew a hold")
def referral_hold(request: HttpRequest, referral_id: UUID, body: HoldIn) -> ReferralOut:
    """Ask the hotline to wait. With a hold in force, this renews it."""
    actor = _police(request, API_WRITE)
    if body.until.tzinfo is None:
        raise DomainError("no_time_zone", "Give the moment with its time zone.", status=422)
    referral = queries.referral_row(actor, referral_id)
    act = services.hold_renew if queries.is_held(referral.content_id) else services.hold_request
    act(actor=actor, referral_id=referral_id, until=body.until, reason=body.reason)
    return _out(actor, referral_id)


@router.post("/referrals/{referral_id}/release", response={200: ReferralOut, **_ERRORS}, summary="Release")
def referral_release(request: HttpRequest, referral_id: UUID) -> ReferralOut:
    """No objection, or the end of a hold."""
    actor = _police(request, API_WRITE)
    services.release(actor=actor, referral_id=referral_id)
    return _out(actor, referral_id)


@router.post("/referrals/{referral_id}/feedback", response={200: ReferralOut, **_ERRORS}, summary="What came of it")
def referral_feedback(request: HttpRequest, referral_id: UUID, body: FeedbackIn) -> ReferralOut:
    actor = _police(request, API_WRITE)
    services.feedback(actor=actor, referral_id=referral_id, kind=FeedbackKind(body.kind), case_no=body.case_no)
    return _out(actor, referral_id)


def _police(request: HttpRequest, scope: str) -> Actor:
    """The actor with what its scopes allow here. Whoever is not police, or lacks the scope, finds nothing."""
    actor: Actor = request.auth  # type: ignore[attr-defined]
    if scope not in actor.scopes or not queries.is_police(actor):
        raise NotFound
    allowed = {permission for held in actor.scopes for permission in SCOPES.get(held, ())} | SCOPES[API_READ]
    return replace(actor, scopes=actor.scopes | allowed)


def _cursor(since: str) -> tuple[datetime, UUID] | None:
    if not since:
        return None
    at, _, last = since.partition("~")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
        cursor = moment, UUID(last)
    except ValueError as error:
        raise DomainError("bad_cursor", "Give `since` as `next` was given.", status=422) from error
    if moment.tzinfo is None:
        raise DomainError("bad_cursor", "Give `since` as `next` was given.", status=422)
    return cursor


def _out(actor: Actor, referral_id: UUID) -> ReferralOut:
    return ReferralOut(**_values(queries.referral_row(actor, referral_id)))


def _values(referral: Referral) -> dict[str, Any]:
    running, hold = queries.clock_of(referral), queries.hold_until(referral)
    return {
        "id": referral.id,
        "state": referral.state,
        "urgent": referral.urgent,
        "clears": referral.kind,
        "queued_at": referral.queued_at,
        "sent_at": referral.sent_at,
        "delivered_at": referral.delivered_at,
        "acknowledged_at": referral.acknowledged_at,
        "unseen_since": referral.unseen_since,
        "cleared_at": referral.cleared_at,
        "hold_until": hold,
        "due_at": running.due_at if running else None,
    }
