"""Public pages of the list: what it is, how to complain, and the stop page. No cookie, no log, no device address."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from mamori.ground.errors import DomainError
from mamori.hotline.intake import gate
from mamori.lists.listing import forms, services
from mamori.lists.listing.services.appeals import FILE, LABEL


@login_not_required
@require_GET
def about(request: HttpRequest) -> HttpResponse:
    return render(request, "listing/about.html")


@csrf_exempt  # no cookie, no session: nothing to forge
@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def appeal(request: HttpRequest) -> HttpResponse:
    """The form; then, with a proof of work or when its turn in the queue came, the reference and the token."""
    form = forms.AppealForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _form(request, form)
    told = dict(form.cleaned_data)
    proof, ticket = told.pop("proof"), told.pop("ticket")
    try:
        if not proof and (not ticket or gate.seconds_left(ticket)):
            return _wait(request, form, ticket or gate.ticket(), early=bool(ticket))
        with gate.passing(proof=proof, ticket=ticket) as spent:
            receipt = services.appeal_open(spent=spent, **told)
    except DomainError as error:
        if error.status != 422:
            raise
        form.add_error(None if error.code == "gate_refused" else "address", f"{error.message} {error.remedy}")
        return _form(request, form)
    context = {"receipt": receipt, "record": f"{LABEL}.{receipt.host}", "file": FILE}
    return render(request, "listing/appealed.html", context)


def _form(request: HttpRequest, form: forms.AppealForm) -> HttpResponse:
    """The form with a new challenge; what was typed stays, a spent or bad proof does not."""
    status = 422 if form.errors else 200
    if form.is_bound:
        form.data = {**{name: form.data.get(name, "") for name in form.fields}, "proof": "", "ticket": ""}
    return render(request, "listing/appeal_form.html", {"form": form, "challenge": gate.challenge()}, status=status)


def _wait(request: HttpRequest, form: forms.AppealForm, ticket: str, *, early: bool) -> HttpResponse:
    """The queue's page: what was typed goes along in hidden fields."""
    kept = [(name, form.data.get(name, "")) for name in form.fields if name not in {"proof", "ticket"}]
    seconds = max(1, gate.seconds_left(ticket))
    context = {"kept": kept, "ticket": ticket, "seconds": seconds, "early": early}
    return render(request, "listing/appeal_wait.html", context)


@login_not_required
@require_GET
def stop(request: HttpRequest) -> HttpResponse:
    """What a resolver that chose the stop page leads to. 451: unavailable for legal reasons (RFC 7725)."""
    answer = render(
        request, "listing/stop.html", {"public_url": settings.PUBLIC_URL, "body": settings.LIST_BODY}, status=451
    )
    setattr(answer, "_has_been_logged", True)  # noqa: B010 - Django would write the path of a refusal to its log
    answer["Cache-Control"] = "no-store"
    answer["Link"] = f'<{settings.PUBLIC_URL}>; rel="blocked-by"'
    return answer
