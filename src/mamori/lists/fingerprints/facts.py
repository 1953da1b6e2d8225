from dataclasses import dataclass
from uuid import UUID

from mamori.ground.facts import Fact


@dataclass(frozen=True)
class FingerprintsInForce(Fact):
    """An entry of the bank is in force: its fingerprints are matched from now on."""

    entry_id: UUID


@dataclass(frozen=True)
class FingerprintsWithdrawn(Fact):
    """An entry of the bank was withdrawn or is held: its fingerprints match nothing any more."""

    entry_id: UUID
