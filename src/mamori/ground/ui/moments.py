"""What rooms hand to the pages that cross them: moments of a case, and things that wait for a person."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True)
class Moment:
    """One thing that happened to a content item, ready to be shown. `icon` names a symbol of the sprite."""

    at: datetime
    icon: str
    word: Text
    detail: Text = ""
    actor_kind: str = "system"
    tone: str = "neutral"


@dataclass(frozen=True)
class Waiting:
    """Something that waits for the person who looks: how many, where, and when the first is due.

    `started_at`: when that clock began, so that the share used can be shown.
    """

    title: Text
    count: int
    url: str
    tone: str = "neutral"
    due_at: datetime | None = None
    alarm: bool = False
    started_at: datetime | None = None
