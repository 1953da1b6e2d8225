"""Child processes that examine files side by side. One that dies or takes too long costs only the file at fault."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from mamori.engine.limits import Limits
from mamori.tools.scan.purpose import ScanError
from mamori.tools.scan.sources import Item, is_of_this_process, open_item, reason

_OURS = {"MAMORI_TOKEN"}  # the parent asks the partner API: what reads hostile files needs no token
CHILD = "mamori.tools.scan.child"  # run as a module: nothing of it is loaded here
AHEAD = 32  # items a child has at most
START_SECONDS = 180.0  # to import and compile
FAULTS = 20  # a child may be lost in one archive so often before the rest of it is given up
TICK = 0.2
LARGEST = 2**26  # bytes of one message of a child


@dataclass(slots=True)
class Looked:
    """A file, or a member of an archive, that was examined.

    `told`: md5, sha1, sha256 as hex; pdq (hex) and quality (0 to 100) of a picture; frames of a video as
    [pdq, quality, seconds]. None where it could not even be read. `problem`: why not, or what was left out.
    """

    item: Item
    member: str
    number: int
    size: int
    told: dict[str, Any] | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more comes of this item. `again`: it could not be read now, so that a later run tries it again."""

    item: Item
    again: bool = False


Event = Any
Happened = Looked | Done | None


class Child:
    """One process, started anew when it is lost, and what it was given. ScanError where none can work here at all."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.given: deque[Item] = deque()
        self._again: list[Item] = []
        self._faults = 0
        self._start()

    @property
    def pid(self) -> int:
        """The number of the process as it is now."""
        return self._process.pid

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        argv = [sys.executable, "-P", "-m", CHILD, str(theirs.fileno()), json.dumps(asdict(self.limits))]
        with theirs:
            self._process = subprocess.Popen(
                argv,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._words,
                process_group=0,  # Ctrl-C at the terminal is the parent's to hear
                env={
                    **{name: value for name, value in os.environ.items() if name not in _OURS},
                    "OPENBLAS_NUM_THREADS": "1",
                    "OMP_NUM_THREADS": "1",
                    "NUMBA_NUM_THREADS": "1",
                    "MALLOC_ARENA_MAX": "1",
                },
            )
        self.connection = Connection(ours.detach())
        self.ready = False
        self._number, self._member = 0, ""
        self._seconds, self._allowed = self.limits.seconds, START_SECONDS
        self._since = time.monotonic()

    def give(self, items: list[Item]) -> list[Looked]:
        """Hand items over; what even we cannot read of them comes back."""
        lost: list[Looked] = []
        kept, frames, rows = [], [], []
        for item in items:
            carried = is_of_this_process(item.path)
            if carried:
                try:
                    frames.append(_content(item, self.limits))
                except (OSError, ScanError) as error:
                    lost.append(Looked(item, "", 0, 0, None, reason(error)))
                    continue
            kept.append(item)
            rows.append([item.path, item.skip, carried])
        if not self.given:
            self._since = time.monotonic()
        self.given.extend(kept)
        with suppress(BrokenPipeError, ConnectionResetError):  # it died: found by `events`
            self.connection.send_bytes(json.dumps(rows).encode())
            for frame in frames:
                self.connection.send_bytes(frame)
        return lost

    def events(self) -> Iterator[Looked | Done]:
        """What it told since; called when `connection` has something to read."""
        lost = False
        while not lost and self.connection.poll():
            try:
                event = json.loads(self.connection.recv_bytes(LARGEST))
            except (EOFError, OSError, ValueError, RecursionError):
                event = None
            self._since = time.monotonic()
            told = self._heard(event)
            lost = told is None
            yield from self._lost("reading it ended the process that did") if told is None else told

    def overdue(self) -> Iterator[Looked | Done]:
        """End it when the file it is at takes too long."""
        if (self.given or not self.ready) and time.monotonic() - self._since > self._allowed:
            yield from self._lost(f"it took longer than {self._allowed:g} s", again=True)

    def stop(self) -> None:
        self.connection.close()
        self._process.kill()
        self._process.wait()
        self._words.close()

    def _heard(self, event: Event | None) -> list[Looked | Done] | None:
        """None for what a child in order never says."""
        match event:
            case ["ready"]:
                self.ready = True
                self._allow(self.limits.seconds)
            case ["time", float() | int() as seconds]:
                self._allow(min(float(seconds), self.limits.video_seconds))
            case ["begin", str() as member]:
                self._member = member
            case ["found", str() as member, int() as number, int() as size, told, str() as problem] if self.given:
                self._number, self._member = number, ""
                return [Looked(self.given[0], member, number, size, told, problem)]
            case ["done", bool() as again] if self.given:
                self._number, self._faults, self._member = 0, 0, ""
                self._allow(self.limits.seconds)
                return [Done(self.given.popleft(), again)]
            case _:
                return None
        return []

    def _allow(self, seconds: float) -> None:
        """Processor time, which the child's own timer counts; by the clock it may wait longer on a busy machine."""
        self._seconds, self._allowed = seconds, seconds * self.limits.patience

    def _lost(self, why: str, *, again: bool = False) -> Iterator[Looked | Done]:
        ready, number, member, waiting = self.ready, self._number, self._member, list(self.given)
        self._process.kill()
        if self._process.wait() == -signal.SIGPROF:
            why, again = f"it took longer than {self._seconds:g} s of processor time", False
        self._words.seek(0)
        words = self._words.read()[-800:].decode(errors="replace").strip()
        self.connection.close()
        self._words.close()
        if not ready:
            raise ScanError(f"no file can be examined here: {words or why}")
        self._start()
        self.given.clear()
        if not waiting:
            return
        item = waiting.pop(0)
        reached = max(number, item.skip)
        if (member or reached > item.skip) and self._faults < FAULTS:  # the rest of an archive is read all the same
            self._faults += 1
            if member:
                reached += 1
                yield Looked(item, member, reached, 0, None, why)
            waiting.insert(0, replace(item, skip=reached))
        else:
            yield Looked(item, "", 0, 0, None, why)
            yield Done(item, again)
        self._again = waiting

    def leftover(self) -> list[Item]:
        """What a lost process had been given and is to be given anew."""
        again, self._again = self._again, []
        return again


class Pool:
    """`workers` children. Use as a context; nothing of it outlives the block."""

    def __init__(self, workers: int, limits: Limits) -> None:
        self.workers, self.limits = workers, limits
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        self._children = [Child(self.limits) for _ in range(self.workers)]
        return self

    def __exit__(self, *_error: object) -> None:
        for each in self._children:
            each.stop()

    @property
    def pids(self) -> list[int]:
        """The numbers of the children's processes as they are now."""
        return [each.pid for each in self._children]

    def wait_ready(self) -> None:
        """Until every child has loaded what it needs."""
        while waiting := [each for each in self._children if not each.ready]:
            wait([each.connection for each in waiting], TICK)
            for each in waiting:
                list(each.events())
                list(each.overdue())

    def examine(self, items: Iterator[Item]) -> Iterator[Happened]:
        """Everything that is found, in the order it comes; None now and then, when nothing does."""
        more = True
        while True:
            for each in self._children:
                again = each.leftover()
                wanted = AHEAD - len(each.given) - len(again)
                if (each.ready and more and wanted >= AHEAD // 2) or again:
                    batch, more = (
                        again + (taken := _take(items, wanted if more else 0)),
                        more and bool(taken or not wanted),
                    )
                    for item in [item for item in batch if item.problem]:
                        yield Looked(item, "", 0, 0, None, item.problem)
                        yield Done(item, again=True)
                    for lost in each.give([item for item in batch if not item.problem]):
                        yield lost
                        yield Done(lost.item, again=True)
            if not more and not any(each.given for each in self._children):
                return
            told = wait([each.connection for each in self._children], TICK)
            if not told:
                yield None
            for each in self._children:
                if each.connection in told:
                    yield from each.events()
                yield from each.overdue()


def _take(items: Iterator[Item], number: int) -> list[Item]:
    taken: list[Item] = []
    while len(taken) < number and (item := next(items, None)) is not None:
        taken.append(item)
    return taken


def _content(item: Item, limits: Limits) -> bytes:
    opened, size = open_item(item.path)
    with opened:
        if size > 16 * limits.file_bytes:
            raise ScanError("it is too large to be read from the memory of this process")
        return opened.read()
