"""What two analysts of the hotline confirmed goes into the bank, and out of it when the decision no longer stands."""

from uuid import UUID

from django.db import transaction

from mamori.ground import clock
from mamori.ground.actors import SYSTEM
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.assessment.states import Verdict
from mamori.hotline.checks import queries as checks
from mamori.lists.fingerprints.codes import Classification
from mamori.lists.fingerprints.models import Entry, Source
from mamori.lists.fingerprints.services.entries import NewFingerprint, ended, entry_add
from mamori.lists.fingerprints.states import Algorithm, End, EntryState, Kind, Media

SOURCE = "hotline"
_CLASSES = {Verdict.BASELINE: Classification.BASELINE, Verdict.NATIONAL: Classification.NATIONAL}


@transaction.atomic
def content_found(*, content_id: UUID) -> Entry | None:
    """Propose the whole image or video a re-check found at confirmed content. Safe to run again.

    The fingerprint is a machine's, of what the host sent to it: whether it is what the two analysts judged, a second
    person says before it is shared. The first analyst counts as the one who proposed it.
    """
    decision = assessment.decision_of(content_id)
    seen = checks.known_print(content_id)
    if decision is None or decision.verdict not in _CLASSES or decision.confirmed_by is None:
        return None
    if seen is None or seen.file is None or seen.media not in list(Media):
        return None
    file = seen.file
    same = Entry.objects.filter(content_id=content_id).exclude(state=EntryState.WITHDRAWN)
    known = same.filter(fingerprints__algorithm=Algorithm.SHA256, fingerprints__value=file.sha256).first()
    if known is not None:
        return known
    _source()
    values = [
        NewFingerprint(Algorithm.SHA256, file.sha256),
        NewFingerprint(Algorithm.SHA1, file.sha1),
        NewFingerprint(Algorithm.MD5, file.md5),
    ]
    if file.pdq is not None:
        values.append(NewFingerprint(Algorithm.PDQ, file.pdq, file.pdq_quality))
    codes = [code for code in decision.law_codes if code.startswith("JP-2-3-")]
    return entry_add(
        actor=SYSTEM,
        source_code=SOURCE,
        source_ref=f"{decision.decision_id}:{file.md5.hex()[:12]}",
        media=seen.media,
        classification=_CLASSES[decision.verdict],
        fingerprints=values,
        taken_on=decision.decided_at.date(),
        scale="jp" if codes else "",
        stated=codes[0] if codes else "",
        content_id=content_id,
        proposed_by=decision.decided_by,
    )


@transaction.atomic
def content_dropped(*, content_id: UUID) -> int:
    """Found not to be illegal after all: what came from it is withdrawn. Safe to run twice.

    What came back or changed and is judged again stays meanwhile: it is the same file, wherever it stands.
    """
    rows = list(Entry.objects.select_for_update().filter(content_id=content_id).exclude(state=EntryState.WITHDRAWN))
    for entry in rows:
        ended(entry, End.DISMISSED, actor=SYSTEM)
    return len(rows)


def _source() -> Source:
    """The hotline's own source: shared, each entry by a second person's word."""
    row, _new = Source.objects.get_or_create(
        code=SOURCE,
        defaults={
            "name": "Hotline",
            "kind": str(Kind.HOTLINE),
            "shared_with_partners": True,
            "created_at": clock.now(),
        },
    )
    return row
