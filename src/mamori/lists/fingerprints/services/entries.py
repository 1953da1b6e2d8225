"""Entries: added by a person, a partner or the hotline; agreed to by a second person; withdrawn by one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock, jobs
from mamori.ground.actors import SYSTEM, Actor, Role
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.facts import announce
from mamori.ground.states import require_state
from mamori.lists.fingerprints.codes import Classification
from mamori.lists.fingerprints.facts import FingerprintsInForce
from mamori.lists.fingerprints.models import Entry, Fingerprint, Source
from mamori.lists.fingerprints.permissions import CONFIRM, IMAGES_WRITE, PROPOSE, REVIEW, WITHDRAW
from mamori.lists.fingerprints.references import references
from mamori.lists.fingerprints.services.disagreements import Stated, restated, withdrawn_settle
from mamori.lists.fingerprints.services.feed import changed, feed_lock, locked, move, told, updated
from mamori.lists.fingerprints.states import (
    LENGTHS,
    Algorithm,
    ChangeKind,
    End,
    EntryState,
    Media,
    Sharing,
)

MOST_VALUES = 5000  # of one entry: the frames of a long video


@dataclass(frozen=True, slots=True)
class NewFingerprint:
    """A value to keep: raw bytes of the algorithm's length; `quality` of a PDQ value, 0 to 100, None when not told."""

    algorithm: str
    value: bytes
    quality: int | None = None


@transaction.atomic
def entry_add(
    *,
    actor: Actor,
    source_code: str,
    source_ref: str,
    media: str,
    classification: str,
    fingerprints: Iterable[NewFingerprint],
    taken_on: date | None = None,
    scale: str = "",
    stated: str = "",
    content_id: UUID | None = None,
    proposed_by: UUID | None = None,
) -> Entry:
    """Add an entry; the same reference of the same source again adds nothing and returns what is there.

    With another class than before it is a disagreement, for a reviewer.

    Of a source that is shared it waits for a second person; of another it is in force at once, for our own desks. A
    partner (scope images.write) adds to its own organisation's source only, and its entries always wait.
    """
    source = _source_for(actor, source_code)
    values = _checked(fingerprints)
    if media not in list(Media) or classification not in list(Classification) or not 1 <= len(source_ref) <= 80:
        raise DomainError("bad_entry", _("The entry's kind, class or reference is not one the bank knows."), status=422)
    stating = Stated(str(classification), scale, stated)
    known = Entry.objects.filter(source=source, source_ref__in=references(source.id, source_ref)).first()
    if known is not None:
        return _again(known, stating)
    waits = source.shared_with_partners or actor.kind == "partner"
    now = clock.now() if waits else feed_lock()
    entry = Entry(
        media=str(media),
        source=source,
        source_ref=source_ref,
        classification=str(classification),
        scale=scale,
        stated=stated,
        state=str(EntryState.PROPOSED if waits else EntryState.ACTIVE),
        sharing=str(Sharing.PARTNERS if source.shared_with_partners else Sharing.INTERNAL),
        received_at=now,
        taken_on=taken_on,
        in_force_at=None if waits else now,
        changed_at=now,
        content_id=content_id,
        proposed_by_id=actor.id if actor.kind == "person" else proposed_by,
    )
    try:
        with transaction.atomic():
            entry.save(force_insert=True)
    except IntegrityError:
        return _again(Entry.objects.get(source=source, source_ref=source_ref), stating)
    Fingerprint.objects.bulk_create(
        [Fingerprint(entry=entry, algorithm=v.algorithm, value=v.value, quality=v.quality) for v in values]
    )
    told(entry, actor=actor)
    audit.record("fingerprints.added", subject=entry, actor=actor, source=source.code, state=entry.state)
    if not waits:
        changed([entry.id], ChangeKind.ADD, now)
        announce(FingerprintsInForce(entry.id))
    jobs.defer("fingerprints.compare", entry_id=str(entry.id))
    return entry


@transaction.atomic
def entry_confirm(*, actor: Actor, entry_id: UUID) -> None:
    """A second person agrees: the entry is in force, and shared if its source is."""
    actor.require(CONFIRM)
    assert actor.id is not None
    entry = locked(entry_id)
    require_state(entry.state, EntryState.PROPOSED)
    entry.confirmed_by_id = actor.id
    move(entry, EntryState.ACTIVE, actor=actor, first_person=entry.proposed_by_id, saved=("confirmed_by",))


@transaction.atomic
def entry_share(*, actor: Actor, entry_id: UUID) -> None:
    """Tell partners too of an entry in force for our own desks. By another person than the one who added it."""
    actor.require(CONFIRM)
    assert actor.id is not None
    entry = locked(entry_id)
    if entry.state != EntryState.ACTIVE or entry.sharing == Sharing.PARTNERS:
        raise DomainError("not_shareable", _("Only an entry in force that is not shared yet can be shared."))
    if entry.proposed_by_id == actor.id:
        raise DomainError(
            "second_person_needed",
            _("A second person must do this: you did the step before."),
            remedy=_("Ask a colleague to look at it."),
        )
    entry.sharing, entry.confirmed_by_id = str(Sharing.PARTNERS), actor.id
    updated(entry, actor=actor, code="shared", saved=("sharing", "confirmed_by"))
    audit.record("fingerprints.shared", subject=entry, actor=actor, source=entry.source_id)


@transaction.atomic
def entry_classify(*, actor: Actor, entry_id: UUID, classification: str) -> None:
    """Give an entry another class. The code its source stated no longer counts."""
    actor.require(REVIEW)
    entry = locked(entry_id)
    if entry.state == EntryState.WITHDRAWN or classification not in list(Classification):
        raise DomainError("bad_class", _("This entry has ended, or the class is not one the bank knows."), status=422)
    was, entry.classification, entry.scale, entry.stated = entry.classification, str(classification), "", ""
    updated(entry, actor=actor, code=str(classification), saved=("classification", "scale", "stated"))
    audit.record("fingerprints.classified", subject=entry, actor=actor, was=was, now=classification)
    jobs.defer("fingerprints.compare", entry_id=str(entry.id))


@transaction.atomic
def entry_withdraw(*, actor: Actor, entry_id: UUID, reason: str = End.MISTAKE) -> None:
    """One person or the entry's own source withdraws it: a tombstone, everywhere and at once.

    A partner's word is carried out by the worker within a second: its face changes no entry.
    """
    if actor.kind == "partner":
        actor.require(IMAGES_WRITE)
        own = Entry.objects.filter(id=entry_id, source__organisation__isnull=False).select_related("source").first()
        if own is None or own.source.organisation_id != actor.organisation_id:
            raise NotFound
        audit.record("fingerprints.withdrawal_asked", subject=own, actor=actor)
        jobs.defer("fingerprints.withdraw", entry_id=str(entry_id), end=str(End.SOURCE))
        return
    actor.require(WITHDRAW)
    if reason not in list(End):
        raise DomainError("bad_reason", _("Choose why it is withdrawn."), status=422)
    entry = locked(entry_id)
    if entry.state == EntryState.WITHDRAWN:
        raise DomainError("ended_already", _("This entry has ended already."))
    ended(entry, End.OVERSIGHT if Role.AUDITOR in actor.roles else End(reason), actor=actor)


def ended(entry: Entry, end: End, *, actor: Actor) -> None:
    """Withdraw a locked entry that has not ended. What was open about it is settled."""
    entry.ended_at, entry.end = clock.now(), str(end)
    move(entry, EntryState.WITHDRAWN, actor=actor, code=str(end), saved=("ended_at", "end"))
    withdrawn_settle([entry.id], by=actor.id if actor.kind == "person" else None)


@transaction.atomic
def entry_end(*, entry_id: UUID, end: End) -> None:
    """Withdraw by rule, or for the entry's own source. Safe to run twice."""
    entry = locked(entry_id)
    if entry.state != EntryState.WITHDRAWN:
        ended(entry, end, actor=SYSTEM)


def _again(known: Entry, now: Stated) -> Entry:
    if now.differs(Stated(known.classification, known.scale, known.stated)):
        restated([(known.id, now)])
    return known


def _source_for(actor: Actor, code: str) -> Source:
    source = Source.objects.filter(code=code).first()
    if actor.kind == "partner":
        actor.require(IMAGES_WRITE)
        if source is None or source.organisation_id is None or source.organisation_id != actor.organisation_id:
            raise NotFound
        return source
    actor.require(PROPOSE)
    if source is None:
        raise NotFound
    return source


def _checked(fingerprints: Iterable[NewFingerprint]) -> list[NewFingerprint]:
    """The values, each once, of right length and quality; DomainError names what is wrong."""
    kept: dict[tuple[str, bytes], NewFingerprint] = {}
    for value in fingerprints:
        if value.algorithm not in list(Algorithm) or len(value.value) != LENGTHS[Algorithm(value.algorithm)]:
            raise DomainError("bad_fingerprint", _("A fingerprint has not the length of its kind."), status=422)
        if value.quality is not None and (value.algorithm != Algorithm.PDQ or not 0 <= value.quality <= 100):
            raise DomainError("bad_quality", _("Quality is a number from 0 to 100, of a PDQ value."), status=422)
        kept[value.algorithm, value.value] = value
    if not 1 <= len(kept) <= MOST_VALUES:
        raise DomainError("no_fingerprint", _("An entry has at least one fingerprint."), status=422)
    return list(kept.values())
