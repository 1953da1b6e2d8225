from dataclasses import dataclass
from uuid import UUID

from mamori.ground.facts import Fact


@dataclass(frozen=True)
class EntryActivated(Fact):
    """Two persons agreed: the entry is in force with the next edition."""

    entry_id: UUID


@dataclass(frozen=True)
class EntryWithdrawn(Fact):
    """The entry goes, with the next edition."""

    entry_id: UUID
