from dataclasses import dataclass
from uuid import UUID

from mamori.ground.facts import Fact


@dataclass(frozen=True)
class EditionPublished(Fact):
    """A signed edition is out."""

    edition_id: UUID


@dataclass(frozen=True)
class EditionRefused(Fact):
    """The gate refused an edition; the last good one stays in force."""

    edition_id: UUID


@dataclass(frozen=True)
class EntryEffective(Fact):
    """Our own resolvers enforce the entry."""

    entry_id: UUID
