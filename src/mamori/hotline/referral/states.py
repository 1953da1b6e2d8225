"""Machine D: a referral to police. Its way to them, its answer, and what may happen meanwhile."""

from datetime import timedelta
from enum import StrEnum

from mamori.ground.states import Machine, Move
from mamori.hotline.referral.permissions import ANSWER, CHOOSE, DELIVER

UNDELIVERED_AFTER = timedelta(hours=4)
UNDELIVERED_URGENT_AFTER = timedelta(minutes=15)
ALERTS = (50, 80, 100)  # percent of the silence clock
TOLD_AGAIN_AFTER = timedelta(hours=1)  # at most one such letter in this time
LAPSE_AFTER = timedelta(hours=24)  # from a hold's end, told to a supervisor, to its release
WRITE_AGAIN_AFTER = timedelta(hours=1)  # to supervisors none of whom could be reached
PRESERVED_FOR = timedelta(days=30)
PRESERVED_AT_MOST = timedelta(days=60)


class ReferralState(StrEnum):
    DRAFTED = "drafted"
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    HOLD_REQUESTED = "hold_requested"
    RELEASED = "released"
    NO_OBJECTION = "no_objection"
    FEEDBACK = "feedback"


_S = ReferralState
_SYSTEM = Move(None)
_POLICE = Move(ANSWER)
UNDELIVERED = (_S.QUEUED, _S.SENT)
UNANSWERED = (_S.DELIVERED, _S.ACKNOWLEDGED)
REFERRAL = Machine(
    "referral",
    ReferralState,
    {
        (_S.DRAFTED, _S.QUEUED): Move(CHOOSE),
        (_S.QUEUED, _S.SENT): _SYSTEM,
        (_S.SENT, _S.DELIVERED): Move(DELIVER),
        (_S.DELIVERED, _S.ACKNOWLEDGED): _POLICE,
        (_S.DELIVERED, _S.NO_OBJECTION): _SYSTEM,
        (_S.ACKNOWLEDGED, _S.NO_OBJECTION): _SYSTEM,
        (_S.ACKNOWLEDGED, _S.HOLD_REQUESTED): _POLICE,
        (_S.ACKNOWLEDGED, _S.RELEASED): _POLICE,
        (_S.HOLD_REQUESTED, _S.RELEASED): _POLICE,
        # A hold lapsed where only a release clears.
        (_S.HOLD_REQUESTED, _S.ACKNOWLEDGED): _SYSTEM,
        # A late hold: police ask to wait after notices were free to go.
        **{(state, _S.HOLD_REQUESTED): _POLICE for state in (_S.RELEASED, _S.NO_OBJECTION, _S.FEEDBACK)},
        (_S.RELEASED, _S.FEEDBACK): _POLICE,
        (_S.NO_OBJECTION, _S.FEEDBACK): _POLICE,
    },
)


class PolicyKind(StrEnum):
    """When notices may go. Stored: never rename or reuse a value."""

    APPROVAL = "approval"  # only after police released it
    SILENT_CONSENT = "silent_consent"  # after so many hours from delivery without a hold
    SIMULTANEOUS = "simultaneous"  # as soon as it is sent to police
    PER_ITEM = "per_item"  # an analyst chooses one of the three for each


CHOICES = (PolicyKind.APPROVAL, PolicyKind.SILENT_CONSENT, PolicyKind.SIMULTANEOUS)


class Channel(StrEnum):
    DESK = "desk"
    API = "api"


class Delivery(StrEnum):
    """How police got it."""

    DESK = "desk"
    API = "api"
    PHONE = "phone"


class HoldEnd(StrEnum):
    RELEASED = "released"
    LAPSED = "lapsed"


class FeedbackKind(StrEnum):
    NEW_VICTIM = "new_victim"
    KNOWN = "known"
    CASE_NO = "case_no"


class StepKind(StrEnum):
    """What happened to a referral. Stored: never rename or reuse a value."""

    OPENED = "opened"
    URGENT = "urgent"
    URGENT_SEEN = "urgent_seen"
    QUEUED = "queued"
    SENT = "sent"
    LETTER_FAILED = "letter_failed"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    PAGED = "paged"
    ALERT = "alert"
    HOLD_REQUESTED = "hold_requested"
    HOLD_RENEWED = "hold_renewed"
    HOLD_OVER = "hold_over"
    HOLD_LAPSED = "hold_lapsed"
    RELEASED = "released"
    NO_OBJECTION = "no_objection"
    CLEARED = "cleared"
    FEEDBACK = "feedback"
    TOLD_AGAIN = "told_again"
    EVIDENCE = "evidence"
    PRESERVATION = "preservation"
    PRESERVATION_EXTENDED = "preservation_extended"
