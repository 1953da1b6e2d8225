"""A platform of its own for the tests that kill, with the product's own pause between sweeps and a slow mail server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from demo.mailboxes import Mailboxes
from demo.platform import Platform
from demo.world import World
from tests.platform import prepared_platform, running_world


class SlowMailboxes(Mailboxes):
    """A mail server that takes its time after the last dot: a death just then is frequent. `slow@`: 4 s."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        slow = any(each.startswith("slow@") for each in envelope.rcpt_tos)
        await asyncio.sleep(4 if slow else 0.03)
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture(scope="module")
def slow_world(world_folder: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    world = running_world(world_folder / request.module.__name__)
    world.mail = SlowMailboxes(world.mail.folder, world.mail.address[1])
    with world:
        yield world


@pytest.fixture(scope="module")
def house(world_folder: Path, request: pytest.FixtureRequest, slow_world: World) -> Iterator[Platform]:
    with prepared_platform(world_folder / request.module.__name__, slow_world, sweep_seconds=10) as made:
        made.start()
        yield made
