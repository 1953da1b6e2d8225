"""Batches of a trusted partner: durable before answered, answered once, one job for a batch."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import AddressError, canonicalize
from mamori.ground import audit, clock, jobs
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.hotline.intake.models import ApiBatch, Report
from mamori.hotline.intake.permissions import API_WRITE
from mamori.hotline.intake.services.screen import accept_some
from mamori.hotline.intake.services.store import Entry, Told, write
from mamori.hotline.intake.states import Source

Json = dict[str, Any]


@dataclass(frozen=True)
class Item:
    """One report of a batch as the partner wrote it."""

    url: str
    seen_on: date | None
    comment: str
    child_at_risk: bool
    external_id: str | None


@dataclass(frozen=True)
class Received:
    """`answer`: what the partner is told. `repeated`: the batch was stored before, and nothing was done now."""

    answer: Json
    repeated: bool = False


@dataclass(frozen=True)
class _Read:
    index: int
    item: Item
    told: Told


def batch_receive(*, actor: Actor, key: str, body: bytes, items: Sequence[Item]) -> Received:
    """Store a batch; the answer is {"accepted": [{index, report_id}], "refused": [{index, code, message}]}.

    The same key and body again give the first answer; the same key with another body is refused. A report whose
    `external_id` this organisation gave before is answered with the first one's id and not stored again.
    """
    actor.require(API_WRITE)
    if actor.organisation_id is None:
        raise DomainError("no_organisation", _("This token belongs to no organisation."), status=403)
    digest = hashlib.sha256(body).digest()
    read, refused = _read(items)
    return _store(actor, actor.organisation_id, key, digest, read, refused)


@transaction.atomic
def batch_screen(batch_id: UUID) -> None:
    """Screen what a batch brought. Safe to run twice."""
    batch = ApiBatch.objects.filter(id=batch_id).first()
    if batch is not None:
        accept_some([UUID(row["report_id"]) for row in batch.answer["accepted"]])


@transaction.atomic
def _store(  # noqa: PLR0917 - one step of batch_receive
    actor: Actor, organisation: UUID, key: str, digest: bytes, read: list[_Read], refused: list[Json]
) -> Received:
    known = _known(organisation, read)
    accepted: list[Json] = []
    new: list[Entry] = []
    hour = clock.this_hour()
    for row in read:
        name = row.told.external_id
        report_id = known.get(name) if name is not None else None
        if report_id is None:
            report_id = row.told.report_id
            new.append(
                Entry(
                    source=Source.API, hour=hour, told=[row.told], text=row.item.comment, organisation_id=organisation
                )
            )
            if name is not None:
                known[name] = report_id
        accepted.append({"index": row.index, "report_id": str(report_id)})
    answer = {"accepted": accepted, "refused": refused}
    batch = ApiBatch(
        organisation_id=organisation, key=key, request_digest=digest, answer=answer, received_at=clock.now()
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO intake_apibatch (id, organisation_id, key, request_digest, answer, received_at)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [batch.id, organisation, key, digest, json.dumps(answer), batch.received_at],
        )
        repeated = cursor.rowcount == 0
    if repeated:
        return Received(_stored(organisation, key, digest), repeated=True)
    write(new)
    audit.record(
        "intake.batch_received", subject=batch, actor=actor, accepted=len(accepted), new=len(new), refused=len(refused)
    )
    jobs.defer("intake.screen_batch", batch_id=str(batch.id))
    return Received(answer)


def _known(organisation: UUID, read: list[_Read]) -> dict[str, UUID]:
    """This organisation's reports by its own names for them; others who bring named reports wait meanwhile."""
    names = [row.told.external_id for row in read if row.told.external_id is not None]
    if not names:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"intake:{organisation}"])
    rows = Report.objects.filter(organisation_id=organisation, external_id__in=names).values_list("external_id", "id")
    return {name: report_id for name, report_id in rows if name is not None}


def _stored(organisation: UUID, key: str, digest: bytes) -> Json:
    batch = ApiBatch.objects.get(organisation_id=organisation, key=key)
    if not hmac.compare_digest(bytes(batch.request_digest), digest):
        raise DomainError(
            "idempotency_key_reused",
            _("This Idempotency-Key was used with another request."),
            remedy=_("Use a new key for a new request, and the same body when you repeat one."),
        )
    answer: Json = batch.answer
    return answer


def _read(items: Sequence[Item]) -> tuple[list[_Read], list[Json]]:
    read, refused = [], []
    for index, item in enumerate(items):
        try:
            address = canonicalize(item.url)
        except AddressError as error:
            refused.append({"index": index, "code": error.code, "message": str(error)})
        else:
            told = Told(address, item.url, item.seen_on, item.child_at_risk, item.external_id)
            read.append(_Read(index, item, told))
    return read, refused
