"""What the exchange reads: the feed, the values in force, what a match may be told, pages for clients that sync."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from mamori.engine.similar import LEAST_QUALITY
from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.lists.fingerprints.codes import told_all
from mamori.lists.fingerprints.models import Change, Disagreement, Entry, Fingerprint, Harmless, MatchDay, Source, Vote
from mamori.lists.fingerprints.permissions import IMAGES_MATCH, IMAGES_READ, SEE
from mamori.lists.fingerprints.references import references
from mamori.lists.fingerprints.states import Algorithm, EntryState, HarmlessState, Sharing

FEED_LOCK = 7_261_010  # PostgreSQL advisory lock: writers of the feed hold it, readers by time share it


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change of the feed. `kind`: add (its values match now), withdraw (they no longer do), update (other words)."""

    seq: int
    entry_id: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class FingerprintView:
    """One value of an entry. `id` below 2**32 - 1; `value` raw bytes; `quality` of a PDQ value, None when not told."""

    id: int
    entry_id: UUID
    algorithm: str
    value: bytes
    quality: int | None


@dataclass(frozen=True, slots=True)
class MatchView:
    """What may be told of a matched value. `codes`: scale -> code, of the scales the class can be told on."""

    fingerprint_id: int
    entry_id: UUID
    entry_number: int
    classification: str
    codes: dict[str, str]
    source_code: str
    media: str
    state: str
    algorithm: str
    disputed: bool


@dataclass(frozen=True, slots=True)
class HarmlessView:
    algorithm: str
    value: bytes


@dataclass(frozen=True, slots=True)
class VoteView:
    """The newest word of one organisation (or, within it, of one person) on an entry."""

    organisation_id: UUID
    organisation: str
    verdict: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EntryView:
    """One shared entry, or its tombstone (`deleted`: it was shared and is withdrawn or held)."""

    id: UUID
    number: int
    source_code: str
    source_name: str
    source_organisation_id: UUID | None
    source_ref: str
    media: str
    classification: str
    codes: dict[str, str]
    state: str
    deleted: bool
    received_at: datetime
    changed_at: datetime
    taken_on: date | None
    fingerprints: tuple[FingerprintView, ...]
    votes: tuple[VoteView, ...]


@dataclass(frozen=True, slots=True)
class EntryPage:
    """`next_key`: give it as `after_key` for the next page; None at the end."""

    entries: tuple[EntryView, ...]
    next_key: tuple[datetime, int] | None


def changes_since(seq: int, limit: int = 10_000) -> list[ChangeView]:
    """Changes after `seq`, oldest first. None is ever committed behind one that was read."""
    rows = Change.objects.filter(seq__gt=seq).order_by("seq").values_list("seq", "entry_id", "kind")
    return [ChangeView(*row) for row in rows[:limit]]


def frames_of(entry_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Entry -> how many PDQ values of it are matched: the frames of a video."""
    wanted = list(entry_ids)
    if not wanted:
        return {}
    rows = _matched_values().filter(entry_id__in=wanted, algorithm=Algorithm.PDQ).order_by().values("entry_id")
    return dict(rows.annotate(number=Count("id")).values_list("entry_id", "number"))


def last_change() -> int:
    """The newest `seq`, 0 when nothing ever changed."""
    return Change.objects.order_by("-seq").values_list("seq", flat=True).first() or 0


def fingerprints_in_force(entry_ids: Iterable[UUID]) -> list[FingerprintView]:
    """The values of those of the entries that are in force: what is matched. A PDQ value of low quality is not."""
    return _views(_matched_values().filter(entry_id__in=list(entry_ids)).order_by("id"))


def fingerprints_of(entry_ids: Iterable[UUID]) -> list[FingerprintView]:
    """All values of entries, in force or not: what a withdrawal takes out of an index."""
    return _views(Fingerprint.objects.filter(entry_id__in=list(entry_ids)).order_by("id"))


def all_in_force(after_id: int = 0, limit: int = 100_000) -> list[FingerprintView]:
    """Values in force by id, from the one after `after_id`: a whole index is built by calling this until it is empty."""
    return _views(_matched_values().filter(id__gt=after_id).order_by("id")[:limit])


def harmless_in_force() -> list[HarmlessView]:
    """The negative bank as it counts now. Over an exact digest it says nothing: there both are shown as disputed."""
    rows = Harmless.objects.filter(state=HarmlessState.ACTIVE, expires_on__gt=clock.now().date())
    return [HarmlessView(algorithm, bytes(value)) for algorithm, value in rows.values_list("algorithm", "value")]


def matched(actor: Actor, fingerprint_ids: Iterable[int]) -> dict[int, MatchView]:
    """Fingerprint id -> what the actor may be told of it. Withdrawn, held and unshared entries are absent."""
    if not actor.may(SEE):
        actor.require(IMAGES_MATCH)
    rows = (
        Fingerprint.objects.filter(id__in=list(fingerprint_ids), entry__state=EntryState.ACTIVE)
        .filter(shown_to(actor, "entry__"))
        .annotate(disputed=is_disputed("entry_id"))
        .values_list(
            "id",
            "entry_id",
            "entry__number",
            "entry__classification",
            "entry__scale",
            "entry__stated",
            "entry__source__code",
            "entry__media",
            "entry__state",
            "algorithm",
            "disputed",
        )
    )
    return {
        fingerprint: MatchView(
            fingerprint, entry, number, kind, told_all(kind, stated_scale=scale, stated=stated), source, media, state,
            algorithm, disputed,
        )
        for fingerprint, entry, number, kind, scale, stated, source, media, state, algorithm, disputed in rows
    }  # fmt: skip


def entries_changed(
    from_: datetime,
    to: datetime,
    after_key: tuple[datetime, int] | None = None,
    limit: int = 1000,
    *,
    actor: Actor,
    media: str = "",
) -> EntryPage:
    """Shared entries and tombstones whose newest change lies in [from_, to), by (changed_at, number).

    The lock is shared for the moment of reading: what was being written is committed before, so that a client that
    goes on from `to`, when `to` is not in the future, misses nothing.
    """
    if not actor.may(SEE):
        actor.require(IMAGES_READ)
    rows = Entry.objects.filter(shown_to(actor), in_force_at__isnull=False, sharing=Sharing.PARTNERS)
    rows = rows.filter(changed_at__gte=from_, changed_at__lt=to)
    if media:
        rows = rows.filter(media=media)
    if after_key is not None:
        at, number = after_key
        rows = rows.filter(Q(changed_at__gt=at) | Q(changed_at=at, number__gt=number))
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [FEED_LOCK])
        found = list(rows.select_related("source").order_by("changed_at", "number")[: limit + 1])
        page = found[:limit]
        entries = _entry_views(page)
    last = page[-1] if len(found) > limit else None
    return EntryPage(tuple(entries), (last.changed_at, last.number) if last else None)


def entry_shared(actor: Actor, source_code: str, source_ref: str) -> EntryView | None:
    """One entry by its source's reference, as a partner may know it; None: there is none."""
    if not actor.may(SEE):
        actor.require(IMAGES_READ)
    source = Source.objects.filter(code=source_code).first()
    if source is None:
        return None
    rows = Entry.objects.filter(shown_to(actor), source=source, source_ref__in=references(source.id, source_ref))
    found = list(rows.filter(in_force_at__isnull=False).select_related("source")[:1])
    return _entry_views(found)[0] if found else None


def examined(organisation_id: UUID | None = None, *, since: date, until: date) -> dict[str, int]:
    """System data examined in [since, until]: {"examined", "similar", "same"} of one organisation or of all."""
    rows = MatchDay.objects.filter(day__gte=since, day__lte=until)
    if organisation_id is not None:
        rows = rows.filter(organisation_id=organisation_id)
    totals = rows.aggregate(examined=Sum("examined"), similar=Sum("similar"), same=Sum("same"))
    return {name: total or 0 for name, total in totals.items()}


def shown_to(actor: Actor, prefix: str = "") -> Q:
    """What the actor may know of: a partner what is shared and its own organisation's entries; our desks all."""
    if actor.may(SEE):
        return Q()
    shared = Q(**{f"{prefix}sharing": Sharing.PARTNERS})
    if actor.organisation_id is None:
        return shared
    return shared | Q(**{f"{prefix}source__organisation_id": actor.organisation_id})


def is_disputed(entry: str) -> Q:
    """Whether an open disagreement names the entry. `entry`: path of its id in the outer query."""
    open_ones = Disagreement.objects.filter(state="open")
    return Q(Exists(open_ones.filter(entry_id=OuterRef(entry)))) | Q(Exists(open_ones.filter(other_id=OuterRef(entry))))


def votes_of(entry_ids: Iterable[UUID]) -> dict[UUID, tuple[VoteView, ...]]:
    """Entry -> the newest vote of each who voted, oldest first."""
    rows = (
        Vote.objects.filter(entry_id__in=list(entry_ids))
        .order_by("at", "id")
        .values_list("entry_id", "organisation_id", "by_id", "organisation__name", "verdict", "reason", "at")
    )
    newest: dict[UUID, dict[tuple[UUID, UUID | None], VoteView]] = {}
    for entry, organisation, by, name, verdict, reason, at in rows:
        of = newest.setdefault(entry, {})
        of.pop((organisation, by), None)
        of[organisation, by] = VoteView(organisation, name, verdict, reason, at)
    return {entry: tuple(of.values()) for entry, of in newest.items()}


def _matched_values() -> QuerySet[Fingerprint]:
    low = Q(algorithm=Algorithm.PDQ, quality__lt=LEAST_QUALITY)
    return Fingerprint.objects.filter(~low | Q(quality=None), entry__state=EntryState.ACTIVE)


def _views(rows: QuerySet[Fingerprint]) -> list[FingerprintView]:
    values = rows.values_list("id", "entry_id", "algorithm", "value", "quality")
    return [FingerprintView(i, entry, algorithm, bytes(value), q) for i, entry, algorithm, value, q in values]


def _entry_views(page: Sequence[Entry]) -> list[EntryView]:
    ids = [entry.id for entry in page]
    values: dict[UUID, list[FingerprintView]] = {}
    for view in fingerprints_of(ids):
        values.setdefault(view.entry_id, []).append(view)
    votes = votes_of(ids)
    return [
        EntryView(
            id=entry.id,
            number=entry.number,
            source_code=entry.source.code,
            source_name=entry.source.name,
            source_organisation_id=entry.source.organisation_id,
            source_ref=entry.source_ref,
            media=entry.media,
            classification=entry.classification,
            codes=told_all(entry.classification, stated_scale=entry.scale, stated=entry.stated),
            state=entry.state,
            deleted=entry.state != EntryState.ACTIVE,
            received_at=entry.received_at,
            changed_at=entry.changed_at,
            taken_on=entry.taken_on,
            fingerprints=tuple(values.get(entry.id, [])),
            votes=votes.get(entry.id, ()),
        )
        for entry in page
    ]
