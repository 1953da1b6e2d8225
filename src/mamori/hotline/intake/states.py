"""A report: received -> screened -> linked -> closed(outcome). Words of INHOPE's ICCAM where it has them."""

from enum import StrEnum

from mamori.ground.states import Machine, Move

SCREEN = "intake.screen"


class ReportState(StrEnum):
    RECEIVED = "received"
    SCREENED = "screened"
    LINKED = "linked"
    CLOSED = "closed"


class Screening(StrEnum):
    """What screening found. Stored: never reuse a value."""

    ACCEPTED = "accepted"
    URGENT_CHILD_AT_RISK = "urgent_child_at_risk"
    DUPLICATE = "duplicate"
    OUT_OF_REMIT = "out_of_remit"
    SPAM = "spam"


class Outcome(StrEnum):
    """How a report ended. Stored: never reuse a value."""

    ACTIONED = "actioned"
    REMOVED = "removed"
    ALREADY_GONE = "already_gone"
    NOT_ILLEGAL = "not_illegal"
    OUT_OF_REMIT = "out_of_remit"
    INSUFFICIENT_INFORMATION = "insufficient_information"
    DUPLICATE = "duplicate"


class Source(StrEnum):
    PUBLIC = "public"
    OPERATOR = "operator"
    PATROL = "patrol"
    API = "api"
    IMPORT = "import"


class Channel(StrEnum):
    """How somebody reached an operator."""

    PHONE = "phone"
    WALK_IN = "walk_in"
    LETTER = "letter"


class Direction(StrEnum):
    TO_REPORTER = "to_reporter"
    TO_HOTLINE = "to_hotline"


# Screening that ends a report at once, and the outcome it ends with.
ENDS = {Screening.OUT_OF_REMIT: Outcome.OUT_OF_REMIT, Screening.SPAM: Outcome.OUT_OF_REMIT}

_S = ReportState
REPORT = Machine(
    "report",
    ReportState,
    {
        (_S.RECEIVED, _S.SCREENED): Move(SCREEN),
        (_S.SCREENED, _S.CLOSED): Move(SCREEN),
        (_S.SCREENED, _S.LINKED): Move(None),
        (_S.LINKED, _S.CLOSED): Move(None),
    },
)
