"""Staff pages of checks."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.errors import NotFound
from mamori.ground.ui.tables import table_page
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.checks import queries, services
from mamori.hotline.checks.forms import AttestForm
from mamori.hotline.checks.permissions import CHECK
from mamori.hotline.checks.states import End, WatchState
from mamori.hotline.checks.tables import CheckTable, WatchTable


@require_GET
def desk(request: StaffRequest) -> HttpResponse:
    table = WatchTable(request.GET, queries.watches(request.actor), actor=request.actor)
    return table_page(request, "checks/desk.html", table, "checks")


@require_GET
def content(request: StaffRequest, content_id: UUID) -> HttpResponse:
    return _content(request, content_id, AttestForm())


def _content(request: StaffRequest, content_id: UUID, form: AttestForm, status: int = 200) -> HttpResponse:
    watch = queries.watch_of(request.actor, content_id)
    if watch is None:
        raise NotFound
    table = CheckTable(request.GET, queries.checks_rows(request.actor, content_id), actor=request.actor)
    context = {
        "watch": watch,
        "address": assessment.content_address(content_id),
        "verdict": queries.last_verdict(content_id),
        "next": queries.next_check(watch),
        "form": form,
        "may_check": request.actor.may(CHECK) and watch.state != WatchState.ENDED,
        "may_attest": queries.person_may_attest(watch),
    }
    return table_page(request, "checks/content.html", table, "checks-of-one-address", status=status, **context)


@require_POST
def now(request: StaffRequest, content_id: UUID) -> HttpResponse:
    services.check_now(actor=request.actor, content_id=content_id)
    messages.success(request, _("It will be looked at within a minute."))
    return redirect("checks_content", content_id)


@require_POST
def attest(request: StaffRequest, content_id: UUID) -> HttpResponse:
    form = AttestForm(request.POST)
    if not form.is_valid():
        return _content(request, content_id, form, status=422)
    found = form.cleaned_data["found"]
    online = found == "online"
    services.check_attest(
        actor=request.actor, content_id=content_id, online=online, end=End.REMOVED if online else End(found)
    )
    messages.success(request, _("Recorded."))
    return redirect("checks_content", content_id)
