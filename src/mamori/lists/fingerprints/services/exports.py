"""Writing what is in force into a file: streamed, and in the log."""

from collections.abc import Callable, Iterator

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.lists.fingerprints import codes
from mamori.lists.fingerprints.formats import Format, Value
from mamori.lists.fingerprints.formats.write import Written, write
from mamori.lists.fingerprints.models import Entry, Fingerprint
from mamori.lists.fingerprints.permissions import EXPORT
from mamori.lists.fingerprints.states import EntryState

BATCH = 5000


@transaction.atomic
def export(
    *,
    actor: Actor,
    form: Format,
    profile: str = "us",
    source_code: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[bytes]:
    """The file of the entries in force, of one source or of all. `progress(entries written, in all)`."""
    actor.require(EXPORT)
    if profile not in codes.PROFILES:
        raise DomainError("bad_profile", _("The profile or the kind is not one the bank knows."), status=422)
    rows = Entry.objects.filter(state=EntryState.ACTIVE)
    if source_code:
        rows = rows.filter(source__code=source_code)
    total = rows.count()
    audit.record(
        "fingerprints.exported",
        subject=f"export:{form}",
        actor=actor,
        format=form,
        profile=profile,
        source=source_code,
        count=total,
    )
    return write(_entries(rows, total, progress), form, profile=profile)


def _entries(rows: QuerySet[Entry], total: int, progress: Callable[[int, int], None] | None) -> Iterator[Written]:
    last, done = 0, 0
    columns = ("id", "number", "media", "classification", "scale", "stated", "changed_at")
    while True:
        batch = list(rows.filter(number__gt=last).order_by("number").values_list(*columns)[:BATCH])
        if not batch:
            return
        values: dict[object, list[Value]] = {}
        found = Fingerprint.objects.filter(entry_id__in=[row[0] for row in batch]).order_by("id")
        for entry, algorithm, value, of in found.values_list("entry_id", "algorithm", "value", "quality"):
            values.setdefault(entry, []).append(Value(algorithm, bytes(value), of))
        for key, number, media, classification, scale, stated, changed_at in batch:
            yield Written(number, media, classification, scale, stated, changed_at, tuple(values.get(key, ())))
        last, done = batch[-1][1], done + len(batch)
        if progress is not None:
            progress(done, total)
