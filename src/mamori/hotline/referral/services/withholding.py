"""Under a hold no receipt may say that a report was closed: that would tell an offender that somebody looks."""

from uuid import UUID

from django.db import transaction

from mamori.ground.actors import Actor
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.intake import queries as intake
from mamori.hotline.intake.services import submission_police_hold
from mamori.hotline.referral.queries import held_since, is_held


@transaction.atomic
def closings_withhold(*, actor: Actor, content_id: UUID) -> None:
    """Hold all submissions that reported a content item while police hold any content of theirs. Safe to run again."""
    differs = intake.police_hold_differs(assessment.submissions_of(content_id), held_since())
    for submission_id in sorted(differs):
        submission_police_hold(actor=actor, submission_id=submission_id, is_held=is_held)
