"""How a machine of others comes in where the partner API's own way does not fit: whose token, which scope, which shape.

The token is checked before anything else of the request is read, so who has none learns nothing from the answer.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt

from mamori.ground.accounts.queries import token_told
from mamori.ground.accounts.services import token_actor
from mamori.ground.actors import Actor
from mamori.ground.errors import TOO_LARGE, UNREADABLE, DomainError

View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Door:
    """`who`: the actor of a request, None when there is no valid token. `refuse`: an answer in the door's own shape."""

    who: Callable[[HttpRequest], Actor | None]
    refuse: Callable[[DomainError], HttpResponse]
    challenge: str

    def __call__(self, scope: str, *methods: str) -> Callable[[View], View]:
        """Decorate a view `(request, actor, **path)`: these methods, with a token that holds `scope`."""

        def decorate(view: View) -> View:
            @csrf_exempt
            @wraps(view)
            def guarded(request: HttpRequest, **path: object) -> HttpResponse:
                answer = self._answer(view, scope, methods, request, path)
                answer["Cache-Control"] = "no-store"
                return answer

            return guarded

        return decorate

    def _answer(
        self, view: View, scope: str, methods: Sequence[str], request: HttpRequest, path: dict[str, object]
    ) -> HttpResponse:
        actor = self.who(request)
        if actor is None:
            answer = self.refuse(DomainError("no_token", "Unauthorized", status=401))
            answer["WWW-Authenticate"] = self.challenge
            return answer
        try:
            actor.require(scope)
            if request.method not in methods:
                answer = self.refuse(DomainError("method", _("This address does not take this method."), status=405))
                answer["Allow"] = ", ".join(methods)
                return answer
            return view(request, actor, **path)
        except DomainError as error:
            answer = self.refuse(error)
            for name, value in error.headers.items():
                answer[name] = value
            return answer
        except RequestDataTooBig:
            return self.refuse(TOO_LARGE)
        except (MultiPartParserError, UnreadablePostError, SuspiciousOperation):
            return self.refuse(UNREADABLE)


def by_bearer(request: HttpRequest) -> Actor | None:
    """`Authorization: Bearer mamori_…`."""
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    return token_actor(secret.strip()) if scheme.lower() == "bearer" and secret.strip() else None


def by_basic(request: HttpRequest) -> Actor | None:
    """HTTP Basic: the token's id or its title as the user, its secret as the password."""
    scheme, _space, coded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _colon, secret = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return _named(user, secret)


def by_function_key(request: HttpRequest) -> Actor | None:
    """StopNCII's two headers: the token's secret as the function key, its id or title as the subscription key."""
    return _named(request.headers.get("Ocp-Apim-Subscription-Key", ""), request.headers.get("x-functions-key", ""))


def by_key(request: HttpRequest) -> Actor | None:
    """Google's ways: the token as `key` in the query or in X-Goog-Api-Key. `Authorization: Bearer` goes too."""
    secret = request.GET.get("key", "") or request.headers.get("X-Goog-Api-Key", "")
    return token_actor(secret) if secret else by_bearer(request)


def _named(name: str, secret: str) -> Actor | None:
    actor = token_actor(secret) if secret else None
    if actor is None or actor.id is None:
        return None
    told = token_told(actor.id)
    names = [str(actor.id), *([told.title] if told else [])]
    return actor if any(hmac.compare_digest(name.encode(), each.encode()) for each in names) else None


def in_message(error: DomainError) -> HttpResponse:
    """HMA's shape of an error."""
    return JsonResponse({"message": f"{error.message} {error.remedy}".strip()}, status=error.status)


def in_code(error: DomainError) -> HttpResponse:
    """The partner API's shape of an error."""
    body = {"code": error.code, "message": str(error.message), "remedy": str(error.remedy)}
    return JsonResponse(body, status=error.status)


def in_google(error: DomainError) -> HttpResponse:
    """Google's shape of an error."""
    body = {"code": error.status, "message": f"{error.message} {error.remedy}".strip(), "status": error.code.upper()}
    return JsonResponse({"error": body}, status=error.status)
