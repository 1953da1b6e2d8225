from mamori.ground.facts import listens
from mamori.hotline.assessment.facts import ContentConfirmed, ContentDismissed
from mamori.hotline.checks import services


@listens(ContentConfirmed, "checks.watch")
def watch_confirmed(fact: ContentConfirmed) -> None:
    services.watch_begin(content_id=fact.content_id)


@listens(ContentDismissed, "checks.end_watch")
def end_watch(fact: ContentDismissed) -> None:
    services.watch_end(content_id=fact.content_id)
