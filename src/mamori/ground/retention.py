"""How long each class of data is kept: rooms name theirs in `retention.py`, a person reviews what is due and destroys it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.db import transaction
from django.utils.functional import Promise

from mamori.ground import audit, clock
from mamori.ground.actors import Actor, Role, grant
from mamori.ground.errors import Forbidden, NotFound

DESTROY = "retention.destroy"
MOST = 10_000
grant(DESTROY, Role.SENIOR_ANALYST, Role.OPERATOR)


@dataclass(frozen=True)
class DataClass:
    """One class of data. `due(moment, most)`: ids of rows whose period began before `moment`, the oldest first.

    `held(ids)`: those of them under legal or police hold, which are never destroyed. `destroy(actor, ids)` returns how
    many it did. `tables`: database tables whose rows, or what of them tells of persons and addresses, end with it.
    """

    name: str
    title: str | Promise
    period: timedelta
    due: Callable[[datetime, int], Sequence[Any]]
    destroy: Callable[[Actor, Sequence[Any]], int]
    held: Callable[[Sequence[Any]], set[Any]] = lambda ids: set()  # noqa: ARG005
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Due:
    """What a review shows: how many rows of a class are due (at most MOST are counted), and how many are on hold."""

    data_class: DataClass
    due: int
    held: int


def data_classes() -> list[DataClass]:
    """The classes of all rooms."""
    found: list[DataClass] = []
    for app in apps.get_app_configs():
        if app.name.startswith("mamori.") and find_spec(f"{app.name}.retention"):
            found.extend(getattr(import_module(f"{app.name}.retention"), "RETENTION", []))
    return found


def retention_review(*, actor: Actor) -> list[Due]:
    """What is due now in each class."""
    actor.require(DESTROY)
    return [
        Due(data_class, min(len(ids) + len(held), MOST), len(held))
        for data_class in data_classes()
        for ids, held in [_due(data_class)]
    ]


@transaction.atomic
def retention_destroy(*, actor: Actor, name: str, reviewer: Actor | None = None) -> int:
    """Destroy, for ever, what is due in one class and not on hold, at most MOST rows. Returns how many.

    `reviewer`: the person who is said to have looked, where it is not that person who acts but a command.
    """
    actor.require(DESTROY)
    reviewer = reviewer or actor
    if reviewer.id is None:
        raise Forbidden(DESTROY)
    reviewer.require(DESTROY)
    data_class = next((c for c in data_classes() if c.name == name), None)
    if data_class is None:
        raise NotFound
    ids, held = _due(data_class)
    done = data_class.destroy(actor, ids)
    audit.record(
        "retention.destroyed",
        subject=f"retention:{name}",
        actor=actor,
        count=done,
        held=len(held),
        reviewed_by=reviewer.id,
    )
    return done


def _due(data_class: DataClass) -> tuple[Sequence[Any], set[Any]]:
    """At most MOST rows that are due and free, the oldest first, and those on hold met on the way.

    Held rows stay the oldest for as long as they are held: asking for more until enough are free keeps them from
    standing before all others.
    """
    before, most = clock.now() - data_class.period, MOST
    while True:
        ids = data_class.due(before, most)
        held = data_class.held(ids)
        if len(ids) < most or len(ids) - len(held) >= MOST:
            free = [i for i in ids if i not in held][:MOST]
            return free, held
        most *= 2
