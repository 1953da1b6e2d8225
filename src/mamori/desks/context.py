"""What every staff page is given: the desks, the day's clocks, who is here."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language

from mamori.desks.navigation import navigation
from mamori.desks.rooms import waiting
from mamori.ground import clock
from mamori.ground.accounts.looks import ROLE_WORDS
from mamori.ground.actors import Actor, Role
from mamori.ground.ui.moments import Waiting
from mamori.ground.ui.parts import Clock

KEPT_SECONDS = 20
MOST_CLOCKS = 4
SPAN = timedelta(hours=24)  # of a clock whose beginning its room does not tell


@dataclass(frozen=True)
class UserMenu:
    name: str
    organisation: str
    roles: list[str]
    logout_url: str
    account_url: str


def desk(request: HttpRequest) -> dict[str, Any]:
    """Template context of the staff face. The clocks are kept for 20 seconds for each member: one query a page."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        return {}
    known = {"user_menu": _user_menu(request), "home_url": reverse("desks_today")}
    if not getattr(request, "second_factor", False):
        return known
    match = request.resolver_match
    return {
        **known,
        "navigation": navigation(actor, match.view_name if match else ""),
        "clocks": clocks(_waiting_lately(actor)),
    }


def clocks(found: list[Waiting]) -> list[Clock]:
    """The deadlines that end first."""
    dated = sorted(((w.due_at, w) for w in found if w.due_at is not None), key=lambda pair: pair[0])
    return [Clock(w.title, w.started_at or due - SPAN, due, w.url) for due, w in dated[:MOST_CLOCKS]]


def waiting_now(actor: Actor) -> list[Waiting]:
    """What waits for the actor, asked of all rooms anew and kept for the pages that follow."""
    found = waiting(actor)
    told = [Waiting(str(w.title), w.count, w.url, w.tone, w.due_at, w.alarm, w.started_at) for w in found]
    cache.set(_key(actor), told, KEPT_SECONDS)
    return told


def _waiting_lately(actor: Actor) -> list[Waiting]:
    kept: list[Waiting] | None = cache.get(_key(actor))
    return waiting_now(actor) if kept is None else kept


def _key(actor: Actor) -> str:
    roles = "-".join(sorted(actor.roles))
    return f"desks.waiting:{actor.id}:{roles}:{get_language()}:{int(clock.now().timestamp()) // 60}"


def _user_menu(request: HttpRequest) -> UserMenu:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return UserMenu(
        name=request.user.name,  # type: ignore[union-attr]
        organisation=request.user.organisation_name,  # type: ignore[union-attr]
        roles=[str(ROLE_WORDS[Role(role)]) for role in sorted(actor.roles)],
        logout_url=reverse("account_logout"),
        account_url=reverse("mfa_index"),
    )
