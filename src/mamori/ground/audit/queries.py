"""What the Audit desk shows."""

from django.db.models import QuerySet

from mamori.ground.actors import Actor
from mamori.ground.audit.models import Checkpoint, Event, Verification
from mamori.ground.audit.permissions import SEE, SEE_OWN


def events(actor: Actor) -> QuerySet[Event]:
    """All events for the auditor, those of one's own organisation for a senior."""
    actor.require(SEE_OWN)
    return Event.objects.all() if actor.may(SEE) else Event.objects.filter(organisation_id=actor.organisation_id)


def checkpoints(actor: Actor) -> QuerySet[Checkpoint]:
    actor.require(SEE)
    return Checkpoint.objects.all()


def last_checkpoint(actor: Actor) -> Checkpoint | None:
    """The largest checkpoint a witness co-signed."""
    return checkpoints(actor).filter(witnessed=True).order_by("-id").first()


def last_verification(actor: Actor) -> Verification | None:
    actor.require(SEE)
    return Verification.objects.order_by("-asked_at").first()
