"""The stop page under any name: a blocked site's visitor arrives with that site's name as Host."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.utils.cache import patch_vary_headers

from mamori.lists.listing.pages.public import stop

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class StopPage:
    """First middleware of the public face. Requests for a name that is not ours get the stop page, whatever the path.

    Only the style sheet is let through. Nothing is written down.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host, _port = split_domain_port(request.META.get("HTTP_HOST", ""))
        ours = validate_host(host, settings.ALLOWED_HOSTS) and host != settings.STOP_PAGE_HOST
        if ours:
            return self.get_response(request)
        if request.path.startswith(settings.STATIC_URL):
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0]
            return self.get_response(request)
        request.method = "GET"
        answer = stop(request)
        answer["Content-Security-Policy"] = _POLICY
        answer["Referrer-Policy"] = "no-referrer"
        answer["X-Content-Type-Options"] = "nosniff"
        patch_vary_headers(answer, ["Host"])
        return answer
