"""The trusted API: batches of reports from partners."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Header, Router, Schema
from ninja.responses import Status
from pydantic import Field, StringConstraints

from mamori.engine.addresses import MAX_LENGTH
from mamori.ground.actors import Actor
from mamori.hotline.intake.services import batch_receive
from mamori.hotline.intake.services.batches import Item, Json
from mamori.hotline.intake.services.receive import MOST_TEXT

router = Router()
MOST = 1000
_NAME = r"^[\x20-\x7e]+$"


class ReportIn(Schema):
    """One address. `seen_at`: day or moment (RFC 3339); `external_id`: your own name for the report, taken once."""

    url: str = Field(max_length=4 * MAX_LENGTH)
    seen_at: datetime | date | None = None
    comment: str = Field("", max_length=MOST_TEXT)
    child_at_risk: bool = False
    external_id: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=_NAME)] | None = None


class BatchIn(Schema):
    reports: list[ReportIn] = Field(min_length=1, max_length=MOST)


class Accepted(Schema):
    index: int
    report_id: UUID


class Refused(Schema):
    index: int
    code: str
    message: str


class BatchOut(Schema):
    """What became of each report of the batch, by its place from 0."""

    accepted: list[Accepted]
    refused: list[Refused]


class Problem(Schema):
    code: str
    message: str
    remedy: str = ""


IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NAME)]


@router.post("/reports", response={201: BatchOut, (403, 409, 413): Problem}, summary="Report addresses")
def reports_create(
    request: HttpRequest, batch: BatchIn, idempotency_key: Annotated[IdempotencyKey, Header(alias="Idempotency-Key")]
) -> Status[Json]:
    """Store up to 1,000 reports, in a request of at most 5 MiB. They are on disk before you get the answer.

    A larger request is refused whole, with 413: send it in several parts. Needs the scope `reports.write`. The same
    Idempotency-Key with the same body gives the same answer again.
    """
    actor: Actor = request.auth  # type: ignore[attr-defined]
    items = [
        Item(
            url=r.url,
            seen_on=r.seen_at.date() if isinstance(r.seen_at, datetime) else r.seen_at,
            comment=r.comment.strip(),
            child_at_risk=r.child_at_risk,
            external_id=r.external_id,
        )
        for r in batch.reports
    ]
    return Status(201, batch_receive(actor=actor, key=idempotency_key, body=request.body, items=items).answer)
