"""The public pages: no cookie, no session, nothing kept about the visitor; the code of a receipt is in no address."""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import get_language, gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from mamori.ground.actors import PUBLIC
from mamori.ground.errors import DomainError
from mamori.hotline.intake import gate, receipts
from mamori.hotline.intake.forms import AnswerForm, CodeForm, ReportForm
from mamori.hotline.intake.services import Received, message_answer, receipt_open, submission_receive
from mamori.hotline.intake.states import Source

Page = Callable[[HttpRequest], HttpResponse]


def public_page(*methods: str) -> Callable[[Page], Page]:
    """A page for anybody: never stored by a browser or proxy, no CSRF token since there is nothing to ride on."""

    def wrap(page: Page) -> Page:
        @wraps(page)
        def inner(request: HttpRequest) -> HttpResponse:
            response = page(request)
            add_never_cache_headers(response)
            return response

        return csrf_exempt(login_not_required(require_http_methods([*methods])(inner)))

    return wrap


@public_page("GET", "HEAD")
def home(request: HttpRequest) -> HttpResponse:
    return _show(request, "intake/home.html")


@public_page("GET", "HEAD")
def law(request: HttpRequest) -> HttpResponse:
    return _show(request, "intake/law.html")


@public_page("GET", "HEAD")
def help_for_children(request: HttpRequest) -> HttpResponse:
    return _show(request, "intake/help.html")


@public_page("GET", "HEAD", "POST")
def report(request: HttpRequest) -> HttpResponse:
    """The form; then, with a proof of work or when its turn in the queue came, the receipt."""
    if request.method != "POST":
        return _form(request, ReportForm())
    form = ReportForm(request.POST)
    if not form.is_valid():
        return _form(request, form, status=422)
    proof, ticket = form.cleaned_data["proof"], form.cleaned_data["ticket"]
    try:
        if not proof and (not ticket or gate.seconds_left(ticket)):
            return _wait(request, form, ticket or gate.ticket(), early=bool(ticket))
        with gate.passing(proof=proof, ticket=ticket) as spent:
            received = submission_receive(
                actor=PUBLIC,
                source=Source.PUBLIC,
                locale=get_language() or "ja",
                request_receipt=form.cleaned_data.get("signed", False),
                spent=spent,
                **form.told(),
            )
    except DomainError as error:
        if error.code != "gate_refused":
            raise
        form.add_error(None, f"{error.message} {error.remedy}")
        return _form(request, form, status=422)
    return _received(request, received)


@public_page("GET", "HEAD", "POST")
def receipt(request: HttpRequest) -> HttpResponse:
    """Look up a receipt, read the hotline's messages, answer. Everything by POST, so that no address holds the code."""
    if request.method != "POST":
        return _show(request, "intake/receipt.html", form=CodeForm())
    form = CodeForm(request.POST)
    answer = AnswerForm(request.POST) if "message" in request.POST else None
    if not form.is_valid():
        return _show(request, "intake/receipt.html", form=form, status=422)
    code = form.cleaned_data["code"]
    sent = False
    if answer is not None and answer.is_valid():
        spent = gate.once(f"{code}:{answer.cleaned_data['once']}")
        message_answer(code=code, text=answer.cleaned_data["message"], spent=spent)
        sent, answer = True, None
    opened = receipt_open(code)
    if opened is None:
        form.add_error("code", gettext("We have no report with this number. Check the digits one by one."))
        return _show(request, "intake/receipt.html", form=form, status=422)
    return _show(
        request,
        "intake/receipt_open.html",
        opened=opened,
        code=code,
        sent=sent,
        form=answer or AnswerForm(initial={"once": secrets.token_hex(16)}),
    )


def _received(request: HttpRequest, received: Received) -> HttpResponse:
    """The receipt, this once; files to save are data of the page itself, so that no address leads to them."""
    return _show(request, "intake/received.html", received=received, **receipts.files(received.signed_receipt))


def _form(request: HttpRequest, form: ReportForm, *, status: int = 200) -> HttpResponse:
    """The form with a new challenge; what was typed stays, a spent or bad proof does not."""
    if form.is_bound:
        form.data = {**{name: form.data.get(name, "") for name in form.fields}, "proof": "", "ticket": ""}
    return _show(request, "intake/report.html", form=form, challenge=gate.challenge(), status=status)


def _wait(request: HttpRequest, form: ReportForm, ticket: str, *, early: bool) -> HttpResponse:
    """The queue's page: what was typed goes along in hidden fields."""
    kept = [
        (name, value)
        for name in form.fields
        if name not in {"proof", "ticket"}
        for value in form.data.getlist(name)  # type: ignore[attr-defined]
    ]
    seconds = max(1, gate.seconds_left(ticket))
    return _show(request, "intake/wait.html", kept=kept, ticket=ticket, seconds=seconds, early=early)


def _show(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    context["home_url"] = reverse("public_home")
    return render(request, template, context, status=status)
