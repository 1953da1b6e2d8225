"""The table in docs/architecture.md names each room's tables, all of them, and services that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "docs" / "architecture.md").read_text().splitlines()
ROOMS = (
    "intake",
    "assessment",
    "tracing",
    "referral",
    "checks",
    "takedown",
    "listing",
    "distribution",
    "openness",
    "fingerprints",
    "exchange",
)


@pytest.mark.parametrize("room", ROOMS)
def test_the_table_of_rooms_is_true(room: str) -> None:
    (row,) = [line.split(" | ") for line in LINES if line.startswith(f"| {room} | ")]
    folder = next((ROOT / "src" / "mamori").glob(f"*/{room}"))
    tables = set(re.findall(r"^class (\w+)\(models\.Model\)", (folder / "models.py").read_text(), re.MULTILINE))
    assert set(re.findall(r"\b[A-Z][a-z]\w+", row[1])) == tables
    source = "".join(path.read_text() for path in [*folder.glob("services.py"), *folder.glob("services/*.py")])
    named = re.findall(r"`(\w+)`", row[2])
    assert named
    assert [name for name in named if f"def {name}(" not in source] == []
