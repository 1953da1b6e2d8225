"""The exposure budget is lifted by another person, and being on duty is noted."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock
from mamori.ground.accounts.models import User
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.hotline.assessment.models import DutyPresence, ExposureLift
from mamori.hotline.assessment.permissions import ASSESS, LIFT_EXPOSURE

MOST_MINUTES = 240


@transaction.atomic
def exposure_lift(*, actor: Actor, person_id: UUID, minutes: int, reason: str) -> None:
    """Give a colleague more time under lease today. Never oneself."""
    actor.require(LIFT_EXPOSURE)
    if actor.id is None or person_id == actor.id:
        raise DomainError(
            "own_budget", _("You cannot lift your own budget."), remedy=_("Ask another senior analyst."), status=403
        )
    person = User.objects.filter(id=person_id, is_active=True).first()
    if person is None or not person.actor.may(ASSESS):
        raise NotFound
    if not reason.strip():
        raise DomainError("reason_needed", _("Say why the budget is lifted."), status=422)
    if not 1 <= minutes <= MOST_MINUTES:
        raise DomainError("minutes_out_of_range", _("Give between 1 and 240 minutes."), status=422)
    now = clock.now()
    ExposureLift.objects.create(
        person=person,
        on=timezone.localdate(now),
        minutes=minutes,
        reason=reason.strip()[:300],
        lifted_by_id=actor.id,
        lifted_at=now,
    )
    audit.record("assessment.exposure_lifted", subject=person, actor=actor, minutes=minutes)


def duty_touch(*, actor: Actor) -> None:
    """Note that an analyst is here now."""
    if actor.kind == "person" and actor.may(ASSESS):
        DutyPresence.objects.update_or_create(person_id=actor.id, defaults={"seen_at": clock.now()})
