"""Comparing new entries with what is there: other classes of one digest or of near values, and the negative bank."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection, transaction

from mamori.engine.similar import LEAST_QUALITY, RADIUS
from mamori.ground import clock
from mamori.lists.fingerprints.codes import disagree, gravity
from mamori.lists.fingerprints.models import Entry, Fingerprint, Harmless, ImportRun
from mamori.lists.fingerprints.queries.bank import harmless_in_force
from mamori.lists.fingerprints.services.alarms import source_alarm
from mamori.lists.fingerprints.services.disagreements import disagreement_open
from mamori.lists.fingerprints.services.nearby import SAID, distances, near_all, said_of, stack
from mamori.lists.fingerprints.states import (
    Algorithm,
    Dispute,
    EntryState,
    HarmlessState,
)

_LARGE = 10  # an import of more than a tenth of the fingerprints that are known of is large
MOST_FOUND = 10_000  # of one comparison: a whole list that disagrees is a matter for people at once
# As `codes.disagree`.
_IWF = (
    "CASE {0}.scale WHEN 'iwf' THEN nullif({0}.stated, '') WHEN 'vics:uk' THEN translate({0}.stated, '123', 'ABC') END"
)
_DIFFER = f"""
    e.classification <> 'unsorted' AND o.classification <> 'unsorted' AND (
        split_part(e.classification, '_', 1) <> split_part(o.classification, '_', 1)
        OR (e.classification <> o.classification
            AND strpos(e.classification, '_') > 0 AND strpos(o.classification, '_') > 0)
        OR {_IWF.format("e")} <> {_IWF.format("o")}
    )
"""
_SAME = """
    SELECT a.entry_id, b.entry_id FROM fingerprints_fingerprint a
    JOIN fingerprints_entry e ON e.id = a.entry_id
    JOIN fingerprints_fingerprint b ON b.value = a.value AND b.algorithm = a.algorithm AND b.entry_id <> a.entry_id
    JOIN fingerprints_entry o ON o.id = b.entry_id
    WHERE {of} AND e.state <> 'withdrawn' AND o.state <> 'withdrawn'
    AND {differ} LIMIT %s
"""
_HARMLESS = """
    SELECT a.entry_id, h.id FROM fingerprints_fingerprint a
    JOIN fingerprints_entry e ON e.id = a.entry_id
    JOIN fingerprints_harmless h ON h.value = a.value AND h.algorithm = a.algorithm
    WHERE {of} AND e.state <> 'withdrawn' AND h.state = 'active' AND h.expires_on > %s LIMIT %s
"""
_OF_ENTRY, _OF_IMPORT, _OF_HARMLESS = "e.id = %s", "e.imported_id = %s", "h.id = %s"


@transaction.atomic
def entry_compare(*, entry_id: UUID) -> int:
    """Open the disagreements of one entry. Safe to run twice. Returns how many are new."""
    entry = Entry.objects.filter(id=entry_id).exclude(state=EntryState.WITHDRAWN).first()
    if entry is None:
        return 0
    return _digests(_OF_ENTRY, entry_id) + _similar(Fingerprint.objects.filter(entry=entry))


@transaction.atomic
def import_compare(*, import_id: UUID) -> int:
    """Open the disagreements of all entries of one import."""
    with _planned(import_id):
        opened = _digests(_OF_IMPORT, import_id)
    return opened + _similar(Fingerprint.objects.filter(entry__imported_id=import_id))


@contextmanager
def _planned(import_id: UUID) -> Iterator[None]:
    """Right after a large import the planner takes the bank for nearly empty, and would put each row beside each other one.

    Its figures come a minute later. Where the import is a good part of what it knows of, rows are joined by hashes.
    """
    added = ImportRun.objects.values_list("added", flat=True).get(id=import_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'fingerprints_fingerprint'::regclass")
        large = added * _LARGE > cursor.fetchone()[0]
        if large:
            cursor.execute("SET LOCAL enable_nestloop = off")
        yield
        if large:
            cursor.execute("SET LOCAL enable_nestloop = DEFAULT")


@transaction.atomic
def harmless_compare(*, harmless_id: UUID) -> int:
    """A value came into the negative bank: whatever of the bank it is, or is near to, is disputed and its source told."""
    row = Harmless.objects.filter(id=harmless_id, state=HarmlessState.ACTIVE).first()
    if row is None:
        return 0
    found = dict.fromkeys(_pairs(_HARMLESS, _OF_HARMLESS, harmless_id, _today()), 0)
    if row.algorithm == Algorithm.PDQ:
        for entry_id, _at, distance, _kind in near_all(stack([bytes(row.value)]), set()):
            found.setdefault((entry_id, row.id), distance)
    return sum(_disputed(entry, harmless, distance) for (entry, harmless), distance in found.items())


def _digests(of: str, key: UUID) -> int:
    opened = 0
    for entry_id, other in _pairs(_SAME, of, key):
        opened += disagreement_open(kind=Dispute.SAME, entry_id=entry_id, other_id=other)
    for entry_id, harmless in _pairs(_HARMLESS, of, key, _today()):
        opened += _disputed(entry_id, harmless, 0)
    return opened


def _disputed(entry_id: UUID, harmless_id: UUID, distance: int) -> bool:
    new = disagreement_open(kind=Dispute.HARMLESS, entry_id=entry_id, harmless_id=harmless_id, distance=distance)
    if new:
        source_alarm(entry_id=entry_id, harmless_id=harmless_id)
    return new


def _similar(rows: Any) -> int:
    """Disagreements of near PDQ values: with entries of another class, and with the negative bank."""
    own = [
        (entry, bytes(value), kind)
        for entry, value, kind, quality in rows.filter(algorithm=Algorithm.PDQ).values_list(
            "entry_id", "value", SAID, "quality"
        )
        if quality is None or quality >= LEAST_QUALITY
    ]
    if not own:
        return 0
    values = stack([value for _entry, value, _kind in own])
    opened = 0
    harmless = {h.value for h in harmless_in_force() if h.algorithm == Algorithm.PDQ}
    ids = {bytes(v): i for i, v in Harmless.objects.filter(state="active", algorithm="pdq").values_list("id", "value")}
    for value in sorted(harmless):
        for at in np.flatnonzero(distances(values, value) <= RADIUS)[:MOST_FOUND]:
            opened += _disputed(own[at][0], ids[value], int(distances(values[at : at + 1], value)[0]))
    said = [said_of(kind) for _entry, _value, kind in own]
    if any(gravity(kind) for kind, _scale, _stated in said):
        found: dict[tuple[UUID, UUID], int] = {}
        for other, at, distance, kind in near_all(values, {entry for entry, _value, _kind in own}):
            if disagree(said[at], said_of(kind)):
                found.setdefault((own[at][0], other), distance)
        for (entry_id, other), distance in list(found.items())[:MOST_FOUND]:
            opened += disagreement_open(kind=Dispute.SIMILAR, entry_id=entry_id, other_id=other, distance=distance)
    return opened


def _pairs(query: str, of: str, key: UUID, *more: Any) -> list[tuple[UUID, UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(query.format(of=of, differ=_DIFFER), [key, *more, MOST_FOUND])
        return list(cursor.fetchall())


def _today() -> Any:
    return clock.now().date()
