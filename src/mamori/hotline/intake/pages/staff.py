"""Staff pages: screening, reports, what operators and patrols write down, messages."""

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.ground.ui.parts import KeyValue
from mamori.ground.ui.tables import table_page
from mamori.hotline.intake import queries, receipts, services
from mamori.hotline.intake.forms import OperatorForm, PatrolForm, ReplyForm, ScreenForm
from mamori.hotline.intake.permissions import OPEN_SEALED, OPERATE, PATROL, REPLY, WITHHOLD
from mamori.hotline.intake.states import SCREEN, Source
from mamori.hotline.intake.tables import MessageTable, ReportTable, ScreeningTable


@require_safe
def screening(request: HttpRequest) -> HttpResponse:
    actor = _actor(request)
    actor.require(SCREEN)
    table = ScreeningTable(request.GET, queries.reports_waiting(actor), actor=actor)
    return table_page(request, "intake/screening.html", table, "screening")


@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    actor = _actor(request)
    table = ReportTable(request.GET, queries.reports_rows(actor), actor=actor)
    return table_page(request, "intake/reports.html", table, "reports")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """One report. POST opens a sealed part of it, which the log records."""
    actor = _actor(request)
    shown = queries.report_page(actor, report_id)
    opened: dict[str, str] = {}
    words = None
    if request.method == "POST":
        part = request.POST.get("part", "")
        if part == "messages":
            words = services.messages_read(actor=actor, submission_id=shown.report.submission_id)
        else:
            opened[part] = services.sealed_open(actor=actor, report_id=report_id, part=part)
    return render(
        request,
        "intake/report_page.html",
        {
            "shown": shown,
            "report": shown.report,
            "facts": _facts(shown),
            "opened": opened.get("text"),
            "contact": opened.get("contact"),
            "typed": opened.get("typed"),
            "case": opened.get("case"),
            "words": words,
            "may_open": actor.may(OPEN_SEALED),
            "may_screen": actor.may(SCREEN) and shown.report.state == "received",
            "may_reply": actor.may(REPLY) and shown.has_receipt,
            "may_withhold": actor.may(WITHHOLD),
            "screen_form": ScreenForm(),
            "reply_form": ReplyForm(),
        },
    )


@require_POST
def screen(request: HttpRequest, report_id: UUID) -> HttpResponse:
    form = ScreenForm(request.POST)
    if not form.is_valid():
        raise DomainError("no_outcome", _("Nothing was chosen."), remedy=_("Choose what the report is."), status=422)
    services.report_screen(actor=_actor(request), report_id=report_id, outcome=form.cleaned_data["outcome"])
    messages.success(request, _("The report is screened."))
    return redirect("intake_screening")


@require_POST
def reply(request: HttpRequest, report_id: UUID) -> HttpResponse:
    actor = _actor(request)
    submission_id = queries.report_get(actor, report_id).submission_id
    services.message_send(actor=actor, submission_id=submission_id, text=request.POST.get("message", ""))
    messages.success(request, _("The message waits for the reporter."))
    return redirect("intake_report_page", report_id)


@require_POST
def withhold(request: HttpRequest, report_id: UUID) -> HttpResponse:
    actor = _actor(request)
    submission_id = queries.report_get(actor, report_id).submission_id
    services.submission_withhold(
        actor=actor, submission_id=submission_id, withheld=request.POST.get("withheld") == "yes"
    )
    return redirect("intake_report_page", report_id)


@require_safe
def waiting_messages(request: HttpRequest) -> HttpResponse:
    actor = _actor(request)
    table = MessageTable(request.GET, queries.messages_waiting(actor), actor=actor)
    return table_page(request, "intake/messages.html", table, "messages")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def phone(request: HttpRequest) -> HttpResponse:
    actor = _actor(request)
    actor.require(OPERATE)
    form = OperatorForm(request.POST or None)
    if form.is_valid():
        received = services.submission_receive(
            actor=actor,
            source=Source.OPERATOR,
            channel=form.cleaned_data["channel"],
            locale=get_language() or "ja",
            request_receipt=form.cleaned_data.get("signed", False),
            **form.told(),
        )
        return _taken(request, received, "intake_phone")
    return render(request, "intake/phone.html", {"form": form}, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def patrol(request: HttpRequest) -> HttpResponse:
    actor = _actor(request)
    actor.require(PATROL)
    form = PatrolForm(request.POST or None)
    if form.is_valid():
        received = services.submission_receive(
            actor=actor,
            source=Source.PATROL,
            details=form.details(),
            case=form.cleaned_data["case"],
            locale=get_language() or "ja",
            request_receipt=form.cleaned_data.get("signed", False),
            **form.told(),
        )
        return _taken(request, received, "intake_patrol")
    return render(request, "intake/patrol.html", {"form": form}, status=422 if form.is_bound else 200)


def _taken(request: HttpRequest, received: services.Received, again: str) -> HttpResponse:
    """The receipt, this once, for the person who told it."""
    return render(
        request, "intake/taken.html", {"received": received, "again": again, **receipts.files(received.signed_receipt)}
    )


def _actor(request: HttpRequest) -> Actor:
    return cast("StaffRequest", request).actor


def _facts(shown: queries.ReportPage) -> list[KeyValue]:
    report = shown.report
    facts = [
        KeyValue(_("Address"), report.url, "address"),
        KeyValue(_("State"), report.state, "state:report"),
        KeyValue(_("Source"), report.source, "state:report_source"),
        KeyValue(_("Received (hour)"), report.received_hour, "moment"),
        KeyValue(_("Seen on"), report.seen_on, "day"),
        KeyValue(_("The reporter says a child is at risk"), report.child_at_risk, "yes_no"),
    ]
    if report.screening:
        facts.append(KeyValue(_("Screening"), report.screening, "state:screening"))
    if report.outcome:
        facts.append(KeyValue(_("Outcome"), report.outcome, "state:report_outcome"))
    words = {
        "category": _("Category"),
        "found_by": _("How was it found?"),
        "prefecture": _("Prefecture code"),
    }
    facts.extend(KeyValue(words[name], value) for name, value in shown.details.items() if value)
    return facts
