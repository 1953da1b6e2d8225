"""Kaplan-Meier estimator (Kaplan and Meier 1958): how long content stays online, items still online kept in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """From ``time`` (hours) on, a share ``survival`` is still online; ``events`` of ``at_risk`` ended at ``time``."""

    time: float
    at_risk: int
    events: int
    survival: float


def survival_curve(durations_hours: Sequence[float], observed: Sequence[bool]) -> list[Step]:
    """One step per time with an event.

    ``observed[i]`` False: the item was still online after ``durations_hours[i]`` (right-censored). An item censored at
    the time of an event counts as at risk there. ValueError for unequal lengths, negative or non-finite durations.
    """
    return [step for step in _times(durations_hours, observed) if step.events]


def told_until(durations_hours: Sequence[float], observed: Sequence[bool], share: float = 0.1) -> float | None:
    """The time after which the curve should not be told: too many items were not watched for so long. None: no end.

    At a time t, n S(t) items would be at risk had all been watched; the curve ends where fewer than ``share`` of them
    are (after Pocock, Clayton and Altman 2002, "Survival plots of time-to-event outcomes in clinical trials", who
    advise 10 to 20 %), and at the latest with the longest duration. It has no end when the last item watched is gone.
    """
    wanted, last = float(len(durations_hours)), 0.0
    for step in _times(durations_hours, observed):
        if step.at_risk < share * wanted:
            return last
        wanted, last = len(durations_hours) * step.survival, step.time
    return last if wanted else None


def _times(durations_hours: Sequence[float], observed: Sequence[bool]) -> Iterator[Step]:
    """One step per time at which an item ended or was last seen: there ``events`` may be 0."""
    if len(durations_hours) != len(observed):
        raise ValueError("durations and observations must be of equal length")
    if not all(0 <= duration < float("inf") for duration in durations_hours):
        raise ValueError("durations must be finite and not negative")
    left = Counter(durations_hours)
    ended = Counter(duration for duration, seen in zip(durations_hours, observed, strict=True) if seen)
    at_risk, survival = len(durations_hours), 1.0
    for time in sorted(left):
        events = ended[time]
        survival *= 1 - events / at_risk
        yield Step(time, at_risk, events, survival)
        at_risk -= left[time]


def quantile(curve: Sequence[Step], q: float) -> float | None:
    """The first time by which a share ``q`` has ended (0.5: the median); None when the curve never falls so far."""
    if not 0 < q < 1:
        raise ValueError("q must lie between 0 and 1")
    return next((step.time for step in curve if step.survival <= 1 - q + 1e-12), None)
