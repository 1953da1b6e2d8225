"""The timeline of the main job: printed as a table, written as JSON."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

STATIONS = (
    "report.received",
    "content.assessed",
    "content.confirmed",
    "police.delivered",
    "police.no_objection",
    "check.online",
    "notice.delivered",
    "entry.proposed",
    "entry.active",
    "edition.published",
    "block.effective",
    "removal.claimed",
    "check.gone",
    "entry.removed",
    "block.lifted",
    "reporter.outcome",
    "audit.verified",
)
PER_ENGINE = {"block.effective", "block.lifted"}


@dataclass(frozen=True)
class Station:
    """`at`: ISO moment on the demo clock; `seconds`: real seconds this station took."""

    name: str
    at: str
    seconds: float
    detail: str
    engine: str | None = None


class Timeline:
    """Collects stations in their order."""

    def __init__(self, engines: list[dict[str, str]]) -> None:
        self.engines = engines
        self.stations: list[Station] = []
        self._last = time.monotonic()

    def reached(
        self, name: str, at: str, detail: str, *, engine: str | None = None, seconds: float | None = None
    ) -> None:
        """Record a station, once. `seconds` defaults to the real time since the one before."""
        if name not in STATIONS:
            raise ValueError(name)
        if self.has(name, engine):
            return
        now = time.monotonic()
        took = now - self._last if seconds is None else seconds
        self._last = now
        self.stations.append(Station(name, at, round(took, 3), detail, engine))

    def has(self, name: str, engine: str | None = None) -> bool:
        """Whether a station was reached; without `engine` in any of them."""
        return any(s.name == name and (engine is None or s.engine == engine) for s in self.stations)

    def missing(self) -> list[str]:
        """Stations that were not reached (per engine where an engine runs)."""
        wanted = [
            (name, engine["name"] if name in PER_ENGINE else None)
            for name in STATIONS
            for engine in (self.engines or [{"name": ""}] if name in PER_ENGINE else [{"name": ""}])
        ]
        there = {(s.name, s.engine) for s in self.stations}
        return [
            f"{name} ({engine})" if engine else name
            for name, engine in wanted
            if (name, engine or None) not in there and not (name in PER_ENGINE and not self.engines)
        ]

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {"stations": self.told(), "engines": self.engines}
        path.write_text(json.dumps(told, ensure_ascii=False, indent=1))

    def told(self) -> list[dict[str, str | float]]:
        """The stations as they are written."""
        return [{k: v for k, v in asdict(s).items() if v is not None} for s in self.stations]

    @classmethod
    def read(cls, path: Path) -> Timeline | None:
        """What an earlier run wrote; None when there is none that can be read."""
        try:
            kept = json.loads(path.read_text())
            made = cls(kept["engines"])
            made.stations = [Station(**station) for station in kept["stations"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return made

    def show(self, console: Console) -> None:
        table = Table("station", "moment (demo clock)", "seconds", "detail", title="The way of one report")
        for s in self.stations:
            name = f"{s.name} · {s.engine}" if s.engine else s.name
            table.add_row(name, s.at[:19].replace("T", " "), f"{s.seconds:.3f}", s.detail)
        console.print(table)
