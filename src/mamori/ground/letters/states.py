"""queued -> sending -> handing_over -> handed | refused | uncertain; handed -> bounced; before the last dot: withdrawn.

SMTP cannot tell a sender that died between the last dot and the answer whether the letter was taken. That moment
is its own state: a letter found there after a crash is `uncertain`, is never sent again by itself (nobody is told
twice) and is shown on the desk, where a person sends it again or marks it as taken. A letter that its room holds back
when it is about to go (police ask to wait) is `withdrawn`: what it would have told is told by another, or by none.
"""

from enum import StrEnum

from mamori.ground.states import Machine, Move

RESOLVE = "letters.resolve"


class LetterState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    HANDING_OVER = "handing_over"
    HANDED = "handed"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    BOUNCED = "bounced"
    WITHDRAWN = "withdrawn"


_S = LetterState
LETTER = Machine(
    "letter",
    LetterState,
    {
        (_S.QUEUED, _S.SENDING): Move(None),
        (_S.SENDING, _S.HANDING_OVER): Move(None),
        (_S.SENDING, _S.QUEUED): Move(None),
        (_S.SENDING, _S.REFUSED): Move(None),
        (_S.QUEUED, _S.WITHDRAWN): Move(None),
        (_S.SENDING, _S.WITHDRAWN): Move(None),
        (_S.HANDING_OVER, _S.HANDED): Move(None),
        (_S.HANDING_OVER, _S.QUEUED): Move(None),
        (_S.HANDING_OVER, _S.REFUSED): Move(None),
        (_S.HANDING_OVER, _S.UNCERTAIN): Move(None),
        (_S.UNCERTAIN, _S.HANDED): Move(RESOLVE),
        (_S.UNCERTAIN, _S.QUEUED): Move(RESOLVE),
        (_S.UNCERTAIN, _S.REFUSED): Move(None),
        (_S.REFUSED, _S.QUEUED): Move(RESOLVE),
        (_S.BOUNCED, _S.QUEUED): Move(RESOLVE),
        (_S.HANDED, _S.BOUNCED): Move(None),
    },
)
