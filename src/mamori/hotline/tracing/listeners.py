from mamori.ground.actors import SYSTEM
from mamori.ground.facts import listens
from mamori.ground.jobs import Lane
from mamori.hotline.assessment.facts import (
    ChildAtRiskFound,
    ContentConfirmed,
    ContentDismissed,
    ContentFinished,
    ContentOpened,
    ContentReopened,
    ContentReported,
)
from mamori.hotline.tracing import services


@listens(ContentOpened, "tracing.run", Lane.OUTSIDE)
def run(fact: ContentOpened) -> None:
    services.trace_run(actor=SYSTEM, content_id=fact.content_id, ask_name=True)


@listens(ContentReported, "tracing.ask_name", Lane.OUTSIDE)
def reported_again(fact: ContentReported) -> None:
    services.name_ask(content_id=fact.content_id)


@listens(ContentReopened, "tracing.run_again", Lane.OUTSIDE)
def run_again(fact: ContentReopened) -> None:
    services.trace_run(actor=SYSTEM, content_id=fact.content_id)


@listens(ContentConfirmed, "tracing.contact_needed")
def needed(fact: ContentConfirmed) -> None:
    services.contact_needed(actor=SYSTEM, content_id=fact.content_id)


@listens(ChildAtRiskFound, "tracing.contact_needed_urgently")
def needed_urgently(fact: ChildAtRiskFound) -> None:
    services.contact_needed(actor=SYSTEM, content_id=fact.content_id, urgent=True)


def unneeded(fact: ContentDismissed | ContentFinished) -> None:
    services.contact_unneeded(content_id=fact.content_id)


listens(ContentDismissed, "tracing.unneeded")(unneeded)
listens(ContentFinished, "tracing.unneeded_any_more")(unneeded)
