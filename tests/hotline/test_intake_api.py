"""The trusted API: batches, idempotency, refusals."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from mamori.ground.accounts.models import Organisation
from mamori.hotline.intake.models import ApiBatch, Report, Submission
from tests.hotline.intake_steps import audit_rows, partner_face

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation(db: None) -> Organisation:
    return Organisation.objects.create(name="A partner", kind="hotline")


@pytest.fixture
def partner(settings: Any, organisation: Organisation) -> Client:
    return partner_face(settings, organisation, "reports.write")


def post(partner: Client, *reports: Any, key: str = "k1", body: str = "") -> Any:
    text = body or json.dumps({"reports": list(reports)})
    headers = {"Idempotency-Key": key} if key else {}
    return partner.post("/api/v1/reports", text, content_type="application/json", headers=headers)


def jobs_waiting() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT args::text FROM procrastinate_jobs WHERE args::text LIKE '%%intake.screen_batch%%'")
        return [row[0] for row in cursor.fetchall()]


def test_a_batch_is_stored_sealed_and_answered_by_index(partner: Client, run_jobs: Any) -> None:
    answer = post(
        partner,
        {
            "url": "https://site.example/a",
            "seen_at": "2026-11-20T10:00:00+09:00",
            "comment": "seen",
            "external_id": "x1",
        },
        {"url": "ftp://site.example"},
        {"url": "https://site.example/b", "seen_at": "2026-11-20", "child_at_risk": True},
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert [row["index"] for row in body["accepted"]] == [0, 2]
    assert [(row["index"], row["code"]) for row in body["refused"]] == [(1, "bad_scheme")]
    stored = {str(r.id): r for r in Report.objects.all()}
    assert set(stored) == {row["report_id"] for row in body["accepted"]}
    assert {str(r.seen_on) for r in stored.values()} == {"2026-11-20"}
    assert b"seen" not in bytes(Submission.objects.get(sealed_text__isnull=False).sealed_text or b"")
    assert len(jobs_waiting()) == 1
    run_jobs()
    assert sorted(Report.objects.values_list("child_at_risk", "state")) == [(False, "linked"), (True, "received")]
    assert audit_rows("intake.batch_received")[0]["codes"] == {"accepted": 2, "new": 2, "refused": 1}


def test_the_same_key_gives_the_same_answer_and_another_body_a_conflict(partner: Client) -> None:
    report = {"url": "https://site.example/a"}
    first = post(partner, report)
    again = post(partner, report)
    assert (again.status_code, again.json()) == (201, first.json())
    assert Report.objects.count() == 1
    conflict = post(partner, {"url": "https://site.example/b"})
    assert conflict.status_code == 409
    assert conflict.json()["code"] == "idempotency_key_reused"
    assert ApiBatch.objects.count() == 1


def test_a_key_of_another_organisation_is_not_ours(partner: Client, settings: Any) -> None:
    post(partner, {"url": "https://site.example/a", "external_id": "same"})
    other = Organisation.objects.create(name="Another partner", kind="hotline")
    answer = post(
        partner_face(settings, other, "reports.write"), {"url": "https://site.example/b", "external_id": "same"}
    )
    assert answer.status_code == 201
    assert Report.objects.count() == 2


def test_an_external_id_is_taken_once(partner: Client) -> None:
    one = {"url": "https://site.example/a", "external_id": "x1"}
    first = post(partner, one).json()["accepted"][0]["report_id"]
    body = post(partner, one, {**one, "comment": "more"}, {"url": "https://site.example/c"}, key="k2").json()
    assert [row["report_id"] for row in body["accepted"][:2]] == [first, first]
    assert Report.objects.count() == 2


def test_known_and_unknown_addresses_are_answered_alike(partner: Client) -> None:
    known = post(partner, {"url": "https://site.example/a"}, key="k1")
    again = post(partner, {"url": "https://site.example/a"}, key="k2")
    unknown = post(partner, {"url": "https://site.example/z"}, key="k3")
    assert len({len(a.content) for a in (known, again, unknown)}) == 1
    assert len({tuple(a.headers) for a in (known, again, unknown)}) == 1


@pytest.mark.parametrize(
    "body",
    [
        "nonsense",
        "[]",
        "{}",
        '{"reports": []}',
        '{"reports": [{"url": 1}]}',
        '{"reports": [{"url": "https://site.example", "seen_at": "soon"}]}',
        '{"reports": [{"url": "https://site.example", "external_id": "\\u0000"}]}',
        '{"reports": [{"url": "https://site.example", "external_id": ""}]}',
        json.dumps({"reports": [{"url": "https://site.example"}] * 1001}),
    ],
)
def test_a_request_of_another_form_is_refused_whole(partner: Client, body: str) -> None:
    answer = post(partner, body=body)
    assert answer.status_code in {400, 422}, answer.content
    assert not Report.objects.exists()


@pytest.mark.parametrize("text", ["\x00", "\ud800", "a\ud800b", "\x7f", "🦊"])
def test_strange_characters_never_break_it(partner: Client, text: str) -> None:
    reports = [{"url": f"https://site.example/{text}"}, {"url": "https://site.example", "comment": text}]
    assert post(partner, *reports).status_code in {201, 400, 422}


@pytest.mark.parametrize("key", ["", "ä", "k" * 201])
def test_the_idempotency_key_is_needed_and_short(partner: Client, key: str) -> None:
    assert post(partner, {"url": "https://site.example"}, key=key).status_code == 422


def test_only_a_token_with_the_scope_may_report(settings: Any, organisation: Organisation) -> None:
    report = {"url": "https://site.example"}
    assert post(partner_face(settings, organisation), report).status_code == 403
    assert post(Client(), report).status_code == 401
    assert not Report.objects.exists()


def test_a_thousand_reports_cost_a_bounded_number_of_queries(partner: Client) -> None:
    reports = [{"url": f"https://site.example/{i}", "comment": "c", "external_id": f"x{i}"} for i in range(1000)]
    with CaptureQueriesContext(connection) as seen:
        answer = post(partner, *reports)
    assert answer.status_code == 201
    assert Report.objects.count() == 1000
    assert len(seen) <= 15
    assert len(jobs_waiting()) == 1
