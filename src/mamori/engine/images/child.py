"""The decoder child: reads files that nobody trusts, within limits, and answers with numbers only.

Standard input is a socket to the parent. A request is one message with an open file beside it; answers are JSON with
their length before them: first the exact digests, then the fingerprint or a code. Memory is limited through the
address space: what the process has after it has loaded its libraries, and what is left of the allowance beside what is
resident by then. Time is limited by a timer of processor time whose signal ends the process.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import struct
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")
LARGEST = 2**24  # bytes of one answer: a day of video has 86,400 frames
_SPARE = 12 * 2**20  # pages of libraries that are mapped already and become resident later


def send(peer: socket.socket, told: dict[str, Any]) -> None:
    body = json.dumps(told, separators=(",", ":")).encode()
    peer.sendall(LENGTH.pack(len(body)) + body)


def main(kind: str, memory: int) -> None:
    peer = socket.socket(fileno=0)
    warnings.simplefilter("ignore")
    _load(kind)
    _confine(memory)
    while True:
        request, numbers, _flags, _address = socket.recv_fds(peer, 4096, 1)
        if not request or not numbers:
            return
        with os.fdopen(numbers[0], "rb") as file:
            _answer(peer, kind, json.loads(request), file)


def _answer(peer: socket.socket, kind: str, request: dict[str, Any], file: BinaryIO) -> None:
    from mamori.engine.images import files, video  # noqa: PLC0415 - loaded before the limits were set
    from mamori.engine.images.errors import ImageError  # noqa: PLC0415
    from mamori.engine.limits import Limits  # noqa: PLC0415

    limits = Limits(**request["limits"])
    digests = files.digest_file(file)
    send(
        peer,
        {"size": digests.size, "md5": digests.md5.hex(), "sha1": digests.sha1.hex(), "sha256": digests.sha256.hex()},
    )
    file.seek(0)
    signal.setitimer(signal.ITIMER_PROF, limits.video_seconds if kind == "video" else limits.seconds)
    try:
        if kind == "video":
            seen = video.fingerprint_open(file, digests, interval=request["interval"], limits=limits)
            told = {
                "seconds": seen.seconds,
                "frames": [[each.pdq.hex(), each.quality, each.at_seconds] for each in seen.frames],
            }
        elif digests.size > limits.file_bytes:
            told = {"error": "too_many_bytes"}
        else:
            made = files.fingerprint_read(file.read(limits.file_bytes), digests, limits)
            told = {name: value for name, value in asdict(made).items() if name not in {"md5", "sha1", "sha256"}}
            told["pdq"] = None if made.pdq is None else made.pdq.hex()
    except ImageError as error:
        told = {"error": error.code}
    except MemoryError:
        told = {"error": "memory_exceeded"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    send(peer, told)


def _load(kind: str) -> None:
    """Everything that will be needed, so that it lies within what is there before the limits."""
    import numpy as np  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    from mamori.engine.images import pdq, raster, video  # noqa: PLC0415

    if kind == "video":
        import av  # noqa: F401, PLC0415
    buffer = pdq.points(lambda first, last: np.zeros((last - first, 64), np.float32), 64, 64)
    pdq.bits(pdq.frequencies(buffer))  # the matrix library takes its work space at its first use
    assert raster.FORMATS
    Image.MAX_IMAGE_PIXELS = None  # ours count
    assert video.CONTAINERS


def spare(memory: int, of: str) -> int:
    """What `of` (VmSize or VmData) may reach so that no more than `memory` bytes become resident. Linux; else no limit."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.RLIM_INFINITY
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    now, resident = (int(fields[name].split()[0]) * 1024 for name in (of, "VmRSS"))
    return now + max(0, memory - resident - _SPARE)


def _confine(memory: int) -> None:
    """No core file, no file written, few files open, and memory as allowed."""
    allowed = spare(memory, "VmSize")
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_AS, allowed),
    ):
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
