"""What two providers must never learn of one another, and that no question of any form is answered with a fault."""

import json
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mamori.lists.exchange import binary, ncmec
from mamori.lists.exchange.items import Item
from mamori.lists.fingerprints import services as bank
from mamori.lists.fingerprints.models import Entry, Vote
from mamori.lists.fingerprints.services import NewFingerprint
from tests.lists.exchange.conftest import token_of
from tests.lists.exchange.test_ncmec import basic
from tests.lists.exchange.test_stopncii import keys

pytestmark = pytest.mark.django_db


# --- one provider's own entries, asked for by another -------------------------------------------------------------------


@pytest.fixture
def private(people: Any) -> Entry:
    """In force, of a provider's own source, which is shared with nobody."""
    bank.source_add(
        actor=people.sue.actor, code="mine", name="Mine", kind="provider", organisation_id=people.provider.id
    )
    return bank.entry_add(
        actor=people.ann.actor,
        source_code="mine",
        source_ref="private",
        media="image",
        classification="national",
        fingerprints=[NewFingerprint("pdq", b"p" * 32, 100), NewFingerprint("md5", b"m" * 16)],
    )


def asked_by(organisation: Any, machine: Client) -> dict[str, Callable[[Entry], Any]]:
    """Each address at which an entry could be told or touched: what it answers to this organisation."""
    token, secret = token_of(organisation)
    bearer = {"Authorization": f"Bearer {secret}"}
    as_ncmec, as_stopncii = basic(token, secret), keys(token, secret)
    pdq, md5 = (b"p" * 32).hex(), (b"m" * 16).hex()
    asked = [Item(pdq=b"p" * 32, quality=100), Item(digests={"md5": b"m" * 16})]
    submission = f'<feedbackSubmission xmlns="{ncmec.NAMESPACE}"><affirmative/></feedbackSubmission>'

    def post(path: str, body: Any, headers: dict[str, str], form: str = "application/json") -> Any:
        return machine.post(path, body, content_type=form, headers=headers)

    def matched(_entry: Entry) -> Any:
        told = post("/api/v1/match", json.dumps({"items": [{"pdq": pdq}, {"md5": md5}]}), bearer).json()
        return [match["entry"] for result in told["results"] for match in result["matches"]]

    def matched_binary(_entry: Entry) -> Any:
        answer = post("/api/v1/match", binary.write_items(asked), bearer, binary.CONTENT_TYPE)
        return [match["entry"] for told in binary.read_answer(answer.content)[2].values() for match in told["matches"]]  # type: ignore[attr-defined]

    def reported(entry: Entry) -> Any:
        body = {"entry": entry.number, "match": "same", "digest": md5, "addresses": [{"url": "https://a.example/"}]}
        headers = {**bearer, "Idempotency-Key": f"{organisation.id}"}
        return post("/api/v1/matches/report", json.dumps(body), headers).status_code

    def looked_up(_entry: Entry) -> Any:
        return machine.get(f"/m/raw_lookup?signal={pdq}&signal_type=pdq", headers=bearer).json()["matches"]

    def members(_entry: Entry) -> Any:
        root = ET.fromstring(machine.get("/hashsharing/v2/members", headers=as_ncmec).content)
        return "Mine" in {each.text for each in root}

    def voted(entry: Entry) -> Any:
        path = f"/hashsharing/v2/entries/{entry.source_id}/{entry.number}/MD5/feedback"
        return machine.put(path, submission, content_type="application/xml", headers=as_ncmec).status_code

    def said(_entry: Entry) -> Any:
        body = json.dumps({"hashFeedbacks": [{"hashValue": pdq, "feedbackValue": "Blocked"}]})
        return post("/stopncii/v1/SubmitFeedback", body, as_stopncii).json()["votes"]

    return {each.__name__: each for each in (matched, matched_binary, reported, looked_up, members, voted, said)}


def test_what_is_one_providers_own_is_told_to_no_other(
    machine: Client, people: Any, private: Entry, follow: Any
) -> None:
    follow()
    other = {name: ask(private) for name, ask in asked_by(people.other, machine).items()}
    assert other == {
        "matched": [], "matched_binary": [], "reported": 404, "looked_up": [], "members": False, "voted": 404, "said": 0,
    }  # fmt: skip
    assert not Vote.objects.exists()
    own = {name: ask(private) for name, ask in asked_by(people.provider, machine).items()}
    number = private.number
    assert own == {
        "matched": [number, number], "matched_binary": [number, number], "reported": 201, "looked_up": [number],
        "members": True, "voted": 200, "said": 1,
    }  # fmt: skip


def test_an_entry_nobody_else_may_know_answers_as_one_that_is_not_there(
    machine: Client, people: Any, private: Entry, follow: Any
) -> None:
    """Word for word: whoever may not know of it cannot tell that it is there."""
    follow()
    token, secret = token_of(people.other)
    paths = (private.number, 10**12)
    submission = f'<feedbackSubmission xmlns="{ncmec.NAMESPACE}"><affirmative/></feedbackSubmission>'
    answers = [
        machine.put(
            f"/hashsharing/v2/entries/{private.source_id}/{number}/MD5/feedback",
            submission,
            content_type="application/xml",
            headers=basic(token, secret),
        )
        for number in paths
    ]
    assert len({(each.status_code, each.content) for each in answers}) == 1
    values = (b"m" * 16, os.urandom(16))
    bearer = {"Authorization": f"Bearer {secret}"}
    looked = [
        machine.get(f"/m/lookup?signal={value.hex()}&signal_type=md5", headers=bearer).content for value in values
    ]
    assert looked[0] == looked[1]


# --- questions of any form ----------------------------------------------------------------------------------------------

GOOD_JSON = json.dumps({"hashFeedbacks": [{"hashValue": "0" * 64, "feedbackValue": "Blocked"}]}).encode()
GOOD_SENT = json.dumps({"hashRecords": [{"hashValue": "0" * 64, "signalType": "ImagePDQ"}]}).encode()
GOOD_XML = (
    f'<feedbackSubmission xmlns="{ncmec.NAMESPACE}"><negative><reasonIds><guid>{next(iter(ncmec.GUIDS))}</guid>'
    "</reasonIds></negative></feedbackSubmission>"
).encode()
GOOD_MATCH = json.dumps({"items": [{"pdq": "0" * 64, "pdq_quality": 90, "file": 1}]}).encode()
GOOD_BINARY = binary.write_items([Item(pdq=b"1" * 32, quality=60, digests={"md5": b"2" * 16})])
GOOD_FORM = b'--b\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\nx\r\n--b--\r\n'
POSTED = [
    ("/api/v1/match", "application/json", GOOD_MATCH),
    ("/api/v1/match", binary.CONTENT_TYPE, GOOD_BINARY),
    ("/stopncii/v1/SubmitFeedback", "application/json", GOOD_JSON),
    ("/stopncii/v1/SubmitHashes", "application/json", GOOD_SENT),
    ("/h/hash", "multipart/form-data; boundary=b", GOOD_FORM),
    ("/m/lookup", "multipart/form-data; boundary=b", GOOD_FORM),
    ("/m/raw_lookup", "application/x-www-form-urlencoded", b"signal=" + b"0" * 64 + b"&signal_type=pdq"),
]
ASKED = [
    ("/hashsharing/v2/entries", ("from", "to", "cursor", "start")),
    ("/stopncii/v1/FetchHashes", ("startTimestamp", "pageSize", "nextPageToken")),
    ("/m/raw_lookup", ("signal", "signal_type", "include_distance", "banks", "url")),
    ("/m/lookup", ("signal", "signal_type", "banks", "bypass_coinflip", "seed")),
    ("/m/index/status", ("signal_type",)),
    ("/h/hash", ("url", "types")),
]
ODD = ["", "0", "-1", "9" * 30, "1e9", "NaN", "pdq", "video_md5", "0" * 64, "0" * 63 + "g", "２" * 64, "true", "\0", "2026-01-31T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "T", ":::::", "%", "\ud7ff"]  # fmt: skip
_few = settings(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def headers(machine: Client, people: Any, known: Any, follow: Any) -> dict[str, str]:
    """Of every door."""
    known(pdq=b"0" * 32, md5=b"0" * 16)
    follow()
    token, secret = token_of(people.provider)
    machine.defaults.pop("HTTP_AUTHORIZATION", None)
    return {"bearer": f"Bearer {secret}", "basic": basic(token, secret)["Authorization"], **keys(token, secret)}


def sent(machine: Client, headers: dict[str, str], path: str, method: str, body: bytes, form: str) -> Any:
    door = "basic" if path.startswith("/hashsharing") else "bearer"
    told = {"Authorization": headers[door], **{name: headers[name] for name in keys("", "")}}
    return machine.generic(method, path, body, content_type=form, headers=told)


def changed(body: bytes, cuts: list[tuple[int, bytes, int]]) -> bytes:
    data = bytearray(body)
    for at, put, gone in cuts:
        place = at % (len(data) + 1)
        data[place : place + gone] = put
    return bytes(data)


CUTS = st.lists(st.tuples(st.integers(0, 500), st.binary(max_size=6), st.integers(0, 40)), min_size=1, max_size=4)


@pytest.mark.parametrize(("path", "form", "good"), POSTED)
def test_a_changed_body_is_never_answered_with_a_fault(
    machine: Client, headers: dict[str, str], path: str, form: str, good: bytes
) -> None:
    assert sent(machine, headers, path, "POST", good, form).status_code < 500

    @_few
    @given(cuts=CUTS)
    def answers(cuts: list[tuple[int, bytes, int]]) -> None:
        answer = sent(machine, headers, path, "POST", changed(good, cuts), form)
        assert answer.status_code < 500, (path, answer.content)

    answers()


def test_changed_feedback_is_never_answered_with_a_fault(machine: Client, headers: dict[str, str]) -> None:
    entry = Entry.objects.get()
    path = f"/hashsharing/v2/entries/{entry.source_id}/{entry.number}/PDQ/feedback"
    assert sent(machine, headers, path, "PUT", GOOD_XML, "application/xml").status_code == 200

    @_few
    @given(cuts=CUTS)
    def answers(cuts: list[tuple[int, bytes, int]]) -> None:
        answer = sent(machine, headers, path, "PUT", changed(GOOD_XML, cuts), "application/xml")
        assert answer.status_code < 500, answer.content

    answers()


@pytest.mark.parametrize(("path", "names"), ASKED)
def test_an_odd_question_is_never_answered_with_a_fault(
    machine: Client, headers: dict[str, str], path: str, names: tuple[str, ...]
) -> None:
    @_few
    @given(values=st.lists(st.sampled_from(ODD) | st.text(max_size=20), min_size=len(names), max_size=len(names)))
    def answers(values: list[str]) -> None:
        asked = "&".join(
            f"{name}={quote(text, errors='ignore')}" for name, text in zip(names, values, strict=True) if text
        )
        for method in ("GET", "POST"):
            answer = sent(machine, headers, f"{path}?{asked}", method, b"", "application/json")
            assert answer.status_code < 500, (path, asked, answer.content)

    answers()
