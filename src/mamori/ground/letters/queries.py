"""What the Letters desk shows."""

from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.ground.letters.models import Letter
from mamori.ground.letters.permissions import SEE
from mamori.ground.letters.states import RESOLVE, LetterState
from mamori.ground.ui.moments import Waiting

FAILED = (LetterState.REFUSED, LetterState.UNCERTAIN, LetterState.BOUNCED)
STUCK = timedelta(minutes=30)
MOST = 1000


def letters(actor: Actor) -> QuerySet[Letter]:
    """All letters, without bodies and attachments."""
    actor.require(SEE)
    return Letter.objects.defer("body", "attachment")


def letter(actor: Actor, letter_id: UUID) -> Letter:
    """One letter. Bodies of invitations hold a secret link and are not shown."""
    if not actor.may(SEE):
        raise NotFound
    found = Letter.objects.defer("attachment").filter(id=letter_id).first()
    if found is None:
        raise NotFound
    return found


def desk(actor: Actor) -> list[Waiting]:
    """Letters that did not arrive, for those who decide about them; and those the mail server has not taken yet."""
    if not actor.may(RESOLVE):
        return []
    url = reverse("letters_letters")
    stuck = Letter.objects.filter(state=LetterState.QUEUED, queued_at__lte=clock.now() - STUCK)[:MOST].count()
    waiting = [
        Waiting(_("Letters no mail server takes for half an hour"), stuck, f"{url}?state=queued", "error", alarm=True)
    ]
    words = {
        LetterState.UNCERTAIN: _("Letters nobody knows the fate of"),
        LetterState.REFUSED: _("Letters refused by the other side"),
        LetterState.BOUNCED: _("Letters that came back"),
    }
    counts = {state: Letter.objects.filter(state=state)[:MOST].count() for state in words}
    return waiting[:stuck] + [
        Waiting(words[state], count, f"{url}?state={state}", "warning" if state == LetterState.UNCERTAIN else "error")
        for state, count in counts.items()
        if count
    ]
