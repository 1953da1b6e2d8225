"""Places, ports and processes of the demo world (Linux).

Root starts nothing as root: every program then runs as the existing user `nobody`.
A program is stopped by its own process id only; one left behind by a killed launcher is found by id and start time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

ORDINARY_USER = "nobody"
SOCKET_ROOM = 80
"""Longest folder (bytes) in which a Unix socket (limit 107) still finds room for its name."""
TOOLS = (sys.executable, "-c", "from mamori.tools.cli import app; app()")  # without the platform
PATIENCE = 3
"""Every wait for a program lasts so many times longer than it needs on two quiet cores: for a machine that has other work."""


class WorldError(RuntimeError):
    """A part of the demo world could not do what was asked; the text says which and why."""


def ordinary_user() -> pwd.struct_passwd | None:
    """The user programs run as when we are root; None when we are ordinary ourselves."""
    return pwd.getpwnam(ORDINARY_USER) if os.geteuid() == 0 else None


def digest(path: Path) -> str:
    """Ten hex digits that tell folders on one machine apart."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def reachable(path: Path) -> bool:
    """Whether the ordinary user may pass through every existing folder down to `path`."""
    if ordinary_user() is None:
        return True
    path = path.absolute()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.is_dir())


def _claim(folder: Path, mode: int, owner: pwd.struct_passwd | None) -> None:
    """Create `folder` or check that it is ours: a real directory of ours, never a link or a stranger's."""
    folder.mkdir(mode=mode, exist_ok=True)
    found = folder.lstat()
    allowed = {os.geteuid(), owner.pw_uid} if owner else {os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in allowed:
        raise WorldError(f"{folder} belongs to somebody else; remove it or choose another base folder")
    folder.chmod(mode)
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)


def base_for(wanted: Path) -> Path:
    """The folder for programs' data: `wanted`, or one under /var/tmp when `wanted` lies below a closed folder."""
    wanted = wanted.absolute()
    standing = next(folder for folder in (wanted, *wanted.parents) if folder.is_dir())
    if reachable(standing if standing != wanted else wanted.parent):
        wanted.mkdir(parents=True, exist_ok=True)
        if ordinary_user():
            wanted.chmod(0o755)
        return wanted
    base = Path("/var/tmp") / f"mamori-{os.geteuid()}-{digest(wanted)}"  # claimed and checked
    _claim(base, 0o755, None)
    return base


def private_folder(base: Path, name: str) -> Path:
    """`base`/`name`, mode 0700, owned by the user the programs run as."""
    folder = base / name
    for parent in reversed(folder.parents):
        parent.mkdir(exist_ok=True)
    _claim(folder, 0o700, ordinary_user())
    return folder


def socket_folder(base: Path) -> Path:
    """A private folder whose path is short enough for Unix sockets."""
    if len(os.fsencode(base)) < SOCKET_ROOM - len("/run"):
        return private_folder(base, "run")
    folder = Path("/tmp") / f"mamori-{os.geteuid()}-{digest(base)}"  # claimed and checked
    _claim(folder, 0o700, ordinary_user())
    return folder


def hand_over(path: Path) -> None:
    """Give a file we wrote to the user the programs run as."""
    owner = ordinary_user()
    if owner:
        os.chown(path, owner.pw_uid, owner.pw_gid)


def run_as_ordinary(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, text: str = "") -> str:
    """Run a short command as the ordinary user; returns its output, raises WorldError with it on failure."""
    user, group, groups = _identity()
    done = subprocess.run(
        [str(part) for part in argv],
        input=text,
        env=dict(env) if env is not None else None,
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        user=user,
        group=group,
        extra_groups=groups,
    )
    if done.returncode:
        raise WorldError(f"{Path(argv[0]).name} failed ({done.returncode}): {done.stdout.strip()[-800:]}")
    return done.stdout


def _identity() -> tuple[int | None, int | None, list[int] | None]:
    """(user, group, extra groups) for subprocess: of the ordinary user when we are root, else unchanged."""
    user = ordinary_user()
    return (user.pw_uid, user.pw_gid, []) if user else (None, None, None)


def process_state(pid: int) -> tuple[str, str] | None:
    """(state letter, start time) of a process, None when there is none. A zombie has state Z."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], fields[19]


def alive(pid: int) -> bool:
    state = process_state(pid)
    return state is not None and state[0] not in "ZX"


def wait_until(true: Callable[[], bool], seconds: float, what: str | Callable[[], str]) -> None:
    """Poll `true` every 10 ms; WorldError naming `what` (a function: as it is then) after PATIENCE times `seconds`."""
    end = time.monotonic() + PATIENCE * seconds
    while not true():
        if time.monotonic() > end:
            said = what if isinstance(what, str) else what()
            raise WorldError(f"{said} within {PATIENCE * seconds:g} s")
        time.sleep(0.01)


def listening(host: str, port: int) -> bool:
    """Whether a TCP connection is accepted."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether both UDP and TCP of the port can be bound."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


@dataclass
class _Claim:
    """A thousand ports, ours as long as this process lives. `given`: how far they were given out."""

    ports: range
    given: int = 0


@cache
def _claimed() -> _Claim:
    for first in range(20_000, 32_000, 1000):
        with suppress(OSError):  # another process's, or another user's
            lock = os.open(Path(tempfile.gettempdir()) / f"mamori-ports-{first}", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # open as long as this process lives
            return _Claim(range(first, first + 1000))
    raise WorldError("twelve other processes hold all ports from 20000 to 31999: end some of them")


def free_ports(count: int) -> int:
    """First port of `count` free neighbours, where no other process of ours looks for its own. Each call gives others."""
    claim = _claimed()
    places = len(claim.ports) - count + 1
    for step in range(places):
        base = claim.ports.start + (claim.given + step) % places
        if all(port_is_free(base + offset) for offset in range(count)):
            claim.given = base + count - claim.ports.start
            return base
    raise WorldError(f"no {count} free neighbouring ports from {claim.ports.start} to {claim.ports.stop}")


class Program:
    """One long-running program: `name`.pid and `name`.log in `folder`."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        as_is: bool = False,
    ) -> None:
        """`as_is`: run as the user we are, also when that is root (Mamori's own processes)."""
        self.name = name
        self.argv = [str(part) for part in argv]
        self.log = folder / f"{name}.log"
        self._pidfile = folder / f"{name}.pid"
        self._env = env
        self._stop_signal = stop_signal
        self._as_is = as_is
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self.running() and self._process else None

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def claim(self) -> IO[str]:
        """Take the pid file's lock for this launcher; a second launcher is refused."""
        if self._lock is None:
            lock = self._pidfile.open("a+")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                raise WorldError(f"{self.name} is already run by another process in {self._pidfile.parent}") from None
            self._lock = lock
        return self._lock

    def clear(self) -> IO[str]:
        """Stop one of ours that a killed launcher left behind. Returns the claimed pid file."""
        lock = self.claim()
        self._stop_leftover()
        return lock

    def start(self) -> None:
        """Start, after stopping one of ours that a killed launcher left behind."""
        if self.running():
            return
        lock = self.clear()
        user, group, groups = (None, None, None) if self._as_is else _identity()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=dict(self._env) if self._env is not None else None,
                start_new_session=True,
                user=user,
                group=group,
                extra_groups=groups,
            )
        state = process_state(self._process.pid)
        lock.seek(0)
        lock.truncate()
        lock.write(f"{self._process.pid} {state[1] if state else 0}\n")
        lock.flush()

    def _stop_leftover(self) -> None:
        words = self._pidfile.read_text().split()
        if len(words) != 2:
            return
        pid, started = int(words[0]), words[1]

        def still() -> bool:
            state = process_state(pid)
            return state is not None and state[0] not in "ZX" and state[1] == started

        for each in (self._stop_signal, signal.SIGKILL):
            if still():
                os.kill(pid, each)
                end = time.monotonic() + 10
                while still() and time.monotonic() < end:
                    time.sleep(0.02)

    def wait_ready(self, ready: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until `ready`; a program that does not get there is stopped and reported with the tail of its log."""
        try:
            self._wait_ready(ready, seconds)
        except BaseException:
            self.stop()
            raise

    def _wait_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + PATIENCE * seconds
        while not ready():
            if not self.running():
                raise WorldError(f"{self.name} ended at once: {self.tail()}")
            if time.monotonic() > end:
                raise WorldError(f"{self.name} was not ready within {PATIENCE * seconds:g} s: {self.tail()}")
            time.sleep(0.01)

    def tail(self) -> str:
        return self.log.read_bytes()[-800:].decode(errors="replace").strip() if self.log.exists() else ""

    def stop(self, seconds: float = 15) -> None:
        """Ask to end, then SIGKILL after `seconds`. Does nothing when it does not run."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(self._stop_signal)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._process = None
        self._release()

    def kill9(self) -> None:
        """SIGKILL, and reap."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.seek(0)
            self._lock.truncate()
            self._lock.close()
            self._lock = None
