"""What the desks themselves write: figures, and that somebody searched."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from mamori.desks import figures
from mamori.desks.models import Figures
from mamori.desks.permissions import SEARCH
from mamori.engine.addresses import canonicalize
from mamori.ground import audit, clock
from mamori.ground.actors import Actor
from mamori.hotline.assessment import queries as assessment

EVERY = timedelta(minutes=10)


def figures_refresh() -> bool:
    """Compute the figures anew when they are older than ten minutes. Returns whether it did."""
    last = Figures.objects.filter(id=1).first()
    if last is not None and clock.now() - last.computed_at < EVERY:
        return False
    now = clock.now()
    Figures.objects.update_or_create(id=1, defaults={"computed_at": now, "data": figures.compute(now)})
    return True


@transaction.atomic
def address_search(*, actor: Actor, text: str) -> UUID | None:
    """The content item with exactly this address, None when there is none. Each search is written to the log.

    AddressError when the text is no address.
    """
    actor.require(SEARCH)
    address = canonicalize(text)
    found = assessment.content_at(actor, address)
    audit.record("desks.searched", subject=f"address:{address.digest}", actor=actor, found=found is not None)
    return found
