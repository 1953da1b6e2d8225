"""The Letters desk: what left the house by mail and what became of it."""

import re
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.errors import DomainError
from mamori.ground.letters import queries, services
from mamori.ground.letters.looks import kind_word
from mamori.ground.letters.states import LETTER, RESOLVE, LetterState
from mamori.ground.letters.tables import LetterTable
from mamori.ground.ui.parts import KeyValue
from mamori.ground.ui.tables import table_page

SECRET_KINDS = {"invitation", "account"}
_LINK = re.compile(r"https?://\S+")  # who follows a link of a notice acts as its receiver


def letters(request: StaffRequest) -> HttpResponse:
    table = LetterTable(request.GET, queries.letters(request.actor), actor=request.actor)
    return table_page(request, "letters/letters.html", table, "letters")


def letter(request: StaffRequest, letter_id: UUID) -> HttpResponse:
    row = queries.letter(request.actor, letter_id)
    facts = [
        KeyValue(_("State"), row.state, "state:letter"),
        KeyValue(_("To"), row.to),
        KeyValue(_("Kind"), kind_word(row.kind)),
        KeyValue(_("Written"), row.queued_at, "moment"),
        KeyValue(_("Last tried"), row.tried_at, "moment"),
        KeyValue(_("Handed over"), row.handed_at, "moment"),
        KeyValue(_("Attempts"), row.attempts, "number"),
        KeyValue(_("The mail server said"), row.answer),
        KeyValue(_("Attachment"), row.attachment_name),
    ]
    reachable = LETTER.reachable(LetterState(row.state)) if request.actor.may(RESOLVE) else []
    return render(
        request,
        "letters/letter.html",
        {
            "letter": row,
            "facts": facts,
            "body": "" if row.kind in SECRET_KINDS else _LINK.sub(_("[link]"), row.body),
            "may_resend": row.state in queries.FAILED
            and LetterState.QUEUED in reachable
            and not services.guarded(row.kind),
            "may_take": row.state == LetterState.UNCERTAIN and LetterState.HANDED in reachable,
        },
    )


def resend(request: StaffRequest, letter_id: UUID) -> HttpResponse:
    row = _failed(request, letter_id)
    if services.guarded(row.kind):
        raise DomainError(
            "letter_of_a_room",
            _("This letter is sent again only after a last look at what it tells."),
            remedy=_("Send it again from the notice it belongs to."),
        )
    if request.method == "POST":
        services.letter_resolve(actor=request.actor, letter_id=letter_id, send_again=True)
        messages.success(request, _("The letter is in the queue again."))
        return redirect("letters_letter", letter_id)
    return _confirm(
        request,
        row,
        title=_("Send the letter again"),
        consequence=_("If it did arrive, the other side gets it twice."),
        confirm_label=_("Send it again"),
        leaving=[KeyValue(_("Subject"), row.subject), KeyValue(_("Kind"), kind_word(row.kind))],
        recipients=[row.to],
    )


def take(request: StaffRequest, letter_id: UUID) -> HttpResponse:
    """A person knows that the letter arrived."""
    row = _failed(request, letter_id)
    if request.method == "POST":
        services.letter_resolve(actor=request.actor, letter_id=letter_id, send_again=False)
        messages.success(request, _("The letter counts as handed over."))
        return redirect("letters_letter", letter_id)
    return _confirm(
        request,
        row,
        title=_("Take the letter as arrived"),
        consequence=_("It counts as told from now on: clocks start. Do this only when you know that it arrived."),
        confirm_label=_("It arrived"),
    )


def _failed(request: StaffRequest, letter_id: UUID) -> Any:
    request.actor.require(RESOLVE)
    return queries.letter(request.actor, letter_id)


def _confirm(request: StaffRequest, row: Any, **context: Any) -> HttpResponse:
    back = reverse("letters_letter", args=[row.id])
    return render(request, "ui/confirm.html", {**context, "cancel_url": back, "danger": True})
