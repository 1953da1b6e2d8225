"""What an index refuses, and why."""

from __future__ import annotations

from mamori.engine.refused import Refused


class IndexRefused(Refused):
    """A refusal about an index on disk; `detail` names the file, the place and the checksums."""

    reasons = {
        "damaged": ("The index is damaged.", "Restore it, or build it again from the list it was made from."),
        "not_an_index": ("This is no index of this kind.", "Give the folder that was made for it."),
        "locked": ("Another process writes to this index.", "Open it for reading, or stop the other process."),
        "exists": ("There is an index already.", "Give a folder that does not exist, or is empty."),
        "read_only": ("The index was opened for reading.", "Open it with writable=True in one process."),
    }

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.detail = detail

    def __str__(self) -> str:
        """Message, detail and remedy in English."""
        return f"{self.message} {self.detail + '. ' if self.detail else ''}{self.remedy}"


def damaged(what: object, found: int | str, stated: int | str) -> IndexRefused:
    """Refusal of a file whose checksum is not the one it states."""
    left, right = (f"{each & 0xFFFFFFFFFFFFFFFF:016x}" if isinstance(each, int) else each for each in (found, stated))
    return IndexRefused("damaged", f"{what}: checksum {left}, stated {right}")
