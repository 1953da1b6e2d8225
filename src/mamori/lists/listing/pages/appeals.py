"""Complaints: the desk's table and one complaint."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.ui.parts import Clock
from mamori.ground.ui.tables import table_page
from mamori.lists.listing import forms, queries, services
from mamori.lists.listing.pages.tables import AppealTable
from mamori.lists.listing.queries.shown import appeal_due
from mamori.lists.listing.services.appeals import FILE, LABEL, entries_about, is_involved
from mamori.lists.listing.states import AppealState, Proof


@require_GET
def appeals(request: StaffRequest) -> HttpResponse:
    table = AppealTable(request.GET, queries.appeals(request.actor), actor=request.actor)
    return table_page(request, "listing/appeals.html", table, "complaints")


@require_http_methods(["GET", "POST"])
def appeal(request: StaffRequest, appeal_id: UUID) -> HttpResponse:
    row = queries.appeal_of(request.actor, appeal_id)
    opened = None
    if request.method == "POST":
        step = request.POST.get("step", "")
        if step == "read":
            opened = services.appeal_read(actor=request.actor, appeal_id=appeal_id)
        else:
            _step(request, appeal_id, step)
            return redirect("listing_appeal", appeal_id)
    due = appeal_due(row)
    involved = is_involved(request.actor, row)
    context = {
        "appeal": row,
        "others": [entry for entry in entries_about(row)[:100] if entry.id != row.entry_id],
        "opened": opened,
        "record": f"{LABEL}.{row.host}",
        "file": FILE,
        "clock": Clock(_("Time to decide") if row.triaged_at else _("Time to triage"), row.received_hour, due)
        if due
        else None,
        "involved": involved,
        "proofs": [] if row.proof or involved else [(Proof.FILE, _("I saw the file")),
                                        (Proof.ATTESTED, _("I attest it otherwise"))],
        "may_accept": row.state == AppealState.RECEIVED and bool(row.proof) and row.entry_id is not None and not involved,
        "to_tell": row.decided_at is not None and row.answered_at is None,
        "may_reject": row.state == AppealState.RECEIVED and not involved,
        "may_decide": row.state == AppealState.IN_REVIEW and not involved,
        "decision_form": forms.DecisionForm(),
        "reject_form": forms.RejectForm(),
    }  # fmt: skip
    return render(request, "listing/appeal.html", context)


def _step(request: StaffRequest, appeal_id: UUID, step: str) -> None:
    if step in list(Proof):
        services.appeal_prove(actor=request.actor, appeal_id=appeal_id, proof=Proof(step))
        messages.success(request, _("The proof is recorded."))
    elif step == "accept":
        services.appeal_accept(actor=request.actor, appeal_id=appeal_id)
        messages.success(request, _("The entry is under review. It stays in force until that is decided."))
    elif step in ("decide", "reject"):
        form = forms.DecisionForm(request.POST) if step == "decide" else forms.RejectForm(request.POST)
        if not form.is_valid():
            raise DomainError("incomplete", _("A decision needs its reason."), status=422)
        outcome = AppealState(form.cleaned_data.get("outcome", AppealState.REJECTED))
        reason = form.cleaned_data["reason"]
        if outcome == AppealState.REJECTED:
            services.appeal_reject(actor=request.actor, appeal_id=appeal_id, reason=reason)
        else:
            services.appeal_decide(actor=request.actor, appeal_id=appeal_id, outcome=outcome, reason=reason)
        messages.success(request, _("Decided. Tell the complainant the outcome."))
    elif step == "answered":
        services.appeal_answer(actor=request.actor, appeal_id=appeal_id)
        messages.success(request, _("It is noted that the complainant was told."))
    else:
        raise NotFound
