"""StopNCII's exchange, asked with plain requests. Its own client is in test_unchanged_clients.py."""

import json
import os
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from mamori.lists.exchange import stopncii
from mamori.lists.fingerprints import services as bank
from mamori.lists.fingerprints.models import Entry, Vote
from tests.conftest import START
from tests.lists.exchange.conftest import token_of

pytestmark = pytest.mark.django_db
BASE = "/stopncii/v1"


def keys(token: str, secret: str) -> dict[str, str]:
    return {"x-functions-key": secret, "Ocp-Apim-Subscription-Key": token}


@pytest.fixture
def client(frozen: Any, machine: Client, people: Any) -> Client:
    return Client(headers=keys(*token_of(people.provider)))


def fetch(client: Client, **query: Any) -> Any:
    answer = client.get(f"{BASE}/FetchHashes", {"startTimestamp": 10, **query})
    assert answer.status_code == 200, answer.content
    return answer.json()


def send(client: Client, name: str, body: Any) -> Any:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"{BASE}/{name}", text, content_type="application/json")


def test_values_come_with_their_state(client: Client, people: Any, known: Any) -> None:
    picture, md5, gone = os.urandom(32), os.urandom(16), os.urandom(32)
    first, clip, last = known(pdq=picture, md5=md5), known(media="video", md5=md5), known(pdq=gone)
    known("own", pdq=os.urandom(32))
    known(pdq=os.urandom(32), quality=49)
    bank.entry_withdraw(actor=people.ann.actor, entry_id=last.id)
    told = fetch(client)
    assert [(r["signalType"], r["hashValue"], r["hashStatus"], r["caseNumbers"]) for r in told["hashRecords"]] == [
        ("ImagePDQ", picture.hex(), "Active", {str(first.number): "Active"}),
        ("VideoMD5", md5.hex(), "Active", {str(clip.number): "Active"}),
        ("ImagePDQ", gone.hex(), "Withdrawn", {str(last.number): "Withdrawn"}),
    ]
    assert (told["count"], told["hasMoreRecords"], told["nextPageToken"]) == (3, False, None)
    assert told["nextSetTimestamp"] == int(START.timestamp())
    assert fetch(client, startTimestamp=told["nextSetTimestamp"] + 1)["count"] == 0


def test_pages_follow_one_another(client: Client, people: Any, known: Any, frozen: Any) -> None:
    values = []
    for _each in range(7):
        values.append(os.urandom(32))
        known(pdq=values[-1])
        frozen.shift(timedelta(seconds=1))
    told, seen, query = fetch(client, pageSize=3), [], {}
    seen += told["hashRecords"]
    other = Client(headers=keys(*token_of(people.other)))
    query = {"startTimestamp": 10, "pageSize": 3, "nextPageToken": told["nextPageToken"]}
    assert other.get(f"{BASE}/FetchHashes", query).status_code == 400
    assert client.get(f"{BASE}/FetchHashes", {**query, "startTimestamp": 11}).status_code == 400
    while told["hasMoreRecords"]:
        told = fetch(client, pageSize=3, nextPageToken=told["nextPageToken"])
        seen += told["hashRecords"]
    assert [r["hashValue"] for r in seen] == [v.hex() for v in values]
    frozen.shift(timedelta(hours=13))
    assert client.get(f"{BASE}/FetchHashes", query).status_code == 400


def test_feedback_is_a_vote_on_each_entry_with_the_value(client: Client, people: Any, known: Any) -> None:
    picture, other = os.urandom(32), os.urandom(32)
    first, second, third = known(pdq=picture), known("provider", pdq=picture), known(pdq=other)
    known("own", pdq=picture)
    said = [
        {"hashValue": picture.hex(), "feedbackValue": "Blocked", "tags": []},
        {"hashValue": other.hex(), "feedbackValue": "NotBlocked", "tags": ["x"]},
        {"hashValue": os.urandom(32).hex(), "feedbackValue": "Blocked"},
        {"hashValue": other.hex(), "feedbackValue": "PendingReview"},
    ]
    answer = send(client, "SubmitFeedback", {"count": 4, "hashFeedbacks": said})
    assert answer.json() == {"count": 4, "votes": 3}
    assert sorted(Vote.objects.values_list("entry__number", "verdict")) == [
        (first.number, "confirm"), (second.number, "confirm"), (third.number, "deny")
    ]  # fmt: skip
    assert {v.organisation_id for v in Vote.objects.all()} == {people.provider.id}
    (record,) = [r for r in fetch(client)["hashRecords"] if r["hashValue"] == other.hex()]
    assert record["CSPFeedbacks"] == [{"feedbackValue": "NotBlocked", "tags": ["false_match"], "source": "-"}]


def test_values_sent_wait_in_the_organisations_own_source(client: Client, people: Any) -> None:
    picture = os.urandom(32)
    record = {"signalType": "StopNCIISignalType.ImagePDQ", "hashValue": picture.hex(), "CSPFeedbacks": []}
    for _twice in range(2):
        assert send(client, "SubmitHashes", {"count": 1, "hashRecords": [record]}).json() == {"count": 1}
    (entry,) = Entry.objects.all()
    assert (entry.source.code, entry.state, entry.media) == ("provider", "proposed", "image")
    assert fetch(client)["count"] == 0
    stranger = Client(headers=keys(*token_of(people.other)))
    refused = send(stranger, "SubmitHashes", {"count": 1, "hashRecords": [record]})
    assert (refused.status_code, refused.json()["code"]) == (403, "no_source")


WRONG = [
    b"", b"{", b"\xff", b"null", b"[]", b"{}", b"[" * 100_000, {"hashFeedbacks": []}, {"hashFeedbacks": [1]},
    {"hashFeedbacks": "x", "hashRecords": {}}, *[
        {"hashFeedbacks": [{"hashValue": v, "feedbackValue": "Blocked"}], "hashRecords": [{"hashValue": v, "signalType": "ImagePDQ"}]}
        for v in (None, 5, "", "zz" * 32, "0" * 62, "0" * 63, " 0" * 32, [])
    ],
    {"hashFeedbacks": [{"hashValue": "0" * 64, "feedbackValue": "x"}], "hashRecords": [{"hashValue": "0" * 64, "signalType": "Text"}]},
    {"hashFeedbacks": [{"hashValue": "0" * 64, "feedbackValue": []}], "hashRecords": [{"hashValue": "0" * 64, "signalType": []}]},
    {"hashFeedbacks": [{}] * 1001, "hashRecords": [{}] * 1001},
    {"hashFeedbacks": [{"hashValue": "0" * 64}], "hashRecords": [{"hashValue": "0" * 64, "signalType": "VideoMD5"}]},
]  # fmt: skip


@pytest.mark.parametrize("name", ["SubmitFeedback", "SubmitHashes"])
@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
def test_malformed_bodies_are_refused(client: Client, name: str, body: Any) -> None:
    answer = send(client, name, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    "query",
    ["startTimestamp=-1", "startTimestamp=x", "startTimestamp=%C2%B2", f"startTimestamp={'9' * 30}", "pageSize=0",
     "pageSize=-5", "nextPageToken=x", "nextPageToken=%ff"],
)  # fmt: skip
def test_malformed_questions_are_refused(client: Client, query: str) -> None:
    assert client.get(f"{BASE}/FetchHashes?{query}").status_code == 400


def test_each_address_needs_both_keys(machine: Client, people: Any) -> None:
    token, secret = token_of(people.provider)
    wrong = [{}, keys(token, "mamori_x"), keys("somebody", secret), keys("", secret), {"x-functions-key": secret}]
    for name, method in (("FetchHashes", "GET"), ("SubmitFeedback", "POST"), ("SubmitHashes", "POST")):
        path = f"{BASE}/{name}?startTimestamp=x"
        assert len({Client().generic(method, path, b"{", headers=h).content for h in wrong}) == 1
        assert Client().generic(method, path, headers=wrong[1]).status_code == 401
        for scope in {"images.match", *({"images.read"} if method == "POST" else {"images.write"})}:
            limited = Client(headers=keys(*token_of(people.provider, scope)))
            assert limited.generic(method, path, b"{").status_code == 403
    assert stopncii.MOST_SENT == 1000
