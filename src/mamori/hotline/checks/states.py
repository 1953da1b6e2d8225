"""Machine F: what one check found, what the checks together say, and the watch over one content item."""

from enum import StrEnum

from mamori.ground.states import Machine, Move
from mamori.hotline.checks.permissions import CHECK


class Result(StrEnum):
    """One check, append-only. Stored: never rename or reuse a value."""

    ONLINE_SAME = "online_same"
    ONLINE_SIMILAR = "online_similar"
    ONLINE_CHANGED = "online_changed"
    PAGE_UP_MEDIA_GONE = "page_up_media_gone"
    GONE_4XX = "gone_4xx"
    HOST_DOWN = "host_down"
    BLOCKED_OR_CHALLENGED = "blocked_or_challenged"
    ERROR_OURS = "error_ours"

    @property
    def positive(self) -> bool:
        return self in POSITIVE

    @property
    def negative(self) -> bool:
        return self in NEGATIVE


POSITIVE = (Result.ONLINE_SAME, Result.ONLINE_SIMILAR, Result.ONLINE_CHANGED)
NEGATIVE = (Result.PAGE_UP_MEDIA_GONE, Result.GONE_4XX, Result.HOST_DOWN)


class Verdict(StrEnum):
    ONLINE = "online"
    OFFLINE_SUSPECTED = "offline_suspected"
    GONE = "gone"
    UNKNOWN = "unknown"


class End(StrEnum):
    """How content that is gone ended: ICCAM's three."""

    REMOVED = "removed"
    UNAVAILABLE = "unavailable"
    MOVED = "moved"


class WatchState(StrEnum):
    """WATCHING: is it still online? GONE: does it come back? ENDED: nothing more is fetched."""

    WATCHING = "watching"
    GONE = "gone"
    ENDED = "ended"


_W = WatchState
WATCH = Machine(
    "watch",
    WatchState,
    {
        (_W.WATCHING, _W.GONE): Move(CHECK),
        (_W.GONE, _W.WATCHING): Move(CHECK),
        (_W.ENDED, _W.WATCHING): Move(CHECK),
        (_W.WATCHING, _W.ENDED): Move(None),
        (_W.GONE, _W.ENDED): Move(None),
    },
)
