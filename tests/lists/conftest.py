from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from mamori.ground import clock
from mamori.ground.accounts.models import User
from mamori.lists.distribution.keys import init_keys
from tests.lists.cases import Body, make_body, vouch


@pytest.fixture
def body(person: Callable[..., User]) -> Body:
    return make_body(person)


@pytest.fixture
def press(tmp_path: Path, settings, body: Body) -> SimpleNamespace:
    """Keys and folder of a publisher without DNS. The root vouches for the list body's keys."""
    settings.EDITION_KEY_DIR = tmp_path / "keys"
    settings.EDITION_DIR = tmp_path / "editions"
    settings.EDITION_DIR.mkdir()
    root = init_keys(settings.EDITION_KEY_DIR, now=clock.now())
    vouch(settings.EDITION_KEY_DIR, body)
    return SimpleNamespace(root=root.read_bytes(), folder=settings.EDITION_DIR, keys=settings.EDITION_KEY_DIR)
