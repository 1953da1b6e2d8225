"""The hoster's page of the public face: the notice for a person, the same as XARF for a machine, and the answers.

The link is the only key: it opens a payload sealed under it. The page holds nothing else and writes only answers.
"""

import json
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from mamori.ground import clock
from mamori.ground.errors import DomainError
from mamori.hotline.takedown import queries, services, xarf
from mamori.hotline.takedown.forms import HosterForm, ids
from mamori.hotline.takedown.links import Token, read_token
from mamori.hotline.takedown.payload import act_title, law_words
from mamori.hotline.takedown.states import AnswerKind

MOST_JSON = 1_000_000
MANY = 10  # pages; more of them are shown as rows
_SAID = {str(kind): kind for kind in AnswerKind if kind != AnswerKind.OPENED}


def _quiet(page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Neither kept nor indexed nor passed on; for a machine refusals are JSON too."""

    @wraps(page)
    def answer(request: HttpRequest, token: str) -> HttpResponse:
        try:
            response = page(request, token)
        except DomainError as error:
            if not _wants_json(request):
                raise
            body = {"code": error.code, "message": str(error.message), "remedy": str(error.remedy)}
            response = JsonResponse(body, status=error.status)
        response["Cache-Control"] = "no-store"
        response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        response["Referrer-Policy"] = "no-referrer"
        response["Vary"] = "Accept"
        return response

    return answer


@csrf_exempt  # no cookie is set and no log-in exists: the link itself is the authority
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@_quiet
def page(request: HttpRequest, token: str) -> HttpResponse:
    key = read_token(token, clock.now())
    payload = queries.hoster_payload(key)
    if request.method == "POST":
        if _wants_json(request):
            return _machine_answers(request, key, payload)
        return _person_answers(request, key, payload)
    if request.method == "GET" and "said" not in request.GET:
        services.answer_record(token=key, kind=AnswerKind.OPENED, items=[])
    if _wants_json(request):
        return JsonResponse(xarf.reports(payload), safe=False, json_dumps_params={"ensure_ascii": False})
    return _show(request, payload, HosterForm(initial={"answer": str(AnswerKind.ACKNOWLEDGE)}))


def _show(request: HttpRequest, payload: dict[str, Any], form: HosterForm, status: int = 200) -> HttpResponse:
    language = "ja" if get_language() == "ja" else "en"
    items = [
        {
            **item,
            "laws": law_words(item["law_codes"], language),
            "act": act_title(item["criteria"], language),
            "seen_at": datetime.fromisoformat(item["verified_at"]),
        }
        for item in payload["items"]
    ]
    asked = [item for item in items if item["state"] != "removed"]
    context = {
        "notice": payload,
        "open": asked,
        "many": len(asked) > MANY,
        "grounds": _by_ground(asked),
        "gone": [item for item in items if item["state"] == "removed"],
        "due_at": datetime.fromisoformat(payload["due_at"]),
        "late": datetime.fromisoformat(payload["due_at"]) < clock.now(),
        "form": form,
        "said": request.GET.get("said") if request.GET.get("said") in _SAID else "",
        "ticked": request.POST.getlist("item"),
    }
    return render(request, "takedown/hoster.html", context, status=status)


def _by_ground(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pages under each ground, the grounds in the order they come."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for item in items:
        found.setdefault((item["criteria"], item["act"], *item["laws"]), []).append(item)
    return [
        {"criteria": criteria, "act": act, "laws": laws, "items": under}
        for (criteria, act, *laws), under in found.items()
    ]


def _person_answers(request: HttpRequest, key: Token, payload: dict[str, Any]) -> HttpResponse:
    form = HosterForm(request.POST)
    known = {item["id"] for item in payload["items"]}
    items = [item for item in ids(request.POST.getlist("item")) if str(item) in known]
    if not form.is_valid():
        return _show(request, payload, form, status=422)
    kind = _SAID[form.cleaned_data["answer"]]
    services.answer_record(token=key, kind=kind, items=items, text=form.cleaned_data["text"])
    return redirect(f"{request.path}?said={kind}")


def _machine_answers(request: HttpRequest, key: Token, payload: dict[str, Any]) -> HttpResponse:
    """`{"answer": …, "report_ids": […], "text": …}` or a list of these; no report_ids: all addresses."""
    known = {item["id"] for item in payload["items"]}
    answers = [_read(answer, known) for answer in _many(request)]
    for kind, named, text in answers:
        services.answer_record(token=key, kind=kind, items=ids(named), text=text)
    return JsonResponse({"accepted": len(answers)}, status=202)


def _many(request: HttpRequest) -> list[Any]:
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_JSON:
        raise _bad(_("The answer is too long."), status=413)
    try:
        said = json.loads(request.body)
    except ValueError as error:
        raise _bad(_("This is not JSON.")) from error
    many = said if isinstance(said, list) else [said]
    if not 1 <= len(many) <= 1000:
        raise _bad(_("Give between 1 and 1,000 answers at once."))
    return many


def _read(answer: Any, known: set[str]) -> tuple[AnswerKind, list[str], str]:
    if not isinstance(answer, dict) or not isinstance(answer.get("answer"), str) or answer["answer"] not in _SAID:
        raise _bad(_("“answer” must be acknowledge, removed, dispute or question."))
    kind, named, text = _SAID[answer["answer"]], answer.get("report_ids", []), answer.get("text", "")
    if not isinstance(named, list) or not all(isinstance(one, str) and one in known for one in named):
        raise _bad(_("“report_ids” must be a list of report ids of this notice."))
    if not isinstance(text, str) or "\x00" in text or len(text) > services.MOST_TEXT or _broken(text):
        raise _bad(_("“text” must be a text of at most 4,000 characters."))
    if kind in {AnswerKind.DISPUTE, AnswerKind.QUESTION} and not text:
        raise _bad(_("Please say why."))
    return kind, named, text


def _broken(text: str) -> bool:
    """Whether it holds half a character (a lone surrogate), which JSON can say and nothing can store."""
    return any("\ud800" <= sign <= "\udfff" for sign in text)


def _bad(message: str, *, status: int = 422) -> DomainError:
    return DomainError("bad_answer", message, status=status)


def _wants_json(request: HttpRequest) -> bool:
    return (
        request.content_type == "application/json"
        or request.get_preferred_type(["text/html", "application/json"]) == "application/json"
    )
