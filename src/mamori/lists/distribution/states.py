"""An edition: signed -> published; or refused by the gate. A subscriber: requested -> active -> revoking -> revoked."""

from enum import StrEnum

from mamori.ground.states import Machine, Move
from mamori.lists.distribution.permissions import SUBSCRIBERS


class EditionState(StrEnum):
    SIGNED = "signed"
    PUBLISHED = "published"
    ABANDONED = "abandoned"
    REFUSED = "refused"


_E = EditionState
EDITION = Machine(
    "edition",
    EditionState,
    {
        (_E.SIGNED, _E.PUBLISHED): Move(None),
        (_E.SIGNED, _E.ABANDONED): Move(None),  # the process died before its files were out
    },
)


class SubscriberState(StrEnum):
    REQUESTED = "requested"
    ACTIVE = "active"
    REVOKING = "revoking"
    REVOKED = "revoked"


_S = SubscriberState
SUBSCRIBER = Machine(
    "subscriber",
    SubscriberState,
    {
        (_S.REQUESTED, _S.ACTIVE): Move(None),
        (_S.REQUESTED, _S.REVOKING): Move(SUBSCRIBERS),
        (_S.ACTIVE, _S.REVOKING): Move(SUBSCRIBERS),
        (_S.REVOKING, _S.REVOKED): Move(None),
    },
)


ALIVE = (SubscriberState.REQUESTED, SubscriberState.ACTIVE)


class Delivery(StrEnum):
    """How a subscriber takes the list."""

    NXDOMAIN = "nxdomain"
    STOP = "stop"
    URL = "url"


class Standing(StrEnum):
    """How a subscriber stands to the edition in force: has it, may still be on its way to it, lags, or nobody can tell.

    `OLD_BASE`: has it, but over a base zone that is older than the last fold's, which is right for days only.
    """

    HAS_IT = "has_it"
    WAITING = "waiting"
    LATE = "late"
    OLD_BASE = "old_base"
    UNKNOWN = "unknown"
