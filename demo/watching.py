"""What the main job watches with: a name until resolvers answer it again, and what goes on, told while it lasts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

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


class Telling:
    """Says what goes on: whatever takes over two seconds without a line gets one, then one every ten."""

    def __init__(self, console: Console, *, first: float = 2, every: float = 10) -> None:
        """`first`, `every`: seconds of silence until the first line of what goes on, and from one to the next."""
        self._console, self._first, self._every = console, first, every
        self._doing: Callable[[], str] = lambda: "at work"
        self._due: float | None = None  # None: nothing is told (a bar moves, or nothing goes on)
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self.doing("at work")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def doing(self, what: str | Callable[[], str]) -> None:
        """What goes on from now on."""
        with self._lock:
            self._doing = what if callable(what) else lambda: what
            self._due = time.monotonic() + self._first

    def say(self, line: str) -> None:
        self._console.print(line)
        with self._lock:
            if self._due is not None:
                self._due = time.monotonic() + self._every

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """Yields what to call after each of `total` steps: a bar on a terminal, lines elsewhere, however few they are."""
        before, done = self._doing, 0
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        bar = Progress(*columns, console=self._console, disable=not self._console.is_terminal, transient=True)
        task = bar.add_task(what, total=total)

        def step() -> None:
            nonlocal done
            done += 1
            bar.advance(task)

        self.doing(lambda: f"{what}: {done} of {total}")
        if self._console.is_terminal:
            self._due = None
        try:
            with bar:
                yield step
        finally:
            self.doing(before)

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            with self._lock:
                if self._due is None or time.monotonic() < self._due:
                    continue
                self._due, told = time.monotonic() + self._every, self._doing()
            self._console.print(f"  … {told}")
