"""Fingerprints of files that nobody trusts: the parent of a decoder child.

The child gets an open file and no name of it, an environment without secrets, limits of memory and processor time, and
is ended when it takes too long. What it answers is checked as anything from outside: a child taken over by a file can
lie about that file and those after it, and no more than what its user may do on this machine. It is no sandbox.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

import mamori
from mamori.engine.images.child import LARGEST, LENGTH
from mamori.engine.images.errors import Digests, ImageError
from mamori.engine.images.files import Fingerprint, Source, digests_of, plain_file
from mamori.engine.images.video import Frame, VideoFingerprint
from mamori.engine.limits import Limits

_START = 60  # seconds a child may take to load its libraries on a busy machine
_SLOWEST = 2**21  # bytes a second: digests of a large file on a slow disk
_ENDED = {-signal.SIGPROF: "time_exceeded", -signal.SIGKILL: "memory_exceeded"}  # the kernel kills when memory is short


class Decoder:
    """A child that lives from file to file, for scans: started when first needed, and anew after a file ended it.

    Safe to use from several threads, one file at a time; each forked process gets children of its own.
    """

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        self.limits = limits
        self._children: dict[str, _Child] = {}
        self._owner = os.getpid()
        self._one = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fingerprint(self, source: Source) -> Fingerprint:
        """As `files.fingerprint`. ImageError, with the exact digests where the file could be read."""
        digests, told = self._ask("image", source, {}, self.limits.seconds)
        try:
            return Fingerprint(
                pdq=None if told["pdq"] is None else _hex(told["pdq"], 32),
                pdq_quality=_whole(told["pdq_quality"], 100),
                md5=digests.md5,
                sha1=digests.sha1,
                sha256=digests.sha256,
                width=_whole(told["width"], 2**31),
                height=_whole(told["height"], 2**31),
                preprocessing=_word(told["preprocessing"]),
            )
        except (KeyError, TypeError, ValueError):
            raise self._lied(digests) from None

    def video_fingerprint(self, source: Source, *, interval: float = 1.0) -> VideoFingerprint:
        """As `video.video_fingerprint`. ImageError likewise."""
        digests, told = self._ask("video", source, {"interval": interval}, self.limits.video_seconds)
        try:
            frames = tuple(Frame(_hex(value, 32), _whole(seen, 100), float(at)) for value, seen, at in told["frames"])
            return VideoFingerprint(digests.md5, digests.sha1, digests.sha256, float(told["seconds"]), frames)
        except (KeyError, TypeError, ValueError):
            raise self._lied(digests) from None

    def close(self) -> None:
        """End the children. The next file starts new ones."""
        with self._one:
            self._end()

    def processes(self) -> list[int]:
        """Process ids of the children that were started and not ended."""
        return [child.process.pid for child in self._children.values()]

    def _ask(self, kind: str, source: Source, more: dict[str, Any], seconds: float) -> tuple[Digests, dict[str, Any]]:
        with _opened(source) as file, self._one:
            size = os.fstat(file.fileno()).st_size
            request = json.dumps({"limits": asdict(self.limits), **more}).encode()
            while True:
                child = self._child(kind)
                fresh, child.asked = not child.asked, True
                digests = None
                try:
                    child.send(request, file.fileno())
                    digests = _digests(
                        child.receive(seconds * self.limits.patience + size / _SLOWEST + (_START if fresh else 0))
                    )
                    told = child.receive(seconds * self.limits.patience)
                    code = None if "error" not in told else _code(told["error"])
                except (TimeoutError, OSError, EOFError, KeyError, TypeError, ValueError) as error:
                    code, told = child.why(error), {}
                if code is None:
                    assert digests is not None
                    return digests, told
                if code in {"memory_exceeded", "decoder_died", "time_exceeded"}:
                    self._end(kind)
                    if not fresh and code != "time_exceeded":  # what earlier files left behind may be the cause
                        os.lseek(file.fileno(), 0, os.SEEK_SET)
                        continue
                raise ImageError(code, digests or _own_digests(file.fileno()))

    def _child(self, kind: str) -> _Child:
        if self._owner != os.getpid():
            self._children, self._owner = {}, os.getpid()
        child = self._children.get(kind)
        if child is None or child.process.poll() is not None:
            self._end(kind)
            child = self._children[kind] = _Child(kind, self.limits)
        return child

    def _end(self, only: str | None = None) -> None:
        for kind in [only] if only else list(self._children):
            child = self._children.pop(kind, None)
            if child is not None and self._owner == os.getpid():
                child.end()

    def _lied(self, digests: Digests) -> ImageError:
        self.close()
        return ImageError("decoder_died", digests)


def fingerprint_safely(source: Source, *, limits: Limits = Limits()) -> Fingerprint:  # noqa: B008 - frozen
    """`fingerprint` in a child of its own, ended after it. For many files a `Decoder` is quicker."""
    with Decoder(limits) as decoder:
        return decoder.fingerprint(source)


def video_fingerprint_safely(
    source: Source,
    *,
    interval: float = 1.0,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> VideoFingerprint:
    """`video_fingerprint` in a child of its own, ended after it."""
    with Decoder(limits) as decoder:
        return decoder.video_fingerprint(source, interval=interval)


class _Child:
    def __init__(self, kind: str, limits: Limits) -> None:
        self.asked = False
        self._peer, theirs = socket.socketpair()
        memory = limits.video_memory if kind == "video" else limits.memory
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mamori.engine.images.child", kind, str(memory)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd="/",
                start_new_session=True,
            )

    def send(self, request: bytes, number: int) -> None:
        self._peer.settimeout(_START)
        socket.send_fds(self._peer, [request], [number])

    def receive(self, seconds: float) -> dict[str, Any]:
        """The next answer. TimeoutError, EOFError, ValueError."""
        until = monotonic() + seconds
        (length,) = LENGTH.unpack(self._exactly(LENGTH.size, until))
        if length > LARGEST:
            raise ValueError(length)
        told = json.loads(self._exactly(length, until))
        if not isinstance(told, dict):
            raise TypeError
        return told

    def _exactly(self, size: int, until: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._peer.settimeout(max(0.001, until - monotonic()))
            piece = self._peer.recv(size - len(parts))
            if not piece:
                raise EOFError
            parts += piece
        return bytes(parts)

    def why(self, error: Exception) -> str:
        """The code of what ended it."""
        if isinstance(error, TimeoutError):
            return "time_exceeded"
        if not isinstance(error, OSError | EOFError):
            return "decoder_died"
        with suppress(subprocess.TimeoutExpired):
            return _ENDED.get(self.process.wait(5), "decoder_died")
        return "decoder_died"

    def end(self) -> None:
        self._peer.close()
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()


def _opened(source: Source) -> Any:
    """An open file of it; bytes go to memory that has no name, never to a disk."""
    if not isinstance(source, bytes):
        return plain_file(source)
    file = os.fdopen(os.memfd_create("picture", os.MFD_CLOEXEC), "w+b", buffering=0)
    file.write(source)
    file.seek(0)
    return file


def _environment() -> dict[str, str]:
    """What Python needs to find this package; nothing else of ours."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "HOME") if name in os.environ}
    paths = [str(Path(mamori.__file__).resolve().parents[1]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return kept | {
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
        "LANG": "C.UTF-8",
    }


def _digests(told: dict[str, Any]) -> Digests:
    return Digests(_hex(told["md5"], 16), _hex(told["sha1"], 20), _hex(told["sha256"], 32), _whole(told["size"], 2**63))


def _own_digests(number: int) -> Digests | None:
    try:
        return digests_of(f"/proc/self/fd/{number}")
    except ImageError:
        return None


def _hex(value: Any, size: int) -> bytes:
    found = bytes.fromhex(value)
    if len(found) != size:
        raise ValueError(size)
    return found


def _whole(value: Any, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(value)
    return value


def _word(value: Any) -> str:
    if value not in {"mamori-1/full", "mamori-1/scale-2", "mamori-1/scale-4"}:
        raise ValueError(value)
    return str(value)


def _code(value: Any) -> str:
    if value not in ImageError.reasons:
        raise ValueError(value)
    return str(value)
