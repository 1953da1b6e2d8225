"""What the main job watches with: a name until resolvers answer it again, and long work as a bar or as lines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from demo.dns import DnsWorld, ask
from demo.processes import WorldError


class LiftWatch:
    """Asks each resolver for a blocked name until it answers again, beside everything else."""

    def __init__(self, dns: DnsWorld, host: str) -> None:
        self._found: dict[str, float] = {}
        self._threads = [
            threading.Thread(target=self._watch, args=(dns, engine, host), daemon=True) for engine in dns.providers
        ]
        for thread in self._threads:
            thread.start()

    def _watch(self, dns: DnsWorld, engine: str, host: str) -> None:
        provider, end = dns.providers[engine], time.monotonic() + 3600
        while time.monotonic() < end:
            answer = ask(provider.resolver, host, timeout=0.5)
            if answer not in {provider.blocked, "TIMEOUT"}:
                self._found[engine] = time.time()
                return
            time.sleep(0.01)

    def seconds_since(self, moment: float) -> dict[str, float]:
        """Seconds from `moment` (POSIX) until each resolver answered. WorldError when one never did."""
        for thread in self._threads:
            thread.join(60)
        if len(self._found) < len(self._threads):
            raise WorldError("a resolver still blocks what is gone")
        return {engine: at - moment for engine, at in self._found.items()}


class Bar:
    """A progress bar for long work, lines where it is no terminal; silent for a handful."""

    def __init__(self, console: Console, what: str, total: int, *, first: float = 2, every: float = 10) -> None:
        """`first`, `every`: seconds until the first line and from one to the next, where lines are told."""
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._lines = not console.is_terminal and total >= 20
        self._bar = Progress(*columns, console=console, disable=total < 20 or self._lines, transient=True)
        self._console, self._what, self._total = console, what, total
        self._done, self._say_at, self._every = 0, time.monotonic() + first, every

    def __enter__(self) -> Callable[[], None]:
        self._bar.start()
        task = self._bar.add_task(self._what, total=self._total)

        def step() -> None:
            self._bar.advance(task)
            self._done += 1
            if self._lines and time.monotonic() > self._say_at:
                self._console.print(f"  … {self._what}: {self._done} of {self._total}")
                self._say_at = time.monotonic() + self._every

        return step

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
