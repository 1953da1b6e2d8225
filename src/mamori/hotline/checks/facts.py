from dataclasses import dataclass
from uuid import UUID

from mamori.ground.facts import Fact


@dataclass(frozen=True)
class FoundOnline(Fact):
    """A check found the content online."""

    content_id: UUID


@dataclass(frozen=True)
class FoundGone(Fact):
    """Three agreeing negative checks over time: the content is gone."""

    content_id: UUID


@dataclass(frozen=True)
class Resurfaced(Fact):
    """Content that was gone is online again."""

    content_id: UUID
