"""The bank of a hotline over its partner API: batches, waits, refusals, the token; and a report in one call.

The answers are a loopback server's here; `tests/lists/exchange` holds our own face's.
"""

import json
from http.server import BaseHTTPRequestHandler

import pytest

from mamori.tools.scan import partner
from mamori.tools.scan.matches import Asked, Share
from mamori.tools.scan.partner import PartnerApi, PartnerBank, read_token, report_match
from mamori.tools.scan.purpose import ScanError
from tests.tools.scan.drawn import command, finished, folder_of, lines, md5, scan, serving

TOKEN = "mamori_test_0123456789"
MATCH = {
    "entry": 41,
    "kind": "same",
    "distance": None,
    "algorithms": ["md5"],
    "classification": "BASELINE",
    "source": "hotline",
    "media": "image",
    "disputed": True,
    "harmless": False,
}


class Face(BaseHTTPRequestHandler):
    """Answers /match for the MD5 values in `known`; first gives what stands in `trouble` as (status, headers)."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        if self.server.trouble:
            status, headers, told = self.server.trouble.pop(0)
            return self._send(status, told, headers)
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._send(401, {"message": "Unauthorized"})
        if self.path == "/api/v1/matches/report":
            return self._send(201, {"accepted": [{"index": 0, "report_id": "r-1"}], "refused": []})
        found = [
            {"item": place, "matches": [MATCH], "too_plain": False, "harmless": False}
            for place, item in enumerate(body["items"])
            if item.get("md5") in self.server.known
        ]
        told = {"index_version": 1, "index_age": 0, "items": len(body["items"]), "results": found}
        return self._send(200, {**told, "files": self.server.files} if hasattr(self.server, "files") else told)

    def _send(self, status, told, headers=()):
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_told):
        pass


@pytest.fixture
def face():
    with serving(Face, asked=[], trouble=[], known=set()) as server:
        yield server


def api(face, token=TOKEN, **more):
    return PartnerApi(f"http://127.0.0.1:{face.server_port}", token, **more)


def test_a_scan_asks_in_batches_and_tells_what_it_hears(pool, tmp_path, out, face):
    made = folder_of(tmp_path / "files", 5)
    face.known = {md5(made["0002.jpg"])}
    totals = scan(pool, out, PartnerBank(api(face)), tmp_path / "files")
    assert (totals.examined, totals.matched, totals.same) == (5, 1, 1)
    [line] = lines(out)
    assert line["path"].endswith("0002.jpg")
    told = {name: line[name] for name in ("entry", "match", "classification", "source", "doubts", "distance")}
    assert told == {
        "entry": "41",
        "match": "same",
        "classification": "BASELINE",
        "source": "hotline",
        "doubts": ["disputed"],
        "distance": None,
    }
    sent = [item for _path, _headers, body in face.asked for item in body["items"]]
    assert {item["md5"] for item in sent} == {md5(data) for data in made.values()}
    assert all(set(item) == {"pdq", "pdq_quality", "md5", "sha1", "sha256"} for item in sent)


def test_no_request_holds_more_fingerprints_than_the_face_takes(face, monkeypatch):
    monkeypatch.setattr(partner, "MOST", 7)
    asked = [Asked(None, 0, {"md5": bytes([n]) * 16, "sha1": bytes([n]) * 20}) for n in range(10)]
    asked[3] = Asked(None, 0, asked[3].digests, frame=True)
    asked.insert(4, Asked(None, 0, {}))
    face.known = {(bytes([9]) * 16).hex()}
    found = PartnerBank(api(face)).look_up(asked)
    assert [len(each) for each in found] == [0] * 10 + [1]
    bodies = [body["items"] for _path, _headers, body in face.asked]
    assert [[item.get("file") for item in items] for items in bodies] == [
        [None] * 2,
        [1, 1, 2],
        [None] * 3,
        [None] * 2,
    ], "the frames of a file are asked about with it"


def test_it_waits_as_it_is_asked_and_tries_again(face):
    said = []
    face.trouble = [
        (429, {"Retry-After": "1"}, {"code": "quota_spent", "message": "Enough.", "remedy": "Wait."}),
        (503, {}, b"<html>"),
    ]
    face.known = {"aa" * 16}
    bank = PartnerBank(api(face, say=said.append))
    assert bank.look_up([Asked(None, 0, {"md5": b"\xaa" * 16})])[0][0].entry == "41"
    assert len(face.asked) == 3
    assert said[0].startswith("the partner API: 429 Enough. Wait.; again in 1 s")


def test_a_refusal_ends_the_scan_with_the_server_s_words(face):
    with pytest.raises(ScanError, match="401 Unauthorized"):
        PartnerBank(api(face, token="mamori_wrong")).look_up([Asked(None, 0, {"md5": bytes(16)})])
    assert len(face.asked) == 1
    face.trouble = [(302, {"Location": "http://127.0.0.1:9/"}, {})]
    with pytest.raises(ScanError, match="refuses: 302"):
        PartnerBank(api(face)).look_up([Asked(None, 0, {"md5": bytes(16)})])
    for odd in (b"no json", {"items": 5, "results": []}, {"items": 1, "results": [{"item": 7, "matches": []}]}, []):
        face.trouble = [(200, {}, odd)]
        with pytest.raises(ScanError, match="partner API"):
            PartnerBank(api(face)).look_up([Asked(None, 0, {"md5": bytes(16)})])


def test_the_token_travels_over_tls_or_loopback_only_and_never_on_the_command_line(tmp_path):
    with pytest.raises(ScanError, match="https"):
        PartnerApi("http://hotline.example", TOKEN)
    assert PartnerApi("https://hotline.example/api/v1/", TOKEN).base == "https://hotline.example/api/v1"
    with pytest.raises(ScanError, match="MAMORI_TOKEN"):
        read_token(None, {})
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert read_token(tmp_path / "token", {}) == TOKEN
    assert read_token(None, {"MAMORI_TOKEN": TOKEN}) == TOKEN
    with pytest.raises(ScanError, match="characters"):
        read_token(None, {"MAMORI_TOKEN": "two words"})


def test_a_report_is_one_call_that_may_be_repeated(face):
    for _time in range(2):
        answer = report_match(api(face), entry=41, kind="same", addresses=["https://a.example/1"], by_person=True)
        assert answer["accepted"][0]["report_id"] == "r-1"
    (path, first, body), (_path, second, _body) = face.asked
    assert path == "/api/v1/matches/report"
    assert first["Idempotency-Key"] == second["Idempotency-Key"]
    assert body == {
        "entry": 41,
        "match": "same",
        "confirmed_by_person": True,
        "addresses": [{"url": "https://a.example/1", "comment": ""}],
    }


def test_the_command_reports_a_line_and_asks_for_a_person_where_it_is_similar(face, tmp_path):
    matches = tmp_path / "m.jsonl"
    bank = f"http://127.0.0.1:{face.server_port}/api/v1"
    rows = [{"path": "a", "bank": bank, "entry": "41", "match": kind} for kind in ("same", "similar", "frame")]
    rows += [
        {"path": "b", "bank": "list.json", "entry": "41", "match": "same"},
        {"path": "c", "entry": "4", "match": "same"},
    ]
    rows += [{"path": "d", "bank": bank, "entry": "line 3"}]
    matches.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def report(line, *more):
        base = ["scan", "report", matches, str(line), "--api", f"http://127.0.0.1:{face.server_port}"]
        where = ["--address", "https://a.example/1"]
        return finished(command(*base, *where, *more, environment={"MAMORI_TOKEN": TOKEN}))

    assert report(1)[:2] == (0, "accepted: https://a.example/1 as report r-1\n")
    code, _out, err = report(2)
    assert code == 2
    assert "--confirmed-by-person" in err
    assert report(2, "--confirmed-by-person")[0] == 0
    assert "only of a frame of the video" in report(3)[2]
    for line, found in ((4, "list.json"), (5, "of an older scan")):
        code, _out, err = report(line)
        assert code == 2
        assert f"was found with the bank {found}: its entry is not one of {bank}" in " ".join(err.split())
    assert report(6)[0] == 2
    assert [body["confirmed_by_person"] for _path, _headers, body in face.asked] == [False, True]


def test_a_scan_that_lost_the_partner_goes_on_later(pool, tmp_path, out, face):
    made = folder_of(tmp_path / "files", 3)
    face.known = {md5(data) for data in made.values()}
    face.trouble = [(403, {}, {"message": "Not yours."})]
    with pytest.raises(ScanError, match=r"403 Not yours"):
        scan(pool, out, PartnerBank(api(face)), tmp_path / "files")
    totals = scan(pool, out, PartnerBank(api(face)), tmp_path / "files")
    assert (totals.examined, totals.matched, len(lines(out))) == (3, 3, 3)


def test_what_the_face_says_of_a_whole_video_is_told(face, monkeypatch):
    """`files` of the answer: how much of the video is in an entry that is a video too."""
    row = {"file": 1, "entry": 41, "match": "similar", "percent": 50.0, "known": 5, "known_percent": 80.0}
    monkeypatch.setattr(face, "files", [row, {**row, "entry": 42, "known": None, "known_percent": None}], raising=False)
    face.known = {(b"\7" * 16).hex()}
    asked = [Asked(None, 0, {"md5": bytes(16)}), Asked(None, 0, {"md5": b"\7" * 16}, frame=True)]
    [_file, [match]] = PartnerBank(api(face)).look_up(asked)
    assert match.share == Share(50.0, 5, 80.0, similar=True)
