"""What a main job writes down while it runs, so that the next start goes on where one was interrupted."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE = "job.json"


@dataclass
class Notebook:
    """`begun`: the newest event of the log before the job. `read`: mails in each box before it. `code`: the receipt.

    `stations`: what was reached, as in the timeline. Kept in `folder` until the job ends.
    """

    folder: Path
    rows: list[dict[str, str]]
    begun: int
    read: dict[str, int]
    code: str = ""
    stations: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def left_in(cls, folder: Path) -> Notebook | None:
        """That of a job that did not come to its end; None when there is none."""
        try:
            kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
            return cls(folder, **kept)
        except (OSError, ValueError, TypeError):
            return None

    def save(self) -> None:
        """Whole or not at all: the next start may come after a kill."""
        told = {name: value for name, value in asdict(self).items() if name != "folder"}
        fresh = self.folder / f"{FILE}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(told, file, ensure_ascii=False)
        fresh.replace(self.folder / FILE)

    def close(self) -> None:
        (self.folder / FILE).unlink(missing_ok=True)
