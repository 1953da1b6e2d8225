"""The estimator against a published worked example."""

from math import inf, nan

import pytest

from mamori.engine.survival import Step, quantile, survival_curve, told_until

# Freireich et al. 1963, remission under 6-MP, weeks; the textbook example for Kaplan-Meier. False: still in remission.
REMISSION = [
    *((6, True), (6, True), (6, True), (6, False), (7, True), (9, False), (10, True), (10, False), (11, False)),
    *((13, True), (16, True), (17, False), (19, False), (20, False), (22, True), (23, True), (25, False)),
    *((32, False), (32, False), (34, False), (35, False)),
]


def test_the_textbook_example_gives_the_published_values() -> None:
    curve = survival_curve([float(time) for time, _ in REMISSION], [seen for _, seen in REMISSION])
    assert [(step.time, step.at_risk, step.events) for step in curve] == [
        (6, 21, 3),
        (7, 17, 1),
        (10, 15, 1),
        (13, 12, 1),
        (16, 11, 1),
        (22, 7, 1),
        (23, 6, 1),
    ]
    by_hand = [18 / 21, 18 / 21 * 16 / 17, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert [step.survival for step in curve] == pytest.approx(by_hand, abs=5e-5)
    assert quantile(curve, 0.5) == 23
    assert quantile(curve, 0.25) == 13
    assert quantile(curve, 0.9) is None


def test_items_still_online_hold_the_curve_up() -> None:
    assert survival_curve([1, 2, 5], [True, True, False]) == [
        Step(1, 3, 1, pytest.approx(2 / 3)),
        Step(2, 2, 1, pytest.approx(1 / 3)),
    ]
    assert survival_curve([1, 2], [False, False]) == []
    assert survival_curve([], []) == []


def test_the_median_is_reached_when_exactly_half_are_gone() -> None:
    curve = survival_curve([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [True] * 10)
    assert [quantile(curve, tenth / 10) for tenth in range(1, 10)] == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_impossible_input_is_refused() -> None:
    for durations, observed in (([1.0], []), ([-1.0], [True]), ([inf], [True]), ([nan], [True])):
        with pytest.raises(ValueError):
            survival_curve(durations, observed)
    with pytest.raises(ValueError):
        quantile([], 1.0)


def test_the_curve_ends_where_too_few_were_watched_so_long():
    young = [1.0] * 817 + [20.0]
    assert told_until(young, [False] * 817 + [True]) == 1, "one item of many tells nothing of 20 h"
    assert told_until([1, 2, 3, 4], [True] * 4) is None, "all are gone: nothing is left to watch"
    assert told_until([1.0] * 90 + [700.0] * 10, [True] * 90 + [False] * 10) == 700, "few are left for most are gone"
    assert told_until([], []) is None
