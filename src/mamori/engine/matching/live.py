"""What both indexes share: a segment, logs over it, one writer, readers that follow, compaction in the background."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from mamori.engine.matching import folder as places
from mamori.engine.matching.delta import PAD, Delta
from mamori.engine.matching.folder import Lock, Manifest
from mamori.engine.matching.log import ADD, REMOVE, Log, Records, compose
from mamori.engine.matching.refusals import IndexRefused
from mamori.engine.matching.segment import Segment, Sink, Writer, open_segment
from mamori.engine.matching.words import ordered

LARGEST_ID = 2**32 - 2
_COMPACT_FROM = 262_144  # changes; with large segments an eighth of their rows
_TRIES = 20
log = logging.getLogger(__name__)


class LiveIndex(ABC):
    """An index in memory, or in a folder: one process writes, any number read.

    All methods may be called from any thread. A reader sees the writer's changes at its next search. While an id's value is
    being replaced, a search in another thread may miss this one id; additions and withdrawals have no such moment.
    """

    kind: ClassVar[str]
    by_value: ClassVar[bool]

    def __init__(self, segment: Segment | None = None) -> None:
        self.path: Path | None = None
        self._lock = threading.RLock()
        self._writing: Lock | None = None
        self._manifest: Manifest | None = None
        self._segment = segment
        self._logs: list[Log] = []
        self._base = 0  # version without a log
        self._words = memoryview(bytes(128)).cast("q")  # of the last log; a memory index has no news
        self._pulse = self._changes = 0
        self._compacting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._delta = Delta(segment, by_value=self.by_value)
        self._publish()

    # --- making, opening, keeping ---

    @classmethod
    def create(cls, path: Path | str) -> Self:
        """An empty index in a new or empty folder, open for writing. IndexRefused: `exists`."""
        places.create(Path(path), cls.kind)
        return cls.open(path, writable=True)

    @classmethod
    def open(cls, path: Path | str, *, writable: bool = False, verify: bool = True) -> Self:
        """Open a folder for reading, or for writing by this one process.

        `verify`: compare the checksum of every section (reads the whole file once, at the speed of memory). Without it
        only the headers, the manifest and the logs are verified; a damaged section then gives wrong answers, no crash.
        IndexRefused: `not_an_index`, `damaged` with file, place and checksums, `locked` where another process writes.
        """
        made = cls()
        made.path = Path(path)
        if writable:
            Manifest.read(made.path, cls.kind)  # no lock file in a folder that is no index
            made._writing = Lock(made.path)
        try:
            made._load(verify=verify)
            if writable and made._manifest:
                for each in made._logs:
                    each.cut()
                places.sweep(made.path, made._manifest)
        except BaseException:
            made.close()
            raise
        return made

    def save(self, path: Path | str) -> None:
        """Write the state of now into a new or empty folder, durably. This index stays where it was."""
        target = Path(path)
        with self._lock:
            frozen = _Frozen(self)
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise IndexRefused("exists", str(target))
        name = None
        if frozen.alive:
            name = "segment-1"
            writer = Writer(target / name, self.kind, frozen.alive)
            self._compose(*frozen.merged(), writer.put)
            writer.finish()
        Log.create(target / "log-2", self.kind, 2, 0)
        Manifest(self.kind, name, ("log-2",), 3).write(target)

    def close(self) -> None:
        """Wait for a compaction, let the next process write. What was acknowledged is durable already."""
        if self._thread:
            self._thread.join()
        with self._lock:
            for each in self._logs:
                each.close()
            if self._writing:
                self._writing.release()
                self._writing = None
            self._words = memoryview(bytes(128)).cast("q")
            self._pulse = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- what is in it ---

    def __len__(self) -> int:
        """Ids in force."""
        with self._lock:
            self._follow()
            return self._delta.alive

    def __contains__(self, name: int) -> bool:
        with self._lock:
            self._follow()
            return 0 <= name <= LARGEST_ID and self._delta.holds(name)

    def ids(self) -> NDArray[np.uint32]:
        """All ids in force, in order."""
        with self._lock:
            self._follow()
            return self._delta.ids()

    @property
    def version(self) -> int:
        """Records of additions and withdrawals since the index was created; rises with every change."""
        with self._lock:
            self._follow()
            return self._logs[-1].base + self._logs[-1].count if self._logs else self._base

    # --- changing ---

    def remove(self, name: int) -> None:
        """Withdraw an id; durable and effective at return. An id that is not there is no error."""
        self.remove_many([name])

    def remove_many(self, names: NDArray[Any] | list[int]) -> None:
        """Withdraw ids, with one synchronisation of the disk."""
        self._change(compose(REMOVE, checked_ids(names), None, 0))

    def _add(self, names: NDArray[np.uint32], values: NDArray[np.uint8], lengths: int | NDArray[np.uint8]) -> None:
        self._change(compose(ADD, names, values, lengths))

    def _change(self, records: Records) -> None:
        if not len(records):
            return
        with self._lock:
            if self.path is not None:
                if self._writing is None:  # opened for reading, or closed
                    raise IndexRefused("read_only", str(self.path))
                self._logs[-1].append(records)
            self._base += len(records)
            self._delta.apply(records)
            self._publish()
            due = self._delta.changes > max(_COMPACT_FROM, (self._segment.rows if self._segment else 0) // 8)
            if due and not self._compacting.locked() and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._compact_quietly, name="mamori-compaction", daemon=True)
                self._thread.start()

    # --- compaction ---

    def compact(self) -> None:
        """Write segment and changes as one new segment, and begin to read that; searches and changes go on meanwhile.

        (Changes of an index in memory wait: it has no log to keep them in.)
        """
        with self._compacting:
            if self.path is None:
                with self._lock:
                    self._put_in_force(self._written(_Frozen(self)))
                return
            with self._lock:
                if self._writing is None:
                    raise IndexRefused("read_only", str(self.path))
                frozen, name = _Frozen(self), self._rotate(self.path)
            segment = self._written(frozen, self.path / name)
            with self._lock:
                self._swap(segment, self.path)

    def _compact_quietly(self) -> None:
        try:
            self.compact()
        except Exception:
            log.exception("compaction of %s failed; nothing is lost, the next one takes it up", self.path)

    def _rotate(self, path: Path) -> str:
        """Begin a new log; the name of the segment that will hold what came before it."""
        assert self._manifest
        old, number = self._logs[-1], self._manifest.next
        name = f"log-{number}"
        Log.create(path / name, self.kind, number, old.base + old.count)
        self._manifest = Manifest(self.kind, self._manifest.segment, (*self._manifest.logs, name), number + 2)
        self._manifest.write(path)
        self._logs.append(Log(path / name, self.kind, writable=True))
        self._words = self._logs[-1].words
        old.wake()
        return f"segment-{number + 1}"

    def _written(self, frozen: _Frozen, path: Path | None = None) -> Segment | None:
        """A segment of everything alive, in memory or in a file; None where nothing is."""
        if not frozen.alive:
            return None
        if path is None:
            sections: dict[str, NDArray[np.uint8]] = {}
            self._compose(*frozen.merged(), keep_in(sections))
            return Segment(self.kind, frozen.alive, sections)
        writer = Writer(path, self.kind, frozen.alive)
        self._compose(*frozen.merged(), writer.put)
        writer.finish()
        return open_segment(path, self.kind, verify=False)

    def _swap(self, segment: Segment | None, path: Path) -> None:
        """Put a new segment in force with the changes made since `_rotate`."""
        assert self._manifest
        last, passed = self._logs[-1], self._logs[:-1]
        name = segment.path.name if segment and segment.path else None
        self._manifest = Manifest(self.kind, name, (last.path.name,), self._manifest.next)
        self._manifest.write(path)
        self._logs = [last]
        self._put_in_force(segment, last.records())
        last.wake()
        for each in passed:
            each.wake()
            each.close()
        places.sweep(path, self._manifest)

    def _put_in_force(self, segment: Segment | None, records: Records | None = None) -> None:
        delta = Delta(segment, by_value=self.by_value)
        if records is not None:
            delta.apply(records)
        self._segment, self._delta = segment, delta
        self._publish()

    # --- following ---

    def _follow(self) -> None:
        """Take up what the writer did since the last call."""
        if self._words[8] == self._pulse:
            return
        with self._lock:
            if self._writing is not None or not self._logs:
                self._pulse = self._words[8]
                return
            last = self._logs[-1]
            pulse = last.pulse()
            if self._words[10] != self._changes:
                self._load(verify=False)
                return
            self._delta.apply(last.news())
            self._publish()
            self._pulse = pulse

    def _load(self, *, verify: bool) -> None:
        """Read the manifest and what it names; of that, only what is new."""
        if self.path is None:
            return
        for _ in range(_TRIES):
            manifest = Manifest.read(self.path, self.kind)
            try:
                self._take(manifest, self.path, verify=verify)
            except FileNotFoundError as why:  # perhaps replaced between the manifest and the file
                if Manifest.read(self.path, self.kind) == manifest:
                    raise IndexRefused("damaged", f"{why.filename} is missing") from None
            else:  # a change after this second look will be announced in the words that were read before it
                if Manifest.read(self.path, self.kind) == manifest:
                    return
        if self._manifest is None:
            raise IndexRefused("damaged", f"{self.path}: the files of its manifest are missing")
        self._pulse = (
            -1
        )  # the writer was faster each time; what was taken up is in order: look again at the next search

    def _take(self, manifest: Manifest, path: Path, *, verify: bool) -> None:
        known, segment, delta = self._manifest, self._segment, self._delta
        grown = (
            known is not None and known.segment == manifest.segment and manifest.logs[: len(known.logs)] == known.logs
        )
        logs = list(self._logs) if grown else []
        changes, pulse = int(self._words[10]), ordered.native(int(self._words[8]))  # before what they announce is read
        if grown:
            news = [logs[-1].news()]
        else:
            news = []
            segment = open_segment(path / manifest.segment, self.kind, verify=verify) if manifest.segment else None
            delta = Delta(segment, by_value=self.by_value)
        for name in manifest.logs[len(logs) :]:
            opened = Log(path / name, self.kind, writable=self._writing is not None)
            changes, pulse = int(opened.words[10]), opened.pulse()
            logs.append(opened)
            news.append(opened.recover())
        for records in news:
            delta.apply(records)
        self._manifest, self._segment, self._delta, self._logs = manifest, segment, delta, logs
        self._words = logs[-1].words
        self._changes = changes
        self._publish()
        self._pulse = pulse

    # --- what each index does in its own way ---

    @abstractmethod
    def _publish(self) -> None:
        """Make what searches read from segment and delta."""

    @abstractmethod
    def _compose(
        self, rows: NDArray[np.uint8], ids: NDArray[np.uint32], lengths: NDArray[np.uint8] | None, put: Sink
    ) -> None:
        """Make the sections of a segment: rows (n + 8, 32) in the order of their ids, lengths in bytes or None for 32."""


class _Frozen:
    """The state of an index at one moment; later changes do not touch it."""

    def __init__(self, index: LiveIndex) -> None:
        index._follow()  # noqa: SLF001
        delta, self._segment = index._delta, index._segment  # noqa: SLF001
        count = delta.count
        self._main_n, self._main_first, self._main_ids = delta.main_n, delta.main_first, delta.main_ids
        self._main_alive, self._new_alive = delta.main_alive(), delta.new_alive(count)
        self._rows, self._ids, self._lengths = delta.rows[:count], delta.new_ids[:count], delta.lengths[:count]
        self._by_value = index.by_value
        self.alive = delta.alive

    def merged(self) -> tuple[NDArray[np.uint8], NDArray[np.uint32], NDArray[np.uint8] | None]:
        """Rows (n + 8, 32), ids and lengths of everything alive, in the order of ids."""
        main, new = np.flatnonzero(self._main_alive), np.flatnonzero(self._new_alive)
        main_ids = self._main_ids[main] if self._main_ids is not None else (main + self._main_first).astype(np.uint32)
        ids = np.concatenate((main_ids, self._ids[new]))
        order = np.argsort(ids, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        rows = np.zeros((len(ids) + PAD, 32), np.uint8)
        if self._segment:
            values = self._segment.section("values", "u1", (self._main_n, 32))
            for begin in range(0, len(main), 1 << 18):
                part = slice(begin, min(begin + (1 << 18), len(main)))
                rows[place[part]] = values[main[part]]
        rows[place[len(main) :]] = self._rows[new]
        lengths = None
        if self._by_value:
            lengths = np.empty(len(ids), np.uint8)
            if self._segment:
                lengths[place[: len(main)]] = self._segment.section("lengths", "u1", (self._main_n,))[main]
            lengths[place[len(main) :]] = self._lengths[new]
        return rows, ids[order], lengths


def keep_in(sections: dict[str, NDArray[np.uint8]]) -> Sink:
    """A sink that keeps sections in memory."""

    def put(name: str, array: NDArray[Any]) -> None:
        sections[name] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)

    return put


def put_ids(ids: NDArray[np.uint32], put: Sink) -> None:
    """Ids in order: as they are, or only the first where they are consecutive."""
    if int(ids[-1]) - int(ids[0]) == len(ids) - 1:
        put("first", ids[:1])
    else:
        put("ids", ids)


def checked_ids(names: NDArray[Any] | list[int]) -> NDArray[np.uint32]:
    """Ids as an array. ValueError outside of 0 .. 2**32 - 2."""
    found = np.asarray(names)
    if found.ndim != 1 or (len(found) and found.dtype.kind not in "iu"):
        raise ValueError("ids are a flat list of integers")
    if len(found) and (int(found.min()) < 0 or int(found.max()) > LARGEST_ID):
        raise ValueError(f"ids are 0 to {LARGEST_ID}")
    return found.astype(np.uint32)
