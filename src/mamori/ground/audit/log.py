"""The one writer of the log."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.bulk import insert_rows

Code = str | int | bool | UUID | None
EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
_CODE = re.compile(r"[\w.:+-]{0,80}", re.ASCII)
_COLUMNS = "at, event, actor_kind, actor_id, organisation_id, subject_type, subject_id, codes"


def record(event: str, *, subject: models.Model | str, actor: Actor, at: datetime | None = None, **codes: Code) -> None:
    """Write one event in the present transaction.

    `event` is "room.what_happened"; `subject` the row it happened to; `codes` ids, numbers and short codes.
    Free text, addresses of pages and mail addresses are refused with ValueError: they do not belong in the log.
    """
    record_many(event, subjects=[(subject, codes)], actor=actor, at=at)


def record_many(
    event: str,
    *,
    subjects: Iterable[tuple[models.Model | str, Mapping[str, Code]]],
    actor: Actor,
    at: datetime | None = None,
) -> None:
    """Write the same event for many rows, each with its own codes."""
    if not EVENT.fullmatch(event):
        raise ValueError(f"not an event name: {event!r}")
    moment = at or clock.now()
    rows = [
        (
            moment,
            event,
            actor.kind,
            actor.id,
            actor.organisation_id,
            *_subject(subject),
            json.dumps({k: _code(v) for k, v in codes.items()}),
        )
        for subject, codes in subjects
    ]
    insert_rows("audit_event", _COLUMNS, rows)


def _subject(subject: models.Model | str) -> tuple[str, str]:
    if isinstance(subject, str):
        kind, _, name = subject.partition(":")
        return kind, str(_code(name))
    return subject._meta.label_lower, str(subject.pk)


def _code(value: Code) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    text = str(value)
    if not _CODE.fullmatch(text):
        raise ValueError("the log takes ids and short codes only")
    return text
