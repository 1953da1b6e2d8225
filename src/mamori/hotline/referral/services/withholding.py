"""Under a hold no receipt may say that a report was closed: that would tell an offender that somebody looks."""

from uuid import UUID

from django.db import transaction

from mamori.ground.actors import Actor
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.intake.services import submission_withhold


@transaction.atomic
def closings_withhold(*, actor: Actor, content_id: UUID, withheld: bool) -> None:
    """Withhold the closing of all submissions that reported a content item, or let them go again."""
    for submission_id in assessment.submissions_of(content_id):
        submission_withhold(actor=actor, submission_id=submission_id, withheld=withheld)
