"""One way to refuse: a DomainError. One handler makes HTML of it (`ErrorPages`), one JSON (`site.partner`)."""

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class DomainError(Exception):
    """A refusal a person can read: `code` is stable, `message` says what, `remedy` how to mend it.

    `headers`: what goes with the answer to a machine, as Retry-After.
    """

    headers: Mapping[str, str] = {}

    def __init__(self, code: str, message: Text, *, remedy: Text = "", status: int = 409) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.status = status

    def __str__(self) -> str:
        return f"{self.code}: {self.message} {self.remedy}".strip()


class NotFound(DomainError):
    """Not found and not allowed look the same from outside."""

    def __init__(self) -> None:
        super().__init__("not_found", _("There is nothing here that you may see."), status=404)


class Forbidden(DomainError):
    """The actor may see the thing but not do this to it."""

    def __init__(self, permission: str) -> None:
        super().__init__(
            "forbidden",
            _("Your role does not allow this step."),
            remedy=_("Ask a colleague whose role allows it, or the person who invites members of your organisation."),
            status=403,
        )
        self.permission = permission


class ErrorPages:
    """Middleware: turns a DomainError raised by a page into a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DomainError):
            return None
        return render(request, "ui/error.html", {"error": exception}, status=exception.status)


def no_such_page(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's way to call it
    """An address that leads nowhere is refused as everything else: in the reader's language, by the one page."""
    error = NotFound()
    return render(request, "ui/error.html", {"error": error}, status=error.status)
