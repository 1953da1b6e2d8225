"""Machine B: a content item. Its trace, referral, notices, checks and entries are machines of later rooms.

An item begins in `tracing`: its creation is the flow's "new". Nothing waits for a slow registry: an item that is
still being traced may be taken too.
"""

from enum import StrEnum

from mamori.ground.states import Machine, Move
from mamori.hotline.assessment.permissions import ASSESS, REOPEN


class ContentState(StrEnum):
    TRACING = "tracing"
    AWAITING_ASSESSMENT = "awaiting_assessment"
    CANNOT_ACCESS = "cannot_access"
    IN_ASSESSMENT = "in_assessment"
    SECOND_OPINION = "second_opinion"
    IN_SECOND_OPINION = "in_second_opinion"
    ASSESSED = "assessed"
    ACTIONING = "actioning"
    MONITORING = "monitoring"
    REMOVED = "removed"
    UNAVAILABLE = "unavailable"
    MOVED = "moved"
    NOT_ILLEGAL = "not_illegal"
    WATCH = "watch"
    CLOSED = "closed"


S = ContentState
# What waits for a person, and what is under a person's lease.
WAITING = (S.TRACING, S.AWAITING_ASSESSMENT, S.SECOND_OPINION)
UNDER_LEASE = (S.IN_ASSESSMENT, S.IN_SECOND_OPINION)
ENDS = (S.REMOVED, S.UNAVAILABLE, S.MOVED)
_ANALYST = Move(ASSESS)
_SECOND = Move(ASSESS, second_person=True)
_SENIOR = Move(REOPEN)
_SYSTEM = Move(None)

CONTENT = Machine(
    "content",
    ContentState,
    {
        (S.TRACING, S.AWAITING_ASSESSMENT): _SYSTEM,
        **{(state, S.IN_ASSESSMENT): _ANALYST for state in (S.TRACING, S.AWAITING_ASSESSMENT)},
        (S.SECOND_OPINION, S.IN_SECOND_OPINION): _SECOND,
        # A lease ends without a decision.
        (S.IN_ASSESSMENT, S.AWAITING_ASSESSMENT): _ANALYST,
        (S.IN_SECOND_OPINION, S.SECOND_OPINION): _ANALYST,
        # A decision.
        (S.IN_ASSESSMENT, S.SECOND_OPINION): _ANALYST,
        (S.IN_ASSESSMENT, S.ASSESSED): _ANALYST,
        (S.IN_SECOND_OPINION, S.ASSESSED): _ANALYST,
        # A decision withdrawn by its author.
        (S.SECOND_OPINION, S.AWAITING_ASSESSMENT): _ANALYST,
        (S.ASSESSED, S.AWAITING_ASSESSMENT): _ANALYST,
        # What follows from it.
        (S.ASSESSED, S.ACTIONING): _SYSTEM,
        (S.ASSESSED, S.NOT_ILLEGAL): _SYSTEM,
        (S.ASSESSED, S.CLOSED): _SYSTEM,
        (S.ACTIONING, S.MONITORING): _SYSTEM,
        **{(state, end): _SENIOR for state in (S.ACTIONING, S.MONITORING) for end in (*ENDS, S.NOT_ILLEGAL)},
        # It cannot be seen: tried again, or ended as unavailable.
        **{(state, S.CANNOT_ACCESS): _ANALYST for state in UNDER_LEASE},
        (S.CANNOT_ACCESS, S.AWAITING_ASSESSMENT): _ANALYST,
        (S.CANNOT_ACCESS, S.UNAVAILABLE): _SENIOR,
        # The watch, and the end.
        **{(end, S.WATCH): _SYSTEM for end in ENDS},
        (S.WATCH, S.CLOSED): _SYSTEM,
        (S.NOT_ILLEGAL, S.CLOSED): _SYSTEM,
        # It came back as it was.
        **{(state, S.ACTIONING): _SYSTEM for state in (*ENDS, S.WATCH, S.CLOSED)},
        # It changed, was reported again, or an appeal asks for another look.
        **{
            (state, S.AWAITING_ASSESSMENT): _SENIOR
            for state in (S.ACTIONING, S.MONITORING, *ENDS, S.NOT_ILLEGAL, S.WATCH, S.CLOSED)
        },
    },
)


class Verdict(StrEnum):
    """Stored. BASELINE: illegal in every country. NATIONAL: illegal by the national law."""

    BASELINE = "BASELINE"
    NATIONAL = "NATIONAL"
    NOT_ILLEGAL = "NOT_ILLEGAL"
    IGNORE = "IGNORE"
    UNDETERMINED = "UNDETERMINED"

    @property
    def illegal(self) -> bool:
        return self in ILLEGAL


ILLEGAL = (Verdict.BASELINE, Verdict.NATIONAL)


class LeaseEnd(StrEnum):
    DECIDED = "decided"
    RELEASED = "released"
    EXPIRED = "expired"


class Reason(StrEnum):
    """Why it cannot be seen, ended or is not illegal: the action reasons of ICCAM API 3, `iccam_id` is theirs."""

    OTHER = "other"
    CONTENT_NOT_FOUND = "content_not_found"
    REFERRER_UNKNOWN = "referrer_unknown"
    UNABLE_TO_ACCESS = "unable_to_access"
    PASSWORD_PROTECTED = "password_protected"  # noqa: S105
    ACCOUNT_DISABLED = "account_disabled"
    LEGALLY_UNABLE = "legally_unable"
    LINK_EXPIRED = "link_expired"
    ERROR_404 = "error_404"
    ERROR_503 = "error_503"
    PREMIUM_ACCOUNT = "premium_account"
    MISSING_PARTS = "missing_parts"
    REMOVED_BEFORE = "removed_before"
    ADULT = "adult"
    NUDISM = "nudism"
    BELOW_THRESHOLD = "below_threshold"
    IMAGES_TOO_SMALL = "images_too_small"
    VIRTUAL = "virtual"
    LINKING = "linking"
    AGE_UNCLEAR = "age_unclear"
    AGE_OVER_THRESHOLD = "age_over_threshold"

    @property
    def iccam_id(self) -> int:
        return list(Reason).index(self) + 1


_ALL = list(Reason)
UNSEEN_REASONS = (*_ALL[1:13], Reason.OTHER)
LEGAL_REASONS = (*_ALL[13:], Reason.OTHER)
# Reasons that say the content is no longer there, not only out of our reach.
GONE_REASONS = frozenset(
    {
        Reason.CONTENT_NOT_FOUND,
        Reason.ACCOUNT_DISABLED,
        Reason.LINK_EXPIRED,
        Reason.ERROR_404,
        Reason.REMOVED_BEFORE,
    }
)
