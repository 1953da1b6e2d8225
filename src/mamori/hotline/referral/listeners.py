from mamori.ground.actors import SYSTEM
from mamori.ground.facts import listens
from mamori.ground.letters.facts import LetterFailed, LetterHanded, LetterWithdrawn
from mamori.ground.letters.services import guards
from mamori.hotline.assessment.facts import (
    ChildAtRiskFound,
    ContentConfirmed,
    ContentDismissed,
    ContentFinished,
    ContentReopened,
    ContentReported,
)
from mamori.hotline.referral import services
from mamori.hotline.referral.facts import PoliceCleared, PoliceHeld


@listens(ContentConfirmed, "referral.open")
def refer(fact: ContentConfirmed) -> None:
    services.referral_open(actor=SYSTEM, content_id=fact.content_id)


@listens(ChildAtRiskFound, "referral.open_urgent")
def refer_urgently(fact: ChildAtRiskFound) -> None:
    services.referral_open(actor=SYSTEM, content_id=fact.content_id, urgent=True, cause_id=fact.cause_id)


@listens(ContentReopened, "referral.tell_it_was_reopened")
def reopened(fact: ContentReopened) -> None:
    services.referral_tell_again(actor=SYSTEM, content_id=fact.content_id)


@listens(LetterHanded, "referral.letter_handed")
def handed(fact: LetterHanded) -> None:
    services.mailing_handed(letter_id=fact.letter_id)


@listens(LetterFailed, "referral.letter_failed")
def failed(fact: LetterFailed) -> None:
    services.mailing_failed(letter_id=fact.letter_id)


@listens(LetterWithdrawn, "referral.preservation_withdrawn")
def withdrawn(fact: LetterWithdrawn) -> None:
    services.preservation_withdrawn(letter_id=fact.letter_id)


guards("preservation", resends=False)(services.preservation_may_go)


def withhold(fact: PoliceHeld | PoliceCleared | ContentReported | ContentFinished | ContentDismissed) -> None:
    services.closings_withhold(actor=SYSTEM, content_id=fact.content_id)


listens(PoliceHeld, "referral.withhold_closings")(withhold)
listens(PoliceCleared, "referral.let_closings_go")(withhold)
listens(ContentReported, "referral.withhold_of_new_report")(withhold)
listens(ContentFinished, "referral.withhold_new_closings")(withhold)
listens(ContentDismissed, "referral.withhold_of_dismissed")(withhold)
