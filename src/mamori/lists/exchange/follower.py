"""The process that keeps the index like the bank: `mamori images index`.

It takes each change of the bank's feed into the index within a second, remembers the last one beside it, and makes the
whole anew when the folder is missing, damaged or of another database. Killed at any moment it loses nothing: a change
is written down only after it is in the index, and taking one in twice changes nothing.
"""

import fcntl
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg
from django.db import DatabaseError, connection
from django.utils.translation import gettext_lazy as _

from mamori.engine.files import sync_folder
from mamori.engine.matching import DigestIndex, HammingIndex, warm_up
from mamori.ground import clock
from mamori.ground.errors import DomainError
from mamori.lists.fingerprints import queries
from mamori.lists.fingerprints.queries import ChangeView, FingerprintView
from mamori.lists.fingerprints.queries.folder import (
    CURRENT,
    DIGESTS,
    LOCK,
    PDQ,
    State,
    generation,
    is_of_this_feed,
    read_state,
    state_of,
)
from mamori.lists.fingerprints.queries.folder import STATE as STATE_FILE
from mamori.lists.fingerprints.states import EXACT, Algorithm

log = logging.getLogger("mamori.images")
CHANNEL = "mamori_fingerprints"
POLL_SECONDS = 0.5
AT_ONCE = 2000  # changes taken in one step
READ_AT_ONCE = 100_000  # fingerprints, when the index is made anew


class Follower:
    """One folder's writer. Use as a context: it holds the folder's lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = State(0, "", "", clock.now())
        self._place = folder
        self._pictures: HammingIndex | None = None
        self._digests: DigestIndex | None = None

    @contextmanager
    def holding(self) -> Iterator["Follower"]:
        """DomainError when another process follows into this folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DomainError(
                    "index_followed",
                    _("Another process keeps this index already."),
                    remedy=_("One for each folder is enough: stop this one."),
                ) from error
            try:
                yield self
            finally:
                self.close()

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop` is set."""
        warm_up(log.warning)
        listening = False
        while not stop.is_set():
            try:
                if self._pictures is None:
                    self.open()
                if not listening:
                    with connection.cursor() as cursor:
                        cursor.execute(f"LISTEN {CHANNEL}")
                    listening = True
                self.catch_up()
                self._wait(stop)
            except (DatabaseError, psycopg.Error):  # the second while it waits: Django does not wrap that
                log.warning("the database does not answer; the index stays as it is")
                listening = False
                connection.close()
                stop.wait(1)

    def open(self) -> None:
        """Open what is there; make it anew where it cannot be trusted."""
        try:
            self._place = generation(self.folder)
            self.state = read_state(self._place)
            self._pictures = HammingIndex.open(self._place / PDQ, writable=True)
            self._digests = DigestIndex.open(self._place / DIGESTS, writable=True)
        except (OSError, ValueError) as error:
            # There is none before the first start: that is no news.
            level = logging.WARNING if (self.folder / CURRENT).exists() else logging.INFO
            log.log(level, "the index is made anew: %s", type(error).__name__)
            self.rebuild()
            return
        if not is_of_this_feed(self.state):
            log.warning("the index is made anew: the database's feed is not the one it followed")
            self.rebuild()

    def catch_up(self) -> int:
        """Take in all changes that are there. Returns how many."""
        if not self._stands():
            log.warning("the index is made anew: its folder was changed by somebody else")
            self.rebuild()
        taken = 0
        while changes := queries.changes_since(self.state.seq, AT_ONCE):
            self._apply(changes)
            last = changes[-1]
            self._write_state(State(last.seq, str(last.entry_id), last.kind, clock.now()), durable=True)
            taken += len(changes)
        self._write_state(State(self.state.seq, self.state.entry, self.state.kind, clock.now()), durable=False)
        return taken

    def rebuild(self) -> None:
        """Make a new generation from the database and let it count. Readers go on with the old one meanwhile."""
        self.close()
        self._place = self.folder  # no generation: broken off here, it is made anew
        number = 1 + max([int(p.name[1:]) for p in self.folder.glob("g*") if p.name[1:].isdigit()], default=0)
        place = self.folder / f"g{number:08d}"
        place.mkdir()
        # Read before the values: what changes meanwhile is taken in again after.
        seq = queries.last_change()
        state = state_of(seq)
        _build(place)
        self._place = place
        self._write_state(state, durable=True)
        _write(self.folder / CURRENT, place.name, durable=True)
        for old in self.folder.glob("g*"):
            if old != place:
                shutil.rmtree(old, ignore_errors=True)
        self._pictures = HammingIndex.open(place / PDQ, writable=True)
        self._digests = DigestIndex.open(place / DIGESTS, writable=True)

    def close(self) -> None:
        for each in (self._pictures, self._digests):
            if each is not None:
                each.close()
        self._pictures = self._digests = None

    def _apply(self, changes: list[ChangeView]) -> None:
        entries = {change.entry_id for change in changes if change.kind != "update"}
        if not entries:
            return
        wanted = {value.id: value for value in queries.fingerprints_in_force(entries)}
        gone = [value for value in queries.fingerprints_of(entries) if value.id not in wanted]
        assert self._pictures is not None
        assert self._digests is not None
        pictures, digests = _split(list(wanted.values()))
        gone_pictures, gone_digests = _split(gone)
        self._pictures.remove_many([value.id for value in gone_pictures])
        self._digests.remove_many([value.id for value in gone_digests])
        # A value never changes: what is there is left alone, so that no search misses it for a moment.
        pictures = [value for value in pictures if value.id not in self._pictures]
        digests = [value for value in digests if value.id not in self._digests]
        self._pictures.add_many([value.id for value in pictures], _array(pictures))
        self._digests.add_many([value.id for value in digests], [value.value for value in digests])

    def _stands(self) -> bool:
        """Whether the folder still names what this process writes."""
        try:
            return generation(self.folder) == self._place and (self._place / STATE_FILE).exists()
        except (OSError, ValueError):
            return False

    def _write_state(self, state: State, *, durable: bool) -> None:
        _write(self._place / STATE_FILE, state.text(), durable=durable)
        self.state = state

    def _wait(self, stop: threading.Event) -> None:
        """Until something changes, or half a second."""
        raw = connection.connection
        if raw is None:
            stop.wait(POLL_SECONDS)
            return
        for _notice in raw.notifies(timeout=POLL_SECONDS, stop_after=1):
            pass


def _build(place: Path) -> None:
    """The indexes of all that is in force, below `place`. Page by page: the values are never all objects at once."""
    ids = [np.empty(0, np.uint32)]
    hashes = [np.empty((0, 32), np.uint8)]
    after = 0
    with DigestIndex.create(place / DIGESTS) as digests:
        while page := queries.all_in_force(after, READ_AT_ONCE):
            after = page[-1].id
            of_pictures, of_files = _split(page)
            ids.append(np.array([value.id for value in of_pictures], np.uint32))
            hashes.append(_array(of_pictures))
            digests.add_many([value.id for value in of_files], [value.value for value in of_files])
        digests.compact()
    rows = np.concatenate(hashes)
    hashes.clear()
    HammingIndex.build(rows, np.concatenate(ids), place / PDQ).close()


def _split(values: list[FingerprintView]) -> tuple[list[FingerprintView], list[FingerprintView]]:
    """PDQ values, digests. Others are kept by the bank and not matched."""
    pictures = [value for value in values if value.algorithm == Algorithm.PDQ]
    return pictures, [value for value in values if value.algorithm in EXACT]


def _array(values: list[FingerprintView]) -> np.ndarray:
    return np.frombuffer(b"".join(value.value for value in values), np.uint8).reshape(-1, 32)


def _write(path: Path, text: str, *, durable: bool) -> None:
    """At once and whole; `durable`: on the disk before this returns."""
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    fresh.replace(path)
    if durable:
        sync_folder(path.parent)
