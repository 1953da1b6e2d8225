from dataclasses import dataclass
from uuid import UUID

from mamori.ground.facts import Fact


@dataclass(frozen=True)
class NoticeDelivered(Fact):
    """The notice reached the contact."""

    notice_id: UUID


@dataclass(frozen=True)
class RemovalClaimed(Fact):
    """The provider says it removed the content: it is checked at once."""

    notice_id: UUID


@dataclass(frozen=True)
class RemovalTooSlow(Fact):
    """The escalation clock ran out: the list body may consider it."""

    content_id: UUID
