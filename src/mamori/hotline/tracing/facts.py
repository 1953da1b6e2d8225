from dataclasses import dataclass
from uuid import UUID

from mamori.ground.facts import Fact


@dataclass(frozen=True)
class HostTraced(Fact):
    """The votes agree on the host and its abuse contact."""

    content_id: UUID


@dataclass(frozen=True)
class HostChanged(Fact):
    """The content moved to another host: open notices to the old contact are suspended."""

    content_id: UUID


@dataclass(frozen=True)
class ContactApproved(Fact):
    """An analyst approved an abuse contact for its first notice."""

    contact_id: UUID
