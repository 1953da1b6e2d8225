"""What the hotline announces, and what the bank does about it."""

from mamori.ground.facts import listens
from mamori.hotline.assessment.facts import ContentConfirmed, ContentDismissed
from mamori.hotline.checks.facts import FoundOnline
from mamori.lists.fingerprints import services


@listens(FoundOnline, "fingerprints.add_what_was_found")
def found(fact: FoundOnline) -> None:
    services.content_found(content_id=fact.content_id)


@listens(ContentConfirmed, "fingerprints.add_what_was_confirmed")
def confirmed(fact: ContentConfirmed) -> None:
    services.content_found(content_id=fact.content_id)


@listens(ContentDismissed, "fingerprints.withdraw_what_was_dismissed")
def dismissed(fact: ContentDismissed) -> None:
    services.content_dropped(content_id=fact.content_id)
