"""Machines of the bank: an entry, an entry of the negative bank, a disagreement. And its stored words.

proposed -> active (a second person, where it will be shared) -> withdrawn (a tombstone: it never comes back).
quarantined: it matched more uploads in its first days than known material does; a reviewer releases or withdraws it.
"""

from datetime import timedelta
from enum import StrEnum

from mamori.ground.states import Machine, Move
from mamori.lists.fingerprints.permissions import CONFIRM, PROPOSE, REVIEW, WITHDRAW


class EntryState(StrEnum):
    PROPOSED = "proposed"
    ACTIVE = "active"
    QUARANTINED = "quarantined"
    WITHDRAWN = "withdrawn"


S = EntryState
BANK_ENTRY = Machine(
    "bank_entry",
    EntryState,
    {
        (S.PROPOSED, S.ACTIVE): Move(CONFIRM, second_person=True),
        (S.ACTIVE, S.QUARANTINED): Move(None),
        (S.QUARANTINED, S.ACTIVE): Move(REVIEW),
        **{(state, S.WITHDRAWN): Move(WITHDRAW) for state in (S.PROPOSED, S.ACTIVE, S.QUARANTINED)},
    },
)


class HarmlessState(StrEnum):
    PROPOSED = "proposed"
    ACTIVE = "active"
    ENDED = "ended"


H = HarmlessState
HARMLESS = Machine(
    "harmless",
    HarmlessState,
    {
        (H.PROPOSED, H.ACTIVE): Move(CONFIRM, second_person=True),
        (H.PROPOSED, H.ENDED): Move(PROPOSE),
        (H.ACTIVE, H.ENDED): Move(PROPOSE),
    },
)


class DisagreementState(StrEnum):
    OPEN = "open"
    SETTLED = "settled"


D = DisagreementState
DISAGREEMENT = Machine("disagreement", DisagreementState, {(D.OPEN, D.SETTLED): Move(REVIEW)})


class Media(StrEnum):
    IMAGE = "image"
    VIDEO = "video"


class Sharing(StrEnum):
    """Who is told of an entry in force: our own desks only, or partners too."""

    INTERNAL = "internal"
    PARTNERS = "partners"


class Algorithm(StrEnum):
    """PhotoDNA values are stored and relayed as they came, never computed."""

    PDQ = "pdq"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    PHOTODNA = "photodna"


LENGTHS = {Algorithm.PDQ: 32, Algorithm.MD5: 16, Algorithm.SHA1: 20, Algorithm.SHA256: 32, Algorithm.PHOTODNA: 144}
EXACT = (Algorithm.MD5, Algorithm.SHA1, Algorithm.SHA256)


class Kind(StrEnum):
    """What kind of body a source is."""

    HOTLINE = "hotline"
    POLICE = "police"
    NGO = "ngo"
    INDUSTRY = "industry"
    PROVIDER = "provider"


class Verdict(StrEnum):
    CONFIRM = "confirm"
    DENY = "deny"


class Reason(StrEnum):
    """Why a vote was given. Codes only."""

    AGREES = "agrees"
    NOT_ILLEGAL = "not_illegal"
    ADULT = "adult"
    OTHER_CLASS = "other_class"
    FALSE_MATCH = "false_match"
    POOR_QUALITY = "poor_quality"


class End(StrEnum):
    """Why an entry was withdrawn."""

    REJECTED = "rejected"  # a proposal no second person agreed to
    MISTAKE = "mistake"
    SOURCE = "source"  # its source withdrew it
    DISPUTE = "dispute"
    FLOOD = "flood"
    DISMISSED = "dismissed"  # the hotline's decision no longer stands
    OVERSIGHT = "oversight"


class ChangeKind(StrEnum):
    ADD = "add"
    WITHDRAW = "withdraw"
    UPDATE = "update"


class Dispute(StrEnum):
    """What two things disagree about."""

    SAME = "same"  # one digest, two classes of gravity
    SIMILAR = "similar"  # two near PDQ values, two classes of gravity
    VOTE = "vote"  # somebody says the entry is wrong
    RESTATED = "restated"  # its source sent it again with another class
    HARMLESS = "harmless"  # the negative bank holds one of its values


class Outcome(StrEnum):
    """How a disagreement was settled."""

    KEPT = "kept"
    WITHDRAWN = "withdrawn"
    RECLASSIFIED = "reclassified"
    HARMLESS_ENDED = "harmless_ended"


class ImportState(StrEnum):
    WAITING = "waiting"  # what the file says is stored; the worker has not begun
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # by a person


UNREAD = (ImportState.WAITING, ImportState.RUNNING)


FLOOD_WITHIN = timedelta(days=7)  # a new entry is watched for this long
FLOOD_SPAN = timedelta(hours=24)  # how many matched uploads in it are a flood: MAMORI_FLOOD_HITS
HARMLESS_DAYS = (90, 180, 365)
