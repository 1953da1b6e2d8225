"""The Audit desk: events, checkpoints, verification, export."""

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from mamori.ground import audit
from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.audit import queries, services
from mamori.ground.audit.permissions import EXPORT, SEE, VERIFY
from mamori.ground.audit.tables import CheckpointTable, EventExport, EventTable
from mamori.ground.ui.parts import KeyValue
from mamori.ground.ui.tables import table_page


def events(request: StaffRequest) -> HttpResponse:
    table = EventTable(request.GET, queries.events(request.actor), actor=request.actor)
    if table.wants_csv:
        return EventExport(request.GET, queries.events(request.actor), actor=request.actor).csv_response("audit")
    return render(request, "audit/events.html", {"table": table, "whole": request.actor.may(SEE)})


def checkpoints(request: StaffRequest) -> HttpResponse:
    """What proves that the log is whole."""
    table = CheckpointTable(request.GET, queries.checkpoints(request.actor), actor=request.actor)
    last, verification = queries.last_checkpoint(request.actor), queries.last_verification(request.actor)
    facts = [
        KeyValue(_("Last co-signed checkpoint"), last.at if last else None, "moment"),
        KeyValue(_("Events it covers"), last.size if last else None, "number"),
    ]
    state = ""
    if verification is not None:
        found = "bad" if not verification.ok else "ok" if verification.confirmed else "unconfirmed"
        state = "running" if verification.done_at is None else found
        facts += [
            KeyValue(_("Last verification"), verification.asked_at, "moment"),
            KeyValue(_("Result"), state, "state:verification"),
            KeyValue(_("Events verified"), verification.events, "number"),
            KeyValue(_("Confirmed by the witness up to event"), verification.witnessed, "number"),
        ]
    return table_page(
        request,
        "audit/checkpoints.html",
        table,
        "checkpoints",
        facts=facts,
        findings=verification.findings if verification else [],
        unconfirmed=state == "unconfirmed",
        running=state == "running",
        may_verify=request.actor.may(VERIFY),
        may_export=request.actor.may(EXPORT),
    )


@require_POST
def verify(request: StaffRequest) -> HttpResponse:
    services.verification_ask(actor=request.actor)
    messages.info(request, _("The worker recomputes the log now. Reload this page to see the result."))
    return redirect(reverse("audit_checkpoints"))


def export(request: StaffRequest) -> StreamingHttpResponse:
    """The sealed log as JSON lines: `mamori audit verify-export` checks it on any machine."""
    request.actor.require(EXPORT)
    audit.record("audit.exported", subject="audit:log", actor=request.actor)
    answer = StreamingHttpResponse(services.exported_lines(), content_type="application/jsonl")
    answer["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
    return answer
