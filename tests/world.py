"""Fixtures over the demo world's real programs, one of each per test session."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.dns import PORTS_NEEDED as DNS_PORTS
from demo.dns import DnsWorld
from demo.mailboxes import Mailboxes
from demo.postgres import Postgres
from demo.processes import free_ports


@pytest.fixture(scope="session")
def world_folder() -> Iterator[Path]:
    """A folder that programs running as an ordinary user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="mamori-world-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def dns_world(world_folder: Path) -> Iterator[DnsWorld]:
    """Knot, Unbound and BIND. Mark tests with needs("knotd", "knotc", "unbound", "named")."""
    with DnsWorld(world_folder / "dns", free_ports(DNS_PORTS)) as world:
        yield world


@pytest.fixture(scope="session")
def postgres(world_folder: Path) -> Iterator[Postgres]:
    """A server beside the suite's own, that a test may kill and restart."""
    server = Postgres(world_folder / "postgres")
    with server:
        yield server


@pytest.fixture(scope="session")
def smtp(world_folder: Path) -> Iterator[Mailboxes]:
    """A real mail server with a folder per address."""
    with Mailboxes(world_folder / "mail", free_ports(1)) as server:
        yield server
