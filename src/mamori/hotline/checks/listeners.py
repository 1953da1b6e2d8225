from mamori.ground.actors import SYSTEM
from mamori.ground.facts import listens
from mamori.hotline.assessment.facts import ContentConfirmed, ContentDismissed
from mamori.hotline.checks import services
from mamori.hotline.checks.facts import Resurfaced
from mamori.hotline.referral.services import referral_tell_again


@listens(ContentConfirmed, "checks.watch")
def watch_confirmed(fact: ContentConfirmed) -> None:
    services.watch_begin(content_id=fact.content_id)


@listens(ContentDismissed, "checks.end_watch")
def end_watch(fact: ContentDismissed) -> None:
    services.watch_end(content_id=fact.content_id)


@listens(Resurfaced, "checks.tell_police_it_came_back")
def tell_police_again(fact: Resurfaced) -> None:
    referral_tell_again(actor=SYSTEM, content_id=fact.content_id)
