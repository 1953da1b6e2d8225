"""The kill switch: one person empties the list everywhere, or takes back what one edition brought; at once."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock, jobs
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.lists.distribution import queries
from mamori.lists.distribution.models import Edition, KillOrder
from mamori.lists.distribution.permissions import KILL, RESTORE
from mamori.lists.distribution.states import EditionState
from mamori.lists.listing import services as listing_services
from mamori.lists.listing.permissions import WITHDRAW


@transaction.atomic
def kill_switch(*, actor: Actor, reason: str) -> KillOrder:
    """Empty the list everywhere. One person, at once; pulled twice is pulled once (the database sees to it).

    No row is locked: the worker's role, which the command on the machine uses, may not change an order.
    """
    actor.require(KILL)
    if not reason.strip():
        raise DomainError("reason_missing", _("Say why the list is emptied."), status=422)
    order = KillOrder.objects.filter(lifted_at=None).first()
    if order is None:
        by = actor.id if actor.kind == "person" else None
        order = KillOrder.objects.create(at=clock.now(), by_id=by, reason=reason.strip()[:300])
        audit.record("distribution.killed", subject=order, actor=actor)
    jobs.defer("distribution.publish")
    return order


@transaction.atomic
def edition_withdraw(*, actor: Actor, version: int) -> int:
    """Take back every entry that an edition brought and that is still in force. One person, at once. How many.

    What it renewed was blocked before it, and stays.
    """
    actor.require(WITHDRAW)
    edition = Edition.objects.filter(version=version, state=EditionState.PUBLISHED).first()
    if edition is None:
        raise DomainError("no_such_edition", _("There is no published edition of that number."), status=404)
    count = listing_services.entries_withdraw(actor=actor, entry_ids=queries.brought(edition).keys())
    audit.record("distribution.taken_back", subject=edition, actor=actor, version=version, entries=count)
    return count


@transaction.atomic
def kill_lift(*, actor: Actor) -> None:
    """Bring the list back. Not by the person who emptied it; every entry still carries its two signatures."""
    actor.require(RESTORE)
    order = KillOrder.objects.select_for_update().filter(lifted_at=None).first()
    if order is None:
        raise DomainError("not_killed", _("The list is not emptied."))
    if order.by_id is not None and order.by_id == actor.id:
        raise DomainError(
            "second_person_needed",
            _("A second person must do this: you emptied the list."),
            remedy=_("Ask another list approver."),
        )
    order.lifted_at, order.lifted_by_id = clock.now(), actor.id
    order.save(update_fields=["lifted_at", "lifted_by"])
    audit.record("distribution.restored", subject=order, actor=actor)
    jobs.defer("distribution.publish")
