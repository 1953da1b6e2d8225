"""What a partner's exchange asks beside pages: one entry by its number or by a value, and who the sources are."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from mamori.ground.actors import Actor
from mamori.lists.fingerprints.models import Entry, Fingerprint, Source
from mamori.lists.fingerprints.permissions import IMAGES_MATCH, IMAGES_READ, IMAGES_WRITE, SEE
from mamori.lists.fingerprints.queries.bank import EntryView, shown_to
from mamori.lists.fingerprints.queries.bank import _entry_views as entry_views
from mamori.lists.fingerprints.states import EntryState


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source a partner may know of. `id`: a small number that never changes."""

    id: int
    code: str
    name: str
    organisation_id: UUID | None


def entry_numbered(actor: Actor, number: int) -> EntryView | None:
    """An entry that is or was in force, as the actor may know it; None: there is none."""
    _require_any(actor)
    rows = Entry.objects.filter(shown_to(actor), number=number, in_force_at__isnull=False).select_related("source")
    found = entry_views(list(rows[:1]))
    return found[0] if found else None


def entries_valued(actor: Actor, values: list[tuple[str, bytes]], limit: int = 1000) -> list[EntryView]:
    """Entries in force that hold one of the values, each (algorithm, bytes), as the actor may know them."""
    _require_any(actor)
    if not values:
        return []
    wanted = Q()
    for algorithm, value in values:
        wanted |= Q(algorithm=algorithm, value=value)
    ids = Fingerprint.objects.filter(wanted, entry__state=EntryState.ACTIVE).values_list("entry_id", flat=True)
    rows = Entry.objects.filter(shown_to(actor), id__in=list(ids[:limit])).select_related("source")
    return entry_views(list(rows.order_by("number")))


def sources_shown(actor: Actor) -> list[SourceView]:
    """Sources whose entries the actor may be told of: those shared with partners and its own organisation's."""
    _require_any(actor)
    rows = Source.objects.order_by("id")
    if not actor.may(SEE):
        rows = rows.filter(
            Q(shared_with_partners=True) | Q(organisation_id__isnull=False, organisation_id=actor.organisation_id)
        )
    return [SourceView(*row) for row in rows.values_list("id", "code", "name", "organisation_id")]


def _require_any(actor: Actor) -> None:
    if not any(actor.may(scope) for scope in (SEE, IMAGES_READ, IMAGES_MATCH, IMAGES_WRITE)):
        actor.require(IMAGES_READ)
