"""What the benchmarks share: the machine, a world of their own, medians, the result as JSON."""

from __future__ import annotations

import json
import math
import os
import platform as host
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from demo.platform import Platform
from demo.postgres import Postgres
from demo.processes import Program, free_ports, wait_until

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable


# --- figures --------------------------------------------------------------------------------------------------------


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile: a value that was measured. `share`: 0 to 1."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def peak_mb(process: int | str = "self") -> int:
    """The most memory a process held since it began its program (`ru_maxrss` has what it was forked from, too)."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0) // 1024


def descendants(process: int | str = "self") -> Iterator[str]:
    """All processes below one, as far as they live."""
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text().split():
            yield child
            yield from descendants(child)


def peak_mb_of_all() -> int:
    """The same of this process and all below it, added up."""
    return peak_mb() + sum(peak_mb(each) for each in descendants())


class Answering:
    """A process of its own that answers each line with a line: `python -m …`. SystemExit where it ended instead."""

    def __init__(self, *argv: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [PYTHON, "-m", *argv],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """What it says next."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(
                f"a measured process ended with {self._process.wait()}: see above. What we compare with: scripts/setup"
            )
        return line

    def tell(self, line: str) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # it has ended, and `line` says so
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def ask(self, line: str) -> str:
        self.tell(line)
        return self.line()

    def end(self) -> str:
        """Its last words."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        said = self._process.stdout.read()
        self._process.wait()
        return said


def machine() -> dict[str, Any]:
    """When and where: goes into every result."""
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), ":unknown")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": model.partition(":")[2].strip(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "python": host.python_version(),
        "system": f"{host.system()} {host.release()}",
        "commit": commit,
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def arguments(description: str | None) -> ArgumentParser:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is stopped and removed
    parser = ArgumentParser(description=description)
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON to FILE, or - for standard output")
    return parser


def finish(result: dict[str, Any], place: str | None) -> None:
    """Write the result; a goal that was missed makes the command fail after it."""
    result["machine"]["load_after"] = [round(value, 2) for value in os.getloadavg()]
    text = json.dumps(result, indent=1, default=str)
    if place == "-":
        print(text)
    elif place:
        Path(place).write_text(text + "\n")
    missed = [goal["what"] for goal in result.get("goals", []) if not goal["met"]]
    if missed:
        say("missed: " + "; ".join(missed))
        raise SystemExit(1)


def goal(what: str, value: float, limit: float, *, at_least: bool = False) -> dict[str, Any]:
    met = value >= limit if at_least else value <= limit
    say(f"{'ok    ' if met else 'MISSED'} {what}: {value:.3g} (goal {'>=' if at_least else '<='} {limit:g})")
    return {"what": what, "value": round(value, 4), "limit": limit, "at_least": at_least, "met": met}


def say(text: str) -> None:
    """Progress goes to standard error: standard output may carry the JSON."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def timed(what: str, times: dict[str, float]) -> Iterator[None]:
    """Tell what begins, and keep its seconds in `times`."""
    say(f"… {what}")
    began = time.monotonic()
    yield
    times[what] = round(time.monotonic() - began, 2)
    say(f"  {what}: {times[what]:.1f} s")


# --- a world of its own ---------------------------------------------------------------------------------------------


@contextmanager
def world(settings: dict[str, str] | None = None, keep: str = "") -> Iterator[Platform]:
    """A new PostgreSQL and Mamori's tables, roles, keys and static files in a folder of their own, removed after.

    `keep`: that folder instead, left as it is for the next run.
    """
    folder = Path(keep or tempfile.mkdtemp(prefix="mamori-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    postgres = Postgres(folder / "world", settings=settings)
    try:
        postgres.start()
        platform = Platform(folder / "mamori", postgres, {})
        platform.prepare()
        yield platform
    finally:
        if keep:
            postgres.stop()
        else:
            postgres.destroy()
            shutil.rmtree(folder, ignore_errors=True)


def environment(platform: Platform, face: str) -> dict[str, str]:
    """As in production (no demo clock, sweeps each minute), but without TLS: a proxy's business."""
    production = {"MAMORI_DEMO": "no", "MAMORI_HTTPS": "no", "MAMORI_SWEEP_SECONDS": "60", "MAMORI_SMTP_STARTTLS": "no"}
    return {
        **platform.environment(face),
        **production,
        "PYTHONPATH": f"{ROOT}/src:{ROOT}",
        "DJANGO_SETTINGS_MODULE": "mamori.site.settings",
    }


def owner(platform: Platform) -> psycopg.Connection[Any]:
    return psycopg.connect(platform.postgres.owner_dsn(), autocommit=True)


@contextmanager
def serving(platform: Platform, argv: Sequence[str], env: dict[str, str], probe: str) -> Iterator[int]:
    """Run a server whose arguments hold "{port}"; its port once `probe` (a path) is answered."""
    import urllib3

    port = free_ports(1)
    folder = platform.base / "log"
    folder.mkdir(exist_ok=True)
    program = Program(f"server-{port}", [part.format(port=port) for part in argv], folder, env=env, as_is=True)

    def answers() -> bool:
        if not program.running():
            raise SystemExit(f"{argv} ended: {program.tail()}")
        try:
            return urllib3.request("GET", f"http://127.0.0.1:{port}{probe}", timeout=2, retries=False).status < 500
        except urllib3.exceptions.HTTPError:
            return False

    program.start()
    try:
        wait_until(answers, 60, "the server does not answer")
        yield port
    finally:
        program.stop()


def django(platform: Platform, face: str) -> None:
    """Make this process a process of that face."""
    import django as framework

    os.environ.update(environment(platform, face))
    framework.setup()


def subcommand(platform: Platform, face: str, *module: str) -> float:
    """Run `python -m …` in the environment of a face; its seconds. SystemExit with its words when it fails."""
    began = time.monotonic()
    done = subprocess.run(
        [PYTHON, "-m", *module], env=environment(platform, face), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(module)} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return time.monotonic() - began
