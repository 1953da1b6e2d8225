"""Machine E: a notice to one contact; its items, each one address; and what is tried for each content.

A notice gathers what one contact has to remove: there is one open notice per contact. New addresses join it and are
told by a further letter, so clocks run by content, from the moment its first letter was delivered.
"""

from enum import StrEnum

from mamori.ground.states import Machine, Move
from mamori.hotline.takedown.permissions import CLOSE, SEND


class Level(StrEnum):
    """Rungs of the escalation ladder, in their order. Stored."""

    SITE_OPERATOR = "site_operator"
    HOSTER = "hoster"
    UPSTREAM = "upstream"
    REGISTRAR = "registrar"
    REGULATOR = "regulator"


class NoticeState(StrEnum):
    DRAFT = "draft"
    GROUPING = "grouping"
    VERIFYING = "verifying"
    SENDING = "sending"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    ACKNOWLEDGED = "acknowledged"
    REMOVAL_CLAIMED = "removal_claimed"
    DISPUTED = "disputed"
    OVERDUE = "overdue"
    SUSPENDED = "suspended"
    VERIFIED_REMOVED = "verified_removed"
    ESCALATED = "escalated"
    CLOSED = "closed"


N = NoticeState
GATHERING = (N.DRAFT, N.GROUPING, N.VERIFYING)
TOLD = (N.DELIVERED, N.ACKNOWLEDGED, N.REMOVAL_CLAIMED, N.DISPUTED, N.OVERDUE)
FINISHED = (N.VERIFIED_REMOVED, N.ESCALATED, N.CLOSED)
OPEN = tuple(state for state in NoticeState if state not in FINISHED)
_SYSTEM = Move(None)
_PERSON = Move(SEND)
_SENIOR = Move(CLOSE)

NOTICE: Machine[NoticeState] = Machine(
    "notice",
    NoticeState,
    {
        (N.DRAFT, N.GROUPING): _SYSTEM,
        (N.GROUPING, N.VERIFYING): _PERSON,
        (N.VERIFYING, N.SENDING): _SYSTEM,
        (N.SENDING, N.DELIVERED): _SYSTEM,
        (N.SENDING, N.BOUNCED): _SYSTEM,
        (N.BOUNCED, N.SENDING): _PERSON,
        (N.BOUNCED, N.DELIVERED): _SYSTEM,
        # An answer can come before the mail server's word, and a mail can bounce after it was taken.
        **{(N.SENDING, to): _SYSTEM for to in TOLD if to is not N.DELIVERED},
        **{(N.BOUNCED, to): _SYSTEM for to in TOLD if to is not N.DELIVERED},
        **{(state, N.BOUNCED): _SYSTEM for state in TOLD},
        **{(one, other): _SYSTEM for one in TOLD for other in TOLD if one is not other},
        # All its addresses are held back by police, or their host changed; and back.
        **{(state, N.SUSPENDED): _SYSTEM for state in OPEN if state is not N.SUSPENDED},
        (N.SUSPENDED, N.GROUPING): _SYSTEM,
        (N.SUSPENDED, N.DELIVERED): _SYSTEM,
        # Nothing is left in it.
        **{(state, N.VERIFIED_REMOVED): _SYSTEM for state in OPEN},
        **{(state, N.ESCALATED): _SYSTEM for state in OPEN},
        **{(state, N.CLOSED): _SENIOR for state in OPEN},
        (N.ESCALATED, N.CLOSED): _SENIOR,
    },
)


class ItemState(StrEnum):
    """WAITING: not yet in a letter. TOLD: in one. ESCALATED: the next rung has it now."""

    WAITING = "waiting"
    TOLD = "told"
    CLAIMED = "claimed"
    DISPUTED = "disputed"
    SUSPENDED = "suspended"
    REMOVED = "removed"
    WITHDRAWN = "withdrawn"
    ESCALATED = "escalated"


I = ItemState  # noqa: E741 - short for the table below
ITEM_OPEN = (I.WAITING, I.TOLD, I.CLAIMED, I.DISPUTED, I.SUSPENDED)
ITEM: Machine[ItemState] = Machine(
    "notice_item",
    ItemState,
    {
        (I.WAITING, I.TOLD): _SYSTEM,
        (I.TOLD, I.CLAIMED): _SYSTEM,
        (I.TOLD, I.DISPUTED): _SYSTEM,
        (I.CLAIMED, I.DISPUTED): _SYSTEM,
        (I.DISPUTED, I.CLAIMED): _SYSTEM,
        (I.CLAIMED, I.TOLD): _SYSTEM,
        (I.TOLD, I.WAITING): _SYSTEM,  # its letter came back, and it was not in order when that was sent again
        (I.DISPUTED, I.TOLD): _PERSON,
        **{(state, I.SUSPENDED): _SYSTEM for state in ITEM_OPEN if state is not I.SUSPENDED},
        (I.SUSPENDED, I.WAITING): _SYSTEM,
        (I.SUSPENDED, I.TOLD): _SYSTEM,
        **{(state, I.REMOVED): _SYSTEM for state in (*ITEM_OPEN, I.ESCALATED)},
        **{(state, I.WITHDRAWN): _PERSON for state in (*ITEM_OPEN, I.ESCALATED)},
        **{(state, I.ESCALATED): _SYSTEM for state in ITEM_OPEN},
    },
)


class RemovalState(StrEnum):
    """WANTED: no notice holds it yet. NOTICED: one does. DROPPED: found not to be illegal, or given up."""

    WANTED = "wanted"
    NOTICED = "noticed"
    GONE = "gone"
    DROPPED = "dropped"


R = RemovalState
REMOVAL: Machine[RemovalState] = Machine(
    "removal",
    RemovalState,
    {
        (R.WANTED, R.NOTICED): _SYSTEM,
        (R.NOTICED, R.WANTED): _PERSON,
        **{(state, R.GONE): _SYSTEM for state in (R.WANTED, R.NOTICED)},
        **{(state, R.DROPPED): _PERSON for state in (R.WANTED, R.NOTICED)},
        (R.GONE, R.WANTED): _SYSTEM,
        (R.DROPPED, R.WANTED): _SYSTEM,
    },
)


class LetterKind(StrEnum):
    FIRST = "first"
    FURTHER = "further"
    REMINDER = "reminder"


class AnswerKind(StrEnum):
    """What a hoster can say. OPENED is said by opening the page."""

    OPENED = "opened"
    ACKNOWLEDGE = "acknowledge"
    REMOVED = "removed"
    DISPUTE = "dispute"
    QUESTION = "question"


class StepReason(StrEnum):
    """Why the next rung was told."""

    CLOCK = "clock"
    BOUNCED = "bounced"
    REFUSED = "refused"
    PERSON = "person"


class WarningKind(StrEnum):
    """Of the ledger per administrator (M14)."""

    WARNING = "warning"
    RECOMMENDATION = "recommendation"
    CHARGE = "charge"
