"""The gate of the staff face: a second factor for everybody, short sessions, and the actor of the request."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import logout
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from mamori.ground.actors import Actor

_BEFORE_SECOND_FACTOR = ("/account/2fa/", "/account/logout/", "/account/reauthenticate/", "/static/", "/i18n/")


def second_factors() -> QuerySet[Any]:
    """Authenticators that count: TOTP and passkeys. (Only the staff face has allauth's models: hence by name.)"""
    found: QuerySet[Any] = apps.get_model("mfa", "Authenticator").objects.filter(type__in=["totp", "webauthn"])
    return found


class StaffRequest(HttpRequest):
    """What a staff page gets: a request whose actor is known."""

    actor: Actor
    second_factor: bool


class StaffGate:
    """Sends members without a second factor to set one up; ends sessions idle for too long; sets request.actor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            if self._idle(request):
                logout(request)
                return redirect(settings.LOGIN_URL)
            request.actor = request.user.actor  # type: ignore[attr-defined]
            request.second_factor = second_factors().filter(user_id=request.user.pk).exists()  # type: ignore[attr-defined]
            if not request.second_factor and not request.path.startswith(_BEFORE_SECOND_FACTOR):  # type: ignore[attr-defined]
                return redirect("mfa_index")
        return self.get_response(request)

    @staticmethod
    def _idle(request: HttpRequest) -> bool:
        # Sessions live in real time even where a demo's clock runs ahead.
        now = datetime.now(UTC).timestamp()  # noqa: TID251
        last = float(request.session.get("last_seen", now))
        if now - last > settings.SESSION_IDLE_SECONDS:
            return True
        if now - last > 60 or "last_seen" not in request.session:
            request.session["last_seen"] = now
        return False
