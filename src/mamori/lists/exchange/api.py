"""Matching for providers: what a file is, by its fingerprints; and a confirmed match as a report in one call."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _
from ninja import Header, Router, Schema
from ninja.errors import ValidationError as Invalid
from ninja.responses import Status
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from mamori.engine.addresses import MAX_LENGTH
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.hotline.intake.services.batches import Item as Report
from mamori.hotline.intake.services.batches import Json
from mamori.lists.exchange import binary, index
from mamori.lists.exchange.items import DIGESTS, LENGTHS, MOST, Item, Told
from mamori.lists.exchange.services import examine, match_report
from mamori.lists.fingerprints.permissions import IMAGES_MATCH

router = Router(tags=["known images"])
MOST_REPORTS, MOST_COMMENT = 100, 9_000
HEX = "^[0-9a-fA-F]{%d}$"
_NAME = r"^[\x20-\x7e]+$"


class ItemIn(BaseModel):
    """One file, or one of the items that share a number `file`, such as frames of a video: counted as one file."""

    model_config = ConfigDict(extra="forbid")
    pdq: Annotated[str, StringConstraints(pattern=HEX % 64)] | None = None
    pdq_quality: Annotated[int, Field(ge=0, le=100, strict=True)] | None = None
    md5: Annotated[str, StringConstraints(pattern=HEX % 32)] | None = None
    sha1: Annotated[str, StringConstraints(pattern=HEX % 40)] | None = None
    sha256: Annotated[str, StringConstraints(pattern=HEX % 64)] | None = None
    file: Annotated[int, Field(ge=0, lt=2**31, strict=True)] | None = None

    @model_validator(mode="after")
    def has_one(self) -> Self:
        if not (self.pdq or self.md5 or self.sha1 or self.sha256):
            raise ValueError("one of pdq, md5, sha1, sha256 is needed")
        if self.pdq is None and self.pdq_quality is not None:
            raise ValueError("pdq_quality stands with pdq only")
        return self


class MatchIn(BaseModel):
    """The files of one request."""

    model_config = ConfigDict(extra="forbid")
    items: Annotated[list[ItemIn], Field(min_length=1, max_length=MOST)]


class MatchOut(Schema):
    """An entry. `kind`: "same" (a digest is equal) or "similar" (PDQ within 31 bits); `distance`: of PDQ, in bits."""

    entry: int
    kind: Literal["same", "similar"]
    distance: int | None
    algorithms: list[str]
    classification: str
    source: str
    media: str
    disputed: bool
    harmless: bool


class ResultOut(Schema):
    """A file of which there is something to tell, by its place from 0.

    `too_plain`: its PDQ has a quality below 50 and was not compared. `harmless`: a similar entry was left out because
    the picture is on the list of known harmless ones, or an equal digest stands on it too.
    """

    item: int
    matches: list[MatchOut]
    too_plain: bool
    harmless: bool


class FileOut(Schema):
    """What a file that several items share, such as a video, has of one entry.

    `match`: "same" (a digest is equal), "similar" (the entry is a video too, and at least 80 percent of its frames are
    in the file: vPDQ's published rule), "frame" (a frame of the file is similar, which says nothing of the whole).
    `percent`: of the file's distinct PDQ values those like the entry; `known`: distinct frames of an entry that is a
    video, and `known_percent` of them are in the file.
    """

    file: int
    entry: int
    match: Literal["same", "similar", "frame"]
    percent: float
    known: int | None
    known_percent: float | None


class AnswerOut(Schema):
    """`index_version`: the last change of the bank in the index; `index_age`: seconds since it was known complete.

    `files`: of the files that several items share by their number `file`.
    """

    index_version: int
    index_age: int
    items: int
    results: list[ResultOut]
    files: list[FileOut]


class StatusOut(Schema):
    index_version: int
    index_age: int
    pictures: int
    digests: int


class AddressIn(Schema):
    url: str = Field(max_length=4 * MAX_LENGTH)
    seen_at: datetime | date | None = None
    comment: str = Field("", max_length=MOST_COMMENT)
    child_at_risk: bool = False
    external_id: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=_NAME)] | None = None


class MatchReportIn(Schema):
    """`confirmed_by_person`: somebody of yours looked at it and agrees. A similar match needs that.

    Without a person, a match that is the same needs the file's `digest` (MD5, SHA-1 or SHA-256) that the entry holds.
    """

    entry: int = Field(ge=1, lt=2**63)
    match: Literal["same", "similar"]
    confirmed_by_person: bool = False
    digest: (
        Annotated[str, StringConstraints(pattern="^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")] | None
    ) = None
    addresses: list[AddressIn] = Field(min_length=1, max_length=MOST_REPORTS)


class AddressAccepted(Schema):
    index: int
    report_id: str


class Refused(Schema):
    index: int
    code: str
    message: str


class ReportOut(Schema):
    """What became of each address, by its place from 0."""

    accepted: list[AddressAccepted]
    refused: list[Refused]


class Problem(Schema):
    code: str
    message: str
    remedy: str = ""


def _digits(name: str) -> dict[str, Any]:
    return {"type": "string", "pattern": HEX % (2 * LENGTHS[name])}


_ITEM = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "pdq": _digits("pdq"),
        "pdq_quality": {"type": "integer", "minimum": 0, "maximum": 100},
        **{name: _digits(name) for name in DIGESTS},
        "file": {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**31},
    },
    "anyOf": [{"required": [name]} for name in LENGTHS],
    "dependentRequired": {"pdq_quality": ["pdq"]},
}
_BODY = {
    "type": "object",
    "additionalProperties": False,
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": _ITEM, "minItems": 1, "maxItems": MOST}},
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_DESCRIBED = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _BODY}, binary.CONTENT_TYPE: _BINARY}}
}


@router.post(
    "/match",
    response={200: AnswerOut, (400, 403, 413, 422, 429, 503): Problem},
    summary="Match fingerprints",
    openapi_extra=_DESCRIBED,
)
def match(request: HttpRequest) -> HttpResponse:
    """Which known entries files are ("same") or are like ("similar"): 1 to 10,000 fingerprints, JSON or binary.

    Needs the scope `images.match`. Counts against your organisation's quota; over it, 429 with Retry-After. Only files
    of which there is something to tell are in `results`. What you ask is not kept. The answer is binary when the
    request is.
    """
    actor: Actor = request.auth  # type: ignore[attr-defined]
    actor.require(IMAGES_MATCH)
    if request.content_type == binary.CONTENT_TYPE:
        answer = examine(actor=actor, items=binary.read_items(request.body))
        return _kept_nowhere(HttpResponse(binary.write_answer(answer), content_type=binary.CONTENT_TYPE))
    answer = examine(actor=actor, items=_items(request.body))
    told = {
        "index_version": answer.version,
        "index_age": answer.age,
        "items": len(answer.told),
        "results": [_result(n, each) for n, each in enumerate(answer.told) if _speaks(each)],
        "files": [{name: getattr(each, name) for name in FileOut.model_fields} for each in answer.files],
    }
    return _kept_nowhere(JsonResponse(told))


@router.get("/match/status", response={200: StatusOut, (403, 503): Problem}, summary="State of the index")
def match_status(request: HttpRequest) -> StatusOut:
    """How much is in the index, and how old it is. Needs the scope `images.match`."""
    actor: Actor = request.auth  # type: ignore[attr-defined]
    actor.require(IMAGES_MATCH)
    told = index.reader().status()
    return StatusOut(
        index_version=told.version, index_age=told.age, pictures=told.pictures, digests=told.digests
    )  # fmt: skip


@router.post(
    "/matches/report", response={201: ReportOut, (403, 404, 409, 422): Problem}, summary="Report a confirmed match"
)
def report(
    request: HttpRequest,
    given: MatchReportIn,
    idempotency_key: Annotated[
        str, StringConstraints(min_length=1, max_length=200, pattern=_NAME), Header(alias="Idempotency-Key")
    ],
) -> Status[Json]:
    """Report addresses on your service where a known entry was found. They are on disk before you get the answer.

    Needs the scopes `images.match` and `reports.write`. The same Idempotency-Key with the same body gives the same
    answer again.
    """
    actor: Actor = request.auth  # type: ignore[attr-defined]
    reports = [
        Report(
            url=each.url,
            seen_on=each.seen_at.date() if isinstance(each.seen_at, datetime) else each.seen_at,
            comment=each.comment.strip(),
            child_at_risk=each.child_at_risk,
            external_id=each.external_id,
        )
        for each in given.addresses
    ]
    answer = match_report(
        actor=actor,
        key=idempotency_key,
        body=request.body,
        entry=given.entry,
        match=given.match,
        by_person=given.confirmed_by_person,
        digest=bytes.fromhex(given.digest or ""),
        reports=reports,
    )
    return Status(201, answer)


def _items(body: bytes) -> list[Item]:
    try:
        given = MatchIn.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if any(each["type"] == "json_invalid" for each in found):
            raise DomainError("unreadable", _("The request cannot be read."), status=400) from error
        raise Invalid([{"loc": each["loc"], "msg": each["msg"]} for each in found[:20]]) from error
    return [
        Item(
            pdq=bytes.fromhex(each.pdq) if each.pdq else None,
            quality=each.pdq_quality,
            digests={name: bytes.fromhex(value) for name in DIGESTS if (value := getattr(each, name))},
            file=each.file,
        )
        for each in given.items
    ]


def _speaks(told: Told) -> bool:
    return bool(told.matches) or told.too_plain or told.harmless


def _result(place: int, told: Told) -> dict[str, Any]:
    names = MatchOut.model_fields
    matches = [{name: getattr(match, name) for name in names} for match in told.matches]
    return {"item": place, "matches": matches, "too_plain": told.too_plain, "harmless": told.harmless}


def _kept_nowhere(answer: HttpResponse) -> HttpResponse:
    answer["Cache-Control"] = "no-store"
    return answer
