"""Staff pages of notices and the ledger."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.ui.parts import KeyValue
from mamori.ground.ui.tables import table_page
from mamori.hotline.assessment.queries import content_address
from mamori.hotline.takedown import queries, services, wording
from mamori.hotline.takedown.forms import ReferenceForm, WarningForm
from mamori.hotline.takedown.models import Notice
from mamori.hotline.takedown.permissions import CLOSE, SEND, WARN
from mamori.hotline.takedown.states import FINISHED, GATHERING, ItemState, NoticeState, WarningKind
from mamori.hotline.takedown.tables import (
    AddressTable,
    AnswerTable,
    EndedTable,
    ItemTable,
    LedgerTable,
    NoticeTable,
    RegulatorTable,
)


@require_GET
def notices(request: StaffRequest) -> HttpResponse:
    table = NoticeTable(request.GET, queries.notices(request.actor), actor=request.actor)
    return table_page(request, "takedown/notices.html", table, "notices")


@require_GET
def addresses(request: StaffRequest) -> HttpResponse:
    table = AddressTable(request.GET, queries.addresses(request.actor), actor=request.actor)
    return table_page(request, "takedown/list.html", table, "addresses", title=table.caption)


@require_GET
def answers(request: StaffRequest) -> HttpResponse:
    table = AnswerTable(request.GET, queries.answers(request.actor), actor=request.actor)
    return table_page(request, "takedown/list.html", table, "answers", title=table.caption)


@require_GET
def ended(request: StaffRequest) -> HttpResponse:
    kind = RegulatorTable if request.actor.may(WARN) else EndedTable
    table = kind(request.GET, queries.ended(request.actor), actor=request.actor)
    return table_page(request, "takedown/list.html", table, "ended", title=table.caption)


@require_GET
def ledger(request: StaffRequest) -> HttpResponse:
    table = LedgerTable(request.GET, queries.ledger(request.actor), actor=request.actor)
    return table_page(request, "takedown/list.html", table, "ledger", title=table.caption)


@require_GET
def notice(request: StaffRequest, notice_id: UUID) -> HttpResponse:
    row = queries.notice_of(request.actor, notice_id)
    actor = request.actor
    open_ = row.state not in FINISHED
    table = ItemTable(request.GET, queries.items_of(row), actor=actor)
    context: dict[str, Any] = {
        "notice": row,
        "contact": row.contact.current,
        "facts": _facts(row),
        "disputed": queries.items_of(row).filter(state=ItemState.DISPUTED).order_by("number")[:50],
        "letters": queries.letters_of(row),
        "answers": queries.answers_of(actor, row),
        "running": queries.clocks_of(row),
        "preview": _preview(row) if row.state in GATHERING else None,
        "may_send": open_ and actor.may(SEND),
        "may_send_now": open_ and actor.may(SEND) and queries.has_waiting(row),
        "may_resend": row.state == NoticeState.BOUNCED and actor.may(SEND),
        "may_close": open_ and actor.may(CLOSE),
        "may_warn": actor.may(WARN),
        "warning_form": WarningForm(),
    }
    return table_page(request, "takedown/notice.html", table, row.reference, **context)


@require_http_methods(["GET", "POST"])
def send_now(request: StaffRequest, notice_id: UUID) -> HttpResponse:
    row = queries.notice_of(request.actor, notice_id)
    if request.method == "POST":
        services.notice_send_now(actor=request.actor, notice_id=notice_id)
        messages.success(request, _("The letter is on its way."))
        return redirect("takedown_notice", notice_id)
    request.actor.require(SEND)
    return _confirm(
        request,
        row,
        title=_("Send now"),
        consequence=_("What is gathered goes out at once, after the last look at each address."),
        leaving=[KeyValue(_("Subject"), _preview(row)["subject"]), KeyValue(_("Letter"), _("as shown on the notice"))],
    )


@require_http_methods(["GET", "POST"])
def close(request: StaffRequest, notice_id: UUID) -> HttpResponse:
    row = queries.notice_of(request.actor, notice_id)
    if request.method == "POST":
        services.notice_close(actor=request.actor, notice_id=notice_id)
        messages.success(request, _("The notice is closed."))
        return redirect("takedown_notice", notice_id)
    request.actor.require(CLOSE)
    consequence = _("Its addresses are asked for no more, unless they come back or are assessed anew.")
    return _confirm(request, row, title=_("Close the notice"), consequence=consequence, leaving=[], danger=True)


@require_http_methods(["GET", "POST"])
def resend(request: StaffRequest, notice_id: UUID) -> HttpResponse:
    row = queries.notice_of(request.actor, notice_id)
    if request.method == "POST":
        services.notice_resend(actor=request.actor, notice_id=notice_id)
        messages.success(request, _("The letter is sent again."))
        return redirect("takedown_notice", notice_id)
    request.actor.require(SEND)
    return _confirm(
        request,
        row,
        title=_("Send again"),
        consequence=_(
            "What is still online is told to the same address once more. If the letter arrived after all, it arrives twice."
        ),
        leaving=[KeyValue(_("Letter"), _("the last letter of this notice"))],
    )


@require_POST
def settle(request: StaffRequest, item_id: UUID) -> HttpResponse:
    row = queries.item_notice(request.actor, item_id)
    services.dispute_settle(actor=request.actor, item_id=item_id, keep=request.POST.get("keep") == "yes")
    messages.success(request, _("Recorded."))
    return redirect("takedown_notice", row.id)


@require_POST
def answer_settle(request: StaffRequest, answer_id: UUID) -> HttpResponse:
    row = queries.answer_notice(request.actor, answer_id)
    upheld = {"yes": True, "no": False}.get(request.POST.get("upheld", ""))
    services.answer_settle(actor=request.actor, answer_id=answer_id, upheld=upheld)
    return redirect("takedown_notice", row.id)


@require_POST
def warn(request: StaffRequest, notice_id: UUID) -> HttpResponse:
    row = queries.notice_of(request.actor, notice_id)
    form = WarningForm(request.POST)
    if not form.is_valid():
        return redirect("takedown_notice", notice_id)
    services.warning_record(
        actor=request.actor,
        kind=WarningKind(form.cleaned_data["kind"]),
        contact_id=row.contact_id,
        reference=form.cleaned_data["reference"],
    )
    messages.success(request, _("Entered into the ledger."))
    return redirect("takedown_ledger")


@require_http_methods(["GET", "POST"])
def regulator(request: StaffRequest, content_id: UUID) -> HttpResponse:
    request.actor.require(WARN)
    form = ReferenceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.regulator_told(actor=request.actor, content_id=content_id, reference=form.cleaned_data["reference"])
        messages.success(request, _("Recorded."))
        return redirect("takedown_ended")
    context = {"form": form, "address": content_address(content_id)}
    return render(request, "takedown/regulator.html", context, status=422 if form.errors else 200)


def _facts(row: Notice) -> list[KeyValue]:
    contact = row.contact.current
    return [
        KeyValue(_("Contact"), contact.organisation),
        KeyValue(_("Mail"), contact.mail),
        KeyValue(
            _("Encrypted attachment"), _("Yes, by the contact's key") if contact.age_key else _("No key registered")
        ),
        KeyValue(_("Opened"), row.opened_at, "moment"),
        KeyValue(_("Delivered"), row.delivered_at, "moment"),
        KeyValue(_("Page first opened"), row.seen_at, "moment"),
        KeyValue(_("Reminders"), row.reminders),
    ]


def _preview(row: Notice) -> dict[str, str]:
    """Exactly what would be sent now, the link but for its key."""
    return {
        "to": row.contact.current.mail,
        "subject": wording.subject(row.reference, domestic=row.domestic),
        "body": wording.body(
            kind=queries.next_kind(row),
            reference=row.reference,
            count=queries.waiting_count(row),
            token="…",  # noqa: S106 - the place of one
            due_at=queries.answer_due(),
            domestic=row.domestic,
        ),
    }


def _confirm(
    request: StaffRequest, row: Notice, *, title: str, consequence: str, leaving: list[KeyValue], danger: bool = False
) -> HttpResponse:
    contact = row.contact.current
    context = {
        "title": title,
        "consequence": consequence,
        "leaving": leaving,
        "recipients": [f"{contact.organisation} <{contact.mail}>"] if leaving else [],
        "confirm_label": title,
        "cancel_url": reverse("takedown_notice", args=[row.id]),
        "danger": danger,
    }
    return render(request, "ui/confirm.html", context)
