"""The negative bank, sources and disagreements."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.ui.parts import KeyValue
from mamori.ground.ui.tables import table_page
from mamori.lists.fingerprints import forms, queries, services
from mamori.lists.fingerprints.pages.bank import codes_of, facts_of, said_of
from mamori.lists.fingerprints.pages.tables import DisagreementTable, HarmlessTable, SourceTable
from mamori.lists.fingerprints.permissions import CONFIRM, PROPOSE, REVIEW, SOURCES
from mamori.lists.fingerprints.states import DisagreementState, HarmlessState


@require_http_methods(["GET", "POST"])
def negative(request: StaffRequest) -> HttpResponse:
    rows = queries.harmless(request.actor)
    sent = request.method == "POST"
    form = forms.HarmlessForm(request.POST if sent else None)
    if sent:
        request.actor.require(PROPOSE)
        if form.is_valid():
            value = form.cleaned_data["value"]
            services.harmless_propose(
                actor=request.actor,
                algorithm=value.algorithm,
                value=value.value,
                reason=form.cleaned_data["reason"],
                days=form.cleaned_data["days"],
            )
            messages.success(request, _("Proposed. It counts once a colleague has agreed."))
            return redirect("fingerprints_negative")
    table = HarmlessTable(request.GET, rows, actor=request.actor)
    shown = form if request.actor.may(PROPOSE) else None
    return table_page(request, "fingerprints/negative.html", table, "negative", form=shown, status=422 if sent else 200)


@require_GET
def harmless(request: StaffRequest, harmless_id: UUID) -> HttpResponse:
    row = queries.harmless(request.actor).filter(id=harmless_id).first()
    if row is None:
        raise NotFound
    own = row.proposed_by_id == request.actor.id
    items = [
        KeyValue(_("State"), row.state, "state:harmless"),
        KeyValue(_("Kind of value"), row.algorithm, "state:bank_algorithm"),
        KeyValue(_("Value"), bytes(row.value), "digest"),
        KeyValue(_("Why"), row.reason),
        KeyValue(_("Proposed by"), row.proposed_by.name),
        KeyValue(_("Proposed"), row.proposed_at, "moment"),
        KeyValue(_("Agreed by"), row.confirmed_by.name if row.confirmed_by else None),
        KeyValue(_("Ends on"), row.expires_on, "day"),
    ]
    waits = row.state == HarmlessState.PROPOSED
    context = {
        "row": row,
        "items": items,
        "may_confirm": waits and request.actor.may(CONFIRM) and not own,
        "own_proposal": waits and own,
        "may_end": row.state != HarmlessState.ENDED and request.actor.may(PROPOSE),
    }
    return render(request, "fingerprints/harmless.html", context)


@require_POST
def harmless_confirm(request: StaffRequest, harmless_id: UUID) -> HttpResponse:
    services.harmless_confirm(actor=request.actor, harmless_id=harmless_id)
    messages.success(request, _("Agreed: similar pictures no longer match."))
    return redirect("fingerprints_harmless", harmless_id)


@require_POST
def harmless_end(request: StaffRequest, harmless_id: UUID) -> HttpResponse:
    services.harmless_end(actor=request.actor, harmless_id=harmless_id)
    messages.success(request, _("Ended: it keeps nothing from matching any more."))
    return redirect("fingerprints_harmless", harmless_id)


@require_http_methods(["GET", "POST"])
def sources(request: StaffRequest) -> HttpResponse:
    rows = queries.sources(request.actor)
    sent = request.method == "POST"
    form = forms.SourceForm(request.POST if sent else None)
    if sent:
        request.actor.require(SOURCES)
        if form.is_valid():
            cleaned = form.cleaned_data
            organisation = cleaned.pop("organisation")
            services.source_add(
                actor=request.actor, organisation_id=organisation.id if organisation else None, **cleaned
            )
            messages.success(request, _("The source is named: its files can be imported."))
            return redirect("fingerprints_sources")
    table = SourceTable(request.GET, rows, actor=request.actor)
    shown = form if request.actor.may(SOURCES) else None
    return table_page(request, "fingerprints/sources.html", table, "sources", form=shown, status=422 if sent else 200)


@require_http_methods(["GET", "POST"])
def source(request: StaffRequest, source_code: str) -> HttpResponse:
    row = queries.source_of(request.actor, source_code)
    sent = request.method == "POST"
    now = {"name": row.name, "shared_with_partners": row.shared_with_partners, "contact_mail": row.contact_mail}
    form = forms.SourceForm(request.POST if sent else None, initial=now, fixed=True)
    if sent:
        request.actor.require(SOURCES)
        if form.is_valid():
            services.source_change(actor=request.actor, code=source_code, **form.cleaned_data)
            messages.success(request, _("Changed. Entries that are there stay as they are."))
            return redirect("fingerprints_source", source_code)
    items = [
        KeyValue(_("Code"), row.code),
        KeyValue(_("Kind of body"), row.kind, "state:bank_source"),
        KeyValue(_("Shared with partners"), row.shared_with_partners, "yes_no"),
        KeyValue(_("Mail address for alarms"), row.contact_mail),
    ]
    shown = form if request.actor.may(SOURCES) else None
    context = {"source": row, "items": items, "form": shown}
    return render(request, "fingerprints/source.html", context, status=422 if sent else 200)


@require_GET
def disagreements(request: StaffRequest) -> HttpResponse:
    table = DisagreementTable(request.GET, queries.disagreements(request.actor), actor=request.actor)
    title = _("Disagreements")
    text = _("What is disputed stays in force and is shown as disputed to everybody. Vote on the entries' pages.")
    return table_page(request, "fingerprints/list.html", table, "disagreements", title=title, text=text)


@require_GET
def disagreement(request: StaffRequest, disagreement_id: UUID) -> HttpResponse:
    row = queries.disagreement_of(request.actor, disagreement_id)
    sides = [each for each in (row.entry, row.other) if each is not None]
    votes = queries.votes_of([each.id for each in sides])
    context = {
        "row": row,
        "sides": [
            {"entry": each, "facts": facts_of(each)[1:4] + codes_of(each), "votes": votes.get(each.id, ())}
            for each in sides
        ],
        "said": said_of(row),
        "form": forms.SettleForm() if row.state == DisagreementState.OPEN and request.actor.may(REVIEW) else None,
    }
    return render(request, "fingerprints/disagreement.html", context)


@require_POST
def settle(request: StaffRequest, disagreement_id: UUID) -> HttpResponse:
    form = forms.SettleForm(request.POST)
    if not form.is_valid():
        raise DomainError("incomplete", _("Choose, and say why."), status=422)
    services.disagreement_settle(
        actor=request.actor, disagreement_id=disagreement_id, outcome=form.cleaned_data["outcome"]
    )
    messages.success(request, _("Settled."))
    return redirect("fingerprints_disagreements")
