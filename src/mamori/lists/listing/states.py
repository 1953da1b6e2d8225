"""Machine G, an entry of the list; and an appeal against one.

proposed -> pending_activation (the proposer signed) -> [pending_third (it reaches far: a second person signed) ->]
active (the last person needed signed) -> pending_removal (it goes
with the next edition) -> removed (the edition without it is out). A failed re-check lifts an entry at once, an appeal
alone lifts nothing.
"""

from datetime import timedelta
from enum import StrEnum

from mamori.ground.states import Machine, Move
from mamori.lists.listing.permissions import ACTIVATE, PROPOSE, REVIEW, WITHDRAW


class EntryState(StrEnum):
    PROPOSED = "proposed"
    PENDING_ACTIVATION = "pending_activation"
    PENDING_THIRD = "pending_third"
    ACTIVE = "active"
    RECHECK_FAILED = "recheck_failed"
    PENDING_REMOVAL = "pending_removal"
    REMOVED = "removed"
    APPEALED = "appealed"
    IN_REVIEW = "in_review"
    UPHELD = "upheld"
    SUSPENDED = "suspended"


S = EntryState
BEFORE = (S.PROPOSED, S.PENDING_ACTIVATION, S.PENDING_THIRD)
IN_FORCE = (S.ACTIVE, S.APPEALED, S.IN_REVIEW, S.UPHELD)
BY_TWO = ("police", "rules")  # reasons of a review by two persons
_SYSTEM = Move(None)
_WITHDRAW = Move(WITHDRAW)
_REVIEW = Move(REVIEW)

ENTRY = Machine(
    "entry",
    EntryState,
    {
        (S.PROPOSED, S.PENDING_ACTIVATION): Move(PROPOSE),
        (S.PENDING_ACTIVATION, S.ACTIVE): Move(ACTIVATE, second_person=True),
        (S.PENDING_ACTIVATION, S.PENDING_THIRD): Move(ACTIVATE, second_person=True),
        (S.PENDING_THIRD, S.ACTIVE): Move(ACTIVATE, second_person=True),
        # Given up before it was in force.
        **{(state, S.REMOVED): _WITHDRAW for state in BEFORE},
        # Gone: at once, by rule.
        **{(state, S.RECHECK_FAILED): _SYSTEM for state in IN_FORCE},
        (S.RECHECK_FAILED, S.PENDING_REMOVAL): _SYSTEM,
        # Withdrawn by one person, or by a rule (expiry, renewal, content dismissed).
        **{(state, S.PENDING_REMOVAL): _WITHDRAW for state in IN_FORCE},
        (S.PENDING_REMOVAL, S.REMOVED): _SYSTEM,
        # Questioned.
        **{(state, S.APPEALED): _SYSTEM for state in (S.ACTIVE, S.UPHELD)},
        (S.APPEALED, S.IN_REVIEW): _REVIEW,
        (S.APPEALED, S.ACTIVE): _REVIEW,
        **{(state, S.IN_REVIEW): _SYSTEM for state in (S.ACTIVE, S.UPHELD)},
        (S.IN_REVIEW, S.UPHELD): _REVIEW,
        (S.IN_REVIEW, S.SUSPENDED): _REVIEW,
        (S.SUSPENDED, S.REMOVED): _WITHDRAW,
    },
)


class Far(StrEnum):
    """Why a name reaches so far that a third person signs."""

    NAMES = "names"
    RANKED = "ranked"
    PLATFORM = "platform"


class Method(StrEnum):
    DNS = "dns"
    URL = "url"


class Reason(StrEnum):
    """Why removal at the source is no way. Stands in the signed statement."""

    TOO_SLOW = "removal_too_slow"
    REFUSED = "removal_refused"
    IMPOSSIBLE = "removal_impossible"


class End(StrEnum):
    """Why an entry goes. Stands in the signed statement."""

    GONE = "content_gone"
    EXPIRED = "expired"
    RENEWED = "renewed"
    DISMISSED = "content_dismissed"
    REOPENED = "content_reopened"
    WITHDRAWN = "withdrawn"
    OVERSIGHT = "oversight_order"
    POLICE = "police"
    RULES = "rules"
    APPEAL = "appeal"


class Test(StrEnum):
    """The tests for a listing. DNS needs all four, a URL the last."""

    PURPOSE = "purpose"
    QUANTITY = "quantity"
    SAME_PUBLISHER = "same_publisher"
    NO_OTHER_MEANS = "no_other_means"


TESTS = {Method.DNS: tuple(Test), Method.URL: (Test.NO_OTHER_MEANS,)}
LIVES = (30, 90, 180)  # days an entry may hold


class AppealState(StrEnum):
    RECEIVED = "received"
    IN_REVIEW = "in_review"
    UPHELD = "upheld"
    SUSPENDED = "suspended"
    REMOVED = "removed"
    REJECTED = "rejected"


A = AppealState
APPEAL = Machine(
    "appeal",
    AppealState,
    {
        (A.RECEIVED, A.IN_REVIEW): _REVIEW,
        (A.RECEIVED, A.REJECTED): _REVIEW,
        (A.IN_REVIEW, A.UPHELD): _REVIEW,
        (A.IN_REVIEW, A.SUSPENDED): _REVIEW,
        (A.IN_REVIEW, A.REMOVED): _REVIEW,
        (A.IN_REVIEW, A.REJECTED): _REVIEW,
    },
)
TRIAGE_WITHIN = timedelta(hours=24)
DECIDE_WITHIN = timedelta(hours=72)


class Proof(StrEnum):
    """How control of the domain was shown. "dns" was looked up by us, "file" by us or a member, "attested" by a member."""

    DNS = "dns"
    FILE = "file"
    ATTESTED = "attested"
