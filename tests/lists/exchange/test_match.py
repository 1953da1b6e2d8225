"""POST /api/v1/match: what is told, to whom, how much of it, and what is kept."""

import json
import os
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from mamori.ground import clock
from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.lists.exchange import binary, index
from mamori.lists.exchange.items import Item
from mamori.lists.exchange.models import Meter
from mamori.lists.exchange.services import quota_set
from mamori.lists.fingerprints import queries
from mamori.lists.fingerprints import services as bank
from mamori.lists.fingerprints.models import EntryHits, MatchDay
from mamori.lists.fingerprints.services import NewFingerprint
from tests.hotline.intake_steps import audit_rows, partner_face
from tests.lists.exchange.conftest import near

pytestmark = pytest.mark.django_db
URL = "/api/v1/match"


def ask(machine: Any, *items: dict[str, Any], **more: Any) -> Any:
    return machine.post(URL, json.dumps({"items": items}), content_type="application/json", **more)


def matches(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    return [match for result in answer.json()["results"] for match in result["matches"]]


def test_a_near_picture_is_similar_and_an_equal_digest_the_same(machine: Any, known: Any, follow: Any) -> None:
    picture, md5 = os.urandom(32), os.urandom(16)
    first, second = known(pdq=picture, classification="national"), known(md5=md5, sha1=os.urandom(20))
    version = follow()
    answer = ask(
        machine,
        {"pdq": near(picture, 31).hex(), "pdq_quality": 50},
        {"pdq": near(picture, 32).hex()},
        {"md5": md5.hex().upper()},
        {"md5": os.urandom(16).hex(), "sha256": os.urandom(32).hex()},
    )
    assert answer.json() == {
        "index_version": version,
        "index_age": 0,
        "items": 4,
        "results": [
            {
                "item": 0,
                "too_plain": False,
                "harmless": False,
                "matches": [told(first, "similar", 31, "pdq", "national")],
            },
            {"item": 2, "too_plain": False, "harmless": False, "matches": [told(second, "same", None, "md5")]},
        ],
        "files": [],
    }
    assert answer["Cache-Control"] == "no-store"


def told(
    entry: Any, kind: str, distance: int | None, algorithm: str, classification: str = "baseline_1"
) -> dict[str, Any]:
    return {
        "entry": entry.number,
        "kind": kind,
        "distance": distance,
        "algorithms": [algorithm],
        "classification": classification,
        "source": "ngo",
        "media": "image",
        "disputed": False,
        "harmless": False,
    }


def test_an_entry_met_twice_is_told_once_as_the_same(machine: Any, known: Any, follow: Any) -> None:
    picture, sha = os.urandom(32), os.urandom(32)
    known(pdq=picture, sha256=sha)
    follow()
    (match,) = matches(ask(machine, {"pdq": near(picture, 3).hex(), "sha256": sha.hex()}))
    assert (match["kind"], match["distance"], match["algorithms"]) == ("same", 3, ["pdq", "sha256"])


def test_a_plain_picture_is_not_compared_and_the_answer_says_so(machine: Any, known: Any, follow: Any) -> None:
    picture = os.urandom(32)
    known(pdq=picture)
    plain = os.urandom(32)
    known(pdq=plain, quality=49)
    follow()
    answer = ask(machine, {"pdq": picture.hex(), "pdq_quality": 49}, {"pdq": plain.hex(), "pdq_quality": 90})
    assert answer.json()["results"] == [{"item": 0, "matches": [], "too_plain": True, "harmless": False}]


def test_what_is_withdrawn_or_not_shared_is_not_told(machine: Any, people: Any, known: Any, follow: Any) -> None:
    gone, own = known(md5=b"g" * 16), known("own", md5=b"o" * 16)
    follow()
    assert [m["entry"] for m in matches(ask(machine, {"md5": (b"g" * 16).hex()}))] == [gone.number]
    assert matches(ask(machine, {"md5": (b"o" * 16).hex()})) == []
    bank.entry_withdraw(actor=people.ann.actor, entry_id=gone.id)
    assert matches(ask(machine, {"md5": (b"g" * 16).hex()})) == [], "before the index even follows"
    bank.entry_share(actor=people.ben.actor, entry_id=own.id)
    assert [m["entry"] for m in matches(ask(machine, {"md5": (b"o" * 16).hex()}))] == [own.number]


def test_the_negative_bank_leaves_out_what_is_no_nearer_and_only_doubts_a_digest(
    machine: Any, people: Any, known: Any, follow: Any
) -> None:
    picture, md5 = bytes(range(32)), os.urandom(16)
    entry = known(pdq=picture, md5=md5)
    harmless = near(picture, 20)
    for algorithm, value in (("pdq", harmless), ("md5", md5)):
        row = bank.harmless_propose(
            actor=people.ann.actor, algorithm=algorithm, value=value, reason="A picture everybody has.", days=90
        )
        bank.harmless_confirm(actor=people.ben.actor, harmless_id=row.id)
    follow()
    answer = ask(machine, {"pdq": harmless.hex()}, {"pdq": near(picture, 10).hex()}, {"pdq": near(picture, 9).hex()})
    first, second, third = answer.json()["results"]
    assert (first["matches"], first["harmless"]) == ([], True)
    assert (second["matches"], second["harmless"]) == ([], True), "as near to the one as to the other"
    assert ([m["entry"] for m in third["matches"]], third["harmless"]) == ([entry.number], False)
    (same,) = matches(ask(machine, {"md5": md5.hex(), "pdq": harmless.hex()}))
    assert (same["kind"], same["harmless"], same["distance"]) == ("same", True, None)


def test_the_binary_form_says_the_same(machine: Any, known: Any, follow: Any) -> None:
    picture, md5 = os.urandom(32), os.urandom(16)
    known(pdq=picture)
    known(md5=md5, media="video")
    version = follow()
    items = [
        Item(pdq=picture, quality=80),
        Item(pdq=os.urandom(32), quality=10, digests={"md5": md5}),
        Item(pdq=picture),
    ]
    answer = machine.post(URL, binary.write_items(items), content_type=binary.CONTENT_TYPE)
    assert answer["Content-Type"] == binary.CONTENT_TYPE
    got_version, age, results = binary.read_answer(answer.content)
    assert (got_version, age) == (version, 0)
    spoken = {
        result["item"]: {name: result[name] for name in ("matches", "too_plain", "harmless")}
        for result in ask(
            machine,
            {"pdq": picture.hex(), "pdq_quality": 80},
            {"pdq": os.urandom(32).hex(), "pdq_quality": 10, "md5": md5.hex()},
            {"pdq": picture.hex()},
        ).json()["results"]
    }
    assert results == spoken
    assert sorted(spoken) == [0, 1, 2]


def test_who_has_no_token_or_scope_learns_nothing(
    machine: Any, settings: Any, people: Any, known: Any, follow: Any
) -> None:
    md5 = os.urandom(16)
    known(md5=md5)
    follow()
    bodies = [{"md5": md5.hex()}, {"md5": os.urandom(16).hex()}, {"nonsense": 1}]
    without = partner_face(settings, people.provider, "reports.write")
    for headers, status in (({"Authorization": ""}, 401), ({"Authorization": "Bearer mamori_x"}, 401), ({}, 403)):
        told = set()
        for body in bodies:
            answer = ask(without, body, headers=headers)
            assert answer.status_code == status
            told.add(answer.content)
        told.add(without.post(URL, b"\xff", content_type=binary.CONTENT_TYPE, headers=headers).content)
        assert len(told) == 1
    assert MatchDay.objects.count() == Meter.objects.count() == 0


def test_a_quota_refuses_the_whole_request_and_ends_with_its_minute_and_day(
    machine: Any, people: Any, follow: Any, frozen: Any
) -> None:
    follow()
    quota_set(actor=SYSTEM, organisation_id=people.provider.id, per_minute=10_000, per_day=10_004)
    item = {"md5": "0" * 32, "sha1": "0" * 40}
    assert ask(machine, *[item] * 4999).status_code == 200
    frozen.shift(timedelta(seconds=20))
    refused = ask(machine, item, {"md5": "1" * 32})
    assert (refused.status_code, refused["Retry-After"], refused.json()["code"]) == (429, "40", "quota_spent")
    assert ask(machine, item).status_code == 200, "the refused request counted nothing"
    frozen.shift(timedelta(seconds=40))
    assert ask(machine, item, item).status_code == 200
    refused = ask(machine, {"md5": "1" * 32})
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) == (24 - clock.now().hour) * 3600 - 60 * clock.now().minute
    frozen.shift(timedelta(days=1))
    assert ask(machine, item).status_code == 200
    assert Meter.objects.get().day_used == 2
    (event,) = audit_rows("exchange.quota_set")
    assert event["codes"] == {"minute": 10_000, "day": 10_004}


def test_a_quota_is_of_one_organisation_and_an_operators(machine: Any, settings: Any, people: Any, follow: Any) -> None:
    follow()
    for wrong in ({"per_minute": 9_999, "per_day": 10**6}, {"per_minute": 20_000, "per_day": 19_999}):
        with pytest.raises(DomainError, match="quota_too_small"):
            quota_set(actor=SYSTEM, organisation_id=people.provider.id, **wrong)
    with pytest.raises(DomainError, match="forbidden"):
        quota_set(actor=people.sue.actor, organisation_id=people.provider.id, per_minute=10_000, per_day=10_000)
    quota_set(actor=SYSTEM, organisation_id=people.provider.id, per_minute=10_000, per_day=10_000)
    full = [{"md5": "0" * 32}] * 10_000
    assert ask(machine, *full).status_code == 200
    assert ask(machine, *full).status_code == 429
    assert ask(partner_face(settings, people.other, "images.match"), *full).status_code == 200


def test_the_operator_sets_a_quota_by_name(people: Any, capsys: Any) -> None:
    from mamori.lists.exchange.commands import set_quota
    from mamori.lists.exchange.models import Quota

    set_quota("A Provider", 20_000, 30_000)
    assert capsys.readouterr().out == "A Provider: 20000 fingerprints a minute, 30000 a day\n"
    assert Quota.objects.values_list("organisation", "per_minute", "per_day").get() == (
        people.provider.id,
        20_000,
        30_000,
    )
    with pytest.raises(DomainError, match="no_organisation"):
        set_quota("Nobody", 20_000, 30_000)


def test_counts_are_kept_and_nothing_of_what_was_asked(
    machine: Any, people: Any, known: Any, follow: Any, caplog: Any
) -> None:
    picture, md5 = os.urandom(32), os.urandom(16)
    entry = known(pdq=picture, md5=md5)
    follow()
    asked = near(picture, 5)
    stranger = os.urandom(20)
    with caplog.at_level(0):
        ask(
            machine,
            {"pdq": asked.hex()},
            {"md5": md5.hex()},
            {"sha1": stranger.hex()},
            {"pdq": asked.hex(), "md5": md5.hex()},
        )
        machine.post(
            URL, b'{"items": [{"sha1": "' + stranger.hex().encode() + b'00"}]}', content_type="application/json"
        )
    today = clock.now().date()
    counted = queries.examined(people.provider.id, since=today, until=today)
    assert counted == {"examined": 4, "similar": 1, "same": 2}
    assert EntryHits.objects.get(entry=entry).hits == 3
    kept = everything() + caplog.text
    for value in (asked, stranger):
        assert value.hex() not in kept.lower()
        assert repr(value)[2:-1] not in kept


def test_a_shared_entry_behind_a_thousand_that_are_not_shared_is_told(
    machine: Any, known: Any, follow: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(index, "NEAREST", 3)
    picture = os.urandom(32)
    for n in range(4):
        known("own", pdq=near(picture, n))
    shared = known(pdq=near(picture, 9))
    follow()
    (result,) = ask(machine, {"pdq": picture.hex()}).json()["results"]
    assert [match["entry"] for match in result["matches"]] == [shared.number]


def test_the_frames_of_a_video_count_as_one_file_and_as_one_hit(
    machine: Any, people: Any, known: Any, follow: Any
) -> None:
    picture = os.urandom(32)
    entry = known(pdq=picture)
    follow()
    frames = [{"pdq": near(picture, n).hex(), "file": 7} for n in range(4)]
    answer = ask(machine, *frames, {"pdq": os.urandom(32).hex(), "file": 8}, {"pdq": picture.hex()})
    assert [each["item"] for each in answer.json()["results"]] == [0, 1, 2, 3, 5]
    today = clock.now().date()
    assert queries.examined(people.provider.id, since=today, until=today) == {"examined": 3, "similar": 2, "same": 0}
    assert EntryHits.objects.get(entry=entry).hits == 2


def test_of_a_video_the_share_of_frames_is_told(machine: Any, people: Any, known: Any, follow: Any) -> None:
    """vPDQ's rule, of items that share a number: 80 of 100 frames of a known video; a known picture is only in a frame."""
    scenes = [os.urandom(32) for _n in range(5)]
    film = bank.entry_add(
        actor=people.ann.actor,
        source_code="ngo",
        source_ref="film",
        media="video",
        classification="baseline_1",
        fingerprints=[NewFingerprint("md5", b"f" * 16)]
        + [NewFingerprint("pdq", scene, 100) for scene in scenes]
        + [NewFingerprint("pdq", b"p" * 32, 10)],
    )
    bank.entry_confirm(actor=people.ben.actor, entry_id=film.id)
    film.refresh_from_db()
    still = known(pdq=scenes[4])
    follow()

    def told(*shown: bytes, **digests: str) -> list[tuple[Any, ...]]:
        items = [{"pdq": near(scene, 5).hex(), "file": 3} for scene in shown]
        answer = ask(
            machine, {"md5": "0" * 32, "file": 3, **digests}, *items, {"pdq": scenes[0].hex(), "file": 4}
        ).json()
        names = ("file", "entry", "match", "percent", "known", "known_percent")
        return sorted(tuple(row[name] for name in names) for row in answer["files"])

    other = os.urandom(32)
    assert told(*scenes[:4]) == [(3, film.number, "similar", 100.0, 5, 80.0)]
    assert told(*scenes[:3], other, scenes[0]) == [(3, film.number, "frame", 75.0, 5, 60.0)]
    assert told(scenes[4], other) == [
        (3, film.number, "frame", 50.0, 5, 20.0),
        (3, still.number, "frame", 50.0, None, None),
    ]
    assert told(other, md5=(b"f" * 16).hex()) == [(3, film.number, "same", 0.0, 5, 0.0)]


def everything() -> str:
    """Every row of every table as text; bytes in hex."""
    text = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            text.extend(row[0] for row in cursor.fetchall())
    return "\n".join(text)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe{\x00", 400),
        (b'{"items": [{"md5": "\xed\xa0\x80"}]}', 400),
        (b"[" * 100_000, 400),
        (b"null", 422),
        (b"[]", 422),
        (b'{"items": []}', 422),
        (b'{"items": [{}]}', 422),
        (b'{"items": [{"md5": null}]}', 422),
        (b'{"items": [{"md5": ""}]}', 422),
        (b'{"items": [{"md5": "0\\u0000"}]}', 422),
        (b'{"items": [{"md5": "' + b"0" * 33 + b'"}]}', 422),
        (b'{"items": [{"md5": "' + b"0" * 32 + b'\\n"}]}', 422),
        (b'{"items": [{"md5": 5}]}', 422),
        (b'{"items": [{"pdq": "' + b"0" * 64 + b'", "pdq_quality": 101}]}', 422),
        (b'{"items": [{"pdq": "' + b"0" * 64 + b'", "pdq_quality": true}]}', 422),
        (b'{"items": [{"pdq_quality": 5, "md5": "' + b"0" * 32 + b'"}]}', 422),
        (b'{"items": [{"md5": "' + b"0" * 32 + b'", "more": 1}]}', 422),
        (b'{"items": [' + b",".join([b'{"md5": "' + b"0" * 32 + b'"}'] * 10_001) + b"]}", 422),
        (
            b'{"items": [' + b",".join([b'{"md5": "' + b"0" * 32 + b'", "sha1": "' + b"0" * 40 + b'"}'] * 5001) + b"]}",
            422,
        ),
        (b" " * (6 * 1024 * 1024), 413),
    ],
)
def test_malformed_json_is_refused_in_the_documented_form(machine: Any, follow: Any, body: bytes, status: int) -> None:
    follow()
    answer = machine.post(URL, body, content_type="application/json")
    assert answer.status_code == status, answer.content
    assert {"code", "message"} <= set(answer.json())


GOOD = binary.write_items(
    [Item(digests={"md5": b"0" * 16}), Item(pdq=b"1" * 32, quality=3, digests={"sha1": b"2" * 20})]
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"MMQ1",
        GOOD[:-1],
        GOOD[: len(GOOD) // 2],
        GOOD + b"\0",
        b"MMQ2" + GOOD[4:],
        b"MMQ1" + (0).to_bytes(4, "little") + GOOD[8:],
        b"MMQ1" + (2**32 - 1).to_bytes(4, "little") + GOOD[8:],
        GOOD[:8] + b"\x05" + GOOD[9:],
        GOOD[:9] + b"\x01" + GOOD[10:],
        GOOD[:9] + b"\x02" + GOOD[10:],
        GOOD[:11] + b"\x01" + GOOD[12:],
        b"MMQ1\x02\0\0\0" + (b"\x01\x00\x65\x00" + b"0" * 32) * 2,
        b"MMQ1\x02\0\0\0" + b"\x02\x00\x00\x00" + b"0" * 16 + b"\x02\x01\x00\x00" + b"0" * 16,
    ],
)
def test_malformed_binary_is_refused(machine: Any, follow: Any, body: bytes) -> None:
    follow()
    answer = machine.post(URL, body, content_type=binary.CONTENT_TYPE)
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
    assert machine.post(URL, GOOD, content_type=binary.CONTENT_TYPE).status_code == 200


def test_without_an_index_nothing_is_called_unknown(machine: Any, settings: Any, known: Any, folder: Any) -> None:
    known(md5=b"0" * 16)
    for place in (folder, None):
        settings.IMAGE_INDEX = place
        answer = ask(machine, {"md5": "30" * 16})
        assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "index_missing", "5")
        assert machine.get("/api/v1/match/status").status_code == 503
    assert MatchDay.objects.count() == Meter.objects.count() == 0


def test_a_request_that_is_too_large_is_refused_in_both_forms(machine: Any, settings: Any) -> None:
    data = b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    for form in ("application/json", binary.CONTENT_TYPE):
        answer = machine.post(URL, data, content_type=form)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_the_state_of_the_index_is_told(machine: Any, known: Any, follow: Any, frozen: Any) -> None:
    known(pdq=os.urandom(32), md5=os.urandom(16), sha256=os.urandom(32))
    version = follow()
    frozen.shift(timedelta(seconds=7))
    told = machine.get("/api/v1/match/status").json()
    assert told == {"index_version": version, "index_age": 7, "pictures": 1, "digests": 2}


# --- a match becomes a report ------------------------------------------------------------------------------------------


def report(machine: Any, entry: Any, key: str = "k", **given: Any) -> Any:
    body = {
        "entry": getattr(entry, "number", entry),
        "addresses": [{"url": "https://cdn.provider.example/u/1.jpg"}],
        **given,
    }
    return machine.post(
        "/api/v1/matches/report", json.dumps(body), content_type="application/json", headers={"Idempotency-Key": key}
    )


def test_a_confirmed_match_is_reported_in_one_call_and_once(machine: Any, known: Any, run_jobs: Any) -> None:
    from mamori.hotline.intake.models import Report

    entry = known(pdq=os.urandom(32))
    refused = report(machine, entry, match="similar")
    assert (refused.status_code, refused.json()["code"]) == (422, "person_needed")
    given = {"match": "similar", "confirmed_by_person": True}
    answer = report(machine, entry, **given)
    assert answer.status_code == 201, answer.content
    assert report(machine, entry, **given).content == answer.content
    (row,) = Report.objects.all()
    assert answer.json()["accepted"] == [{"index": 0, "report_id": str(row.id)}]
    assert report(machine, entry, key="k", match="same", confirmed_by_person=True).status_code == 409
    run_jobs()
    row.refresh_from_db()
    assert row.state == "linked"
    assert [e["codes"]["match"] for e in audit_rows("exchange.match_reported")] == [
        "similar"
    ]  # a repetition is no event


def test_the_same_is_shown_by_a_digest_of_the_entry_or_said_by_a_person(machine: Any, known: Any) -> None:
    entry, other = known(pdq=os.urandom(32), md5=b"s" * 16, sha1=b"s" * 20), known(md5=b"t" * 16)
    digests = [None, (b"t" * 16).hex(), (b"s" * 16).hex().upper(), (b"s" * 20).hex()]
    answers = [report(machine, entry, key=f"k{n}", match="same", digest=digest) for n, digest in enumerate(digests)]
    assert [answer.status_code for answer in answers] == [422, 422, 201, 201]
    assert answers[0].json()["code"] == "digest_needed"
    assert report(machine, other, key="p", match="same", confirmed_by_person=True).status_code == 201


def test_only_an_entry_one_may_know_is_reported(machine: Any, settings: Any, people: Any, known: Any) -> None:
    own, gone = known("own", md5=b"o" * 16), known(md5=b"g" * 16)
    bank.entry_withdraw(actor=people.ann.actor, entry_id=gone.id)
    answers = {report(machine, entry, match="same").content for entry in (own, gone, 10**9)}
    assert len(answers) == 1
    assert report(machine, own, match="same").status_code == 404
    shared = known(md5=b"s" * 16)
    for scopes in (("images.match",), ("reports.write",)):
        assert report(partner_face(settings, people.provider, *scopes), shared, match="same").status_code == 403
