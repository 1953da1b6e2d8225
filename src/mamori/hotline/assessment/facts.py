from dataclasses import dataclass
from uuid import UUID

from mamori.ground.facts import Fact


@dataclass(frozen=True)
class ContentOpened(Fact):
    """A new content item: its host can be traced."""

    content_id: UUID


@dataclass(frozen=True)
class ContentReported(Fact):
    """Another report was linked to an item that was there before."""

    content_id: UUID


@dataclass(frozen=True)
class ContentConfirmed(Fact):
    """Found illegal, and a blind second opinion agreed."""

    content_id: UUID


@dataclass(frozen=True)
class ContentDismissed(Fact):
    """Found not illegal, to be ignored, or not to be determined."""

    content_id: UUID


@dataclass(frozen=True)
class ChildAtRiskFound(Fact):
    """An analyst found that a child is at risk now: police at once. `cause_id`: the opinion or the report that says so."""

    content_id: UUID
    cause_id: UUID


@dataclass(frozen=True)
class ContentFinished(Fact):
    """Removed, unavailable or moved: nothing is left to act on but the watch."""

    content_id: UUID


@dataclass(frozen=True)
class ContentReopened(Fact):
    """It came back, changed, or an appeal reopened it."""

    content_id: UUID
