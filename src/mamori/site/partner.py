"""The partner API: bearer tokens, one shape of error, every router of the rooms."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser
from ninja.security import HttpBearer

from mamori.ground.accounts.services import token_actor
from mamori.ground.actors import Actor
from mamori.ground.errors import TOO_LARGE, DomainError, NotFound
from mamori.site.faces import routers

_TEXT = {"type": "string"}
_PROBLEM = {
    "description": "Refused. `code` is stable; `remedy` says how to mend it; `detail` which parts of the request.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {"code": _TEXT, "message": _TEXT, "remedy": _TEXT, "detail": {"type": "array"}},
            }
        }
    },
}
_CODES = {400: "unreadable", 401: "no_token", 500: "failed"}


class Bearer(HttpBearer):
    """`Authorization: Bearer mamori_…`. The actor is request.auth."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:  # noqa: ARG002
        return token_actor(token)


class StrictParser(Parser):
    """JSON in UTF-8 whose texts can be stored: no NUL, no half of a surrogate pair. Anything raised here is a 400."""

    def parse_body(self, request: HttpRequest) -> Any:
        body = request.body.decode()
        data = super().parse_body(request)
        if "\\u" in body:
            _refuse_unstorable(data)
        return data


def _refuse_unstorable(data: Any) -> None:
    if isinstance(data, str):
        if "\0" in data:
            raise ValueError("NUL")
        data.encode()
    elif isinstance(data, dict):
        for name, value in data.items():
            _refuse_unstorable(name)
            _refuse_unstorable(value)
    elif isinstance(data, list):
        for value in data:
            _refuse_unstorable(value)


class PartnerAPI(NinjaAPI):
    """Every operation documents the one shape of error."""

    def get_openapi_schema(self, **given: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**given)
        for path in schema["paths"].values():
            for operation in path.values():
                operation["responses"].setdefault("default", _PROBLEM)
        return schema


api = PartnerAPI(
    title="Mamori partner API",
    version="1",
    auth=Bearer(),
    parser=StrictParser(),
    docs_url=None,
    openapi_url="openapi.json",
    urls_namespace="partner",
)


@api.exception_handler(DomainError)
def domain_error(request: HttpRequest, error: DomainError) -> HttpResponse:
    body: dict[str, Any] = {"code": error.code, "message": str(error.message), "remedy": str(error.remedy)}
    answer = api.create_response(request, body, status=error.status)
    for name, value in error.headers.items():
        answer[name] = value
    return answer


@api.exception_handler(RequestDataTooBig)
def too_large(request: HttpRequest, _error: RequestDataTooBig) -> HttpResponse:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
    remedy = gettext("At most %(mib)d MiB in one request: send it in several parts.") % {"mib": most}
    refusal = DomainError(TOO_LARGE.code, TOO_LARGE.message, remedy=remedy, status=TOO_LARGE.status)
    return domain_error(request, refusal)


@api.exception_handler(ValidationError)
def validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    detail = [{"where": list(e["loc"]), "message": e["msg"]} for e in error.errors]
    body = {"code": "invalid", "message": "The request does not have the documented form.", "detail": detail}
    return api.create_response(request, body, status=422)


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    body = {"code": _CODES.get(error.status_code, "refused"), "message": str(error), "remedy": ""}
    return api.create_response(request, body, status=error.status_code)


@api.exception_handler(Http404)
def not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    return domain_error(request, NotFound())


def no_such_page(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return domain_error(request, NotFound())


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return http_error(request, HttpError(400, "The request cannot be read."))


def failed(request: HttpRequest) -> HttpResponse:
    return http_error(request, HttpError(500, "Something failed here. What was acknowledged before is kept."))


for _router in routers():
    api.add_router("", _router)
