from mamori.ground.actors import SYSTEM
from mamori.ground.facts import listens
from mamori.ground.letters.facts import LetterFailed, LetterHanded
from mamori.hotline.assessment.facts import ChildAtRiskFound, ContentConfirmed, ContentFinished, ContentReopened
from mamori.hotline.checks.facts import Resurfaced
from mamori.hotline.referral import queries, services
from mamori.hotline.referral.facts import PoliceCleared, PoliceHeld


@listens(ContentConfirmed, "referral.open")
def refer(fact: ContentConfirmed) -> None:
    services.referral_open(actor=SYSTEM, content_id=fact.content_id)


@listens(ChildAtRiskFound, "referral.open_urgent")
def refer_urgently(fact: ChildAtRiskFound) -> None:
    services.referral_open(actor=SYSTEM, content_id=fact.content_id, urgent=True)


@listens(Resurfaced, "referral.tell_it_came_back")
def came_back(fact: Resurfaced) -> None:
    services.referral_tell_again(actor=SYSTEM, content_id=fact.content_id)


@listens(ContentReopened, "referral.tell_it_was_reopened")
def reopened(fact: ContentReopened) -> None:
    services.referral_tell_again(actor=SYSTEM, content_id=fact.content_id)


@listens(LetterHanded, "referral.letter_handed")
def handed(fact: LetterHanded) -> None:
    services.mailing_handed(letter_id=fact.letter_id)


@listens(LetterFailed, "referral.letter_failed")
def failed(fact: LetterFailed) -> None:
    services.mailing_failed(letter_id=fact.letter_id)


@listens(PoliceHeld, "referral.withhold_closings")
def withhold(fact: PoliceHeld) -> None:
    services.closings_withhold(actor=SYSTEM, content_id=fact.content_id, withheld=queries.is_held(fact.content_id))


@listens(ContentFinished, "referral.withhold_new_closings")
def withhold_new(fact: ContentFinished) -> None:
    if queries.is_held(fact.content_id):
        services.closings_withhold(actor=SYSTEM, content_id=fact.content_id, withheld=True)


@listens(PoliceCleared, "referral.let_closings_go")
def let_go(fact: PoliceCleared) -> None:
    if queries.was_held(fact.content_id) and not queries.is_held(fact.content_id):
        services.closings_withhold(actor=SYSTEM, content_id=fact.content_id, withheld=False)
