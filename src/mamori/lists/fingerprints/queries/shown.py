"""What the desks of the bank and the case page show."""

from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.ground.ui.moments import Moment, Waiting
from mamori.ground.ui.states import look
from mamori.lists.fingerprints.models import (
    Disagreement,
    Entry,
    EntryEvent,
    EntryHits,
    Fingerprint,
    Harmless,
    ImportRun,
    Source,
)
from mamori.lists.fingerprints.permissions import CONFIRM, IMPORT, REVIEW, SEE
from mamori.lists.fingerprints.states import (
    FLOOD_SPAN,
    UNREAD,
    DisagreementState,
    EntryState,
    HarmlessState,
    ImportState,
    Sharing,
)

MOST = 1000
MOST_EVENTS = 500


def entries(actor: Actor) -> QuerySet[Entry]:
    actor.require(SEE)
    return Entry.objects.select_related("source")


def numbered_or_valued(text: str) -> Q:
    """Entries of this number, or that hold this value (hexadecimal digits, of any kind of fingerprint)."""
    if len(text) < 32:
        return Q(number=int(text))
    return Q(id__in=Fingerprint.objects.filter(value=bytes.fromhex(text)).values("entry_id"))


def proposals(actor: Actor) -> QuerySet[Entry]:
    """Entries that wait for a second person, one by one; those of an import wait together."""
    return entries(actor).filter(state=EntryState.PROPOSED, imported=None).select_related("proposed_by")


def quarantine(actor: Actor) -> QuerySet[Entry]:
    """Entries held for a flood, with `day_hits`: what they matched in the last day in which they matched."""
    told = EntryHits.objects.filter(entry=OuterRef("entry")).order_by("-hour").values("hour")[:1]
    day = EntryHits.objects.filter(entry=OuterRef("id"), hour__gt=Subquery(told) - FLOOD_SPAN).order_by()
    summed = Subquery(day.values("entry").annotate(sum=Sum("hits")).values("sum"))
    return entries(actor).filter(state=EntryState.QUARANTINED).annotate(day_hits=Coalesce(summed, 0))


def day_hits(actor: Actor, entry_id: UUID) -> int:
    """What an entry held for a flood matched in a day; 0 of another one."""
    held = quarantine(actor).filter(id=entry_id).first()
    return getattr(held, "day_hits", 0)


def entry_of(actor: Actor, entry_id: UUID) -> Entry:
    rows = Entry.objects.select_related("source", "imported", "proposed_by", "confirmed_by")
    entry = rows.filter(id=entry_id).first() if actor.may(SEE) else None
    if entry is None:
        raise NotFound
    return entry


def entries_of(actor: Actor, content_id: UUID) -> list[Entry]:
    """Entries that come from a content item, newest first; none for who may not see the bank."""
    rows = Entry.objects.filter(content_id=content_id).select_related("source").order_by("-received_at")
    return list(rows[:MOST_EVENTS]) if actor.may(SEE) else []


def harmless(actor: Actor) -> QuerySet[Harmless]:
    actor.require(SEE)
    return Harmless.objects.select_related("proposed_by", "confirmed_by")


def sources(actor: Actor) -> QuerySet[Source]:
    """Sources with `disputes`: open disagreements that name one of their entries."""
    actor.require(SEE)
    open_ones = Q(entries__disagreements__state=DisagreementState.OPEN)
    return Source.objects.select_related("organisation").annotate(
        disputes=Count("entries__disagreements", filter=open_ones, distinct=True)
    )


def source_of(actor: Actor, code: str) -> Source:
    source = Source.objects.filter(code=code).first() if actor.may(SEE) else None
    if source is None:
        raise NotFound
    return source


def source_choices() -> list[tuple[str, str]]:
    return list(Source.objects.order_by("code").values_list("code", "name"))


def disagreements(actor: Actor) -> QuerySet[Disagreement]:
    actor.require(SEE)
    return Disagreement.objects.select_related("entry__source", "other__source", "harmless", "settled_by")


def disagreement_of(actor: Actor, disagreement_id: UUID) -> Disagreement:
    row = disagreements(actor).filter(id=disagreement_id).first() if actor.may(SEE) else None
    if row is None:
        raise NotFound
    return row


def disagreements_of(actor: Actor, entry_id: UUID) -> list[Disagreement]:
    rows = disagreements(actor).filter(Q(entry_id=entry_id) | Q(other_id=entry_id))
    return list(rows.order_by("-found_at")[:MOST_EVENTS])


def imports(actor: Actor) -> QuerySet[ImportRun]:
    actor.require(SEE)
    return ImportRun.objects.select_related("source", "imported_by", "confirmed_by")


def import_of(actor: Actor, import_id: UUID) -> ImportRun:
    run = imports(actor).filter(id=import_id).first() if actor.may(SEE) else None
    if run is None:
        raise NotFound
    return run


def moments(entry: Entry) -> list[Moment]:
    """The timeline of one entry, newest first."""
    events = EntryEvent.objects.filter(entry=entry).order_by("-at", "-id")[:MOST_EVENTS]
    return [_moment(event) for event in events]


def timeline(actor: Actor, content_id: UUID) -> list[Moment]:
    """Moments of the entries that come from a content item, for its case."""
    if not actor.may(SEE):
        return []
    events = EntryEvent.objects.filter(entry__content_id=content_id).order_by("at", "id")[:MOST_EVENTS]
    return [_moment(event) for event in events]


def desk(actor: Actor) -> list[Waiting]:
    """What waits at the bank's desks for this person."""
    if not actor.may(SEE):
        return []
    found: list[Waiting] = []

    def add(title: Promise, count: int, url: str, tone: str = "warning", *, alarm: bool = False) -> None:
        if count:
            found.append(Waiting(title, count, reverse(url), tone, alarm=alarm))

    if actor.may(CONFIRM):
        others = Entry.objects.filter(state=EntryState.PROPOSED, imported=None).exclude(proposed_by_id=actor.id)
        add(_("Fingerprints that wait for a second person"), others[:MOST].count(), "fingerprints_proposals")
        whole = ImportRun.objects.filter(waiting_imports()).exclude(imported_by_id=actor.id)
        add(_("Imports that wait for a second person"), whole[:MOST].count(), "fingerprints_imports")
        negative = Harmless.objects.filter(state=HarmlessState.PROPOSED).exclude(proposed_by_id=actor.id)
        add(_("Harmless values that wait for a second person"), negative[:MOST].count(), "fingerprints_negative")
    if actor.may(IMPORT):
        broken = imports_broken_off()[:MOST].count()
        add(_("Imports that broke off: import the file again"), broken, "fingerprints_imports", "error")
    if actor.may(REVIEW):
        held = Entry.objects.filter(state=EntryState.QUARANTINED)[:MOST].count()
        add(_("Entries held for matching too much"), held, "fingerprints_quarantine", "error", alarm=True)
        disputes = Disagreement.objects.filter(state=DisagreementState.OPEN)[:MOST].count()
        add(_("Disagreements to settle"), disputes, "fingerprints_disagreements")
    return found


def imports_broken_off() -> QuerySet[ImportRun]:
    """Imports that took a file or a part of it, after which none of that source and format was read to its end."""
    whole = ImportRun.objects.filter(
        source=OuterRef("source"),
        format=OuterRef("format"),
        state=ImportState.DONE,
        started_at__gt=OuterRef("started_at"),
    )
    begun = Q(read__gt=0) | Q(total__isnull=False)
    return ImportRun.objects.filter(begun, ~Exists(whole), state=ImportState.FAILED)


def waiting_imports() -> Q:
    """Imports of shared sources that nobody confirmed."""
    return Q(sharing=Sharing.PARTNERS, confirmed_at=None, added__gt=0) & ~Q(state__in=UNREAD)


def _moment(event: EntryEvent) -> Moment:
    shown = look("bank_entry", event.now)
    detail = look("bank_code", event.code).word if event.code else ""
    return Moment(event.at, shown.icon, shown.word, detail, event.actor_kind, shown.tone)
