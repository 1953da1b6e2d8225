from dataclasses import dataclass
from uuid import UUID

from mamori.ground.facts import Fact


@dataclass(frozen=True)
class PoliceDelivered(Fact):
    """A named officer opened the referral, or it was acknowledged or handed over by phone."""

    content_id: UUID


@dataclass(frozen=True)
class PoliceHeld(Fact):
    """Police ask to wait: notices and listing stop."""

    content_id: UUID


@dataclass(frozen=True)
class PoliceCleared(Fact):
    """Released, or no objection within the time: notices may go."""

    content_id: UUID
