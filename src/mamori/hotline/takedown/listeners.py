from mamori.ground.facts import listens
from mamori.ground.letters.facts import LetterFailed, LetterHanded, LetterWithdrawn
from mamori.ground.letters.services import guards
from mamori.hotline.assessment.facts import ContentConfirmed, ContentDismissed, ContentFinished, ContentReopened
from mamori.hotline.checks.facts import FoundGone, FoundOnline
from mamori.hotline.referral.facts import PoliceCleared, PoliceHeld
from mamori.hotline.takedown import services
from mamori.hotline.tracing.facts import ContactApproved, HostChanged, HostTraced


@listens(ContentConfirmed, "takedown.want")
def want(fact: ContentConfirmed) -> None:
    services.content_confirmed(content_id=fact.content_id)


@listens(PoliceCleared, "takedown.cleared")
def cleared(fact: PoliceCleared) -> None:
    services.content_consider(content_id=fact.content_id)


@listens(HostTraced, "takedown.traced")
def traced(fact: HostTraced) -> None:
    services.content_consider(content_id=fact.content_id)


@listens(ContactApproved, "takedown.contact")
def contact(fact: ContactApproved) -> None:  # noqa: ARG001 - all that waits is looked at again
    services.contact_approved()


@listens(ContentReopened, "takedown.reopened")
def reopened(fact: ContentReopened) -> None:
    services.content_reopened(content_id=fact.content_id)


@listens(PoliceHeld, "takedown.held")
def held(fact: PoliceHeld) -> None:
    services.content_suspend(content_id=fact.content_id)


@listens(HostChanged, "takedown.host_changed")
def host_changed(fact: HostChanged) -> None:
    services.content_moved_host(content_id=fact.content_id)


@listens(FoundOnline, "takedown.online")
def online(fact: FoundOnline) -> None:
    services.content_online(content_id=fact.content_id)


@listens(FoundGone, "takedown.gone")
def gone(fact: FoundGone) -> None:
    services.content_gone(content_id=fact.content_id)


@listens(ContentFinished, "takedown.finished")
def finished(fact: ContentFinished) -> None:
    services.content_gone(content_id=fact.content_id)


@listens(ContentDismissed, "takedown.dismissed")
def dismissed(fact: ContentDismissed) -> None:
    services.content_dropped(content_id=fact.content_id)


@listens(LetterHanded, "takedown.letter_handed")
def letter_handed(fact: LetterHanded) -> None:
    services.letter_handed(letter_id=fact.letter_id)


@listens(LetterFailed, "takedown.letter_failed")
def letter_failed(fact: LetterFailed) -> None:
    services.letter_failed(letter_id=fact.letter_id)


@listens(LetterWithdrawn, "takedown.letter_withdrawn")
def letter_withdrawn(fact: LetterWithdrawn) -> None:
    services.letter_withdrawn(letter_id=fact.letter_id)


guards("notice_")(services.letter_may_go)
