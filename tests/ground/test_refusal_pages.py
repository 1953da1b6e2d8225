"""What Django refuses by itself is told by the one page of refusals, in the reader's language, on both faces."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.views.decorators.http import require_POST

from mamori.site import urls_public, urls_staff

WORD = {"ja": "最初のページへ", "en": "To the first page"}


def _raises(error: Exception) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    return view


class Faulty:
    """A face's own handlers over pages that are refused or fail."""

    urlpatterns = (
        path("unreadable/", _raises(SuspiciousOperation())),
        path("large/", _raises(RequestDataTooBig())),
        path("forbidden/", _raises(PermissionDenied())),
        path("button/", require_POST(lambda _request: HttpResponse())),
        path("failing/", _raises(RuntimeError("a password"))),
        path("form/", lambda _request: HttpResponse()),
    )

    def __init__(self, face: Any) -> None:
        for status in (400, 403, 404, 500):
            setattr(self, f"handler{status}", getattr(face, f"handler{status}"))


def serve(settings: Any, face: Any) -> None:
    settings.ROOT_URLCONF = Faulty(face)
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "LoginRequired" not in each]


def check(answer: Any, status: int, language: str, *words: str) -> None:
    page = answer.content.decode()
    assert answer.status_code == status
    assert f'<html lang="{language}"' in page
    assert "<main" in page
    for word in (WORD[language], *words):
        assert word in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("face", "address", "language"),
    [
        ("public", "/ja/no-such-page/", "ja"),
        ("public", "/en/no-such-page/", "en"),
        ("staff", "/no-such-page/", "en"),
    ],
)
def test_an_address_that_leads_nowhere(settings: Any, face: str, address: str, language: str) -> None:
    settings.ROOT_URLCONF = f"mamori.site.urls_{face}"
    check(Client(headers={"accept-language": language}).get(address), 404, language, "not_found")


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("face", [urls_public, urls_staff], ids=["public", "staff"])
@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/unreadable/", 400, "unreadable"),
        ("/large/", 413, "too_large"),
        ("/forbidden/", 403, "forbidden"),
        ("/button/", 405, "method"),
        ("/failing/", 500, "failed"),
    ],
)
def test_what_is_refused_or_fails(
    settings: Any, language: str, face: Any, address: str, status: int, code: str
) -> None:
    serve(settings, face)
    answer = Client(raise_request_exception=False, headers={"accept-language": language}).get(address)
    check(answer, status, language, code)
    assert "a password" not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_form_of_another_session(settings: Any, language: str) -> None:
    serve(settings, urls_staff)
    client = Client(enforce_csrf_checks=True, headers={"accept-language": language})
    check(client.post("/form/", {"a": "b"}), 403, language, "foreign_form")


@pytest.mark.django_db
def test_a_machine_is_not_answered_with_a_page(settings: Any) -> None:
    serve(settings, urls_public)
    answer = Client(headers={"accept": "application/json"}).get("/button/")
    assert (answer.status_code, answer.content) == (405, b"")
