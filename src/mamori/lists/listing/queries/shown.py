"""What the list desk and the case page show."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.ground.ui.moments import Moment, Waiting
from mamori.ground.ui.states import look
from mamori.lists.listing.models import Appeal, Candidate, Entry, EntryEvent, SigningKey
from mamori.lists.listing.permissions import ACTIVATE, CONFIRM_KEY, PROPOSE, REVIEW, SEE
from mamori.lists.listing.states import DECIDE_WITHIN, IN_FORCE, TRIAGE_WITHIN, AppealState, EntryState

MOST = 1000
TELL_WITHIN = timedelta(hours=24)  # from the decision on a complaint


def entries(actor: Actor) -> QuerySet[Entry]:
    actor.require(SEE)
    return Entry.objects.all()


def entry_of(actor: Actor, entry_id: UUID) -> Entry:
    entry = Entry.objects.filter(id=entry_id).first() if actor.may(SEE) else None
    if entry is None:
        raise NotFound
    return entry


def entries_of(actor: Actor, content_id: UUID) -> list[Entry]:
    """All entries of a content item, newest first; none for who may not see the list."""
    return list(Entry.objects.filter(content_id=content_id).order_by("-proposed_at")) if actor.may(SEE) else []


def is_listed(content_id: UUID) -> bool:
    """Whether an entry of the content is in force."""
    return Entry.objects.filter(content_id=content_id, state__in=IN_FORCE).exists()


def is_waiting_any() -> bool:
    """Whether an entry in force is not on the list, or refused: by the gate, or for a police hold that may be over."""
    return Entry.objects.filter(~Q(refused=[]) | Q(listed=False), state__in=IN_FORCE).exists()


def candidates(actor: Actor) -> QuerySet[Candidate]:
    """Content the list body may consider."""
    actor.require(SEE)
    return Candidate.objects.filter(closed_at=None)


def appeals(actor: Actor) -> QuerySet[Appeal]:
    actor.require(REVIEW)
    return Appeal.objects.select_related("entry")


def appeal_of(actor: Actor, appeal_id: UUID) -> Appeal:
    appeal = Appeal.objects.select_related("entry").filter(id=appeal_id).first() if actor.may(REVIEW) else None
    if appeal is None:
        raise NotFound
    return appeal


def keys(actor: Actor) -> QuerySet[SigningKey]:
    """Keys with their `state` ("waits", "confirmed", "revoked"): all for who may confirm; otherwise one's own."""
    state = Case(
        When(revoked_at__isnull=False, then=Value("revoked")),
        When(confirmed_at=None, then=Value("waits")),
        default=Value("confirmed"),
    )
    rows = SigningKey.objects.select_related("person", "confirmed_by").annotate(state=state)
    return rows if actor.may(CONFIRM_KEY) else rows.filter(person_id=actor.id)


def key_of(actor: Actor, key: str) -> SigningKey:
    """One of `keys`. NotFound for others."""
    row = keys(actor).filter(id=key).first()
    if row is None:
        raise NotFound
    return row


def timeline(actor: Actor, content_id: UUID) -> list[Moment]:
    """Moments of the content's entries."""
    if not actor.may(SEE):
        return []
    events = EntryEvent.objects.filter(entry__content_id=content_id).select_related("entry").order_by("at", "id")
    return [_moment(event) for event in events[:500]]


def desk(actor: Actor) -> list[Waiting]:
    """What waits at the list desk for this person."""
    found: list[Waiting] = []
    url = reverse("listing_desk")

    def add(title: object, rows: QuerySet[Entry], permission: str, tone: str = "info", *, alarm: bool = False) -> None:
        if actor.may(permission) and (count := rows[:MOST].count()):
            found.append(Waiting(title, count, url, tone, alarm=alarm))  # type: ignore[arg-type]

    def state(value: EntryState) -> QuerySet[Entry]:
        return Entry.objects.filter(state=value)

    add(_("Proposals to sign"), state(EntryState.PROPOSED).filter(proposer_id=actor.id), PROPOSE)
    add(
        _("Entries to activate"),
        state(EntryState.PENDING_ACTIVATION).exclude(proposer_id=actor.id),
        ACTIVATE,
        "warning",
    )
    third = state(EntryState.PENDING_THIRD).exclude(proposer_id=actor.id).exclude(activator_id=actor.id)
    add(_("Entries that need a third signature"), third, ACTIVATE, "warning")
    if actor.may(REVIEW):
        found += _reviews(url)
    add(
        _("Entries the edition refused"),
        Entry.objects.filter(state__in=IN_FORCE).exclude(refused=[]).exclude(state=EntryState.UPHELD),
        SEE,
        "error",
        alarm=True,
    )
    if actor.may(PROPOSE) and (waiting := Candidate.objects.filter(closed_at=None)[:MOST].count()):
        found.append(Waiting(_("Content to consider for the list"), waiting, url))
    if actor.may(CONFIRM_KEY):
        unconfirmed = SigningKey.objects.filter(confirmed_at=None, revoked_at=None).exclude(person_id=actor.id)
        if count := unconfirmed[:MOST].count():
            found.append(Waiting(_("Signing keys to confirm"), count, reverse("listing_keys")))
    if actor.may(REVIEW):
        found += _appeals()
    return found


def appeal_due(appeal: Appeal) -> datetime | None:
    """When the next step of an open complaint is due; None once it is closed."""
    if appeal.state == AppealState.RECEIVED:
        return appeal.received_hour + TRIAGE_WITHIN
    return appeal.received_hour + DECIDE_WITHIN if appeal.state == AppealState.IN_REVIEW else None


def _reviews(url: str) -> list[Waiting]:
    """Entries that two persons must look at."""
    reasons = Counter(Entry.objects.filter(state=EntryState.IN_REVIEW).values_list("review_reason", flat=True)[:MOST])
    titles = {
        "police": _("Entries under review after a police hold"),
        "rules": _("Entries under review because newer rules refuse them"),
    }
    return [
        Waiting(title, reasons[reason], url, "error", alarm=True) for reason, title in titles.items() if reasons[reason]
    ]


def _appeals() -> list[Waiting]:
    """Open complaints by their next step; those past their time are an alarm."""
    found = []
    for state, title, late, within in (
        (AppealState.RECEIVED, _("Complaints to triage"), _("Complaints not triaged in 24 hours"), TRIAGE_WITHIN),
        (AppealState.IN_REVIEW, _("Complaints to decide"), _("Complaints not decided in 72 hours"), DECIDE_WITHIN),
    ):
        rows = Appeal.objects.filter(state=state)
        first = rows.order_by("received_hour").first()
        if first is not None:
            due = appeal_due(first)
            found.append(Waiting(title, rows[:MOST].count(), reverse("listing_appeals"), "warning", due))
            if first.received_hour < clock.now() - within:
                overdue = rows.filter(received_hour__lt=clock.now() - within)[:MOST].count()
                found.append(Waiting(late, overdue, reverse("listing_appeals"), "error", alarm=True))
    untold = Appeal.objects.filter(decided_at__isnull=False, answered_at=None).exclude(host="")
    if decided := [at for at in untold.order_by("decided_at").values_list("decided_at", flat=True)[:MOST] if at]:
        due = decided[0] + TELL_WITHIN
        title, is_late = _("Complainants to tell what was decided"), due <= clock.now()
        tone = "error" if is_late else "warning"
        found.append(Waiting(title, len(decided), reverse("listing_appeals"), tone, due, is_late))
    return found


def _moment(event: EntryEvent) -> Moment:
    shown = look("entry", event.now)
    detail = look("entry_code", event.code).word if event.code else look("list_method", event.entry.method).word
    return Moment(event.at, shown.icon, shown.word, detail, event.actor_kind, shown.tone)
