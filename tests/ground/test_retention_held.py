"""Rows on hold never stand before those that are free."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mamori.ground.retention import MOST, DataClass, _due


def test_a_sweep_passes_rows_on_hold_and_stays_bounded() -> None:
    rows = range(4 * MOST)

    def due(_before: datetime, most: int) -> Sequence[int]:
        return rows[:most]

    def held(ids: Sequence[int]) -> set[int]:
        return {i for i in ids if i < MOST + 5}

    free, on_hold = _due(DataClass("test", "test", timedelta(days=1), due, lambda _actor, ids: len(ids), held))
    assert list(free) == list(range(MOST + 5, 2 * MOST + 5))
    assert len(on_hold) == MOST + 5
