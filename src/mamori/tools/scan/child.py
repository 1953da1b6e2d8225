"""The process that touches files: `python -P -m mamori.tools.scan.child FD LIMITS`. Speaks JSON over a socket.

It has limits of memory and leaves no core file; its parent measures the time and ends it. It ends with its parent.
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
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg

from mamori.engine.images import fingerprint
from mamori.tools.scan.examine import Event, Examiner
from mamori.tools.scan.purpose import Limits
from mamori.tools.scan.sources import Item


def main(descriptor: int, told: str) -> None:
    """Examine what comes until the parent closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us when the person stops the scan
    connection = Connection(descriptor)
    limits = Limits(**json.loads(told))

    def tell(event: Event) -> None:
        connection.send_bytes(json.dumps(event).encode())

    _warm()
    limit_memory(limits.memory_bytes)
    waiting: queue.SimpleQueue[tuple[Item, bytes | None] | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, waiting), daemon=True).start()
    examiner = Examiner(limits, tell)
    with suppress(BrokenPipeError, ConnectionResetError):
        tell(["ready"])
        while (each := waiting.get()) is not None:
            examiner.item(*each)


def limit_memory(more: int) -> None:
    """Let this process take `more` bytes of data than it has now (Linux; elsewhere only core files are forbidden)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    status = Path("/proc/self/status")
    if status.exists():
        now = int(next(line for line in status.read_text().splitlines() if line.startswith("VmData")).split()[1]) * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (now + more, now + more))


def _warm() -> None:
    """Compile and load everything before limits apply and the clock runs."""
    slope = np.repeat(np.arange(256, dtype=np.uint8), 256 * 3).reshape(256, 256, 3)
    fingerprint(simplejpeg.encode_jpeg(slope))


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
