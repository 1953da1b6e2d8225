"""What the desks' own pages read of their own table, and of steps that failed."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.desks.models import Figures
from mamori.desks.permissions import FIGURES, SEE_STUCK
from mamori.ground import jobs
from mamori.ground.actors import Actor
from mamori.ground.ui.moments import Waiting


def figures(actor: Actor) -> Figures | None:
    """The last computed figures; None before the worker has run once."""
    actor.require(FIGURES)
    return Figures.objects.filter(id=1).first()


def stuck(actor: Actor) -> list[jobs.Failed]:
    """Steps that failed for good: names and numbers only."""
    actor.require(SEE_STUCK)
    return jobs.failed()


def desk(actor: Actor) -> list[Waiting]:
    """An alarm for who runs the machine and who answers for the hotline, while any step is stuck."""
    if not actor.may(SEE_STUCK):
        return []
    number = sum(each.number for each in jobs.failed())
    if not number:
        return []
    return [Waiting(_("Steps of the hotline are stuck"), number, reverse("desks_stuck"), "error", alarm=True)]
