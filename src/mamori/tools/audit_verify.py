"""Verify an exported audit log against checkpoints of the log and of its witness, without the platform."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from mamori.engine.transparency.audit import Finding, Kind, LogReport, verify_log
from mamori.engine.transparency.chain import GENESIS, ChainedEvent, read_line
from mamori.engine.transparency.merkle import EMPTY_ROOT
from mamori.engine.transparency.note import NoteKey
from mamori.tools.witness import origin_id, read_notes

__all__ = ["fork_notes", "read_export", "stored_notes", "verify_export", "verify_log"]

Progress = Callable[[int, int], None]


class _Unreadable(ValueError):
    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} is not a line of an exported log: it was changed or cut")
        self.line = line


def read_export(path: Path, progress: Progress | None = None) -> Iterator[ChainedEvent]:
    """Rows of an export (one JSON object a line). `progress(bytes read, bytes in all)`: told each 10,000 rows."""
    done = 0
    with path.open("rb") as lines:
        size = os.fstat(lines.fileno()).st_size
        for number, line in enumerate(lines, 1):
            done += len(line)
            if progress is not None and number % 10_000 == 0:
                progress(done, size)
            try:
                row = read_line(line)
            except ValueError as error:
                raise _Unreadable(number) from error
            yield row


def stored_notes(path: Path, origin: str) -> list[str]:
    """Checkpoints in a file, or those of one log in the folder of a witness. OSError, ValueError if unreadable."""
    if path.is_dir():
        return list(read_notes(path / f"{origin_id(origin)}.jsonl"))
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    return list(read_notes(path))


def fork_notes(path: Path, origin: str) -> list[str]:
    """Contradicting checkpoints that a witness kept in its folder: signed by the log, cosigned by nobody."""
    return list(read_notes(path / f"{origin_id(origin)}.forks.jsonl")) if path.is_dir() else []


def verify_export(
    path: Path,
    checkpoints: Iterable[Path],
    witness_checkpoints: Iterable[Path],
    log_key: NoteKey | None,
    witness_keys: Sequence[NoteKey],
    *,
    progress: Progress | None = None,
) -> LogReport:
    """Verify the export in `path`; checkpoints come from files or witness folders. OSError if a file cannot be read."""
    own: list[str] = []
    witnessed: list[str] = []
    damaged: list[Finding] = []
    origin = log_key.name if log_key else ""
    try:
        for file in checkpoints:
            own += stored_notes(file, origin)
        for file in witness_checkpoints:
            witnessed += stored_notes(file, origin)
            own += fork_notes(file, origin)
    except ValueError as error:
        damaged.append(Finding(Kind.UNREADABLE, None, f"a file of checkpoints is damaged: {error}"))
    try:
        report = verify_log(read_export(path, progress), own, witnessed, log_key, witness_keys)
    except _Unreadable as error:
        report = LogReport(0, GENESIS, EMPTY_ROOT, 0, 0, (Finding(Kind.UNREADABLE, error.line, str(error)),))
    if not damaged:
        return report
    return LogReport(
        report.events,
        report.head,
        report.root,
        report.anchored,
        report.witnessed,
        (*damaged, *report.findings),
        report.more,
    )
