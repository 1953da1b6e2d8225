"""The partner API as its own description says it: generated requests at the running face."""

import json
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
import urllib3
from hypothesis import Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from demo.platform import Platform
from tests.platform import inside, partner_token, rows

EXAMPLES = 20
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def token(platform: Platform) -> str:
    """Of the police, with every scope there is, whatever an organisation of its kind is given."""
    code = """
import json, django
django.setup()
from mamori.ground.accounts.scopes import scopes
from mamori.lists.distribution.permissions import LIST_READ
print(json.dumps([LIST_READ, *(name for name, _ in scopes() if name != LIST_READ)]))
"""
    made = partner_token(platform, organisation="National Police")
    newest = "(SELECT id FROM accounts_token ORDER BY created_at DESC LIMIT 1)"
    rows(
        platform,
        f"UPDATE accounts_token SET scopes = %s WHERE id = {newest}",
        json.dumps(inside(platform, "manage", code)),
    )
    return made


@pytest.fixture(scope="module")
def partner_schema(platform: Platform) -> Any:
    return schemathesis.openapi.from_url(f"{platform.url('partner')}/api/v1/openapi.json")


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_operation_answers_as_described(partner_schema: Any, token: str, mode: GenerationMode) -> None:
    """Requests as described and requests that are not: no 5xx, no undocumented status, type or body, no way in.

    A request as described may still be refused (not every text is a moment in the future), and a query may hold
    more than is read.
    """
    tried = []
    for each in partner_schema.get_all_operations():
        operation = each.ok()

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers(case: schemathesis.Case) -> None:
            headers = {"Authorization": f"Bearer {token}"}
            left_out = [positive_data_acceptance, *([] if case.operation.body else [negative_data_rejection])]
            case.call_and_validate(headers=headers, excluded_checks=left_out)

        with suppress(Unsatisfiable):  # nothing to give wrongly
            answers()
            tried.append(operation.label)
    assert {"POST /api/v1/reports", "POST /api/v1/match", "POST /api/v1/matches/report"} <= set(tried)


def request(platform: Platform, method: str, path: str, **given: Any) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method.upper(), platform.url("partner") + path, retries=False, timeout=20, **given)


def test_nothing_is_answered_without_a_token_that_holds(platform: Platform, token: str) -> None:
    described = request(platform, "GET", "/api/v1/openapi.json").json()
    operations = [(path, method) for path, each in described["paths"].items() for method in each if method in METHODS]
    assert ("/api/v1/reports", "post") in operations
    for path, method in operations:
        filled = path.replace("{", "").replace("}", "").replace("referral_id", "7f0c4b7e-4e7e-4d5e-9a53-1d2c3b4a5f60")
        for header in ({}, {"Authorization": "Bearer mamori_unknown"}, {"Authorization": f"Basic {token}"}):
            answer = request(platform, method, filled.replace("version", "1"), headers=header)
            assert answer.status == 401, (path, method, header)
            assert answer.json()["code"] == "no_token"


def test_a_token_without_scopes_gets_nothing_from_any_operation(platform: Platform, partner_schema: Any) -> None:
    """Asked as described, and what is not read (a text with NUL) aside, the missing scope is the reason."""
    headers = {"Authorization": f"Bearer {partner_token(platform)}"}
    answered: dict[str, set[tuple[int, str]]] = {}
    for each in partner_schema.get_all_operations():
        operation = each.ok()

        @settings(max_examples=8, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        def refused(case: schemathesis.Case) -> None:
            answer = case.call(headers=headers)
            answered.setdefault(case.operation.label, set()).add((answer.status_code, answer.json()["code"]))

        refused()
    forbidden, unread = {(403, "forbidden"), (404, "not_found")}, {(400, "unreadable"), (422, "invalid")}
    assert {label: told for label, told in answered.items() if not told & forbidden or told - forbidden - unread} == {}
    described = request(platform, "GET", "/api/v1/openapi.json").json()
    assert len(answered) == sum(method in METHODS for each in described["paths"].values() for method in each)


def test_a_batch_that_is_too_large_is_told_the_limit_and_what_to_do(platform: Platform, token: str) -> None:
    """A thousand reports, each as long as described, are more than a request may hold."""
    body = {"reports": [{"url": f"https://shapes.example/{n}", "comment": "x" * 10_000} for n in range(1000)]}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "large"}
    answer = request(platform, "POST", "/api/v1/reports", json=body, headers=headers)
    assert answer.status == 413
    assert answer.json()["code"] == "too_large"
    assert "5 MiB" in answer.json()["remedy"]
    described = request(platform, "GET", "/api/v1/openapi.json").json()["paths"]["/api/v1/reports"]["post"]
    assert "5 MiB" in described["description"]
    assert "413" in described["responses"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"reports": [{"url": "https://shapes.example/", "comment": "a\\u0000b"}]}',
        b'{"reports": [{"url": "https://shapes.example/", "comment": "\\ud800"}]}',
        '{"reports": [{"url": "https://shapes.example/"}]}'.encode("utf-16"),
        b'{"reports": [{"url": "https://shapes.example/", "comment": "\xed\xa0\x80"}]}',
        b"{",
    ],
)
def test_texts_that_cannot_be_stored_are_refused(platform: Platform, token: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "unstorable", "Content-Type": "application/json"}
    answer = request(platform, "POST", "/api/v1/reports", body=body, headers=headers)
    assert answer.status == 400
    assert answer.json()["code"] == "unreadable"


def test_a_batch_is_answered_once_and_the_same_again(platform: Platform, token: str) -> None:
    body = json.dumps({"reports": [{"url": "https://shapes.example/1"}, {"url": "mailto:nobody"}]})
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "twice", "Content-Type": "application/json"}
    first = request(platform, "POST", "/api/v1/reports", body=body, headers=headers)
    assert first.status == 201
    assert [row["index"] for row in first.json()["accepted"]] == [0]
    assert [row["index"] for row in first.json()["refused"]] == [1]
    assert request(platform, "POST", "/api/v1/reports", body=body, headers=headers).data == first.data
    other = request(platform, "POST", "/api/v1/reports", body=body.replace("/1", "/2"), headers=headers)
    assert other.status == 409
    assert other.json()["code"] == "idempotency_key_reused"
