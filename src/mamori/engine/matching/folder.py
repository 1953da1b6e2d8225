"""The folder of an index: which files are in force, and who may write.

`manifest` names one segment (or none) and the logs that follow it, in order; it is replaced by an atomic rename, so a
reader sees the old state or the new one. `lock` is held by the one writer for as long as it lives.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from mamori.engine.files import sync_folder
from mamori.engine.matching.log import Log
from mamori.engine.matching.refusals import IndexRefused, damaged

_OURS = re.compile(r"(segment|log)-\d+(\.new)?")
_FORMAT = "mamori-index-1"


@dataclass(frozen=True)
class Manifest:
    """The files in force. `next` is the number of the next file."""

    kind: str
    segment: str | None
    logs: tuple[str, ...]
    next: int

    def text(self) -> str:
        body = {"format": _FORMAT, "kind": self.kind, "segment": self.segment, "logs": self.logs, "next": self.next}
        plain = json.dumps(body, sort_keys=True)
        return json.dumps({**body, "sha256": hashlib.sha256(plain.encode()).hexdigest()}, sort_keys=True) + "\n"

    def write(self, folder: Path) -> None:
        """Put it in force, durably."""
        temporary = folder / "manifest.new"
        with temporary.open("w") as file:
            file.write(self.text())
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(folder / "manifest")
        sync_folder(folder)

    @classmethod
    def read(cls, folder: Path, kind: str) -> Manifest:
        """IndexRefused where there is none, it is damaged, or of another kind."""
        try:
            text = (folder / "manifest").read_text("utf-8")
        except FileNotFoundError:
            raise IndexRefused("not_an_index", f"{folder} has no manifest") from None
        except UnicodeDecodeError:
            raise IndexRefused("damaged", f"{folder}/manifest is not text") from None
        try:
            body = json.loads(text)
            stated = body.pop("sha256")
            found = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
            if found != stated:
                raise damaged(f"{folder}/manifest", found, str(stated))
            made = cls(body["kind"], body["segment"], tuple(body["logs"]), int(body["next"]))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as why:
            if isinstance(why, IndexRefused):
                raise
            raise IndexRefused("damaged", f"{folder}/manifest cannot be read") from None
        names = (made.segment or "segment-0", *made.logs)
        if not made.logs or not all(isinstance(name, str) and _OURS.fullmatch(name) for name in names):
            raise IndexRefused("damaged", f"{folder}/manifest names no files of an index")
        if body.get("format") != _FORMAT or made.kind != kind:
            raise IndexRefused("not_an_index", f"{folder} holds {made.kind}")
        return made


class Lock:
    """The right to write, held until `release` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise IndexRefused("locked", str(folder)) from None

    def release(self) -> None:
        os.close(self._file)


def create(folder: Path, kind: str) -> None:
    """An empty index in a new or empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise IndexRefused("exists", str(folder))
    Log.create(folder / "log-1", kind, 1, 0)
    Manifest(kind, None, ("log-1",), 2).write(folder)


def sweep(folder: Path, manifest: Manifest) -> None:
    """Writer: remove what no manifest names any more, after telling its readers to look again."""
    keep = {manifest.segment, *manifest.logs}
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and path.name not in keep:
            if path.name.startswith("log-") and path.suffix != ".new":
                _wake(path, manifest.kind)
            path.unlink()


def _wake(path: Path, kind: str) -> None:
    try:
        log = Log(path, kind, writable=True)
    except (IndexRefused, OSError):
        return
    log.wake()
    log.close()
