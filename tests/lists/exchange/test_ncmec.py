"""NCMEC's hash-sharing interface, asked with plain requests. Its own client is in test_unchanged_clients.py."""

import base64
import os
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from mamori.lists.exchange import index, ncmec
from mamori.lists.exchange.xml import XmlRefused, read_xml, storable
from mamori.lists.fingerprints import services as bank
from mamori.lists.fingerprints.models import Vote
from tests.lists.exchange.conftest import token_of

pytestmark = pytest.mark.django_db
NS = {"n": ncmec.NAMESPACE}
BASE = "/hashsharing/v2"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def client(frozen: Any, machine: Client, people: Any) -> Client:
    return Client(headers=basic(*token_of(people.provider)))


def read(answer: Any, status: int = 200) -> ET.Element:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/xml; charset=utf-8"
    return ET.fromstring(answer.content)


def pages(client: Client, path: str) -> list[ET.Element]:
    """Follow `next`, relative to the base address."""
    found = []
    while path:
        found.append(read(client.get(f"/hashsharing{path}")))
        path = found[-1].findtext("n:paging/n:next", "", NS)
    return found


ALL = "/v2/entries?from=1970-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"


def test_entries_and_tombstones_have_the_documented_form(client: Client, people: Any, known: Any) -> None:
    picture, md5, sha1 = os.urandom(32), os.urandom(16), os.urandom(20)
    entry = known(pdq=picture, md5=md5, sha1=sha1, sha256=os.urandom(32))
    clip, gone, own = known(media="video", md5=md5, pdq=picture), known(md5=os.urandom(16)), known("own", md5=b"o" * 16)
    bank.entry_withdraw(actor=people.ann.actor, entry_id=gone.id)
    (root,) = pages(client, ALL)
    assert root.tag == f"{{{ncmec.NAMESPACE}}}queryResult"
    images, videos = root.find("n:images", NS), root.find("n:videos", NS)
    assert images is not None
    assert videos is not None
    assert (images.get("count"), videos.get("count")) == ("2", "1")
    assert images.get("maxTimestamp") == "2026-11-24T01:00:00Z"
    image, tombstone = images
    assert [child.tag.partition("}")[2] for child in image] == [
        "member", "timestamp", "id", "classification", "fingerprints", "feedback"
    ]  # fmt: skip
    assert image.findtext("n:id", "", NS) == str(entry.number)
    assert image.findtext("n:classification", "", NS) == "A1"
    values = {child.tag.partition("}")[2]: child.text for child in image.find("n:fingerprints", NS) or []}
    assert values == {"pdq": picture.hex(), "md5": md5.hex(), "sha1": sha1.hex()}
    assert tombstone.tag.endswith("deletedImage")
    assert tombstone.findtext("n:id", "", NS) == str(gone.number)
    assert tombstone.find("n:fingerprints", NS) is None
    (video,) = videos
    assert [child.tag.partition("}")[2] for child in video.find("n:fingerprints", NS) or []] == ["md5"]
    assert {str(clip.number), str(own.number)} & {e.text for e in root.iter(f"{{{ncmec.NAMESPACE}}}id")} == {
        str(clip.number)
    }


def test_a_value_of_low_quality_is_not_handed_out(client: Client, known: Any) -> None:
    md5 = os.urandom(16)
    known(pdq=os.urandom(32), md5=md5, quality=49)
    (image,) = pages(client, ALL)[0].find("n:images", NS) or []
    assert [(v.tag.partition("}")[2], v.text) for v in image.find("n:fingerprints", NS) or []] == [("md5", md5.hex())]


@pytest.fixture
def small_pages(monkeypatch: Any) -> None:
    monkeypatch.setattr(ncmec, "SIZE", 3)


def test_pages_follow_one_another_and_are_of_one_organisation_for_twelve_hours(
    client: Client, people: Any, known: Any, frozen: Any, small_pages: None
) -> None:
    numbers = []
    for step in range(8):
        numbers.append(known(md5=os.urandom(16)).number)
        frozen.shift(timedelta(seconds=step % 2))
    read_pages = pages(client, ALL)
    assert [[e.findtext("n:id", "", NS) for e in page.find("n:images", NS) or []] for page in read_pages] == [
        [str(n) for n in numbers[i : i + 3]] for i in (0, 3, 6)
    ]
    following = read_pages[0].findtext("n:paging/n:next", "", NS)
    query = parse_qs(urlsplit(following).query)
    assert [query[name] for name in ("start", "size", "max")] == [["4"], ["3"], ["6"]]
    other = Client(headers=basic(*token_of(people.other)))
    assert read(other.get(f"/hashsharing{following}"), 400).get("code") == "invalid"
    tampered = following.replace("from=1970", "from=1971")
    for wrong in (tampered, following[:-2], following + "x", following.replace("start=4", "start=-4")):
        read(client.get(f"/hashsharing{wrong}"), 400)
    frozen.shift(timedelta(hours=12, seconds=-8))
    read(client.get(f"/hashsharing{following}"))
    frozen.shift(timedelta(seconds=10))
    read(client.get(f"/hashsharing{following}"), 400)


def test_a_range_holds_what_changed_from_its_begin_to_before_its_end(client: Client, known: Any, frozen: Any) -> None:
    known(md5=os.urandom(16))
    for began, ended, count in (
        ("2026-11-24T01:00:00Z", "2026-11-24T01:00:01Z", "1"),
        ("2026-11-24T00:00:00Z", "2026-11-24T01:00:00Z", "0"),
        ("2026-11-24T10:00:00.500%2B09:00", "2026-11-24T10:00:01%2B09:00", "1"),
        ("2026-11-25T00:00:00Z", "2026-11-24T00:00:00Z", "0"),
    ):
        root = read(client.get(f"{BASE}/entries?from={began}&to={ended}"))
        images = root.find("n:images", NS)
        assert images is not None
        assert images.get("count") == count, (began, ended)
        assert (images.get("maxTimestamp") is None) is (count == "0")


def test_members_are_sources_and_status_says_who_asks(client: Client, people: Any, known: Any) -> None:
    root = read(client.get(f"{BASE}/status"))
    member = root.find("n:member", NS)
    assert member is not None
    assert (root.findtext("n:username", "", NS), member.text) == ("a test's", "A Provider")
    listed = {m.text: m.get("id") for m in read(client.get(f"{BASE}/members"))}
    assert set(listed) == {"Source ngo", "Source provider"}
    assert member.get("id") == listed["Source provider"]
    stranger = Client(headers=basic(*token_of(people.other)))
    assert (read(stranger.get(f"{BASE}/status")).find("n:member", NS) or ET.Element("x")).get("id", "0") == "0"


def vote(client: Client, entry: Any, body: bytes, kind: str = "MD5", member: int | None = None) -> Any:
    path = f"{BASE}/entries/{entry.source_id if member is None else member}/{entry.number}/{kind}/feedback"
    return client.put(path, body, content_type="application/xml; charset=utf-8")


def said(inner: str) -> bytes:
    return f'<feedbackSubmission xmlns="{ncmec.NAMESPACE}">{inner}</feedbackSubmission>'.encode()


def test_feedback_is_a_vote_and_stands_at_the_entry(client: Client, people: Any, known: Any) -> None:
    entry, other = known(md5=os.urandom(16)), known(md5=os.urandom(16))
    root = read(client.get(f"{BASE}/feedback/MD5/reasons"))
    reasons = {r.get("name"): r.get("guid") for r in root.findall("n:reason", NS)}
    assert set(reasons) == {"not_illegal", "adult", "other_class", "false_match", "poor_quality"}
    assert vote(client, entry, said("<affirmative/>")).status_code == 200
    no = f"<negative><reasonIds><guid>{reasons['adult']}</guid></reasonIds></negative>"
    assert vote(client, other, said(no)).status_code == 200
    assert sorted(Vote.objects.values_list("entry__number", "organisation", "verdict", "reason")) == [
        (entry.number, people.provider.id, "confirm", "agrees"),
        (other.number, people.provider.id, "deny", "adult"),
    ]
    first, second = pages(client, ALL)[0].find("n:images", NS) or []
    yes = first.find("n:feedback/n:affirmativeFeedback", NS)
    assert yes is not None
    assert (yes.get("type"), yes.findtext("n:members/n:member", "", NS)) == ("Md5", "A Provider")
    denied = second.find("n:feedback/n:negativeFeedback/n:reasons", NS)
    assert denied is not None
    assert [child.tag.partition("}")[2] for child in denied] == ["reason", "members"]


def test_feedback_about_what_one_may_not_know_is_not_found(client: Client, people: Any, known: Any) -> None:
    entry, own = known(md5=os.urandom(16)), known("own", md5=os.urandom(16))
    yes = said("<affirmative/>")
    wrong = [
        vote(client, own, yes),
        vote(client, entry, yes, member=entry.source_id + 1),
        vote(client, entry, yes, kind="PDQ"),
        vote(client, entry, yes, kind="TMK_PDQF"),
        client.put(f"{BASE}/entries/1/{2**64}/MD5/feedback", yes),
        client.put(f"{BASE}/entries/{entry.source_id}/{entry.number + 99}/MD5/feedback", yes),
    ]
    assert {(a.status_code, a.content) for a in wrong} == {(404, wrong[0].content)}
    reader = Client(headers=basic(*token_of(people.provider, "images.read")))
    assert vote(reader, entry, yes).status_code == 403
    assert Vote.objects.count() == 0


BILLION = b'<?xml version="1.0"?><!DOCTYPE f [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><feedbackSubmission>&b;</feedbackSubmission>'
EXTERNAL = b'<!DOCTYPE f SYSTEM "http://127.0.0.1:1/x"><feedbackSubmission><affirmative/></feedbackSubmission>'
FILE = b'<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]><feedbackSubmission><affirmative>&x;</affirmative></feedbackSubmission>'


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<", b"\xff\xfe\x00", b"<a/>", said(""), said("<affirmative/><affirmative/>"), said("<maybe/>"),
        said("<negative/>"), said("<negative><reasonIds><guid>x</guid></reasonIds></negative>"),
        BILLION, EXTERNAL, FILE, said("&#0;"), said("&undefined;"), said("<affirmative>"),
        b'<?xml version="1.0" encoding="unheard-of"?><a/>', said("<a>" * 40 + "</a>" * 40), said(" " * 70_000),
    ],
)  # fmt: skip
def test_malformed_feedback_is_refused(client: Client, known: Any, body: bytes) -> None:
    assert read(vote(client, known(md5=os.urandom(16)), body), 400).get("code") == "invalid"


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday", "from=2026-13-01T00:00:00Z", "to=%00", "from=0001-01-01T00:00:00%2B14:00",
        "to=9999-12-31T23:59:59-14:00", "cursor=x", "cursor=%ff", f"from={'9' * 400}",
    ],
)  # fmt: skip
def test_malformed_questions_are_refused(client: Client, query: str) -> None:
    read(client.get(f"{BASE}/entries?{query}"), 400)


def test_each_address_needs_the_right_user_and_secret(machine: Client, people: Any, known: Any) -> None:
    entry = known(md5=os.urandom(16))
    token, secret = token_of(people.provider)
    paths = [
        f"{BASE}/status", f"{BASE}/members", f"{BASE}/entries", f"{BASE}/entries?from=x", f"{BASE}/feedback/MD5/reasons",
        f"{BASE}/feedback/X/reasons", f"{BASE}/entries/{entry.source_id}/{entry.number}/MD5/feedback", f"{BASE}/entries/9/9/X/feedback",
    ]  # fmt: skip
    wrong = [
        {}, basic(token, "mamori_x"), basic("somebody", secret), basic("", secret), basic(token, ""),
        {"Authorization": f"Bearer {secret}"}, {"Authorization": "Basic !"}, {"Authorization": "Basic /w=="},
        basic("ü", secret),
    ]  # fmt: skip
    for path in paths:
        answers = {Client().generic(m, path, headers=h).content for h in wrong for m in ("GET", "PUT", "POST")}
        assert len(answers) == 1, path
        answer = Client().get(path, headers=wrong[0])
        assert (answer.status_code, answer["WWW-Authenticate"][:5]) == (401, "Basic")
    other = Client(headers=basic(*token_of(people.provider, "images.match")))
    assert {other.generic(m, path).status_code for path in paths for m in ("GET", "PUT")} == {403}
    assert Client(headers=basic("a test's", secret)).get(f"{BASE}/status").status_code == 200
    assert Client(headers=basic(token, secret)).post(f"{BASE}/status").status_code == 405


def test_the_reader_of_xml_takes_what_is_plain_and_small() -> None:
    root = read_xml(b'<a xmlns="urn:x" b="1"><c>t</c></a>')
    assert (root.tag, root.attrib, root.findtext("c")) == ("a", {"b": "1"}, "t")
    for wrong in (BILLION, EXTERNAL, FILE, b"<a", b"<a>" * 20 + b"</a>" * 20):
        with pytest.raises(XmlRefused):
            read_xml(wrong)
    assert storable("a\x00\x0b\ufffeb\U0001f600\n") == "ab\U0001f600\n"


def test_photodna_is_relayed_as_it_came_and_is_in_no_index(
    client: Client, known: Any, follow: Any, folder: Any
) -> None:
    """Opaque: NCMEC's clients get it as `pdna`; our index follows the entry and holds its other value only."""
    opaque = bytes(range(144))
    known(photodna=opaque, md5=b"m" * 16)
    known(photodna=opaque[::-1])
    follow()
    status = index.Reader(folder).status()
    assert (status.pictures, status.digests) == (0, 1)
    (root,) = pages(client, ALL)
    told = [each.text for each in root.iter(f"{{{ncmec.NAMESPACE}}}pdna")]
    assert told == [opaque.hex(), opaque[::-1].hex()]
