"""What partners and reviewers say of entries, and the counts of what was examined and matched."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock, jobs
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.states import require_state
from mamori.lists.fingerprints.models import Entry, EntryHits, Vote
from mamori.lists.fingerprints.permissions import IMAGES_WRITE, REVIEW, VOTE
from mamori.lists.fingerprints.queries.bank import shown_to
from mamori.lists.fingerprints.services.disagreements import disagreement_open
from mamori.lists.fingerprints.services.feed import locked, move, updated
from mamori.lists.fingerprints.states import (
    FLOOD_SPAN,
    FLOOD_WITHIN,
    Dispute,
    EntryState,
    Reason,
    Verdict,
)

_HITS = """
    INSERT INTO fingerprints_entryhits (entry_id, hour, hits)
    SELECT e.id, %s, h.hits FROM unnest(%s::uuid[], %s::int[]) AS h(id, hits) JOIN fingerprints_entry e ON e.id = h.id
    ORDER BY e.id
    ON CONFLICT (entry_id, hour) DO UPDATE SET hits = fingerprints_entryhits.hits + excluded.hits
"""
_DAY = """
    INSERT INTO fingerprints_matchday AS d (organisation_id, day, examined, "similar", same) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (organisation_id, day) DO UPDATE SET examined = d.examined + excluded.examined,
    "similar" = d."similar" + excluded."similar", same = d.same + excluded.same
"""


@transaction.atomic
def vote_record(*, actor: Actor, entry_id: UUID, verdict: str, reason: str = Reason.AGREES) -> None:
    """One organisation, or one person of ours, says whether an entry is right. A denial opens a disagreement."""
    if actor.kind == "partner":
        actor.require(IMAGES_WRITE)
    else:
        actor.require(VOTE)
    if actor.organisation_id is None:
        raise NotFound
    entry = Entry.objects.filter(shown_to(actor), id=entry_id).first()
    if entry is None:
        raise NotFound
    if verdict not in list(Verdict) or reason not in list(Reason):
        raise DomainError("bad_vote", _("Say whether the entry is right, and why."), status=422)
    by = actor.id if actor.kind == "person" else None
    newest = Vote.objects.filter(entry=entry, organisation_id=actor.organisation_id, by_id=by).order_by("-at", "-id")
    last = newest.first()
    if last is not None and (last.verdict, last.reason) == (verdict, reason):
        return
    Vote.objects.create(
        entry=entry,
        organisation_id=actor.organisation_id,
        by_id=by,
        verdict=str(verdict),
        reason=str(reason),
        at=clock.now(),
    )
    audit.record("fingerprints.voted", subject=entry, actor=actor, verdict=verdict, reason=reason)
    if verdict == Verdict.DENY and entry.state != EntryState.WITHDRAWN:
        disagreement_open(kind=Dispute.VOTE, entry_id=entry.id)
    jobs.defer("fingerprints.feedback", entry_id=str(entry.id))


@transaction.atomic
def feedback_tell(*, entry_id: UUID) -> None:
    """Put an entry with new votes into the feed, so that clients who sync see them."""
    entry = locked(entry_id)
    if entry.state == EntryState.ACTIVE:
        updated(entry, actor=SYSTEM, code="voted", saved=())


@transaction.atomic
def hits_record(counts: Mapping[UUID, int]) -> list[UUID]:
    """Count matched uploads: entry id -> uploads it matched. Returns the entries that are held for a flood.

    Only a new entry is held: one of known material whose value is that of a picture everybody has shows itself in its
    first days. The worker holds it, within a second.
    """
    told = {entry: hits for entry, hits in counts.items() if hits > 0}
    if not told:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_HITS, [clock.this_hour(), list(told), list(told.values())])
    floods = flooding(list(told))
    jobs.defer_many("fingerprints.hold", [{"entry_id": str(entry)} for entry in floods])
    return floods


def flooding(entry_ids: list[UUID]) -> list[UUID]:
    """Those of the entries that are new, in force and matched more than known material does."""
    now = clock.now()
    young = Entry.objects.filter(
        id__in=entry_ids, state=EntryState.ACTIVE, released_at=None, in_force_at__gt=now - FLOOD_WITHIN
    )
    rows = EntryHits.objects.filter(entry__in=young, hour__gt=now - FLOOD_SPAN).values("entry_id")
    return [
        row["entry_id"]
        for row in rows.annotate(sum=Sum("hits")).filter(sum__gte=settings.FLOOD_HITS).order_by("entry_id")
    ]


@transaction.atomic
def entry_hold(*, entry_id: UUID) -> None:
    """Hold an entry that floods: nobody is told of it until a reviewer looked. Safe to run twice."""
    entry = locked(entry_id)
    if flooding([entry_id]):
        move(entry, EntryState.QUARANTINED, actor=SYSTEM, code="flood")


@transaction.atomic
def entry_release(*, actor: Actor, entry_id: UUID) -> None:
    """A reviewer found the entry right: it is in force again and not held a second time."""
    actor.require(REVIEW)
    entry = locked(entry_id)
    require_state(entry.state, EntryState.QUARANTINED)
    entry.released_at = clock.now()
    move(entry, EntryState.ACTIVE, actor=actor, code="released", saved=("released_at",))


@transaction.atomic
def examined_record(*, organisation_id: UUID, day: date, examined: int, similar: int = 0, same: int = 0) -> None:
    """Count what one organisation had examined on a day, and how much was similar or the same."""
    with connection.cursor() as cursor:
        cursor.execute(_DAY, [organisation_id, day, examined, similar, same])
