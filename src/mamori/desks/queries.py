"""What the desks' own pages read of their own table."""

from mamori.desks.models import Figures
from mamori.desks.permissions import FIGURES
from mamori.ground.actors import Actor


def figures(actor: Actor) -> Figures | None:
    """The last computed figures; None before the worker has run once."""
    actor.require(FIGURES)
    return Figures.objects.filter(id=1).first()
