"""Where a page of an exchange ended: signed, for one organisation and one question, good for twelve hours."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.signing import BadSignature, Signer

from mamori.ground import clock

LIFE = timedelta(hours=12)
Key = tuple[datetime, int]


def write(organisation_id: UUID | None, question: list[Any], key: Key) -> str:
    """`question`: JSON values that the next page must be asked with as well."""
    began = int(clock.now().timestamp())
    at, number = key
    value = [began, str(organisation_id), question, at.astimezone(UTC).isoformat(), number]
    return Signer(salt="exchange.cursor").sign_object(value)


def read(text: str, organisation_id: UUID | None, question: list[Any]) -> Key | None:
    """None for one that is forged, another organisation's, another question's or too old."""
    try:
        began, owner, asked, at, number = Signer(salt="exchange.cursor").unsign_object(text)
        key = datetime.fromisoformat(at), int(number)
    except (BadSignature, ValueError, TypeError):
        return None
    if owner != str(organisation_id) or asked != question:
        return None
    return (
        key if timedelta(0) <= clock.now() - datetime.fromtimestamp(began, UTC) + timedelta(seconds=1) <= LIFE else None
    )
