from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mamori.ground.audit.looks import register_events, register_things
from mamori.ground.letters.states import LetterState
from mamori.ground.ui.states import StateLook, register_states

WORDS = {
    LetterState.QUEUED: StateLook(pgettext_lazy("letter", "Waiting"), "info", "clock"),
    LetterState.SENDING: StateLook(_("Being sent"), "info", "arrow-right"),
    LetterState.HANDING_OVER: StateLook(_("Being handed over"), "info", "arrow-right"),
    LetterState.HANDED: StateLook(_("Handed over"), "success", "check"),
    LetterState.REFUSED: StateLook(pgettext_lazy("letter", "Refused"), "error", "cross"),
    LetterState.UNCERTAIN: StateLook(_("Uncertain"), "warning", "alert"),
    LetterState.BOUNCED: StateLook(_("Came back"), "error", "alert"),
    LetterState.WITHDRAWN: StateLook(pgettext_lazy("letter", "Held back"), "neutral", "block"),
}
_KINDS: dict[str, Promise | str] = {"invitation": _("Invitation to become a member"), "account": _("About an account")}


def register_kinds(words: Mapping[str, Promise | str]) -> None:
    """Rooms name the kinds of letters they write, in `AppConfig.ready`."""
    _KINDS.update(words)


def kind_word(kind: str) -> str:
    """What a kind of letter is called; the kind itself when no room named it."""
    return str(_KINDS.get(kind, kind))


register_states("letter", {str(state): look for state, look in WORDS.items()})
register_events(
    _("Letters"),
    {
        "letters.queued": _("A letter was written and waits to go"),
        "letters.sending": _("A letter is being sent"),
        "letters.handing_over": _("A letter is being handed to the mail server"),
        "letters.handed": _("A letter was handed to the mail server"),
        "letters.refused": _("A letter was refused by the other side"),
        "letters.uncertain": _("Whether a letter arrived is not known"),
        "letters.bounced": _("A letter came back"),
        "letters.withdrawn": _("A letter was held back"),
        "letters.postponed": _("A letter is tried again later"),
        "letters.recovered": _("A letter of an interrupted sender waits to go again"),
        "letters.resolved": _("A person decided what becomes of a letter"),
    },
)
register_things(
    {
        "letters.letter": _("Letter"),
    }
)
