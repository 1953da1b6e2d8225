"""A platform on which the main job has run: every page has something to show."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from demo.__main__ import engine_versions
from demo.dns import engines_installed
from demo.main_job import MainJob
from demo.platform import Platform
from demo.processes import free_ports
from demo.subscribers import provider_keys
from demo.timeline import Timeline
from demo.world import PORTS_NEEDED, World
from tests.platform import prepared_platform


@dataclass
class Finished:
    """The platform, its world, and what the main job wrote."""

    platform: Platform
    world: World
    timeline: Timeline


@pytest.fixture(scope="session")
def finished(world_folder: Path) -> Iterator[Finished]:
    """Runs the main job once per session with all engines that are installed."""
    folder = world_folder / "finished"
    with World(folder / "world", free_ports(PORTS_NEEDED), keys=provider_keys(folder)) as world:
        with prepared_platform(folder, world) as platform:
            platform.start()
            timeline = Timeline(engine_versions() if engines_installed() else [])
            MainJob(platform, world, timeline, Console(quiet=True), None).run()
            yield Finished(platform, world, timeline)
