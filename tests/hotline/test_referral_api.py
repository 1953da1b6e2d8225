"""The police's own system: GET sends and never delivers, POST answers, everybody else finds nothing."""

from datetime import timedelta

import pytest

from mamori.ground import clock, jobs
from mamori.ground.accounts.models import Organisation
from mamori.ground.accounts.services import token_create
from mamori.ground.actors import SYSTEM
from mamori.hotline.referral import queries, services
from mamori.hotline.referral.models import Policy, Referral
from mamori.site import settings as site
from tests.hotline.outside import content

pytestmark = pytest.mark.django_db
BOTH = ["referrals.read", "referrals.write"]


@pytest.fixture
def call(client, settings):
    """`call("get", path, token, body)` -> (status, JSON), before the partner face with its own middleware."""
    settings.MIDDLEWARE = [*site._COMMON, *site._PARTNER]
    settings.ROOT_URLCONF = "mamori.site.urls_partner"

    def ask(method, path, token, body=None):
        send = getattr(client, method)
        more = {"data": body or {}, "content_type": "application/json"} if method == "post" else {"data": body or {}}
        answer = send(f"/api/v1{path}", headers={"Authorization": f"Bearer {token}"}, **more)
        return answer.status_code, answer.json()

    return ask


@pytest.fixture
def token():
    """`token("police", scopes)` makes an organisation of that kind and its token."""

    def make(kind="police", scopes=BOTH, name="Cyber police"):
        organisation, _made = Organisation.objects.get_or_create(name=name, defaults={"kind": "police"})
        secret = token_create(actor=SYSTEM, organisation_id=organisation.id, title="system", scopes=scopes)
        Organisation.objects.filter(name=name).update(kind=kind)  # a token of before: even then the API asks for police
        return secret

    return make


@pytest.fixture
def referral():
    duty = "duty@police.example"
    Policy.objects.create(
        jurisdiction="JP", version=1, kind="silent_consent", channel="api", duty_mail=duty, set_at=clock.now()
    )
    return services.referral_open(actor=SYSTEM, content_id=content())


def row():
    return Referral.objects.get()


def test_fetching_marks_as_sent_and_reading_delivers_nothing(call, frozen, token, referral):
    jobs.run_sweep("referral.send")
    assert row().state == "queued"
    police = token()
    status, found = call("get", "/referrals", police)
    assert (status, [r["id"] for r in found["referrals"]]) == (200, [str(referral)])
    assert "url" not in found["referrals"][0]
    status, one = call("get", f"/referrals/{referral}", police)
    assert (status, one["url"]) == (200, "http://kiku.example/page")
    assert row().state == "sent"
    assert queries.told_at(row().content_id) is None
    frozen.shift(timedelta(hours=4))
    jobs.run_sweep("referral.clocks")
    assert row().paged_at is not None


def test_acknowledging_by_post_delivers_to_a_named_officer(call, token, referral):
    police = token()
    status, body = call(
        "post", f"/referrals/{referral}/acknowledge", police, {"officer": "Inspector Abe", "reference": "K-1"}
    )
    assert (status, body["state"]) == (200, "acknowledged")
    assert (row().officer, row().reference, row().delivered_by) == ("Inspector Abe", "K-1", "api")
    assert queries.told_at(row().content_id) is not None
    again = {"officer": "Inspector Abe", "reference": "K-1"}
    assert call("post", f"/referrals/{referral}/acknowledge", police, again)[0] == 200
    assert call("get", "/referrals", police)[1]["referrals"] == []
    assert call("post", f"/referrals/{referral}/acknowledge", police, {"officer": "", "reference": ""})[0] == 422


def test_hold_renew_release_and_feedback(call, token, referral):
    police = token()
    call("post", f"/referrals/{referral}/acknowledge", police, {"officer": "Abe"})
    until = (clock.now() + timedelta(days=3)).isoformat()
    status, body = call("post", f"/referrals/{referral}/hold", police, {"until": until, "reason": "r"})
    assert (status, body["state"]) == (200, "hold_requested")
    longer = (clock.now() + timedelta(days=5)).isoformat()
    assert call("post", f"/referrals/{referral}/hold", police, {"until": longer, "reason": "r"})[0] == 200
    assert call("post", f"/referrals/{referral}/hold", police, {"until": longer, "reason": "r"})[0] == 422
    naive = {"until": "2030-01-01T00:00:00", "reason": "r"}
    assert call("post", f"/referrals/{referral}/hold", police, naive)[0] == 422
    assert call("post", f"/referrals/{referral}/release", police)[1]["state"] == "released"
    assert call("post", f"/referrals/{referral}/release", police)[0] == 409
    assert call("post", f"/referrals/{referral}/feedback", police, {"kind": "new_victim"})[1]["state"] == "feedback"


def test_the_cursor_goes_through_all_of_them(call, token, referral, frozen):
    for number in range(4):
        frozen.shift(timedelta(seconds=1))
        services.referral_open(actor=SYSTEM, content_id=content(f"http://kiku.example/{number}"))
    police, since, seen = token(), "", []
    while since is not None:
        status, body = call("get", "/referrals", police, {"limit": 2, "since": since})
        assert status == 200
        seen += [r["id"] for r in body["referrals"]]
        since = body["next"]
    assert len(seen) == len(set(seen)) == 5
    for wrong in ("nonsense", "2026-01-01~x", "2026-01-01T00:00:00~" + "0" * 32):
        assert call("get", "/referrals", police, {"since": wrong})[0] == 422
    assert call("get", "/referrals", police, {"limit": 0})[0] == 422


@pytest.mark.parametrize(
    ("kind", "scopes"), [("provider", BOTH), ("hotline", BOTH), ("police", ["reports.write"]), ("list_body", BOTH)]
)
def test_everybody_else_gets_the_same_404(call, token, referral, kind, scopes):
    stranger = token(kind, scopes, name=f"A {kind}")
    nowhere = call("get", "/referrals/00000000-0000-0000-0000-000000000000", token())
    answers = [
        call("get", "/referrals", stranger),
        call("get", f"/referrals/{referral}", stranger),
        call("post", f"/referrals/{referral}/acknowledge", stranger, {"officer": "X"}),
        call("post", f"/referrals/{referral}/release", stranger),
    ]
    assert all(answer == nowhere for answer in answers)
    assert row().state == "queued"


def test_reading_alone_does_not_allow_answers(call, token, referral):
    reader = token(scopes=["referrals.read"])
    assert call("get", f"/referrals/{referral}", reader)[0] == 200
    assert call("post", f"/referrals/{referral}/acknowledge", reader, {"officer": "X"})[0] == 404


def test_another_police_force_finds_nothing(call, token, referral):
    own = Organisation.objects.create(name="The right police", kind="police")
    Policy.objects.update(organisation=own)
    assert call("get", f"/referrals/{referral}", token())[0] == 404
    assert call("get", "/referrals", token())[1]["referrals"] == []
    assert call("get", f"/referrals/{referral}", token(name="The right police"))[0] == 200
