"""Imports and exports of files, small ones; large ones go by the command line.

A file given here is stored, and the worker reads it: the import's page shows how far it has come.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import BinaryIO, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from mamori.ground import clock
from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.errors import DomainError
from mamori.ground.ui.parts import KeyValue
from mamori.ground.ui.tables import table_page
from mamori.lists.fingerprints import forms, queries, services
from mamori.lists.fingerprints.formats import Format
from mamori.lists.fingerprints.pages.progress import REFRESH_SECONDS, progress_of, rate_of
from mamori.lists.fingerprints.pages.tables import ImportTable
from mamori.lists.fingerprints.permissions import CONFIRM, EXPORT, IMPORT, WITHDRAW
from mamori.lists.fingerprints.states import ImportState, Sharing

_ENDINGS = {Format.VICS_2: "json", Format.VICS_1: "json", Format.ICSE: "csv", Format.PDQ: "txt", Format.MD5: "txt"}


@dataclass(frozen=True)
class KeptOut:
    """The records of a file that one reason kept out: how many are named, and which."""

    code: str
    count: int
    which: str


@require_http_methods(["GET", "POST"])
def imports(request: StaffRequest) -> HttpResponse:
    rows = queries.imports(request.actor)
    sent = request.method == "POST"
    form = forms.ImportForm(request.POST if sent else None, request.FILES if sent else None)
    error, status = None, 200
    if sent:
        request.actor.require(IMPORT)
        status = 422
        if form.is_valid():
            cleaned = form.cleaned_data
            try:
                run = services.import_upload(
                    actor=request.actor,
                    source_code=cleaned["source"],
                    form=Format(cleaned["format"]),
                    stream=cast("BinaryIO", cleaned["file"].file),
                    profile=cleaned["profile"],
                    media=cleaned["kind"],
                )
            except DomainError as refusal:
                error = refusal
            else:
                messages.success(request, _("The file is stored. It is read into the bank from now on; you may leave."))
                return redirect("fingerprints_import", run.id)
    elif "too-large" in request.GET and request.actor.may(IMPORT):  # the proxy in front sends such requests here
        error, status = forms.TOO_LARGE, forms.TOO_LARGE.status
    table = ImportTable(request.GET, rows, actor=request.actor)
    shown = form if request.actor.may(IMPORT) else None
    no_source = shown is not None and not queries.source_choices()
    context = {"form": shown, "no_source": no_source, "error": error, "may_export": request.actor.may(EXPORT)}
    return table_page(request, "fingerprints/imports.html", table, "imports", status=status, **context)


@require_GET
def import_run(request: StaffRequest, import_id: UUID) -> HttpResponse:
    run = queries.import_of(request.actor, import_id)
    own = run.imported_by_id == request.actor.id
    progress = progress_of(run, clock.now())
    if progress is None and "HX-Request" in request.headers:  # it has ended meanwhile: heading and actions change too
        return HttpResponseClientRefresh()
    waits = run.sharing == Sharing.PARTNERS and run.confirmed_at is None and progress is None
    rate = rate_of(run)
    items = [
        KeyValue(_("State"), run.state, "state:bank_import"),
        KeyValue(_("Given by"), run.source.name),
        KeyValue(_("Format"), run.format, "state:bank_format"),
        KeyValue(_("Told to"), run.sharing, "state:bank_sharing"),
        KeyValue(_("Imported by"), run.imported_by.name if run.imported_by else None),
        KeyValue(_("Agreed by"), run.confirmed_by.name if run.confirmed_by else None),
        KeyValue(_("Begun"), run.started_at, "moment"),
        KeyValue(_("Ended"), run.done_at, "moment"),
        KeyValue(_("Records"), run.read, "number"),
        KeyValue(_("New"), run.added, "number"),
        KeyValue(_("Known already"), run.known, "number"),
        KeyValue(_("Class changed"), run.restated, "number"),
        KeyValue(_("Kept out"), run.refused, "number"),
        *([KeyValue(_("Records a second"), round(rate), "number")] if rate and progress is None else []),
    ]
    by_itself = progress is not None and not progress.silent
    context = {
        "run": run,
        "items": items,
        "progress": progress,
        "refresh_seconds": REFRESH_SECONDS,
        "by_itself": by_itself,
        "refreshing": by_itself and "refresh" in request.GET,
        "broken_off": run.state == ImportState.FAILED and (run.read > 0 or run.total is not None),
        "stopped": run.state == ImportState.STOPPED,
        "may_stop": progress is not None and run.total is not None and request.actor.may(IMPORT),
        "kept_out": _kept_out(run.refusals),
        "more": max(0, run.refused - len(run.refusals)),
        "may_confirm": waits and run.added and request.actor.may(CONFIRM) and not own,
        "own_import": waits and run.added and own,
        "may_withdraw": run.added and progress is None and request.actor.may(WITHDRAW),
    }
    return render(request, "fingerprints/import.html", context)


def _kept_out(refusals: list[dict[str, str]]) -> list[KeptOut]:
    """By reason, the most frequent first. `at` is "line 12" or "record 12"."""
    numbers: dict[tuple[str, str], list[str]] = defaultdict(list)
    for bad in refusals:
        kind, _space, number = bad["at"].partition(" ")
        numbers[bad["code"], kind].append(number)
    said = {"line": _("Lines %(numbers)s"), "record": _("Records %(numbers)s")}
    rows = [
        KeptOut(code, len(found), said[kind] % {"numbers": ", ".join(found)}) for (code, kind), found in numbers.items()
    ]
    return sorted(rows, key=lambda row: -row.count)


@require_POST
def stop(request: StaffRequest, import_id: UUID) -> HttpResponse:
    services.import_stop(actor=request.actor, import_id=import_id)
    messages.success(request, _("Stopped: what was not read yet is destroyed."))
    return redirect("fingerprints_import", import_id)


@require_POST
def confirm(request: StaffRequest, import_id: UUID) -> HttpResponse:
    services.import_confirm(actor=request.actor, import_id=import_id)
    messages.success(request, _("Agreed: its entries come into force within the next minutes."))
    return redirect("fingerprints_import", import_id)


@require_http_methods(["GET", "POST"])
def withdraw(request: StaffRequest, import_id: UUID) -> HttpResponse:
    request.actor.require(WITHDRAW)
    run = queries.import_of(request.actor, import_id)
    if request.method == "POST":
        services.import_withdraw(actor=request.actor, import_id=import_id)
        messages.success(request, _("Its entries are withdrawn within the next minutes."))
        return redirect("fingerprints_import", import_id)
    told = run.sharing == Sharing.PARTNERS and run.confirmed_at is not None
    return render(
        request,
        "ui/confirm.html",
        {
            "title": _("Withdraw the whole import"),
            "consequence": _(
                "Each of its %(count)d entries becomes a tombstone, for ever: importing the file again adds nothing."
            )
            % {"count": run.added},
            "leaving": [KeyValue(_("New"), run.added, "number"), KeyValue(_("Given by"), run.source.name)]
            if told
            else [],
            "recipients": [_("All partners, as a tombstone without fingerprints")] if told else [],
            "confirm_label": _("Withdraw"),
            "danger": True,
            "cancel_url": reverse("fingerprints_import", args=[import_id]),
        },
    )


@require_GET
def export(request: StaffRequest) -> HttpResponseBase:
    request.actor.require(EXPORT)
    form = forms.ExportForm(request.GET if "format" in request.GET else None)
    if not form.is_valid():
        return render(request, "fingerprints/export.html", {"form": form}, status=422 if form.is_bound else 200)
    cleaned = form.cleaned_data
    kind = Format(cleaned["format"])
    pieces = services.export(actor=request.actor, form=kind, profile=cleaned["profile"], source_code=cleaned["source"])
    answer = StreamingHttpResponse(pieces, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="bank-{kind}.{_ENDINGS[kind]}"'
    return answer
