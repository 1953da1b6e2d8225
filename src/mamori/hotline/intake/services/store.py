"""Rows of submissions and reports, sealed and written: the one way in for all sources."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from mamori.engine.addresses import Address
from mamori.ground.bulk import insert_rows
from mamori.ground.sealed.services import seal_many
from mamori.hotline.intake.states import Source


@dataclass(frozen=True)
class Told:
    """One address as somebody gave it; `external_id` is theirs, or names a file's row."""

    address: Address
    typed: str
    seen_on: date | None = None
    child_at_risk: bool = False
    external_id: str | None = None
    report_id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True)
class Entry:
    """One submission to be written."""

    source: Source
    hour: datetime
    told: Sequence[Told]
    locale: str = ""
    text: str = ""
    contact: str = ""
    case: str = ""
    channel: str = ""
    organisation_id: UUID | None = None
    details: dict[str, str] = field(default_factory=dict)
    receipt_digest: bytes | None = None
    reply_key: bytes | None = None
    submission_id: UUID = field(default_factory=uuid4)


_SUBMISSION = (
    "id, source, channel, organisation_id, received_hour, locale, receipt_digest, reply_key, data_key, sealed_text,"
    " sealed_contact, sealed_case, details, legal_hold, police_hold"
)
_REPORT = (
    "id, submission_id, source, organisation_id, external_id, received_hour, url, digest, sealed_typed, seen_on,"
    " child_at_risk, state, screening, outcome"
)


def write(entries: Sequence[Entry]) -> None:
    """Seal and write submissions with their reports in the present transaction: three statements, whatever their number.

    A submission with nothing to seal gets no key.
    """
    texts = [_texts(entry) for entry in entries]
    keys = iter(seal_many([t for t in texts if t]))
    sealed = [next(keys) if t else (None, {}) for t in texts]
    insert_rows(
        "intake_submission",
        _SUBMISSION,
        [
            (
                entry.submission_id,
                str(entry.source),
                entry.channel,
                entry.organisation_id,
                entry.hour,
                entry.locale,
                entry.receipt_digest,
                entry.reply_key,
                key,
                parts.get("text"),
                parts.get("contact"),
                parts.get("case"),
                Jsonb(entry.details),
                False,
                False,
            )
            for entry, (key, parts) in zip(entries, sealed, strict=True)
        ],
    )
    insert_rows(
        "intake_report",
        _REPORT,
        [
            (
                told.report_id,
                entry.submission_id,
                str(entry.source),
                entry.organisation_id,
                told.external_id,
                entry.hour,
                told.address.url,
                told.address.digest,
                parts.get(f"typed:{told.report_id}"),
                told.seen_on,
                told.child_at_risk,
                "received",
                "",
                "",
            )
            for entry, (_key, parts) in zip(entries, sealed, strict=True)
            for told in entry.told
        ],
    )


def _texts(entry: Entry) -> dict[str, str]:
    """What is sealed. An address is kept as typed only where that is not its canonical form."""
    texts = {"text": entry.text, "contact": entry.contact, "case": entry.case}
    texts.update({f"typed:{t.report_id}": t.typed for t in entry.told if t.typed != t.address.url})
    return {name: text for name, text in texts.items() if text}
