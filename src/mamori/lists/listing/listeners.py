"""What the hotline announces, and what the list does about it."""

from mamori.ground.facts import listens
from mamori.hotline.assessment.facts import ContentDismissed, ContentFinished, ContentReopened
from mamori.hotline.checks.facts import FoundGone, Resurfaced
from mamori.hotline.referral.facts import PoliceHeld
from mamori.hotline.takedown.facts import RemovalTooSlow
from mamori.lists.listing import services
from mamori.lists.listing.states import End


@listens(FoundGone, "listing.lift_what_is_gone")
def gone(fact: FoundGone) -> None:
    services.content_gone(content_id=fact.content_id)


@listens(PoliceHeld, "listing.review_what_is_held")
def held(fact: PoliceHeld) -> None:
    services.content_held(content_id=fact.content_id)


@listens(RemovalTooSlow, "listing.consider")
def too_slow(fact: RemovalTooSlow) -> None:
    services.candidate_open(content_id=fact.content_id, why="too_slow")


@listens(Resurfaced, "listing.consider_again")
def resurfaced(fact: Resurfaced) -> None:
    services.candidate_open(content_id=fact.content_id, why="resurfaced")


@listens(ContentDismissed, "listing.drop_dismissed")
def dismissed(fact: ContentDismissed) -> None:
    services.content_dropped(content_id=fact.content_id, end=End.DISMISSED)


@listens(ContentReopened, "listing.drop_reopened")
def reopened(fact: ContentReopened) -> None:
    services.content_dropped(content_id=fact.content_id, end=End.REOPENED)


@listens(ContentFinished, "listing.lift_what_ended")
def finished(fact: ContentFinished) -> None:
    services.content_gone(content_id=fact.content_id)
