"""Machine C: where a content item is hosted, and whose word that is."""

from enum import StrEnum

from mamori.ground.states import Machine, Move
from mamori.hotline.tracing.permissions import CONFIRM


class TraceState(StrEnum):
    UNRESOLVED = "unresolved"
    TRACED = "traced"
    DISPUTED = "disputed"
    CONFIRMED = "confirmed"
    CHANGED = "changed"


_S = TraceState
_SYSTEM = Move(None)
TRACE = Machine(
    "trace",
    TraceState,
    {
        (_S.UNRESOLVED, _S.TRACED): _SYSTEM,
        (_S.UNRESOLVED, _S.DISPUTED): _SYSTEM,
        (_S.TRACED, _S.DISPUTED): _SYSTEM,
        (_S.DISPUTED, _S.TRACED): _SYSTEM,
        # Whom no source names, a person may know.
        (_S.UNRESOLVED, _S.CONFIRMED): Move(CONFIRM),
        (_S.TRACED, _S.CONFIRMED): Move(CONFIRM),
        (_S.DISPUTED, _S.CONFIRMED): Move(CONFIRM),
        (_S.TRACED, _S.CHANGED): _SYSTEM,
        (_S.DISPUTED, _S.CHANGED): _SYSTEM,
        (_S.CONFIRMED, _S.CHANGED): _SYSTEM,
        # A change is found by a new trace: its votes are the next finding at once.
        (_S.CHANGED, _S.TRACED): _SYSTEM,
        (_S.CHANGED, _S.DISPUTED): _SYSTEM,
        # Moved to where no source names a contact.
        (_S.CHANGED, _S.CONFIRMED): Move(CONFIRM),
    },
)


class Method(StrEnum):
    """How a vote was found. Stored: never rename or reuse a value."""

    DNS = "dns"
    RDAP_IP = "rdap_ip"
    RDAP_AUTNUM = "rdap_autnum"
    RDAP_DOMAIN = "rdap_domain"
    ROUTE = "route"
    ABUSIX = "abusix"
    RFC2142 = "rfc2142"


class Outcome(StrEnum):
    """FAILED: the source could not be asked, so its silence says nothing."""

    FOUND = "found"
    NOTHING = "nothing"
    FAILED = "failed"


class Level(StrEnum):
    """Rungs of the escalation ladder that have a contact by tracing, in their order."""

    SITE_OPERATOR = "site_operator"
    HOSTER = "hoster"
    UPSTREAM = "upstream"
    REGISTRAR = "registrar"
