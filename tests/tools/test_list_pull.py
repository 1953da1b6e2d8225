"""`mamori list pull` against a partner face that is slow, old, forged, broken or gone: the last good list stays."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest
import time_machine
from typer.testing import CliRunner

from mamori.engine.editions import (
    CHANGES,
    Delta,
    FileDigest,
    Member,
    Members,
    activation_statement,
    kill_statement,
    sign_edition,
    sign_files,
    sign_members,
    sign_root,
    write_delta,
    write_files,
)
from mamori.engine.patches import make_patch
from mamori.tools.cli import app
from tests.engine.people import APPROVER, NOW, REVIEWER, RULE, STRANGER, edition, entry, signed
from tests.engine.test_publish import ENDED, ROOT_KEYS, SERVICE, STRANGERS
from tests.tools.list_body import MEMBERS, SIGNED_MEMBERS

NOW_HERE = datetime.now(UTC)
ROOT = sign_root(SERVICE, root_keys=ROOT_KEYS, threshold=2, expires=NOW_HERE + timedelta(days=90))
ENTRIES = [
    entry("site.example"),
    entry("xn--wgv71a119e.example"),
    replace(entry("https://popular.example/a?b=c", method="url"), entry_id="e-page"),
]
FIRST, SECOND = edition(1, ENTRIES), edition(2, ENTRIES[1:], ENDED)
HOSTS = "hosts.txt"


def published(which=FIRST, version=1, keys=SERVICE, root=ROOT, days=1):
    """An edition's files, signed when `days` of its life are left."""
    now = NOW_HERE + timedelta(days=min(0, days - 1))
    until = NOW_HERE + timedelta(days=days)
    files = sign_edition(which, keys=keys, roots=[root], version=version, now=now, expires=until)
    return files | {"members.json": SIGNED_MEMBERS}


class Face:
    """The partner face as far as a pull sees it. `files` by path below /api/v1/list/; a value may be an action."""

    def __init__(self) -> None:
        self.editions: dict[int, dict[str, bytes]] = {}
        self.asked: list[str] = []
        self.status = 200
        self.patches: dict[str, bytes] = {}
        self.endless: set[str] = set()
        self.cut: set[str] = set()
        face = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[1]
                face.asked.append(name)
                status, data = face.answer(self.path, self.headers.get("Authorization", ""))
                self.send_response(status)
                if name in face.endless:
                    self.end_headers()
                    try:
                        for _ in range(2000):
                            self.wfile.write(b" " * 65536)
                    except OSError:
                        return
                    face.asked.append("read to the end")
                    return
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if name in face.cut else data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str, authorization: str) -> tuple[int, bytes]:
        if authorization != "Bearer a-token":
            return 401, b"{}"
        if self.status != 200:
            return self.status, b"{}"
        if path.removeprefix("/api/v1/list/") in self.patches:
            return 200, self.patches[path.removeprefix("/api/v1/list/")]
        if not path.startswith("/api/v1/list/editions/"):
            return 404, b"{}"
        parts = path.removeprefix("/api/v1/list/editions/").split("/")
        if parts == ["current"]:
            return (200, json.dumps({"version": max(self.editions)}).encode()) if self.editions else (404, b"{}")
        data = self.editions.get(int(parts[0]), {}).get(parts[1])
        return (404, b"{}") if data is None else (200, data)


@pytest.fixture
def face() -> Iterator[Face]:
    face = Face()
    Thread(target=face.server.serve_forever, args=(0.02,), daemon=True).start()
    yield face
    face.server.shutdown()
    face.server.server_close()


@pytest.fixture
def run(face: Face, tmp_path: Path) -> Callable:
    (tmp_path / "root.json").write_bytes(ROOT)
    (tmp_path / "token").write_text("a-token\n")

    def run(*more: str, formats=(HOSTS, "rpz.zone"), token: str = "token"):
        arguments = ["list", "pull", face.url, tmp_path / "out", "--root", tmp_path / "root.json"]
        arguments += [
            "--token-file",
            tmp_path / token,
            *(word for name in formats for word in ("--format", name)),
            *more,
        ]
        return CliRunner().invoke(app, [str(each) for each in arguments])

    return run


@pytest.fixture
def good(face: Face, run: Callable, tmp_path: Path) -> dict[str, bytes]:
    """What lies in the folder after a first good pull of the second edition."""
    face.editions = {2: published(SECOND, 5)}
    done = run()
    assert done.exit_code == 0, done.output
    return loaded(tmp_path)


def loaded(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()}


def test_a_list_is_pulled_and_only_what_changed_is_fetched_and_written(face, run, tmp_path) -> None:
    face.editions = {1: published()}
    done = run()
    assert done.exit_code == 0, done.output
    assert "edition 1: 2 names, 1 pages" in done.output
    assert "written: hosts.txt, rpz.zone" in done.output
    zone = (tmp_path / "out" / "rpz.zone").read_text()
    assert zone.startswith("nx.list. 60 IN SOA localhost. nobody.invalid. 1 ")
    assert "\n*.site.example.nx.list. 60 IN CNAME .\n" in zone
    assert b"0.0.0.0 site.example\n" in loaded(tmp_path)[HOSTS]
    assert (tmp_path / "out" / "rpz.zone").stat().st_mode & 0o007 == 0
    assert (tmp_path / "out" / ".edition").stat().st_mode & 0o077 == 0
    face.asked.clear()
    again = run()
    assert "written: nothing" in again.output
    assert face.asked == ["current", "2.root.json", "timestamp.json"]
    (tmp_path / "out" / HOSTS).write_text("somebody wrote here")
    assert "written: hosts.txt" in run().output
    (tmp_path / "out" / "rpz.zone").unlink()
    assert "written: rpz.zone" in run().output
    assert "written: rpz.zone" in run("--zone", "other.list").output
    assert "written: squid-dstdomain.txt" in run("--zone", "other.list", formats=("squid-dstdomain.txt",)).output
    assert "written: rpz.zone" in run().output
    face.asked.clear()
    first = face.editions[1]
    face.editions[2] = published(SECOND, 2) | {"urls.jsonl": first["urls.jsonl"]}
    assert run().exit_code == 0
    assert "site.example" not in (tmp_path / "out" / "rpz.zone").read_text()
    assert "names.jsonl" in face.asked
    assert "urls.jsonl" not in face.asked, "it is the same file"
    assert "activations.jsonl" not in face.asked, "no entry is new"


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


MANY = [entry(f"n{number}.example") for number in range(300)]


def folded(face: Face, run: Callable) -> None:
    """Three editions, each with a base of its own; the first is pulled, patches lead over the second to the third."""
    bases = [published(edition(number, MANY[number:]), number) for number in (1, 2, 3)]
    face.editions = {1: bases[0]}
    assert run().exit_code == 0
    files = [base["names.jsonl"] for base in bases]
    told = []
    for old, new in pairwise(files):
        patch = make_patch(old, new)
        face.patches[f"objects/{_sha(patch)}"] = patch
        told.append(
            {"from": _sha(old), "to": _sha(new), "sha256": _sha(patch), "bytes": len(patch), "length": len(new)}
        )
    told.append({"from": _sha(files[1]), "to": _sha(files[0]), "sha256": "0" * 64, "bytes": 1, "length": 1})
    face.patches["patches"] = json.dumps({"edition": 3, "patches": told}).encode()
    face.editions[3] = bases[2]
    face.asked.clear()


def test_a_list_folded_twice_comes_by_two_patches(face, run, tmp_path) -> None:
    folded(face, run)
    assert run().exit_code == 0
    assert "names.jsonl" not in face.asked
    assert loaded(tmp_path)[HOSTS].count(b"0.0.0.0 ") == 297


@pytest.mark.parametrize("fault", ["missing", "altered", "endless", "false list", "no list", "bomb", "other file"])
def test_a_patch_that_does_not_fit_costs_a_whole_file_and_no_more(face, run, tmp_path, fault) -> None:
    folded(face, run)
    patches = [name for name in face.patches if name.startswith("objects/")]
    if fault == "missing":
        del face.patches[patches[0]]
    elif fault == "altered":
        face.patches[patches[0]] = face.patches[patches[0]][:-1] + b"?"
    elif fault == "endless":
        face.endless |= {name.rsplit("/", 1)[1] for name in patches}
    elif fault == "false list":
        face.patches["patches"] = b'{"patches": [{"from": 1}]}'
    elif fault == "no list":
        del face.patches["patches"]
    elif fault == "bomb":
        told = json.loads(face.patches["patches"])
        bomb = make_patch(b"", bytes(200_000_000))
        told["patches"][0] |= {"sha256": _sha(bomb), "bytes": len(bomb)}
        face.patches |= {"patches": json.dumps(told).encode(), f"objects/{_sha(bomb)}": bomb}
    else:
        (tmp_path / "out" / ".edition" / "names.jsonl").write_bytes(b"somebody wrote here")
    assert run().exit_code == 0
    assert "names.jsonl" in face.asked
    assert loaded(tmp_path)[HOSTS].count(b"0.0.0.0 ") == 297


def test_the_canary_stands_in_the_zone_and_goes_with_the_list(face, run, tmp_path) -> None:
    face.editions = {1: published()}
    assert run("--canary", "canary.mamori.example").exit_code == 0
    assert "\ncanary.mamori.example.nx.list. 60 IN CNAME .\n" in (tmp_path / "out" / "rpz.zone").read_text()
    assert b"0.0.0.0 canary.mamori.example\n" in loaded(tmp_path)[HOSTS]
    assert json.loads((tmp_path / "out" / "status.json").read_text())["names"] == 2
    assert run("--canary", "no name").exit_code == 2


def test_a_list_that_is_too_old_lapses_with_an_alarm_and_comes_back(face, run, good, tmp_path) -> None:
    marks = tmp_path / "marks"
    again = (
        "--reload",
        f"{sys.executable} -c \"open('{marks}', 'a').write('r')\"",
        "--canary",
        "canary.mamori.example",
    )
    assert run(*again).exit_code == 0
    kept, face.editions = face.editions, {}
    with time_machine.travel(NOW_HERE + timedelta(days=14)):
        away = run(*again)
    assert (away.exit_code, "ALARM" in away.output) == (2, False)
    with time_machine.travel(NOW_HERE + timedelta(days=15.1)):
        for _again in range(2):
            lapsed = run(*again)
            assert (lapsed.exit_code, "ALARM: that is 14 days past its signatures" in lapsed.output) == (3, True)
    assert marks.read_text() == "rr", "once for the list, once for its end"
    assert b"0.0.0.0" not in loaded(tmp_path)[HOSTS]
    assert b"CNAME" not in loaded(tmp_path)["rpz.zone"]
    face.editions = kept
    assert run(*again).exit_code == 0
    assert b"0.0.0.0 canary.mamori.example\n" in loaded(tmp_path)[HOSTS]
    assert (loaded(tmp_path)[HOSTS].count(b"0.0.0.0"), marks.read_text()) == (good[HOSTS].count(b"0.0.0.0") + 1, "rrr")


NEW = entry("new.example")


def with_new(*keys, members: bytes = SIGNED_MEMBERS, number: int = 3) -> dict[str, bytes]:
    """The second edition and an entry more, whose activation these keys signed."""
    activation = signed(activation_statement(NEW), *keys)
    more = replace(SECOND, version=number, entries=SECOND.entries | {NEW}, statements=SECOND.statements | {activation})
    return published(more, number + 4) | {"members.json": members}


def members(version: int, *kept: Member, signers=ROOT_KEYS) -> bytes:
    return sign_members(Members(version, kept), signers)


@pytest.mark.parametrize(
    "keys", [(), (REVIEWER,), (APPROVER,), (REVIEWER, STRANGER), (APPROVER, APPROVER), (REVIEWER, RULE)]
)
def test_an_entry_without_two_members_signatures_is_left_out(face, run, good, tmp_path, keys) -> None:
    face.editions[3] = with_new(*keys)
    done = run()
    assert (done.exit_code, "NOT SIGNED BY TWO: under 1 entries" in done.output) == (0, True), done.output
    assert loaded(tmp_path)[HOSTS] == good[HOSTS]
    assert run().output.count("NOT SIGNED BY TWO") == 1, "it is told again"
    face.editions[4] = with_new(REVIEWER, APPROVER, number=4)
    assert "NOT SIGNED" not in run().output
    assert b"new.example" in loaded(tmp_path)[HOSTS]


def test_an_entry_stays_when_its_member_left_and_does_not_come_anew(face, run, good, tmp_path) -> None:
    endo, fujii = MEMBERS.keys
    face.editions[3] = with_new(REVIEWER, APPROVER, members=members(2, fujii))
    done = run()
    assert "NOT SIGNED BY TWO: under 1 entries" in done.output
    assert loaded(tmp_path)[HOSTS] == good[HOSTS], "what was good stays, what is new is left out"
    ended = replace(endo, valid_until=NOW.date())
    face.editions[4] = with_new(REVIEWER, APPROVER, members=members(3, ended, fujii), number=4)
    assert "NOT SIGNED BY TWO: under 1 entries" in run().output, "the key counted until the day before"
    later = replace(endo, valid_until=NOW.date() + timedelta(days=1))
    face.editions[5] = with_new(REVIEWER, APPROVER, members=members(4, later, fujii), number=5)
    assert b"new.example" in (run(), loaded(tmp_path)[HOSTS])[1], "the key counted on that day, whatever came after"


def test_a_list_of_members_that_is_old_or_not_the_roots_is_refused(face, run, good, tmp_path) -> None:
    face.editions[3] = with_new(REVIEWER, APPROVER, members=members(2, *MEMBERS.keys, signers=ROOT_KEYS[:1]))
    refused = run()
    assert (refused.exit_code, "not signed by the list's keys" in refused.stderr) == (1, True)
    face.editions[3]["members.json"] = b"{"
    assert run().exit_code == 1
    del face.editions[3]["members.json"]
    assert "A file of the edition is missing." in run().stderr
    face.editions[4] = with_new(REVIEWER, members=members(2, *MEMBERS.keys), number=4)
    assert run().exit_code == 0
    face.editions[5] = with_new(REVIEWER, members=SIGNED_MEMBERS, number=5)
    old = run()
    assert (old.exit_code, "older than the one already loaded" in old.stderr) == (1, True)
    assert loaded(tmp_path)[HOSTS] == good[HOSTS]


def test_the_stop_page_and_the_zone_are_chosen(face, run, tmp_path) -> None:
    face.editions = {1: published()}
    assert run("--zone", "stop.list", "--stop-host", "stop.mamori.example").exit_code == 0
    zone = (tmp_path / "out" / "rpz.zone").read_text()
    assert "\nsite.example.stop.list. 60 IN CNAME stop.mamori.example.\n" in zone


def test_the_kill_switch_empties_the_files(face, run, good, tmp_path) -> None:
    killed = signed(kill_statement(3, reason="order:1"), REVIEWER)
    files = write_files(SECOND) | {CHANGES: write_delta(Delta(statements=frozenset({killed})))}
    digests = {name: FileDigest.of(data) for name, data in files.items()}
    until = NOW_HERE + timedelta(days=1)
    face.editions[3] = files | sign_files(
        3, digests, keys=SERVICE, roots=[ROOT], version=6, now=NOW_HERE, expires=until
    )
    assert "edition 3: 0 names, 0 pages" in run("--canary", "canary.mamori.example").output
    assert all(b".example" not in loaded(tmp_path)[name] for name in (HOSTS, "rpz.zone"))


def test_what_waits_is_left_out_before_its_ring(face, run, tmp_path) -> None:
    new = entry("waits.example")
    delta = Delta(
        frozenset({new}),
        statements=frozenset({signed(activation_statement(new), REVIEWER, APPROVER)}),
        waits={new.entry_id: 0},
    )
    files = write_files(SECOND) | {CHANGES: write_delta(delta)}
    digests = {name: FileDigest.of(data) for name, data in files.items()}
    until = NOW_HERE + timedelta(days=1)
    told = sign_files(3, digests, keys=SERVICE, roots=[ROOT], version=6, now=NOW_HERE, expires=until)
    face.editions = {3: files | told | {"members.json": SIGNED_MEMBERS}}
    for ring, has_it in ((2, False), (0, True), (1, False)):
        assert run("--ring", str(ring)).exit_code == 0
        assert [b"waits.example" in loaded(tmp_path)[name] for name in (HOSTS, "rpz.zone")] == [has_it] * 2
    assert run().exit_code == 0
    assert b"waits.example" not in loaded(tmp_path)[HOSTS]
    assert run("--ring", "3").exit_code == 2


def first(face: Face) -> None:
    """An old publication, offered again."""
    face.editions = {2: published(FIRST, 4)}


def older_metadata(face: Face) -> None:
    """A fresh signature under an edition that is older."""
    face.editions = {2: published(FIRST, 9)}


def expired(face: Face) -> None:
    """The face goes on offering what it has: signatures have an end."""
    face.editions = {2: published(SECOND, 6, days=-1)}


def mixed(face: Face) -> None:
    face.editions[3] = published(SECOND, 6) | {"snapshot.json": published(FIRST, 7)["snapshot.json"]}


def mixed_lists(face: Face) -> None:
    newer = edition(3, ENTRIES)
    face.editions[3] = published(newer, 6) | {"names.jsonl": published(SECOND, 6)["names.jsonl"]}


def shortened(face: Face) -> None:
    files = published(edition(3, ENTRIES), 6)
    face.editions[3] = files | {"names.jsonl": files["names.jsonl"][:-20]}


def strangers(face: Face) -> None:
    face.editions[3] = published(edition(3, ENTRIES), 6, STRANGERS)


def foreign_root(face: Face) -> None:
    root = sign_root(STRANGERS, root_keys=ROOT_KEYS[:1], threshold=1, expires=NOW_HERE + timedelta(days=9), version=2)
    face.editions[3] = published(edition(3, ENTRIES), 6, STRANGERS, root)


def nonsense(face: Face) -> None:
    face.editions[3] = published(edition(3, ENTRIES), 6) | {"timestamp.json": b"<html>"}


def one_missing(face: Face) -> None:
    face.editions[3] = published(edition(3, ENTRIES), 6)
    del face.editions[3]["names.jsonl"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (first, "The edition is older than the one already loaded."),
        (older_metadata, "The edition is older than the one already loaded."),
        (expired, "The edition's signatures have expired."),
        (mixed, "A file of the edition differs from what was signed."),
        (mixed_lists, "A file of the edition differs from what was signed."),
        (shortened, "A file of the edition differs from what was signed."),
        (strangers, "The edition is not signed by the list's keys"),
        (foreign_root, "The edition is not signed by the list's keys"),
        (nonsense, "A file of the edition cannot be read."),
        (one_missing, "A file of the edition is missing."),
    ],
)
def test_what_is_not_the_list_is_refused_and_the_last_good_one_stays(face, run, good, tmp_path, fault, words) -> None:
    fault(face)
    done = run("--reload", f"touch {tmp_path / 'reloaded'}")
    assert (done.exit_code, f"REFUSED: {words}" in done.stderr) == (1, True), done.output
    assert "in force here: edition 2, signed until " in done.stderr
    assert loaded(tmp_path) == good
    face.editions = {4: published(edition(4, ENTRIES), 10)}
    assert run().exit_code == 0, "a fault leaves nothing that stands in the way of the next edition"


def endless_timestamp(face: Face) -> None:
    face.endless = {"timestamp.json"}


def endless_list(face: Face) -> None:
    face.editions[3] = published(edition(3, ENTRIES), 6)
    face.endless = {"names.jsonl"}


def cut(face: Face) -> None:
    face.editions[3] = published(edition(3, ENTRIES), 6)
    face.cut = {"names.jsonl"}


def refusing(face: Face) -> None:
    face.status = 403


def ill(face: Face) -> None:
    face.status = 503


def empty(face: Face) -> None:
    face.editions = {}


def gone(face: Face) -> None:
    face.url = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (endless_timestamp, "a file is longer than it may be"),
        (endless_list, "a file is longer than it may be"),
        (cut, "no whole answer from the partner API"),
        (refusing, "the partner API refuses the token"),
        (ill, "the partner API answers 503; try again later"),
        (empty, "the partner API has no edition yet"),
        (gone, "no whole answer from the partner API"),
    ],
)
def test_when_the_list_cannot_be_had_the_last_good_one_stays(face, run, good, tmp_path, fault, words) -> None:
    fault(face)
    done = run()
    assert (done.exit_code, words in done.stderr) == (2, True), done.output
    assert "read to the end" not in face.asked
    assert loaded(tmp_path) == good


def test_a_new_root_of_the_former_keys_is_followed_and_remembered(face, run, good) -> None:
    new_keys = (*ROOT_KEYS[:1], ROOT_KEYS[1])
    later = sign_root(
        STRANGERS,
        root_keys=new_keys,
        threshold=2,
        expires=NOW_HERE + timedelta(days=9),
        version=2,
        former_root_keys=ROOT_KEYS,
    )
    face.editions[3] = published(edition(3, ENTRIES), 6, STRANGERS, later)
    assert run().exit_code == 0
    face.editions[4] = published(edition(4, ENTRIES), 7)
    refused = run()
    assert (refused.exit_code, "not signed by the list's keys" in refused.stderr) == (1, True)


def test_programs_are_reloaded_after_a_change_and_again_until_they_took_it(face, run, tmp_path) -> None:
    face.editions = {1: published()}
    log = tmp_path / "log"
    assert run("--reload", "false").exit_code == 2
    assert "the reload command ended with 1" in run("--reload", "sh -c 'echo no such zone >&2; exit 1'").stderr
    assert "did not run" in run("--reload", str(tmp_path / "none")).stderr
    done = run("--reload", f"sh -c 'echo once >> {log}'")
    assert (done.exit_code, "reloaded" in done.output, log.read_text()) == (0, True, "once\n")
    assert "reloaded" not in run("--reload", f"sh -c 'echo once >> {log}'").output
    assert log.read_text() == "once\n"


def test_what_cannot_be_done_as_asked_is_said_in_one_line(face, run, tmp_path) -> None:
    face.editions = {1: published()}
    (tmp_path / "empty").write_text("")
    (tmp_path / "wrong").write_text("another")
    assert "the partner API needs a token" in run(token="empty").stderr
    assert "refuses the token" in run(token="wrong").stderr
    assert "there is no format hosts" in run(formats=("hosts",)).stderr
    assert "none was fetched yet" in run(formats=("hosts",)).stderr
    assert "stop_host" in run("--stop-host", "no host").stderr
    assert "zone's name" in run("--zone", "a b").stderr
    for done in (run("--zone", "a b"), run(formats=("hosts",)), run(token="wrong")):
        assert done.exit_code == 2
    (tmp_path / "root.json").write_text("{}")
    assert run().exit_code in {1, 2}
    (tmp_path / "root.json").unlink()
    assert run().exit_code == 2
    plain = CliRunner().invoke(
        app,
        ["list", "pull", "http://list.example", str(tmp_path), "--root", "r", "--format", HOSTS],
        env={"MAMORI_TOKEN": "t"},
    )
    assert "https:// only" in plain.stderr


def test_two_pulls_do_not_work_in_one_folder(face, run, good, tmp_path) -> None:
    holder = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); "
        "sys.stdin.read()"
    )
    lock = tmp_path / "out" / ".edition" / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
    ) as held:
        assert held.stdout is not None
        held.stdout.readline()
        done = run()
        assert held.stdin is not None
        held.stdin.close()
    assert (done.exit_code, "another pull works in this folder" in done.stderr) == (2, True)
