"""Mamori itself for tests: three faces, worker, witness, PostgreSQL and the world around, all real, on free ports."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo.people import person as demo_person
from demo.platform import Platform, Ports
from demo.postgres import Postgres
from demo.processes import WorldError, free_ports
from demo.visitor import Visitor
from demo.world import PORTS_NEEDED, World

ROOT = Path(__file__).parent.parent
FACE_PORTS = 4
QUICK_QUEUE = {"MAMORI_QUEUE_SECONDS": "0", "MAMORI_QUEUE_PER_MINUTE": "60000"}


def running_world(folder: Path, *, dns: bool = False) -> World:
    """A world that is not started yet; `dns`: with Knot and resolvers, else with a small name server."""
    return World(folder / "world", free_ports(PORTS_NEEDED), engines=None if dns else ())


@contextmanager
def prepared_platform(
    folder: Path,
    world: World,
    *,
    settings: Mapping[str, str] | None = None,
    database: Mapping[str, str] | None = None,
    sweep_seconds: int = 1,
) -> Iterator[Platform]:
    """PostgreSQL and a platform with tables and people, not started.

    `settings`: environment variables for Mamori; `database`: settings for PostgreSQL.
    """
    with ExitStack() as stack:
        postgres = Postgres(folder / "database", settings=database)
        postgres.start()
        stack.callback(postgres.destroy)
        base = folder / "platform"
        temporary = base / "tmp"
        temporary.mkdir(parents=True)
        first = free_ports(FACE_PORTS)
        ports = Ports(first, first + 1, first + 2, first + 3)
        made = Platform(
            base,
            postgres,
            {**world.settings(), **QUICK_QUEUE, "TMPDIR": str(temporary), **(settings or {})},
            ports,
            sweep_seconds,
        )
        made.prepare()
        seed = "import sys, pathlib; from demo.seed import main; main(pathlib.Path(sys.argv[1]))"
        inside(made, "manage", seed, str(made.keys))
        stack.callback(made.stop)
        yield made


def inside(platform: Platform, face: str, code: str, *arguments: str) -> Any:
    """Run Python code in a face's environment, in a process of its own; what it prints is read as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(platform, face),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise WorldError(f"in the {face} environment: {done.stderr[-2000:]}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def environment(platform: Platform, face: str) -> dict[str, str]:
    """A face's environment for a Python process of the tests."""
    return {
        **platform.environment(face),
        "DJANGO_SETTINGS_MODULE": "mamori.site.settings",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src"))),
    }


def partner_token(platform: Platform, *scopes: str, organisation: str = "Internet Hotline Center") -> str:
    """A partner's bearer token."""
    code = """
import sys, json, django
django.setup()
from mamori.ground.accounts.models import Organisation
from mamori.ground.accounts.services import token_create
from mamori.ground.actors import SYSTEM
name, *scopes = sys.argv[1:]
made = Organisation.objects.get(name=name)
print(json.dumps(token_create(actor=SYSTEM, organisation_id=made.id, title="test", scopes=scopes)))
"""
    token: str = inside(platform, "manage", code, organisation, *scopes)
    return token


def superuser_dsn(platform: Platform) -> str:
    """How PostgreSQL's superuser reaches the platform's database."""
    return platform.postgres.superuser_dsn.rpartition("/")[0] + "/mamori"


def rows(platform: Platform, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of a query, asked by PostgreSQL's superuser of the platform's database."""
    with psycopg.connect(superuser_dsn(platform), autocommit=True) as connection:
        done = connection.execute(query, values or None)
        return done.fetchall() if done.description else []


@pytest.fixture(scope="session")
def demo_world(world_folder: Path) -> Iterator[World]:
    """Hosting, registries, names, mailboxes: no Knot, no resolvers."""
    with running_world(world_folder / "around") as made:
        yield made


@pytest.fixture(scope="session")
def platform(world_folder: Path, demo_world: World) -> Iterator[Platform]:
    """The whole platform, seeded with the demo's people, three faces and worker running. Sweeps run each second."""
    with prepared_platform(world_folder / "mamori", demo_world) as made:
        made.start()
        made.wait_for_index()
        yield made


@pytest.fixture(scope="session")
def visitor(platform: Platform) -> Callable[..., Visitor]:
    """`visitor()` is a stranger at the public face; `visitor("aoki")` that member at the staff face, logged in once."""
    members: dict[str, Visitor] = {}

    def make(login: str | None = None) -> Visitor:
        if login is None:
            return Visitor(platform.url("public"))
        if login not in members:
            members[login] = Visitor(platform.url("staff"))
            members[login].log_in(demo_person(login))
        return members[login]

    return make


def doctor(platform: Platform, **changed: str) -> tuple[int, str]:
    """Exit code and words. `changed`: environment variables that differ; an empty one is not set."""
    given: Mapping[str, str] = {**platform.environment("manage"), **changed, "COLUMNS": "400"}
    done = subprocess.run(
        [sys.executable, "-m", "mamori", "doctor"],
        env={name: value for name, value in given.items() if value},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout + done.stderr


def line(said: str, word: str) -> str:
    found = [each for each in said.splitlines() if word in each]
    assert found, said
    return found[0]
