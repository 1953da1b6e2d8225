"""Announcements: what happened, told to later rooms. One durable job per listener, in the same transaction."""

import dataclasses
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mamori.ground import jobs


@dataclass(frozen=True)
class Fact:
    """Base of all facts: a frozen dataclass in the past tense that holds ids only."""


F = TypeVar("F", bound=Fact)
_listeners: dict[type[Fact], list[str]] = defaultdict(list)
_handlers: dict[str, tuple[type[Fact], Callable[[Any], None]]] = {}
_lanes: dict[str, jobs.Lane] = {}


def listens(
    fact: type[F], name: str, lane: jobs.Lane = jobs.Lane.DEFAULT
) -> Callable[[Callable[[F], None]], Callable[[F], None]]:
    """Register a listener. `name` ("room.what_it_does") is stored in jobs: never rename one with jobs waiting.

    A listener must be safe to run twice.
    """

    def register(function: Callable[[F], None]) -> Callable[[F], None]:
        if name in _handlers:
            raise ValueError(f"listener {name} is registered twice")
        _handlers[name], _lanes[name] = (fact, function), lane
        _listeners[fact].append(name)
        return function

    return register


def announce(*facts: Fact) -> None:
    """Store one job per fact and listener. Call inside the transaction of the change."""
    waiting: dict[jobs.Lane, list[jobs.Json]] = defaultdict(list)
    for fact in facts:
        told = {field.name: str(getattr(fact, field.name)) for field in dataclasses.fields(fact)}
        for name in _listeners[type(fact)]:
            waiting[_lanes[name]].append({"listener": name, "fact": told})
    for lane, many in waiting.items():
        jobs.defer_many("ground.listen", many, lane)


def deliver(listener: str, fact: dict[str, str]) -> None:
    """Run one listener with one stored fact."""
    kind, handler = _handlers[listener]
    values = {f.name: _read(f.type, fact[f.name]) for f in dataclasses.fields(kind)}
    handler(kind(**values))


def listeners() -> dict[str, str]:
    """Listener name -> fact name, for the documentation."""
    return {name: kind.__name__ for name, (kind, _) in _handlers.items()}


def _read(kind: Any, text: str) -> Any:
    if kind in (uuid.UUID, "UUID", "uuid.UUID"):
        return uuid.UUID(text)
    if kind in (int, "int"):
        return int(text)
    return text
