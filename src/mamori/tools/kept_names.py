"""The names a subscriber's resolver was given last, against which the next edition is held."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable
from pathlib import Path

from mamori.engine.editions import Delta, ListInForce, name_key
from mamori.engine.editions.transferred import changed
from mamori.engine.files import write_whole
from mamori.tools.fetching import PRIVATE

_NOTES = "names.json"


class KeptNames:
    """Those of a base in a file of its own, `names-<digest>.txt`; which came and went since in `names.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def changed(self, digest: str, listed: ListInForce) -> tuple[int, int]:
        """How many names came and went since; (0, 0) when none were kept. Over the same base only what changed is read.

        `digest`: of the signed file of names that `listed` stands on.
        """
        path = self._folder / _NOTES
        if not path.exists():
            return 0, 0
        notes = json.loads(path.read_text())
        came_before, went_before = set(notes["came"]), set(notes["went"])
        if notes["base"] == digest:
            came, went = _since_base(listed.delta)
            return len(came - came_before) + len(went_before - went), len(came_before - came) + len(went - went_before)
        with self._file(notes["base"]).open() as lines:
            stayed = (name for line in lines if (name := line.rstrip("\n")) not in went_before)
            before = heapq.merge(stayed, sorted(came_before, key=name_key), key=name_key)
            return changed(before, listed.names())

    def keep(self, digest: str, delta: Delta, base: Iterable[str]) -> None:
        """Note the names of an edition. `base`: those of the signed file, in order, before what changed since."""
        path = self._file(digest)
        if not path.exists():
            write_whole(path, "".join(f"{name}\n" for name in base).encode(), PRIVATE)
        came, went = map(sorted, _since_base(delta))
        write_whole(self._folder / _NOTES, json.dumps({"base": digest, "came": came, "went": went}).encode(), PRIVATE)
        for other in self._folder.glob("names-*.txt"):
            if other != path:
                other.unlink()

    def _file(self, digest: str) -> Path:
        return self._folder / f"names-{digest[:32]}.txt"


def _since_base(delta: Delta) -> tuple[set[str], set[str]]:
    """Names that came, and names that went, since the base."""
    came, went = ({entry.target for entry in some if entry.method == "dns"} for some in (delta.added, delta.removed))
    return came - went, went - came
