"""The desks of the bank: its entries, what waits for a second person, what is held."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mamori.ground import clock
from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.errors import DomainError
from mamori.ground.ui.parts import KeyValue
from mamori.ground.ui.tables import table_page
from mamori.hotline.assessment import queries as assessment
from mamori.lists.fingerprints import forms, queries, services
from mamori.lists.fingerprints.codes import told_all
from mamori.lists.fingerprints.models import Disagreement, Entry
from mamori.lists.fingerprints.pages.tables import BankTable, ProposalTable, QuarantineTable
from mamori.lists.fingerprints.permissions import CONFIRM, EXPORT, PROPOSE, REVIEW, VOTE, WITHDRAW
from mamori.lists.fingerprints.states import Dispute, EntryState, Sharing

DAYS = 30  # of the figures on the desk
SHOWN = 200  # values of one entry; more are counted
_SCALES: dict[str, str | Promise] = {
    "iccam": "ICCAM",
    "us": gettext_lazy("US industry"),
    "iwf": "IWF",
    "jp": gettext_lazy("Act, Article 2(3)"),
    "vics:us": "VICS US",
    "vics:uk": "VICS UK",
    "vics:ca": "VICS CA",
    "vics:icse": "VICS ICSE",
}


@require_GET
def desk(request: StaffRequest) -> HttpResponse:
    table = BankTable(request.GET, queries.entries(request.actor), actor=request.actor)
    actor, today = request.actor, clock.now().date()
    seen = queries.examined(since=today - timedelta(days=DAYS - 1), until=today)
    items = [
        KeyValue(_("Files examined by providers, last 30 days"), seen["examined"], "number"),
        KeyValue(_("of these the same as an entry"), seen["same"], "number"),
        KeyValue(_("of these similar to an entry"), seen["similar"], "number"),
    ]
    context: dict[str, Any] = {"items": items, "may_propose": actor.may(PROPOSE), "may_export": actor.may(EXPORT)}
    return table_page(request, "fingerprints/desk.html", table, "bank", **context)


@require_GET
def proposals(request: StaffRequest) -> HttpResponse:
    table = ProposalTable(request.GET, queries.proposals(request.actor), actor=request.actor)
    title, text = _("Wait for a second person"), _("Whoever proposed an entry cannot agree to it. Open one to decide.")
    return table_page(request, "fingerprints/list.html", table, "proposals", title=title, text=text)


@require_GET
def quarantine(request: StaffRequest) -> HttpResponse:
    table = QuarantineTable(request.GET, queries.quarantine(request.actor), actor=request.actor)
    title = _("Held for matching too much")
    text = _("Known material is not seen hundreds of times in its first days: look whether the fingerprint is that of a "
             "picture everybody has. Nobody is told of these entries meanwhile.")  # fmt: skip
    return table_page(request, "fingerprints/list.html", table, "quarantine", title=title, text=text)


@require_http_methods(["GET", "POST"])
def add(request: StaffRequest, content_id: UUID | None = None) -> HttpResponse:
    request.actor.require(PROPOSE)
    if content_id is not None:
        _require_illegal(content_id)
    sent = request.method == "POST"
    form = forms.AddForm(request.POST if sent else None, request.FILES if sent else None)
    if sent and form.is_valid():
        cleaned = form.cleaned_data
        first = form.values[0]
        row = services.entry_add(
            actor=request.actor,
            source_code=cleaned["source"],
            source_ref=cleaned["ref"] or f"{first.algorithm}:{first.value.hex()}",
            media=cleaned["kind"],
            classification=cleaned["classification"],
            fingerprints=form.values,
            content_id=content_id,
        )
        messages.success(request, _("The fingerprints are kept."))
        return redirect("fingerprints_entry", row.id)
    context = {"form": form, "content_id": content_id, "no_source": not queries.source_choices()}
    return render(request, "fingerprints/add.html", context, status=422 if sent else 200)


@require_GET
def entry(request: StaffRequest, bank_id: UUID) -> HttpResponse:
    row = queries.entry_of(request.actor, bank_id)
    actor = request.actor
    own = row.proposed_by_id == actor.id
    active, ended = row.state == EntryState.ACTIVE, row.state == EntryState.WITHDRAWN
    values = queries.fingerprints_of([row.id])
    context: dict[str, Any] = {
        "entry": row,
        "facts": facts_of(row),
        "codes": codes_of(row),
        "values": values[:SHOWN],
        "more": max(0, len(values) - SHOWN),
        "votes": queries.votes_of([row.id]).get(row.id, ()),
        "disagreements": queries.disagreements_of(actor, row.id),
        "events": queries.moments(row),
        "own_proposal": own and row.state == EntryState.PROPOSED,
        "may_confirm": row.state == EntryState.PROPOSED and actor.may(CONFIRM) and not own,
        "may_share": active and row.sharing == Sharing.INTERNAL and actor.may(CONFIRM) and not own,
        "day_hits": queries.day_hits(actor, row.id) if row.state == EntryState.QUARANTINED else 0,
        "may_release": row.state == EntryState.QUARANTINED and actor.may(REVIEW),
        "class_form": forms.ClassForm(initial={"classification": row.classification})
        if actor.may(REVIEW) and not ended
        else None,
        "vote_form": forms.VoteForm() if actor.may(VOTE) and not ended else None,
        "may_withdraw": not ended and actor.may(WITHDRAW),
    }
    return render(request, "fingerprints/entry.html", context)


@require_POST
def confirm(request: StaffRequest, bank_id: UUID) -> HttpResponse:
    services.entry_confirm(actor=request.actor, entry_id=bank_id)
    messages.success(request, _("The entry is in force within a second."))
    return redirect("fingerprints_entry", bank_id)


@require_POST
def share(request: StaffRequest, bank_id: UUID) -> HttpResponse:
    services.entry_share(actor=request.actor, entry_id=bank_id)
    messages.success(request, _("Partners are told of the entry from now on."))
    return redirect("fingerprints_entry", bank_id)


@require_POST
def release(request: StaffRequest, bank_id: UUID) -> HttpResponse:
    services.entry_release(actor=request.actor, entry_id=bank_id)
    messages.success(request, _("The entry is in force again and is not held a second time."))
    return redirect("fingerprints_entry", bank_id)


@require_POST
def classify(request: StaffRequest, bank_id: UUID) -> HttpResponse:
    form = forms.ClassForm(request.POST)
    if not form.is_valid():
        raise _incomplete()
    services.entry_classify(actor=request.actor, entry_id=bank_id, classification=form.cleaned_data["classification"])
    messages.success(request, _("The entry has another class now."))
    return redirect("fingerprints_entry", bank_id)


@require_POST
def vote(request: StaffRequest, bank_id: UUID) -> HttpResponse:
    form = forms.VoteForm(request.POST)
    if not form.is_valid():
        raise _incomplete()
    services.vote_record(actor=request.actor, entry_id=bank_id, **form.cleaned_data)
    messages.success(request, _("Your vote is kept."))
    return redirect("fingerprints_entry", bank_id)


@require_http_methods(["GET", "POST"])
def withdraw(request: StaffRequest, bank_id: UUID) -> HttpResponse:
    request.actor.require(WITHDRAW)
    row = queries.entry_of(request.actor, bank_id)
    sent = request.method == "POST"
    form = forms.WithdrawForm(request.POST if sent else None)
    if sent and form.is_valid():
        services.entry_withdraw(actor=request.actor, entry_id=bank_id, reason=form.cleaned_data["reason"])
        messages.success(request, _("The entry is withdrawn: it matches nothing from now on."))
        return redirect("fingerprints_entry", bank_id)
    shared = row.state == EntryState.ACTIVE and row.sharing == Sharing.PARTNERS
    return render(
        request,
        "ui/confirm.html",
        {
            "title": _("Withdraw the entry"),
            "consequence": _("It matches nothing any more, at once and for ever. One person is enough for that; it cannot "
                             "be undone, and a new entry needs two."),
            "leaving": [KeyValue(_("Number"), row.number), KeyValue(_("Given by"), row.source.name)] if shared else [],
            "recipients": [_("All partners, as a tombstone without fingerprints")] if shared else [],
            "form": form,
            "confirm_label": _("Withdraw"),
            "danger": True,
            "cancel_url": reverse("fingerprints_entry", args=[bank_id]),
        },
        status=422 if sent else 200,
    )  # fmt: skip


def facts_of(row: Entry) -> list[KeyValue]:
    """An entry in terms and values."""
    items = [
        KeyValue(_("Number"), row.number),
        KeyValue(_("Kind"), row.media, "state:bank_media"),
        KeyValue(_("Given by"), row.source.name),
        KeyValue(_("Its reference"), row.source_ref, "digest"),
        KeyValue(_("Told to"), row.sharing, "state:bank_sharing"),
        KeyValue(_("Taken in"), row.received_at, "moment"),
        KeyValue(_("In force since"), row.in_force_at, "moment"),
        KeyValue(_("Day the source gives"), row.taken_on, "day"),
        KeyValue(_("Proposed by"), row.proposed_by.name if row.proposed_by else None),
        KeyValue(_("Agreed by"), row.confirmed_by.name if row.confirmed_by else None),
    ]
    if row.end:
        items.append(KeyValue(_("Withdrawn because"), row.end, "state:bank_end"))
    return items


def codes_of(row: Entry) -> list[KeyValue]:
    """What the entry's class is called on the scales it can be told on."""
    told = told_all(row.classification, stated_scale=row.scale, stated=row.stated)
    own = [KeyValue(_("Class"), row.classification, "state:bank_class")]
    return own + [KeyValue(_SCALES[scale], code) for scale, code in told.items()]


def said_of(row: Disagreement) -> list[KeyValue]:
    """What an entry's own source says now, of a disagreement about that."""
    if row.kind != Dispute.RESTATED:
        return []
    kind = (row.classification, "state:bank_class") if row.classification else ("not_illegal", "state:bank_bad")
    said = [KeyValue(_("Class"), *kind)]
    return [*said, KeyValue(_SCALES[row.scale], row.stated)] if row.scale in _SCALES else said


def _require_illegal(content_id: UUID) -> None:
    decision = assessment.decision_of(content_id)
    if decision is None or not decision.verdict.illegal or decision.confirmed_by is None:
        raise DomainError(
            "not_confirmed",
            _("Fingerprints are added of content that two persons found illegal."),
            remedy=_("Wait for the second opinion."),
        )


def _incomplete() -> DomainError:
    return DomainError("incomplete", _("Choose, and say why."), status=422)
