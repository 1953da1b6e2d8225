"""Bring the whole demo up in the right order: database, Mamori's tables and people, the world, then the faces."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from demo import subscribers
from demo.platform import Platform, Ports
from demo.postgres import Postgres
from demo.world import PORT, World

Step = Callable[[str], AbstractContextManager[object]]


@dataclass
class Everything:
    """A running demo."""

    platform: Platform
    world: World
    postgres: Postgres


def bring_up(
    base: Path,
    stack: ExitStack,
    *,
    database_url: str | None = None,
    ports: Ports | None = None,
    world_port: int = PORT,
    step: Step = lambda _what: nullcontext(),
) -> Everything:
    """Start all in `base`; `stack` stops it again. The world gets the TSIG keys that Mamori gave its providers."""
    with step("PostgreSQL"):
        postgres = Postgres(base, url=database_url)
        postgres.start()
        stack.callback(postgres.stop)
    platform = Platform(base, postgres, {}, ports or Ports())
    platform.claim()
    with step("keys, tables, database roles"):
        platform.prepare()
    with step("institutions, people, subscribers"):
        keys = subscribers.seed(platform, world_port)
    with step("the world around: sites, registries, mailboxes, resolvers"):
        world = World(base / "world", world_port, keys=keys)
        world.start()
        stack.callback(world.stop)
    platform.world = world.settings()
    with step("three faces, worker, witness"):
        stack.callback(platform.stop)
        platform.start()
    return Everything(platform, world, postgres)
