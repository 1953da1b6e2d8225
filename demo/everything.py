"""Bring the whole demo up in the right order: database, Mamori's tables and people, the world, then the faces."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import mamori
from demo import subscribers
from demo.knot import Key
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
    engines: Sequence[str] | None = None,
    step: Step = lambda _what: nullcontext(),
) -> Everything:
    """Start all in `base`; `stack` stops it again. The world gets the TSIG keys that Mamori gave its providers.

    `engines`: see World.
    """
    with step("PostgreSQL"):
        postgres = Postgres(base, url=database_url)
        postgres.start()
        stack.callback(postgres.stop)
    platform = Platform(base, postgres, {}, ports or Ports())
    platform.claim()
    keys = None if database_url else _prepared(base)
    if keys is None:
        with step("keys, tables, database roles"):
            platform.prepare()
        with step("institutions, people, subscribers"):
            keys = subscribers.seed(platform, world_port)
        _remember(base, keys)
    world = World(base / "world", world_port, keys=keys, engines=engines)
    platform.world = world.settings()
    stack.callback(world.stop)
    stack.callback(platform.stop)
    with step("three faces, worker, witness; the world around: sites, registries, mailboxes, resolvers"):
        platform.start(world.start)
    return Everything(platform, world, postgres)


def _stamp() -> str:
    """Changes with everything that tables, grants, static files and the demo's people are made of."""
    package = Path(mamori.__path__[0])
    kinds = ("migrations/0*.py", "grants.py", "static/**/*")
    files = sorted(path for kind in kinds for path in package.rglob(kind) if path.is_file())
    files += [Path(__file__).with_name("seed.py"), Path(__file__).with_name("people.py")]
    digest = sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _prepared(base: Path) -> dict[str, Key] | None:
    """The providers' keys, when an earlier start prepared all and nothing changed since."""
    try:
        kept = json.loads((base / "prepared.json").read_text())
    except (OSError, ValueError):
        return None
    return {engine: Key(*key) for engine, key in kept["keys"].items()} if kept["stamp"] == _stamp() else None


def _remember(base: Path, keys: Mapping[str, Key]) -> None:
    path = base / "prepared.json"
    path.unlink(missing_ok=True)
    text = json.dumps({"stamp": _stamp(), "keys": {engine: [key.name, key.secret] for engine, key in keys.items()}})
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
