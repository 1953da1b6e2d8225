from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.ui.cells import yes_no
from mamori.ground.ui.parts import KeyValue
from mamori.ground.ui.states import look
from mamori.ground.ui.tables import table_page
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.referral import queries, services
from mamori.hotline.referral.forms import (
    AcknowledgeForm,
    ChooseForm,
    FeedbackForm,
    HoldForm,
    PhoneForm,
    PolicyForm,
)
from mamori.hotline.referral.models import Referral
from mamori.hotline.referral.permissions import ANSWER, CHOOSE, HAND_OVER, POLICY, PRESERVE
from mamori.hotline.referral.states import (
    UNANSWERED,
    UNDELIVERED,
    Channel,
    FeedbackKind,
    PolicyKind,
    ReferralState,
)
from mamori.hotline.referral.tables import ReferralTable
from mamori.hotline.tracing import queries as tracing

_CLOSED = {ReferralState.RELEASED, ReferralState.NO_OBJECTION, ReferralState.FEEDBACK}


@require_GET
def desk_page(request: StaffRequest) -> HttpResponse:
    table = ReferralTable(request.GET, queries.referrals(request.actor), actor=request.actor)
    waiting = [item for item in queries.desk(request.actor) if item.alarm]
    may_set_policy = request.actor.may(POLICY)
    return table_page(request, "referral/desk.html", table, "referrals", waiting=waiting, may_set_policy=may_set_policy)


@require_GET
def referral_page(request: StaffRequest, referral_id: UUID) -> HttpResponse:
    """Looking at this page opens nothing: an officer opens a referral by the button, under their name."""
    return _page(request, referral_id)


def _page(
    request: StaffRequest, referral_id: UUID, *, wrong: dict[str, forms.Form] | None = None, status: int = 200
) -> HttpResponse:
    actor = request.actor
    referral = queries.referral_row(actor, referral_id)
    state, reads = ReferralState(referral.state), queries.may_read(actor, referral)
    answers, hold = actor.may(ANSWER) and reads, queries.hold_of(actor, referral)
    context: dict[str, Any] = {
        "referral": referral,
        "number": queries.number_of(referral),
        "clock": queries.clock_of(referral),
        "hold": hold,
        "facts": _facts(referral, named=reads or actor.may(HAND_OVER)),
        "content": _content(referral) if reads else [],
        "address": assessment.content_address(referral.content_id).url if reads else "",
        "steps": queries.steps_of(actor, referral),
        "may_see_case": reads or not actor.may(ANSWER),
        "may_open": actor.may(ANSWER) and (state in UNDELIVERED or referral.unseen_since is not None),
        "officer": request.user.get_full_name() if request.user.is_authenticated else "",
        "may_release": answers and (state in UNANSWERED or state == ReferralState.HOLD_REQUESTED),
        "has_evidence": reads and queries.evidence_of(referral.content_id) is not None,
        "preservations": queries.preservations_of(referral.content_id) if actor.may(PRESERVE) else [],
        "may_preserve": actor.may(PRESERVE) and reads,
        "duty_phone": referral.policy.duty_phone if actor.may(HAND_OVER) else "",
    }
    shown = {
        "acknowledge": (answers and state == ReferralState.DELIVERED, AcknowledgeForm),
        "hold": (answers and state in {*UNANSWERED, *_CLOSED}, HoldForm),
        "renew": (answers and hold is not None, HoldForm),
        "feedback": (answers, FeedbackForm),
        "phone": (
            actor.may(HAND_OVER) and (state in UNDELIVERED or referral.unseen_since is not None),
            PhoneForm,
        ),
        "choose": (actor.may(CHOOSE) and state == ReferralState.DRAFTED, ChooseForm),
    }
    for name, (here, form) in shown.items():
        if here:
            context[f"{name}_form"] = (wrong or {}).get(name) or form(prefix=name)
    return render(request, "referral/referral.html", context, status=status)


@require_POST
def open_referral(request: StaffRequest, referral_id: UUID) -> HttpResponse:
    services.referral_opened_by_officer(actor=request.actor, referral_id=referral_id, officer=str(request.user))
    return redirect("referral_page", referral_id=referral_id)


def _act(  # noqa: PLR0917 - the parts of one answer
    request: StaffRequest, referral_id: UUID, name: str, form: forms.Form, act: Any, done: str
) -> HttpResponse:
    """Run one service with a form's values; what it refuses is shown beside the form."""
    queries.referral_row(request.actor, referral_id)
    if form.is_valid():
        try:
            act(actor=request.actor, referral_id=referral_id, **form.cleaned_data)
        except DomainError as error:
            if error.status != 422:
                raise
            form.add_error(None, f"{error.message} {error.remedy}".strip())
        else:
            messages.success(request, done)
            return redirect("referral_page", referral_id=referral_id)
    return _page(request, referral_id, wrong={name: form}, status=422)


@require_POST
def acknowledge(request: StaffRequest, referral_id: UUID) -> HttpResponse:
    def act(**values: Any) -> None:
        services.acknowledge(officer=str(request.user), **values)

    form = AcknowledgeForm(request.POST, prefix="acknowledge")
    return _act(request, referral_id, "acknowledge", form, act, _("The referral is acknowledged."))


@require_POST
def hold(request: StaffRequest, referral_id: UUID) -> HttpResponse:
    form = HoldForm(request.POST, prefix="hold")
    return _act(request, referral_id, "hold", form, services.hold_request, _("Notices and listing are stopped."))


@require_POST
def renew(request: StaffRequest, referral_id: UUID) -> HttpResponse:
    form = HoldForm(request.POST, prefix="renew")
    return _act(request, referral_id, "renew", form, services.hold_renew, _("The hold is renewed."))


@require_POST
def feedback(request: StaffRequest, referral_id: UUID) -> HttpResponse:
    def act(*, kind: str, **values: Any) -> None:
        services.feedback(kind=FeedbackKind(kind), **values)

    form = FeedbackForm(request.POST, prefix="feedback")
    return _act(request, referral_id, "feedback", form, act, _("Thank you: the hotline sees what came of it."))


@require_POST
def phone(request: StaffRequest, referral_id: UUID) -> HttpResponse:
    form = PhoneForm(request.POST, prefix="phone")
    return _act(request, referral_id, "phone", form, services.handed_over_by_phone, _("The hand-over is recorded."))


@require_POST
def choose(request: StaffRequest, referral_id: UUID) -> HttpResponse:
    def act(*, kind: str, **values: Any) -> None:
        services.referral_choose(kind=PolicyKind(kind), **values)

    form = ChooseForm(request.POST, prefix="choose")
    return _act(request, referral_id, "choose", form, act, _("The referral is on its way to police."))


@require_http_methods(["GET", "POST"])
def release(request: StaffRequest, referral_id: UUID) -> HttpResponse:
    request.actor.require(ANSWER)
    referral = queries.referral_row(request.actor, referral_id)
    here = reverse("referral_page", args=[referral_id])
    if request.method == "POST":
        services.release(actor=request.actor, referral_id=referral_id)
        messages.success(request, _("Released: notices may go."))
        return redirect(here)
    return render(
        request,
        "ui/confirm.html",
        {
            "title": _("Release this referral?"),
            "consequence": _("The provider is then told, and the content will disappear. This cannot be taken back."),
            "leaving": _facts(referral, named=True),
            "confirm_label": _("Release"),
            "cancel_url": here,
        },
    )


@require_GET
def evidence(request: StaffRequest, referral_id: UUID) -> HttpResponse:
    referral = queries.referral_row(request.actor, referral_id)
    answer = HttpResponse(queries.evidence_envelope(request.actor, referral), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="evidence-{queries.number_of(referral)}.json"'
    return answer


@require_http_methods(["GET", "POST"])
def preserve(request: StaffRequest, referral_id: UUID) -> HttpResponse:
    """Ask the provider to preserve its data: shown before it leaves the house."""
    request.actor.require(PRESERVE)
    referral = queries.referral_row(request.actor, referral_id)
    host = tracing.host_of(referral.content_id)
    if not queries.may_read(request.actor, referral) or host is None or host.contact_id is None:
        raise NotFound
    here = reverse("referral_page", args=[referral_id])
    if request.method == "POST":
        services.preservation_request(actor=request.actor, content_ids=[referral.content_id])
        messages.success(request, _("The provider is asked to preserve its data."))
        return redirect(here)
    return render(
        request,
        "ui/confirm.html",
        {
            "title": _("Ask the provider to preserve its data?"),
            "consequence": _("The provider learns from this that police look at content on its hosts."),
            "leaving": [
                KeyValue(_("A letter with a reference"), _("no address of the content in clear")),
                KeyValue(_("Period"), _("30 days")),
            ],
            "recipients": [f"{host.contact_organisation} <{host.contact_mail}>"],
            "confirm_label": _("Send the request"),
            "cancel_url": here,
        },
    )


@require_http_methods(["GET", "POST"])
def extend(request: StaffRequest, referral_id: UUID, preservation_id: UUID) -> HttpResponse:
    """Ask the provider to preserve for longer: shown before it leaves the house."""
    request.actor.require(PRESERVE)
    referral = queries.referral_row(request.actor, referral_id)
    found = {p.preservation_id: p for p in queries.preservations_of(referral.content_id)}.get(preservation_id)
    if found is None:
        raise NotFound
    here = reverse("referral_page", args=[referral_id])
    if request.method == "POST":
        services.preservation_extend(actor=request.actor, preservation_id=preservation_id)
        messages.success(request, _("The provider is asked to preserve for 60 days in all."))
        return redirect(here)
    contact = tracing.contact_of(found.contact_id)
    return render(
        request,
        "ui/confirm.html",
        {
            "title": _("Ask the provider to preserve its data for longer?"),
            "leaving": [
                KeyValue(_("A letter with a reference"), found.reference),
                KeyValue(_("Period"), _("60 days in all")),
            ],
            "recipients": [f"{contact.organisation} <{contact.mail}>"],
            "confirm_label": _("Send the request"),
            "cancel_url": here,
        },
    )


@require_http_methods(["GET", "POST"])
def policy_page(request: StaffRequest) -> HttpResponse:
    versions = queries.policy_versions(request.actor)
    now = services.policy_now() if request.actor.may(POLICY) else None
    form = None
    if now is not None:
        initial = {
            **{name: getattr(now, name) for name in PolicyForm.base_fields if name != "supervisors"},
            "organisation_id": str(now.organisation_id or ""),
            "supervisors": "\n".join(now.supervisors),
        }
        form = PolicyForm(request.POST or None, initial=initial, organisations=queries.police_organisations())
    if request.method == "POST":
        request.actor.require(POLICY)
        if form is not None and form.is_valid():
            values = form.cleaned_data
            try:
                services.policy_set(
                    actor=request.actor,
                    **{
                        **values,
                        "kind": PolicyKind(values["kind"]),
                        "channel": Channel(values["channel"]),
                        "organisation_id": UUID(values["organisation_id"]) if values["organisation_id"] else None,
                    },
                )
            except DomainError as error:
                if error.status != 422:
                    raise
                form.add_error(None, f"{error.message} {error.remedy}".strip())
            else:
                messages.success(request, _("The new version is in force for referrals opened from now on."))
                return redirect("referral_policy")
    status = 422 if form is not None and form.errors else 200
    return render(request, "referral/policy.html", {"versions": versions, "form": form}, status=status)


def _facts(referral: Referral, *, named: bool) -> list[KeyValue]:
    facts = [
        KeyValue(_("Notices may go"), referral.kind, "state:referral_policy"),
        KeyValue(_("Opened"), referral.opened_at, "moment"),
        KeyValue(_("Sent"), referral.sent_at, "moment"),
        KeyValue(_("Delivered"), referral.delivered_at, "moment"),
    ]
    if referral.delivered_by:
        facts.append(KeyValue(_("How"), look("referral_delivery", referral.delivered_by).word))
        if named:
            facts.append(KeyValue(_("Officer"), referral.officer))
    if named and referral.reference:
        facts.append(KeyValue(_("Police reference"), referral.reference))
    facts.append(KeyValue(_("Notices free since"), referral.cleared_at, "moment"))
    if referral.feedback:
        facts.append(KeyValue(_("Feedback"), referral.feedback, "state:referral_feedback"))
        if named and referral.case_no:
            facts.append(KeyValue(_("Case number"), referral.case_no))
    return facts


def _content(referral: Referral) -> list[KeyValue]:
    """What police read of the content: its address, what was found, where it is."""
    address = assessment.content_address(referral.content_id)
    decision = assessment.decision_of(referral.content_id)
    host = tracing.host_of(referral.content_id)
    found = [KeyValue(_("Address"), address.url, "address")]
    if decision is not None:
        found += [
            KeyValue(_("Finding"), f"{look('verdict', decision.verdict).word} · {', '.join(decision.law_codes)}"),
            KeyValue(_("Decided"), decision.decided_at, "moment"),
        ]
    if host is not None:
        network = f"AS{host.asn} {host.as_name}" if host.asn else ""
        found += [
            KeyValue(_("IP addresses"), ", ".join(host.addresses)),
            KeyValue(_("Network"), " · ".join(part for part in (network, host.country) if part)),
            KeyValue(_("Provider"), host.contact_organisation),
            KeyValue(_("In this country"), yes_no(host.domestic)),
        ]
    return found
