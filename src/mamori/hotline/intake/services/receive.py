"""Take what a person tells us, at the form, at an operator's desk or on patrol."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import Address, AddressError, canonicalize
from mamori.engine.receipts import new_receipt_code
from mamori.ground import audit, clock
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.hotline.intake import gate, receipts
from mamori.hotline.intake.permissions import OPERATE, PATROL
from mamori.hotline.intake.receipts import SignedReceipt
from mamori.hotline.intake.services.one_use import spend
from mamori.hotline.intake.services.store import Entry, Told, write
from mamori.hotline.intake.states import Source

MOST_ADDRESSES = 10
MOST_TEXT = 10_000
MOST_CONTACT = 500
MOST_CASE = 40


@dataclass(frozen=True)
class Received:
    """What the reporter takes home: the code, shown once, and the signed receipt if it was asked for."""

    code: str
    signed_receipt: SignedReceipt | None


@transaction.atomic
def submission_receive(
    *,
    actor: Actor,
    source: Source,
    addresses: Sequence[str],
    text: str = "",
    contact: str = "",
    case: str = "",
    seen_on: date | None = None,
    child_at_risk: bool = False,
    locale: str = "ja",
    request_receipt: bool = False,
    channel: str = "",
    details: dict[str, str] | None = None,
    spent: gate.Spent | None = None,
) -> Received:
    """Store a submission. Nothing is looked up about its addresses, so known and unknown ones are answered alike.

    `spent`: the public form's proof or ticket, used up here. No job and, for the public, no audit event is written: a
    sweep takes new reports up later, in no order.
    """
    _check_source(actor, source, spent)
    read = _read(addresses)
    if len(text) > MOST_TEXT or len(contact) > MOST_CONTACT or len(case) > MOST_CASE:
        raise DomainError("too_long", _("The text is too long."), status=422)
    if spent is not None:
        spend(spent)
    hour = clock.this_hour()
    code = new_receipt_code()
    told = [Told(address, typed, seen_on, child_at_risk) for typed, address in read]
    submission_id = uuid4()
    entry = Entry(
        source=Source(source),
        hour=hour,
        told=told,
        locale=locale,
        text=text,
        contact=contact,
        case=case,
        channel=channel,
        organisation_id=actor.organisation_id,
        details=details or {},
        receipt_digest=receipts.digest(code),
        reply_key=bytes(receipts.reply_key(code, submission_id).public_key),
        submission_id=submission_id,
    )
    write([entry])
    if source != Source.PUBLIC:
        audit.record_many(
            "intake.received",
            subjects=[(f"intake.report:{t.report_id}", {"source": str(source), "channel": channel}) for t in told],
            actor=actor,
            at=hour,
        )
    signed = receipts.sign([t.address.url for t in told], hour) if request_receipt else None
    return Received(code, signed)


def _check_source(actor: Actor, source: Source, spent: gate.Spent | None) -> None:
    if source == Source.PUBLIC:
        if actor.kind != "public" or spent is None:
            raise DomainError(
                "no_proof", _("The public form needs a proof of work or a turn in the queue."), status=422
            )
    elif source in (Source.OPERATOR, Source.PATROL):
        actor.require(OPERATE if source == Source.OPERATOR else PATROL)
    else:
        raise DomainError("wrong_source", _("Reports of this source do not come this way."), status=422)


def _read(addresses: Sequence[str]) -> list[tuple[str, Address]]:
    """(typed, canonical), each place once."""
    if not 1 <= len(addresses) <= MOST_ADDRESSES:
        raise DomainError("addresses", _("Give one to ten addresses."), status=422)
    found: dict[str, tuple[str, Address]] = {}
    for typed in addresses:
        try:
            address = canonicalize(typed)
        except AddressError as error:
            raise DomainError(error.code, str(error), status=422) from error
        found.setdefault(address.digest, (typed.strip(), address))
    return list(found.values())
