"""One way to refuse: a DomainError. One handler makes HTML of it (`ErrorPages`), one JSON (`site.partner`).

What Django itself refuses (a form of another session, an unreadable request, a wrong method) or what fails is told by
the same page, in the reader's language.
"""

from collections.abc import Callable, Mapping

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
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
    """Middleware: turns a DomainError raised by a page, and a wrong method, into a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        if answer.status_code == 405 and not answer.content and request.accepts("text/html"):
            # The log-in leads back to where a session had ended, which may have been a button.
            page = _page(request, _NO_PAGE)
            page["Allow"] = answer["Allow"]
            return page
        return answer

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return _page(request, exception) if isinstance(exception, DomainError) else None


def no_such_page(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's way to call it
    """404. An address that leads nowhere is refused as everything else."""
    return _page(request, NotFound())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """403."""
    return _page(request, Forbidden(""))


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413 when more was sent than is read."""
    return _page(request, TOO_LARGE if isinstance(exception, RequestDataTooBig) else UNREADABLE)


def foreign_form(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's way to call it
    """403: the form was not opened in this session (CSRF_FAILURE_VIEW)."""
    return _page(request, _FOREIGN_FORM)


def failed(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's way to call it
    """500. Asks nothing of the request or the database: one of them may be what failed."""
    return HttpResponse(render_to_string("ui/error.html", {"error": _FAILED}), status=_FAILED.status)


def _page(request: HttpRequest, error: DomainError) -> HttpResponse:
    return render(request, "ui/error.html", {"error": error}, status=error.status)


TOO_LARGE = DomainError("too_large", _("The request is too large."), status=413)
UNREADABLE = DomainError("unreadable", _("The request cannot be read."), status=400)
_NO_PAGE = DomainError(
    "method",
    _("This step is a button on a page, not a page."),
    remedy=_("Nothing was done. Go back to the page of the thing and press the button there."),
    status=405,
)
_FOREIGN_FORM = DomainError(
    "foreign_form",
    _("This form was opened before you logged in, or in another browser."),
    remedy=_("Nothing was done. Open the page anew and send the form from there."),
    status=403,
)
_FAILED = DomainError(
    "failed",
    _("Something failed here."),
    remedy=_("What was confirmed to you before is kept. Try again in a minute; if it fails again, tell the operator."),
    status=500,
)
