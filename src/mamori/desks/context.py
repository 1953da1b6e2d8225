"""What every staff page is given: the desks, the day's clocks, who is here."""

from dataclasses import dataclass, replace
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language

from mamori.desks import rooms
from mamori.desks.navigation import navigation
from mamori.ground import clock
from mamori.ground.accounts.looks import ROLE_WORDS
from mamori.ground.actors import Actor, Role
from mamori.ground.ui.moments import Waiting
from mamori.ground.ui.parts import Clock

KEPT_SECONDS = 20


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
        "clocks": clocks(actor),
    }


def waiting_now(actor: Actor) -> list[Waiting]:
    """What waits for the actor, asked of all rooms anew; its clocks are kept for the pages that follow."""
    found = rooms.waiting(actor)
    _keep(actor, found)
    return found


def clocks(actor: Actor) -> list[Clock]:
    """The deadlines that end first, at most 20 seconds old."""
    kept: list[Clock] | None = cache.get(_key(actor))
    return _keep(actor, rooms.waiting(actor, rooms.DATED)) if kept is None else kept


def _keep(actor: Actor, found: list[Waiting]) -> list[Clock]:
    running = [replace(one, title=str(one.title)) for one in rooms.clocks(actor, found)]
    cache.set(_key(actor), running, KEPT_SECONDS)
    return running


def _key(actor: Actor) -> str:
    roles = "-".join(sorted(actor.roles))
    return f"desks.clocks:{actor.id}:{roles}:{get_language()}:{int(clock.now().timestamp()) // 60}"


def _user_menu(request: HttpRequest) -> UserMenu:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return UserMenu(
        name=request.user.name,  # type: ignore[union-attr]
        organisation=request.user.organisation_name,  # type: ignore[union-attr]
        roles=[str(ROLE_WORDS[Role(role)]) for role in sorted(actor.roles)],
        logout_url=reverse("account_logout"),
        account_url=reverse("mfa_index"),
    )
