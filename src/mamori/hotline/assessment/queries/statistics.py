"""Figures of the room: outcomes by day, and how well analysts agree."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, F
from django.db.models.functions import TruncDate

from mamori.ground.actors import Actor
from mamori.hotline.assessment.models import ContentItem, Decision
from mamori.hotline.assessment.permissions import SEE
from mamori.hotline.assessment.states import Verdict


@dataclass(frozen=True)
class OutcomeCount:
    """How many items were settled on a local day, by verdict."""

    on: date
    verdict: Verdict
    count: int


@dataclass(frozen=True)
class Agreement:
    """First against second opinions: pairs, share that agree on illegal or not, Cohen's kappa.

    `share` is None without pairs; `kappa` also where chance alone would agree wholly.
    """

    pairs: int
    share: float | None
    kappa: float | None


def outcomes_per_day(actor: Actor, since: datetime) -> list[OutcomeCount]:
    """Settled items by local day and verdict, oldest first."""
    actor.require(SEE)
    rows = (
        ContentItem.objects.filter(settled_at__gte=since)
        .annotate(on=TruncDate("settled_at"))
        .values_list("on", "verdict")
        .annotate(number=Count("id"))
        .order_by("on", "verdict")
    )
    return [OutcomeCount(on, Verdict(verdict), number) for on, verdict, number in rows]


def agreement(actor: Actor, since: datetime) -> Agreement:
    """Inter-analyst agreement over blind pairs whose second opinion was given since then."""
    actor.require(SEE)
    rows = (
        Decision.objects.filter(
            position=2, decided_at__gte=since, content__decisions__position=1, content__decisions__round=F("round")
        )
        .values_list("content__decisions__verdict", "verdict")
        .annotate(number=Count("id"))
    )
    table = {(a, b): 0 for a in (True, False) for b in (True, False)}
    for first, second, number in rows:
        table[Verdict(first).illegal, Verdict(second).illegal] += number
    pairs = sum(table.values())
    if not pairs:
        return Agreement(0, None, None)
    share = (table[True, True] + table[False, False]) / pairs
    first = (table[True, True] + table[True, False]) / pairs
    second = (table[True, True] + table[False, True]) / pairs
    chance = first * second + (1 - first) * (1 - second)
    return Agreement(pairs, share, (share - chance) / (1 - chance) if chance < 1 else None)
