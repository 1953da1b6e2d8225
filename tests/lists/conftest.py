from collections.abc import Callable

import pytest

from mamori.ground.accounts.models import User
from tests.lists.cases import Body, make_body


@pytest.fixture
def body(person: Callable[..., User]) -> Body:
    return make_body(person)
