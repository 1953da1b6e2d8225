import pytest

from mamori.tools.scan.pool import Pool
from tests.tools.scan.drawn import LIMITS


@pytest.fixture(scope="session")
def pool():
    """Two children that all tests use one after the other."""
    with Pool(2, LIMITS) as children:
        yield children


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "matches.jsonl"
