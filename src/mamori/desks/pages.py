"""Pages that cross the rooms: Today, Case, Figures, Find an address."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from mamori.desks import figures, queries, rooms, services
from mamori.desks.context import waiting_now
from mamori.desks.forms import SearchForm
from mamori.desks.permissions import FIGURES, SEARCH
from mamori.engine.addresses import AddressError
from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.assessment.states import ContentState


def today(request: StaffRequest) -> HttpResponse:
    """Alarms first, then what has a clock, then the rest of what waits for this person."""
    found = waiting_now(request.actor)
    alarms = [item for item in found if item.alarm]
    dated = sorted((w for w in found if not w.alarm and w.due_at), key=lambda w: str(w.due_at))
    rest = [w for w in found if not w.alarm and not w.due_at]
    return render(
        request,
        "desks/today.html",
        {
            "alarms": alarms,
            "dated": dated,
            "rest": rest,
            "may_search": request.actor.may(SEARCH),
            "sees_cases": request.actor.may(FIGURES),
        },
    )


def case(request: StaffRequest, content_id: UUID) -> HttpResponse:
    """One content item: what every room knows of it that the actor may see, and one timeline."""
    actor = request.actor
    content = assessment.content_view(actor, content_id)
    if not rooms.may_see_case(actor, content_id):
        raise NotFound
    panels = rooms.panels(actor, content_id)
    return render(
        request,
        "desks/case.html",
        {
            "content": content,
            "panels": panels,
            "tags": [tag for _panel, _content, tag in panels if tag],
            "events": rooms.timeline(actor, content_id),
            "buttons": _buttons(actor, content_id, content.state),
        },
    )


def stuck(request: StaffRequest) -> HttpResponse:
    """Steps that failed for good, by name."""
    return render(request, "desks/stuck.html", {"steps": queries.stuck(request.actor)})


def figures_page(request: StaffRequest) -> HttpResponse:
    kept = queries.figures(request.actor)
    context: dict[str, Any] = {"kept": kept}
    if kept is not None:
        data = kept.data
        context |= {"charts": figures.charts(data), "shares": figures.shares(data), "spans": figures.spans()}
    return render(request, "desks/figures.html", context)


@never_cache
def search(request: StaffRequest) -> HttpResponse:
    """Find a case by its address. The address is sent by POST, so that it stands in no history and no log."""
    request.actor.require(SEARCH)
    form = SearchForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            found = services.address_search(actor=request.actor, text=form.cleaned_data["address"])
        except AddressError as error:
            form.add_error("address", f"{_(error.message)} {_(error.remedy)}")
        else:
            if found is not None:
                return redirect("desks_case", found)
            return render(request, "desks/search.html", {"form": form, "nothing": True})
    return render(request, "desks/search.html", {"form": form}, status=422 if form.errors else 200)


def _buttons(actor: Actor, content_id: UUID, state: ContentState) -> list[tuple[str, str, str]]:
    """(address, label, icon) of the rooms' own pages that the actor may use on this item now."""
    found = []
    for step in rooms.STEPS:
        if actor.may(step.permission) and state in step.states:
            try:
                found.append((reverse(step.url_name, args=[content_id, *step.more]), str(step.label), step.icon))
            except NoReverseMatch:
                continue
    return found
