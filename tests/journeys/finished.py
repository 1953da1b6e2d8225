"""A platform on which the main job has run: every page has something to show."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from demo.dns import engines_installed
from demo.engines import engine_versions
from demo.everything import Everything, bring_up
from demo.main_job import MainJob
from demo.platform import Ports
from demo.processes import free_ports
from demo.timeline import Timeline
from demo.world import PORTS_NEEDED


@dataclass
class Finished:
    """The running demo, and what the main job wrote."""

    everything: Everything
    timeline: Timeline

    def url(self, face: str) -> str:
        return self.everything.platform.url(face)


@pytest.fixture(scope="session")
def finished(world_folder: Path) -> Iterator[Finished]:
    """Runs the main job once per session with all engines that are installed."""
    first = free_ports(4)
    ports = Ports(first, first + 1, first + 2, first + 3)
    with ExitStack() as stack:
        everything = bring_up(world_folder / "finished", stack, ports=ports, world_port=free_ports(PORTS_NEEDED))
        stack.callback(everything.postgres.destroy)
        timeline = Timeline(engine_versions() if engines_installed() else [])
        MainJob(everything.platform, everything.world, timeline, Console(quiet=True), None).run()
        yield Finished(everything, timeline)
