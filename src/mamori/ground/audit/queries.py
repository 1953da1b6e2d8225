"""What the Audit desk shows."""

from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.audit.models import Checkpoint, Event, Verification
from mamori.ground.audit.permissions import SEE, SEE_OWN
from mamori.ground.ui.moments import Waiting

LATE = timedelta(minutes=15)  # the worker asks the witness every few seconds


def events(actor: Actor) -> QuerySet[Event]:
    """All events for the auditor, those of one's own organisation for a senior."""
    actor.require(SEE_OWN)
    return Event.objects.all() if actor.may(SEE) else Event.objects.filter(organisation_id=actor.organisation_id)


def counted(event: str, since: datetime, until: datetime) -> int:
    """Of how many subjects the log tells an event between two moments, of each once."""
    rows = Event.objects.filter(event=event, at__gte=since, at__lt=until)
    return rows.values("subject_type", "subject_id").distinct().count()


def checkpoints(actor: Actor) -> QuerySet[Checkpoint]:
    actor.require(SEE)
    return Checkpoint.objects.all()


def last_checkpoint(actor: Actor) -> Checkpoint | None:
    """The largest checkpoint a witness co-signed."""
    return checkpoints(actor).filter(witnessed=True).order_by("-id").first()


def last_verification(actor: Actor) -> Verification | None:
    actor.require(SEE)
    return Verification.objects.order_by("-asked_at").first()


def desk(actor: Actor) -> list[Waiting]:
    """Alarms about the log itself."""
    if not actor.may(SEE):
        return []
    url, found = reverse("audit_checkpoints"), []
    verification = Verification.objects.exclude(done_at=None).order_by("-asked_at").first()
    if verification is not None and not verification.ok:
        found.append(Waiting(_("The audit log was changed"), len(verification.findings), url, "error", alarm=True))
    due = Event.objects.filter(at__lt=clock.now() - LATE).order_by("-id").values_list("at", flat=True).first()
    cosigned = Checkpoint.objects.filter(witnessed=True).order_by("-id").values_list("at", flat=True).first()
    if due and (cosigned is None or cosigned < due):
        found.append(Waiting(_("The witness has not co-signed the log lately"), 1, url, "warning", alarm=True))
    return found
