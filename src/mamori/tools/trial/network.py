"""Network namespaces and the processes in them. All of it lives in one namespace of processes, and ends with it.

    client -- isp ---+
                     +-- web
    home --- plain --+

`isp` is the provider that filters, `plain` one like it that does not; `web` holds every server's address.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SIDES = {"isp": ("client", "10.1"), "plain": ("home", "10.2")}
NETWORK = "10.64.0.0/16"
ORIGIN = "10.64.0.1"
LIST_HOST, LIST_PATH = "lists.example", "/list"  # what clients that keep a list fetch
FRONT = "front.edge.example"  # the name in the open of a connection whose real name is encrypted (ECH)
RESOLVER = {provider: f"{net}.0.1" for provider, (_, net) in SIDES.items()}
PROGRAMS = ("ip", "unshare", "unbound", "named", "pdns_recursor")
_SBIN = ("/usr/sbin", "/usr/local/sbin", "/sbin")


class TrialError(ValueError):
    """The trial cannot be held here, or went wrong; the text says why."""


def search_path() -> str:
    """Where programs are looked for: servers stand in sbin, which is not on every user's PATH."""
    return os.pathsep.join((os.environ.get("PATH", ""), *_SBIN))


def last_line(text: str) -> str:
    """The last thing that a program said."""
    return text.strip().rpartition("\n")[2] or "no reason given"


def program(name: str) -> str:
    """Full path of an installed program. TrialError when it is missing."""
    path = shutil.which(name, path=search_path())
    if path is None:
        raise TrialError(f"the program {name} is not installed")
    return path


def apart() -> list[str]:
    """What a command is prefixed with to run in namespaces of its own. TrialError where they may not be made."""
    for name in PROGRAMS:
        program(name)
    way = [program("unshare"), "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        way.insert(1, "--map-root-user")
    tried = subprocess.run(  # noqa: S602 - a fixed text
        f"{' '.join(way)} sh -c 'mount -t tmpfs none /run && mkdir /run/netns && ip netns add x && ip netns exec x true'",
        shell=True,
        env={**os.environ, "PATH": search_path()},
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        raise TrialError(
            "network namespaces may not be made here: run the trial as root, in a container with --privileged "
            f"({last_line(tried.stderr)})"
        )
    return way


def lay_out() -> None:
    """Make the namespaces and the links between them. Only inside namespaces of our own (`apart`)."""
    _ip("link set lo up", "netns add web", "-n web link set lo up", f"-n web route add local {NETWORK} dev lo")
    for provider, (customer, net) in SIDES.items():
        _ip(
            f"netns add {provider}",
            f"netns add {customer}",
            f"link add {customer} netns {provider} type veth peer name out netns {customer}",
            f"link add {provider} netns web type veth peer name web netns {provider}",
            f"-n {customer} addr add {net}.0.2/24 dev out",
            f"-n {provider} addr add {net}.0.1/24 dev {customer}",
            f"-n {provider} addr add {net}.1.1/24 dev web",
            f"-n web addr add {net}.1.2/24 dev {provider}",
            *(f"-n {customer} link set {device} up" for device in ("lo", "out")),
            *(f"-n {provider} link set {device} up" for device in ("lo", customer, "web")),
            f"-n web link set {provider} up",
            f"-n {customer} route add default via {net}.0.1",
            f"-n {provider} route add default via {net}.1.2",
            f"-n web route add {net}.0.0/24 via {net}.1.1",
        )
        words = "echo 1 > /proc/sys/net/ipv4/ip_forward"
        _run([program("ip"), "netns", "exec", provider, "sh", "-c", words])


def ip_batch(provider: str, lines: Sequence[str]) -> None:
    """Many `ip` commands in a namespace, in one call."""
    _run([program("ip"), "-n", provider, "-batch", "-"], "\n".join(lines) + "\n")


def _ip(*commands: str) -> None:
    for command in commands:
        _run([program("ip"), *command.split()])


def _run(command: Sequence[str], text: str = "") -> None:
    ran = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise TrialError(f"{' '.join(command)}: {' '.join(ran.stderr.split())}")


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time since the start, and MiB of memory held now."""

    cpu_s: float
    rss_mb: float


class Program:
    """A program in a namespace; what it says goes to a file in `folder`."""

    def __init__(self, namespace: str, command: Sequence[str], folder: Path) -> None:
        self.log = folder / f"{namespace}-{Path(command[0]).name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [program("ip"), "netns", "exec", namespace, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if self.speaks else log,
                stderr=log,
                cwd=folder,
                text=True,
            )

    speaks = False

    def cost(self) -> Cost:
        """What it took so far. TrialError when it ended."""
        pid = self.process.pid
        try:
            cpu_s = time.clock_gettime((~pid << 3) | 2)  # the processor clock of another process, as Linux numbers it
            status = (Path("/proc") / str(pid) / "status").read_text()
        except OSError as error:
            raise self.ended() from error
        held = next((line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")), None)
        if held is None:
            raise self.ended()
        return Cost(cpu_s, int(held) / 1024)

    def ended(self) -> TrialError:
        """That it ended, with its last words."""
        return TrialError(f"{self.log.stem} ended: {last_line(self.log.read_text(errors='replace'))}")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


class Own(Program):
    """One of the trial's own processes (`lines`)."""

    speaks = True

    def __init__(self, namespace: str, module: str, arguments: Sequence[str], folder: Path) -> None:
        command = [sys.executable, "-m", f"mamori.tools.trial.{module}", *arguments]
        super().__init__(namespace, command, folder)
        self._line()

    def ask(self, **command: Any) -> Any:
        """Its answer to a command. TrialError when it ended."""
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self.ended() from error
        return json.loads(self._line())

    def _line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            time.sleep(0.1)
            raise self.ended()
        return line
