"""The partner API: bearer tokens, one shape of error, every router of the rooms."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import ValidationError
from ninja.security import HttpBearer

from mamori.ground.accounts.services import token_actor
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.site.faces import routers


class Bearer(HttpBearer):
    """`Authorization: Bearer mamori_…`. The actor is request.auth."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:  # noqa: ARG002
        return token_actor(token)


api = NinjaAPI(
    title="Mamori partner API",
    version="1",
    auth=Bearer(),
    docs_url=None,
    openapi_url="openapi.json",
    urls_namespace="partner",
)


@api.exception_handler(DomainError)
def domain_error(request: HttpRequest, error: DomainError) -> HttpResponse:
    body: dict[str, Any] = {"code": error.code, "message": str(error.message), "remedy": str(error.remedy)}
    return api.create_response(request, body, status=error.status)


@api.exception_handler(ValidationError)
def validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    detail = [{"where": list(e["loc"]), "message": e["msg"]} for e in error.errors]
    body = {"code": "invalid", "message": "The request does not have the documented form.", "detail": detail}
    return api.create_response(request, body, status=422)


for _router in routers():
    api.add_router("", _router)
