"""The demo's known image: two analysts confirm a drawing, a provider scans, a person agrees, one call makes a report."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from demo.known_images import OTHERS, KnownImages
from demo.platform import Platform
from demo.world import World
from tests.platform import prepared_platform, rows


@pytest.fixture
def house(world_folder: Path, demo_world: World) -> Iterator[Platform]:
    """A platform of its own: the analysts' queue holds nothing else."""
    with prepared_platform(world_folder / "known-images", demo_world) as made:
        made.start()
        yield made


def test_a_known_image_becomes_a_report(house: Platform, demo_world: World) -> None:
    known = KnownImages(house, demo_world, Console(quiet=True), {})
    known.run()
    names = [step.name for step in known.steps]
    assert names == [
        "provider.token",
        "entry.proposed",
        "entry.confirmed",
        "entry.in_index",
        "scan.matched",
        "match.reported",
        "report.seen",
    ]
    assert [step["name"] for step in json.loads((house.base / "known_images.json").read_text())["steps"]] == names
    assert rows(house, 'SELECT examined, "similar", same FROM fingerprints_matchday') == [(OTHERS + 1, 1, 0)]
    [(number, state)] = rows(house, "SELECT number, state FROM fingerprints_entry")
    assert state == "active"
    line = json.loads((known.folder / f"{known.mark}.jsonl").read_text().splitlines()[0])
    assert (line["entry"], line["bank"]) == (str(number), house.url("partner") + "/api/v1")
    assert rows(house, "SELECT count(*) FROM intake_report") == [(1,)]
