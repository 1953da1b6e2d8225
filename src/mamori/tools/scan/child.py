"""The process that touches files: `python -P -m mamori.tools.scan.child FD LIMITS`. Speaks JSON over a socket.

It has the limits of the engine's decoder child: of memory, and of processor time by a timer whose signal ends it. It
leaves no core file. Its parent measures the time that it waits, and ends it. It ends with its parent.
"""

from __future__ import annotations

import json
import queue
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import simplejpeg

from mamori.engine.images import fingerprint
from mamori.engine.images.child import spare
from mamori.engine.limits import Limits
from mamori.tools.scan.examine import Event, Examiner
from mamori.tools.scan.sources import Item


def main(descriptor: int, told: str) -> None:
    """Examine what comes until the parent closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us when the person stops the scan
    connection = Connection(descriptor)
    limits = Limits(**json.loads(told))

    _warm()
    allowance = Allowance(limits)

    def tell(event: Event) -> None:
        connection.send_bytes(json.dumps(event).encode())
        allowance.renew()

    waiting: queue.SimpleQueue[tuple[Item, bytes | None] | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, waiting), daemon=True).start()
    examiner = Examiner(limits, tell, allowance.begin)
    with suppress(BrokenPipeError, ConnectionResetError):
        tell(["ready"])
        while (each := waiting.get()) is not None:
            examiner.item(*each)


class Allowance:
    """Memory and processor time for what is read next: pictures and all else, or a video."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._seconds = limits, limits.seconds
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # Of data, not of addresses: what an object store's plug-in loads later is not counted as a file's.
        self._memory, self._video_memory = (spare(most, "VmData") for most in (limits.memory, limits.video_memory))
        self.begin("")

    def begin(self, kind: str) -> None:
        """`kind`: "video", or anything else. The memory of a video is the hard limit, of all else the soft one."""
        limits, most = self._limits, max(self._memory, self._video_memory)
        self._seconds, memory = (
            (limits.video_seconds, self._video_memory) if kind == "video" else (limits.seconds, self._memory)
        )
        resource.setrlimit(resource.RLIMIT_DATA, (memory, most))
        self.renew()

    def renew(self) -> None:
        """Begin the processor time anew."""
        signal.setitimer(signal.ITIMER_PROF, self._seconds)


def _warm() -> None:
    """Compile and load everything before limits apply and the clock runs."""
    slope = np.repeat(np.arange(256, dtype=np.uint8), 256 * 3).reshape(256, 256, 3)
    fingerprint(simplejpeg.encode_jpeg(slope))
    import av  # noqa: F401, PLC0415 - its libraries are no part of what a video may take


def _receive(connection: Connection, waiting: queue.SimpleQueue[Any]) -> None:
    """A thread of its own, so that the parent never waits for us while we wait for it."""
    with suppress(EOFError, OSError):
        for each in _items(connection):
            waiting.put(each)
    waiting.put(None)


def _items(connection: Connection) -> Iterator[tuple[Item, bytes | None]]:
    while True:
        for path, skip, carried in json.loads(connection.recv_bytes()):
            yield Item(path, skip=skip), connection.recv_bytes() if carried else None


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
