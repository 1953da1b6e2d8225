"""Review of an entry in force: by two after a late police hold or newer rules, by one uninvolved after an appeal."""

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError
from mamori.ground.facts import announce
from mamori.hotline.referral import queries as referral
from mamori.lists.listing.facts import EntryWithdrawn
from mamori.lists.listing.models import Entry, Opinion
from mamori.lists.listing.permissions import REVIEW
from mamori.lists.listing.services.moves import locked, move
from mamori.lists.listing.states import BY_TWO, IN_FORCE, End, EntryState


def review_open(entry: Entry, why: str, *, actor: Actor) -> None:
    """Put a locked entry in force under review ("police", "rules" or "appeal"), or change why it is."""
    entry.review_reason, entry.review_since = why, clock.now()
    changed = ("review_reason", "review_since")
    if entry.state == EntryState.IN_REVIEW:
        entry.save(update_fields=list(changed))
        audit.record("listing.review_changed", subject=entry, actor=actor, why=why)
    else:
        move(entry, EntryState.IN_REVIEW, actor=actor, code=why, changed=changed)


def suspend(entry: Entry, end: End, *, actor: Actor) -> None:
    """Take a locked entry under review off the list with the next edition."""
    entry.ended_at, entry.end = clock.now(), str(end)
    move(entry, EntryState.SUSPENDED, actor=actor, code=str(end), changed=("ended_at", "end"))
    announce(EntryWithdrawn(entry.id))


@transaction.atomic
def content_held(*, content_id: UUID) -> None:
    """Police hold the content: its entries in force go to two-person review. Safe to run twice."""
    for entry in Entry.objects.select_for_update().filter(content_id=content_id, state__in=IN_FORCE):
        if entry.state == EntryState.IN_REVIEW and entry.review_reason == "police":
            continue
        review_open(entry, "police", actor=SYSTEM)


def held_review() -> int:
    """Entries in force whose content police hold and that nobody was asked to review since: whatever was missed."""
    held = referral.held_since()
    done = 0
    for entry in Entry.objects.filter(content_id__in=list(held), state__in=IN_FORCE):
        asked_at = held[entry.content_id]
        reviewed = entry.review_reason == "police" and entry.review_since and entry.review_since >= asked_at
        if not reviewed and not entry.events.filter(code="police", at__gte=asked_at).exists():
            content_held(content_id=entry.content_id)
            done += 1
    return done


@transaction.atomic
def entry_review(*, actor: Actor, entry_id: UUID, keep: bool, note: str) -> None:
    """One person's opinion under a police hold or newer rules. Two who say keep uphold the entry; one who does not suspends it."""
    actor.require(REVIEW)
    entry = locked(entry_id)
    if entry.state != EntryState.IN_REVIEW or entry.review_reason not in BY_TWO:
        raise DomainError("no_review", _("This entry is not under review by two persons."))
    if not note.strip():
        raise DomainError("note_missing", _("Say why."), status=422)
    assert entry.review_since is not None
    assert actor.id is not None
    opinions = Opinion.objects.filter(entry=entry, review_since=entry.review_since)
    if opinions.filter(person_id=actor.id).exists():
        raise DomainError(
            "second_person_needed",
            _("You gave your opinion already: a second person must agree."),
            remedy=_("Ask a colleague to look at it."),
        )
    Opinion.objects.create(
        entry=entry,
        review_since=entry.review_since,
        person_id=actor.id,
        keep=keep,
        note=note.strip()[:300],
        at=clock.now(),
    )
    audit.record("listing.opinion", subject=entry, actor=actor, keep=keep)
    if not keep:
        suspend(entry, End(entry.review_reason), actor=actor)
    elif opinions.filter(keep=True).count() >= 2:
        move(entry, EntryState.UPHELD, actor=actor, code=entry.review_reason)
