from dataclasses import dataclass
from uuid import UUID

from mamori.ground.facts import Fact


@dataclass(frozen=True)
class LetterHanded(Fact):
    """The receiving side's mail server took the letter."""

    letter_id: UUID


@dataclass(frozen=True)
class LetterFailed(Fact):
    """The letter was refused, bounced, or nobody knows: it does not count as told."""

    letter_id: UUID


@dataclass(frozen=True)
class LetterWithdrawn(Fact):
    """Its room held the letter back when it was about to go: it never left the house."""

    letter_id: UUID
