"""The pages of the queue and of one assessment."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mamori.ground import clock
from mamori.ground.accounts.middleware import StaffRequest
from mamori.ground.accounts.models import User
from mamori.ground.actors import Actor, Role
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.ui.parts import Clock
from mamori.ground.ui.tables import table_page
from mamori.hotline.assessment import exposure, services
from mamori.hotline.assessment.forms import AgainForm, DecisionForm, LiftForm, UnseenForm
from mamori.hotline.assessment.models import ContentItem, Criteria, Decision, Lease
from mamori.hotline.assessment.permissions import ARBITRATE, ASSESS, LIFT_EXPOSURE, REOPEN
from mamori.hotline.assessment.queries import content_view, queue, reports_of
from mamori.hotline.assessment.queries.queue import why_first
from mamori.hotline.assessment.services.decisions import UNDO
from mamori.hotline.assessment.services.items import criteria_now
from mamori.hotline.assessment.states import ContentState, Reason, Verdict
from mamori.hotline.assessment.tables import QueueTable
from mamori.hotline.intake.services import sealed_open

TEAM = 200


@require_GET
def queue_page(request: StaffRequest) -> HttpResponse:
    """What waits, the own day's exposure, and the last opinion while it can be taken back."""
    actor = request.actor
    rows = queue(actor)
    services.duty_touch(actor=actor)
    table = QueueTable(request.GET, rows, actor=actor)
    now = clock.now()
    own = _person(actor)
    last = Decision.objects.filter(decided_by_id=own, decided_at__gt=now - UNDO, withdrawal=None, child_at_risk=False)
    undo = (
        last.select_related("content")
        .filter(content__state__in=[ContentState.SECOND_OPINION, ContentState.ASSESSED])
        .order_by("-decided_at")
        .first()
    )
    lease = Lease.objects.filter(person_id=own, ended_at=None, until__gt=now).first()
    context: dict[str, Any] = {
        "day": exposure.of(own, now),
        "lease": lease,
        "lease_clock": _clock(lease) if lease else None,
        "undo": undo if undo is not None and undo.round == undo.content.round else None,
        "undo_until": undo.decided_at + UNDO if undo is not None else None,
        "may_lift": actor.may(LIFT_EXPOSURE),
    }
    return table_page(request, "assessment/queue.html", table, "queue", **context)


@require_POST
def queue_next(request: StaffRequest) -> HttpResponse:
    try:
        return redirect("assessment_assess", services.lease_next(actor=request.actor))
    except DomainError as refusal:
        if refusal.code != "queue_empty":
            raise
        messages.info(request, f"{refusal.message} {refusal.remedy}")
        return redirect("assessment_queue")


@require_http_methods(["GET", "POST"])
def assess_page(request: StaffRequest, content_id: UUID) -> HttpResponse:
    """One item under the own lease: what is known, the criteria, and the form of the opinion."""
    actor = request.actor
    own = _person(actor)
    content = ContentItem.objects.filter(id=content_id).first()
    if content is None or not content.url:
        raise NotFound
    lease = Lease.objects.filter(content=content, person_id=own, ended_at=None, until__gt=clock.now()).first()
    if request.method == "GET" and lease is None:
        return render(request, "assessment/take.html", _take_context(actor, content))
    criteria = criteria_now()
    form = DecisionForm(_posted(request), criteria=criteria)
    if request.method == "POST" and form.is_valid():
        try:
            services.decide(
                actor=actor,
                content_id=content_id,
                verdict=Verdict(form.cleaned_data["verdict"]),
                law_codes=form.cleaned_data["law_codes"],
                note=form.cleaned_data["note"],
                child_at_risk=form.cleaned_data["child_at_risk"],
                reason=Reason(form.cleaned_data["reason"]) if form.cleaned_data["reason"] else None,
            )
        except DomainError as error:
            if error.status != 422:
                raise
            form.add_error(None, f"{error.message} {error.remedy}".strip())
        else:
            messages.success(request, _("Your opinion is recorded."))
            return redirect("assessment_queue")
    if lease is None:
        raise NotFound
    return render(
        request,
        "assessment/assess.html",
        _assess_context(actor, content, lease, criteria) | {"form": form, "unseen": UnseenForm()},
        status=422 if form.is_bound else 200,
    )


@require_POST
def take(request: StaffRequest, content_id: UUID) -> HttpResponse:
    services.lease_take(actor=request.actor, content_id=content_id)
    return redirect("assessment_assess", content_id)


@require_POST
def release(request: StaffRequest, content_id: UUID) -> HttpResponse:
    services.lease_release(actor=request.actor, content_id=content_id)
    return redirect("assessment_queue")


@require_POST
def extend(request: StaffRequest, content_id: UUID) -> HttpResponse:
    services.lease_extend(actor=request.actor, content_id=content_id)
    return redirect("assessment_assess", content_id)


@require_POST
def unseen(request: StaffRequest, content_id: UUID) -> HttpResponse:
    form = UnseenForm(request.POST)
    if not form.is_valid():
        raise DomainError("wrong_reason", _("This is not a reason why content cannot be seen."), status=422)
    services.content_cannot_access(
        actor=request.actor, content_id=content_id, reason=Reason(form.cleaned_data["unseen_reason"])
    )
    messages.success(request, _("Recorded: the content cannot be seen. It is tried again for seven days."))
    return redirect("assessment_queue")


@require_POST
def withdraw(request: StaffRequest, decision_id: UUID) -> HttpResponse:
    services.decision_withdraw(actor=request.actor, decision_id=decision_id)
    messages.success(request, _("Your opinion is taken back. The item is in the queue again."))
    return redirect("assessment_queue")


@require_http_methods(["GET", "POST"])
def again(request: StaffRequest, content_id: UUID) -> HttpResponse:
    """Have a settled item looked at anew."""
    request.actor.require(REOPEN)
    view = content_view(request.actor, content_id)
    form = AgainForm(_posted(request))
    if request.method == "POST" and form.is_valid():
        ask = services.content_reopen if form.cleaned_data["why"] == "appeal" else services.content_reassess
        ask(actor=request.actor, content_id=content_id)
        messages.success(request, _("The item is in the queue again."))
        return redirect("assessment_queue")
    return render(request, "assessment/again.html", {"content": view, "form": form}, status=422 if form.errors else 200)


@require_POST
def report_text(request: StaffRequest, content_id: UUID, report_id: UUID) -> HttpResponse:
    """Open what a reporter wrote about the item; the reading is in the log."""
    if report_id not in {report.report_id for report in reports_of(request.actor, content_id)}:
        raise NotFound
    text = sealed_open(actor=request.actor, report_id=report_id, part="text")
    return render(request, "assessment/text.html", {"text": text, "content_id": content_id})


@require_POST
def note(request: StaffRequest, decision_id: UUID) -> HttpResponse:
    """Open the sealed note of an opinion."""
    text = services.note_open(actor=request.actor, decision_id=decision_id)
    content_id = Decision.objects.values_list("content_id", flat=True).get(id=decision_id)
    return render(request, "assessment/text.html", {"text": text, "content_id": content_id})


@require_http_methods(["GET", "POST"])
def exposure_page(request: StaffRequest) -> HttpResponse:
    """The team's day under lease; a senior lifts a budget here."""
    request.actor.require(LIFT_EXPOSURE)
    form = LiftForm(_posted(request))
    if request.method == "POST" and form.is_valid():
        services.exposure_lift(
            actor=request.actor,
            person_id=form.cleaned_data["person"],
            minutes=form.cleaned_data["minutes"],
            reason=form.cleaned_data["reason"],
        )
        messages.success(request, _("The budget is lifted for today."))
        return redirect("assessment_exposure")
    people = list(
        User.objects.filter(is_active=True, memberships__role__in=[Role.ANALYST, Role.SENIOR_ANALYST])
        .distinct()
        .order_by("name")[:TEAM]
    )
    days = exposure.of_many([person.id for person in people], clock.now())
    chosen = form.data.get("person", "") if form.is_bound else ""
    rows = [
        (
            person,
            days[person.id],
            form if chosen == str(person.id) else LiftForm(initial={"person": person.id}, auto_id=f"id_%s_{person.id}"),
        )
        for person in people
    ]
    context = {"rows": rows, "own": request.actor.id}
    return render(request, "assessment/exposure.html", context, status=422 if form.is_bound else 200)


def _posted(request: StaffRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _person(actor: Actor) -> UUID:
    """The id of the analyst. To all others these pages look as if there were nothing."""
    if not actor.may(ASSESS) or actor.id is None:
        raise NotFound
    return actor.id


def _clock(lease: Lease) -> Clock:
    return Clock(_("Your time with this item"), lease.taken_at, lease.until)


def _take_context(actor: Actor, content: ContentItem) -> dict[str, object]:
    return {"content": content, "why": why_first(content, clock.now()), "may_take": _may_take(actor, content)}


def _may_take(actor: Actor, content: ContentItem) -> bool:
    return queue(actor).filter(id=content.id).exists()


def _assess_context(actor: Actor, content: ContentItem, lease: Lease, criteria: Criteria) -> dict[str, object]:
    """What the person may know. Earlier opinions only where a third has to decide between them."""
    language = "ja" if (get_language() or "").startswith("ja") else "en"
    now = clock.now()
    earlier = (
        list(Decision.objects.filter(content=content, round=content.round).order_by("position"))
        if content.position == 3 and actor.may(ARBITRATE)
        else []
    )
    day = exposure.of(lease.person_id, now)
    return {
        "content": content,
        "why": why_first(content, now),
        "reports": reports_of(actor, content.id),
        "clock": _clock(lease),
        "day": day,
        "rest_now": day.break_until is not None and day.break_until - now > timedelta(),
        "criteria": criteria,
        "title": getattr(criteria, f"title_{language}"),
        "guideline": [(row[f"name_{language}"], row[f"text_{language}"]) for row in criteria.guideline],
        "earlier": earlier,
        "position": content.position,
    }
