"""Public pages of the list: what it is, how to complain, and the stop page. No cookie, no log, no device address."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from mamori.ground.errors import DomainError
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
    form = forms.AppealForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            receipt = services.appeal_open(**form.cleaned_data)
        except DomainError as error:
            form.add_error("address", f"{error.message} {error.remedy}")
        else:
            return render(
                request,
                "listing/appealed.html",
                {"receipt": receipt, "record": f"{LABEL}.{receipt.host}", "file": FILE},
            )
    return render(request, "listing/appeal_form.html", {"form": form}, status=422 if form.errors else 200)


@login_not_required
@require_GET
def stop(request: HttpRequest) -> HttpResponse:
    """What a resolver that chose the stop page leads to. 451: unavailable for legal reasons (RFC 7725)."""
    answer = render(request, "listing/stop.html", {"public_url": settings.PUBLIC_URL}, status=451)
    setattr(answer, "_has_been_logged", True)  # noqa: B010 - Django would write the path of a refusal to its log
    answer["Cache-Control"] = "no-store"
    answer["Link"] = f'<{settings.PUBLIC_URL}>; rel="blocked-by"'
    return answer
