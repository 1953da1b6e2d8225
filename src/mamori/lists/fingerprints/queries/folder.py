"""The folder of the index of what is in force: the follower writes it, the partner face's processes map it into memory.

    current            name of the generation that counts, as "g00000001"
    lock               held by the follower while it runs
    g00000001/pdq      HammingIndex: ids of fingerprints by PDQ value
    g00000001/digests  DigestIndex: ids of fingerprints by MD5, SHA-1 and SHA-256 value
    g00000001/state    JSON: the last change applied, and when the index was last known to be complete

Everything here can be made again from the database. Only fingerprints and their ids stand in it.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from mamori.ground import clock
from mamori.lists.fingerprints.queries.bank import changes_since

T = TypeVar("T")

CURRENT, LOCK, PDQ, DIGESTS, STATE = "current", "lock", "pdq", "digests", "state"
STALE_SECONDS = 60  # after which an index is called stale


@dataclass(frozen=True, slots=True)
class State:
    """`seq`: the last change applied; `entry`, `kind`: which one that was. `at`: when nothing was left to apply."""

    seq: int
    entry: str
    kind: str
    at: datetime

    @property
    def age(self) -> int:
        """Whole seconds since the index was last known to be complete."""
        return max(0, int((clock.now() - self.at).total_seconds()))

    def text(self) -> str:
        return json.dumps({"seq": self.seq, "entry": self.entry, "kind": self.kind, "at": self.at.timestamp()})


def read_state(folder: Path) -> State:
    """The state of a generation. ValueError or OSError where it is missing or damaged."""
    kept: Any = json.loads((folder / STATE).read_text())
    if not isinstance(kept, dict):
        raise ValueError("the state of the index is damaged")  # noqa: TRY004 - damage, whatever its form
    try:
        at = datetime.fromtimestamp(float(kept["at"]), UTC)
        return State(int(kept["seq"]), str(kept["entry"]), str(kept["kind"]), at)
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError("the state of the index is damaged") from error


def generation(folder: Path) -> Path:
    """The folder of the generation that counts. OSError or ValueError where there is none."""
    name = (folder / CURRENT).read_text().strip()
    if not (name.startswith("g") and name[1:].isdigit()):
        raise ValueError("the index's current generation is damaged")
    return folder / name


def state_of(seq: int) -> State:
    """The state of an index whose last change is `seq` of the bank, now; of an empty one where there is no such change."""
    found = changes_since(seq - 1, 1) if seq else []
    if not found:
        return State(0, "", "", clock.now())
    return State(found[0].seq, str(found[0].entry_id), found[0].kind, clock.now())


def is_of_this_feed(state: State) -> bool:
    """Whether the change last taken in is the one the database has: a restored database may have another."""
    found = state_of(state.seq)
    return (found.seq, found.entry, found.kind) == (state.seq, state.entry, state.kind)


class Opened(Generic[T]):
    """What a process has open of the generation that counts, for all its threads; `opens` opens the next one."""

    def __init__(self, folder: Path, opens: Callable[[Path], T]) -> None:
        self.folder, self._opens = folder, opens
        self._lock = threading.Lock()
        self._open: tuple[Path, T] | None = None

    def get(self) -> tuple[Path, T]:
        """The generation and what is open of it. OSError or ValueError where there is none or it is damaged."""
        with self._lock:
            try:
                place = generation(self.folder)
                if self._open is None or self._open[0] != place:
                    self._open = place, self._opens(place)
            except (OSError, ValueError):
                self._open = None
                raise
            return self._open
