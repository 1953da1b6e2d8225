"""Small state machines: a table (from, to) -> who may, and the one function that moves a row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError

S = TypeVar("S", bound=StrEnum)
Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Move:
    """Who may make a move. `permission` None: only the system. `second_person`: not the one who made the move before."""

    permission: str | None
    second_person: bool = False


@dataclass(frozen=True)
class Machine(Generic[S]):
    """A state machine: `name` is also the key of its words and colours in `ground.ui.states`."""

    name: str
    states: type[S]
    moves: Mapping[tuple[S, S], Move]

    def check(self, actor: Actor, current: S, to: S, *, first_person: Any = None) -> None:
        """Raise DomainError unless `actor` may move from `current` to `to`."""
        move = self.moves.get((current, to))
        if move is None:
            raise DomainError(
                "no_such_move",
                _("This is already “%(now)s” and cannot become “%(to)s”.") % {"now": current, "to": to},
                remedy=_("Reload the page: somebody else may have been faster."),
            )
        if not actor.is_system:
            actor.require(move.permission or "system.only")
        if move.second_person and first_person is not None and actor.id == first_person:
            raise DomainError(
                "second_person_needed",
                _("A second person must do this: you did the step before."),
                remedy=_("Ask a colleague to look at it."),
            )

    def reachable(self, current: S) -> list[S]:
        return [to for (source, to) in self.moves if source == current]

    def constraint(self, field: str = "state") -> models.CheckConstraint:
        """The database's own word that no row holds a state outside the table."""
        return models.CheckConstraint(
            condition=models.Q(**{f"{field}__in": [str(s) for s in self.states]}), name=f"{self.name}_{field}_known"
        )


def require_state(current: str, expected: StrEnum) -> None:
    """Refuse a step that is another one from where the row now is: releasing is not agreeing, though both lead to “active”."""
    if current != expected:
        raise DomainError(
            "not_in_that_state",
            _("This is not where the step begins."),
            remedy=_("Reload the page: somebody else may have been faster."),
        )


def move(
    row: models.Model,
    to: StrEnum,
    *,
    machine: Machine[Any],
    actor: Actor,
    event: str,
    first_person: Any = None,
    changed: tuple[str, ...] = (),
    **codes: audit.Code,
) -> None:
    """Move a row that the caller has locked: look up the table, check the actor, save, write the log.

    `changed` names other fields the caller has set on the row and wants saved with the state.
    """
    current = machine.states(row.state)  # type: ignore[attr-defined]
    machine.check(actor, current, machine.states(to), first_person=first_person)
    row.state = str(to)  # type: ignore[attr-defined]
    row.save(update_fields=["state", *changed])
    audit.record_many(event, subjects=[(row, {"was": str(current), "now": str(to), **codes})], actor=actor)


def move_many(
    rows: Sequence[Row],
    to: StrEnum,
    *,
    machine: Machine[Any],
    actor: Actor,
    event: str,
    codes: Callable[[Row], Mapping[str, audit.Code]],
    changed: Mapping[str, Any] | None = None,
) -> None:
    """Move rows of one model that the caller has locked, as `move` does each, in two statements. All or none.

    `changed`: other fields that get the same value in every row.
    """
    values = {**(changed or {}), "state": str(to)}
    subjects = []
    for row in rows:
        current = machine.states(row.state)  # type: ignore[attr-defined]
        machine.check(actor, current, machine.states(to))
        subjects.append((row, {"was": str(current), "now": str(to), **codes(row)}))
    if not rows:
        return
    for row in rows:
        for name, value in values.items():
            setattr(row, name, value)
    type(rows[0]).objects.filter(pk__in=[row.pk for row in rows]).update(**values)  # type: ignore[attr-defined]
    audit.record_many(event, subjects=subjects, actor=actor)
