"""The list desk."""

import base64
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mamori.engine.addresses import canonicalize
from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.ui.cells import grouped
from mamori.ground.ui.parts import KeyValue
from mamori.ground.ui.states import look
from mamori.ground.ui.tables import table_page
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.takedown import queries as takedown
from mamori.lists.listing import case, forms, queries, services
from mamori.lists.listing.models import Entry
from mamori.lists.listing.pages.tables import CandidateTable, EntryTable, KeyTable, ProposalTable
from mamori.lists.listing.permissions import ACTIVATE, CONFIRM_KEY, OWN_KEY, PROPOSE, REVIEW, WITHDRAW
from mamori.lists.listing.states import BEFORE, BY_TWO, IN_FORCE, EntryState, Method, Reason


@require_GET
def desk(request: StaffRequest) -> HttpResponse:
    actor = request.actor
    kind = ProposalTable if actor.may(PROPOSE) else CandidateTable
    waiting = kind(request.GET, queries.candidates(actor), actor=actor)
    if waiting.wants_csv:
        return waiting.csv_response("candidates")
    return table_page(
        request,
        "listing/desk.html",
        EntryTable(request.GET, queries.entries(actor), actor=actor),
        "entries",
        waiting=waiting,
        refused=_refused(actor),
        may_review=actor.may(REVIEW),
        has_keys=actor.may(OWN_KEY) or actor.may(CONFIRM_KEY),
    )


def _refused(actor: Actor) -> list[dict[str, Any]]:
    """What the rules refuse, by the reason: a brake holds back many entries for one."""
    rows = queries.entries(actor).filter(state__in=IN_FORCE).exclude(state=EntryState.UPHELD).exclude(refused=[])
    found: dict[tuple[str, ...], list[Entry]] = {}
    for row in rows.order_by("activated_at", "id")[:1000]:
        found.setdefault(tuple(reasons_of(row)), []).append(row)
    return [
        {"reasons": reasons, "number": len(entries), "entries": entries[:5], "more": len(entries[5:])}
        for reasons, entries in list(found.items())[:10]
    ]


@require_http_methods(["GET", "POST"])
def propose(request: StaffRequest, content_id: UUID, method: str) -> HttpResponse:
    request.actor.require(PROPOSE)
    if method not in list(Method):
        raise NotFound
    services.look_ask(content_id=content_id)
    address = assessment.content_address(content_id)
    names = case.targets(address)
    if method == Method.DNS and not names:
        raise DomainError(
            "no_name",
            _("This content stands under an IP address: it has no name to list."),
            remedy=_("Propose the single page for the URL list."),
        )
    form = forms.ProposeForm(request.POST or None, method=Method(method), names=names)
    error = None
    if request.method == "POST" and form.is_valid():
        try:
            entry = services.entry_propose(
                actor=request.actor,
                content_id=content_id,
                method=Method(method),
                reason=Reason(form.cleaned_data["reason"]),
                answers=form.answers,
                target=form.cleaned_data.get("target", ""),
                days=form.cleaned_data["days"],
            )
        except DomainError as refusal:
            error = refusal
        else:
            messages.info(request, _("The answers are kept. Now sign the statement."))
            return redirect("listing_entry", entry.id)
    return render(
        request,
        "listing/propose.html",
        {
            "form": form,
            "error": error,
            "url": address.url,
            "method": method,
            "other_url": reverse("listing_propose", args=[content_id, Method.URL]) if method == Method.DNS else "",
            "reaches": [breadth_of(content_id, name) for name in (names if method == Method.DNS else names[:1])],
            "of_page": method == Method.URL,
            "tried": tried_of(content_id),
        },
        status=422 if error or form.errors else 200,
    )


@require_GET
def entry(request: StaffRequest, entry_id: UUID) -> HttpResponse:
    row = queries.entry_of(request.actor, entry_id)
    actor = request.actor
    statement = queries.activation_of(row)
    if row.state in (EntryState.PENDING_ACTIVATION, EntryState.PENDING_THIRD):
        services.look_ask(content_id=row.content_id)
    context: dict[str, Any] = {
        "entry": row,
        "url": row.target,
        "facts": facts_of(row),
        "tests": [
            {"question": forms.QUESTIONS[test][0], **row.answers[str(test)]}
            for test in forms.QUESTIONS
            if str(test) in row.answers
        ],
        "breadth": _breadth_of(row),
        "of_page": row.method == Method.URL,
        "tried": tried_of(row.content_id),
        "statement": statement.decode(),
        "statement_base64": base64.b64encode(statement).decode(),
        "approvals": row.approvals.select_related("person").order_by("at"),
        "opinions": row.opinions.select_related("person").order_by("at"),
        "events": list(queries.timeline(actor, row.content_id)),
        "refused": reasons_of(row),
        "may_sign": row.state == EntryState.PROPOSED and actor.id == row.proposer_id,
        "may_activate": row.state in (EntryState.PENDING_ACTIVATION, EntryState.PENDING_THIRD)
        and actor.may(ACTIVATE)
        and actor.id not in (row.proposer_id, row.activator_id),
        "far": [look("list_far", why).word for why in row.far],
        "is_second_of_three": bool(row.far) and row.state == EntryState.PENDING_ACTIVATION,
        "missing": missing_of(row),
        "may_review": row.state == EntryState.IN_REVIEW and row.review_reason in BY_TWO and actor.may(REVIEW),
        "yields": row.yields and row.state in IN_FORCE,
        "may_withdraw": row.state in (*BEFORE, *IN_FORCE, EntryState.SUSPENDED) and actor.may(WITHDRAW),
        "own_proposal": row.state == EntryState.PENDING_ACTIVATION and actor.id == row.proposer_id,
        "signature_form": forms.SignatureForm(),
        "review_form": forms.ReviewForm(),
    }
    return render(request, "listing/entry.html", context)


@require_GET
def statement(request: StaffRequest, entry_id: UUID) -> HttpResponse:
    """The statement as a file, byte for byte what is signed."""
    row = queries.entry_of(request.actor, entry_id)
    answer = HttpResponse(queries.activation_of(row), content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="entry-{row.id}.json"'
    return answer


@require_POST
def sign(request: StaffRequest, entry_id: UUID) -> HttpResponse:
    services.entry_sign(actor=request.actor, entry_id=entry_id, signature=_signature(request))
    messages.success(request, _("Signed. A second person can activate the entry now."))
    return redirect("listing_entry", entry_id)


@require_POST
def activate(request: StaffRequest, entry_id: UUID) -> HttpResponse:
    services.look_ask(content_id=queries.entry_of(request.actor, entry_id).content_id)
    services.entry_activate(actor=request.actor, entry_id=entry_id, signature=_signature(request))
    if queries.entry_of(request.actor, entry_id).state == EntryState.PENDING_THIRD:
        messages.success(request, _("Signed. The name reaches far: a third person must sign before it is listed."))
    else:
        messages.success(request, _("The entry is in force with the next edition, within seconds."))
    return redirect("listing_entry", entry_id)


@require_POST
def review(request: StaffRequest, entry_id: UUID) -> HttpResponse:
    form = forms.ReviewForm(request.POST)
    if not form.is_valid():
        raise DomainError("incomplete", _("Choose, and say why."), status=422)
    services.entry_review(
        actor=request.actor,
        entry_id=entry_id,
        keep=form.cleaned_data["keep"] == "yes",
        note=form.cleaned_data["note"],
    )
    messages.success(request, _("Your opinion is kept."))
    return redirect("listing_entry", entry_id)


@require_http_methods(["GET", "POST"])
def withdraw(request: StaffRequest, entry_id: UUID) -> HttpResponse:
    request.actor.require(WITHDRAW)
    row = queries.entry_of(request.actor, entry_id)
    if request.method == "POST":
        services.entry_withdraw(actor=request.actor, entry_id=entry_id)
        messages.success(request, _("The entry goes with the next edition, within seconds."))
        return redirect("listing_entry", entry_id)
    in_force = row.state in IN_FORCE
    return render(
        request,
        "ui/confirm.html",
        {
            "title": _("Withdraw the entry"),
            "consequence": _("The block is lifted at once. One person is enough for that; listing it again needs two."),
            "leaving": facts_of(row) if in_force else [],
            "recipients": [_("All subscribers of the list")] if in_force else [],
            "confirm_label": _("Withdraw"),
            "danger": True,
            "cancel_url": reverse("listing_entry", args=[entry_id]),
        },
    )


@require_http_methods(["GET", "POST"])
def keys(request: StaffRequest) -> HttpResponse:
    if not request.actor.may(CONFIRM_KEY):
        request.actor.require(OWN_KEY)
    form = forms.KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.key_register(actor=request.actor, public_key=form.cleaned_data["public_key"])
        messages.success(
            request,
            _(
                "Registered. It counts once a colleague has confirmed its number with you and the list of members names it."
            ),
        )
        return redirect("listing_keys")
    table = KeyTable(request.GET, queries.keys(request.actor), actor=request.actor)
    return table_page(request, "listing/keys.html", table, "keys", form=form)


@require_http_methods(["GET", "POST"])
def key_step(request: StaffRequest, key: str, step: str) -> HttpResponse:
    """Confirm or revoke a key; the page before it asks, and shows the number to compare."""
    row = queries.key_of(request.actor, key)
    if step not in {"confirm", "revoke"}:
        raise NotFound
    if request.method == "POST" and step == "confirm":
        services.key_confirm(actor=request.actor, key=key)
        messages.success(request, _("Confirmed. The key counts once the list of members names it."))
        return redirect("listing_keys")
    if request.method == "POST":
        services.key_revoke(actor=request.actor, key=key)
        messages.success(request, _("Revoked: this key signs nothing any more."))
        return redirect("listing_keys")
    told: dict[str, Any]
    if step == "confirm":
        told = {
            "title": _("Confirm the key of %(person)s") % {"person": row.person.name},
            "consequence": _(
                "Confirm only when %(person)s has read you this number, in person or by a phone call you made:"
            )
            % {"person": row.person.name},
            "confirm_label": _("The numbers are the same: confirm"),
        }
    else:
        told = {
            "title": _("Revoke the key of %(person)s") % {"person": row.person.name},
            "consequence": _(
                "It signs nothing from now on and never comes back: another key must be registered, confirmed and"
                " named by the list of members. What it signed stays in force."
            ),
            "confirm_label": _("Revoke"),
            "danger": True,
        }
    return render(
        request, "listing/key.html", {**told, "number": grouped(row.id), "cancel_url": reverse("listing_keys")}
    )


def facts_of(row: Entry) -> list[KeyValue]:
    """An entry in terms and values: what leaves the house once it is active."""
    return [
        KeyValue(_("Target"), row.target, "address"),
        KeyValue(_("Kind of list"), row.method, "state:list_method"),
        KeyValue(_("Ground"), row.reason, "state:list_reason"),
        KeyValue(_("Stated at"), row.stated_at, "moment"),
        KeyValue(_("Ends by itself on"), row.expires_on, "day"),
        KeyValue(
            _("Re-check"),
            _("By machine: hourly on the first day, daily after two weeks. Three agreeing failures lift it.")
            if settings.RECHECK
            else _("By people: daily in the first week, weekly later. Two people half an hour apart lift it."),
        ),
        KeyValue(_("Number"), str(row.id)),
    ]


def _breadth_of(row: Entry) -> dict[str, Any] | None:
    """Of a page the breadth of its host: what else stands there, and is not blocked. None under an IP address."""
    if row.method == Method.DNS:
        return breadth_of(row.content_id, row.target)
    address = canonicalize(row.target)
    return breadth_of(row.content_id, address.host) if address.host_kind == "name" else None


def breadth_of(content_id: UUID, name: str) -> dict[str, Any]:
    """Answers to “what else would this block?”, for the approval page."""
    reach = case.reach_of(content_id, name)
    facts = reach.facts
    suffix = facts.public_suffix or (_("suffixes lie below it") if facts.above_public_suffix else "")
    return {
        "name": name,
        "refused": reach.refused,
        "items": [
            KeyValue(_("Public suffix?"), suffix or _("No")),
            KeyValue(_("Shared platform?"), facts.shared_platform or _("No")),
            KeyValue(_("Popular name?"), facts.popular or _("No")),
            KeyValue(_("Protected name?"), reach.protected or _("No")),
            KeyValue(_("Content items known on this host"), reach.contents, "number"),
            KeyValue(_("Other names known at or below it"), facts.others_on_host, "number"),
            KeyValue(_("Other names known on its addresses"), facts.others_on_address, "number"),
        ],
    }


def missing_of(row: Entry) -> list[str]:
    """Who has yet to sign before the entry can be listed."""
    missing = {
        EntryState.PROPOSED: [_("the proposer"), _("an approver")],
        EntryState.PENDING_ACTIVATION: [_("an approver")],
        EntryState.PENDING_THIRD: [],
    }
    if row.state not in missing:
        return []
    return [*missing[EntryState(row.state)], *([_("a second approver")] if row.far else [])]


def tried_of(content_id: UUID) -> list[KeyValue]:
    """What the hotline tried, for “no other means”."""
    tried = takedown.removal_tried(content_id)
    if tried is None:
        return [KeyValue(_("Notices sent"), 0, "number")]
    return [
        KeyValue(_("First notice"), tried.first_notice_at, "moment"),
        KeyValue(_("Notices sent"), tried.notices, "number"),
        KeyValue(_("Escalated to"), look("notice_level", tried.level).word if tried.level else ""),
        KeyValue(_("Clocks have run out"), bool(tried.too_slow), "yes_no"),
    ]


def reasons_of(row: Entry) -> list[str]:
    """Why the edition refused the entry, in plain language."""
    return [f"{_(each['message']) % each['params']} {_(each['remedy'])}" for each in row.refused]


def _signature(request: HttpRequest) -> str:
    form = forms.SignatureForm(request.POST)
    if not form.is_valid():
        raise DomainError(
            "no_signature",
            _("There is no signature in the form."),
            remedy=_("Sign the statement and paste the signature."),
            status=422,
        )
    return str(form.cleaned_data["signature"])
