"""Each edition a subscriber gets is held against the witnessed log: what others got otherwise is an ALARM, no fault stops the list."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from tuf.api.metadata import Metadata, Targets
from typer.testing import CliRunner

from mamori.engine.editions import (
    BASE_FILES,
    CHANGES,
    Delta,
    FileDigest,
    ListEntry,
    edition_digest,
    kill_statement,
    sign_files,
    write_delta,
    write_files,
)
from mamori.tools.cli import app
from mamori.tools.viewed import Views
from tests.engine.people import REVIEWER, edition, entry, signed
from tests.engine.test_publish import SERVICE
from tests.tools.list_body import ROOT, SIGNED_MEMBERS
from tests.tools.witnessed_log import WitnessedLog

LATER = datetime.now(UTC) + timedelta(days=400)
ALL = frozenset({*BASE_FILES, CHANGES})
SITES = [entry(f"n{number}.example") for number in range(3)]
VICTIM = entry("victim.example")
Said = SimpleNamespace


def published(
    number: int, *more: ListEntry, kill: bool = False, version: int = 0, signs: Collection[str] = ALL
) -> dict[str, bytes]:
    """An edition's files, all of one signer and valid for long. `version`: of the publication."""
    killed = frozenset({signed(kill_statement(number, reason="order:1"), REVIEWER)} if kill else ())
    files = write_files(edition(number, [*SITES, *more])) | {CHANGES: write_delta(Delta(statements=killed))}
    digests = {name: FileDigest.of(data) for name, data in files.items() if name in signs}
    metadata = sign_files(
        number,
        digests,
        keys=SERVICE,
        roots=[ROOT],
        version=version or number,
        now=LATER,
        expires=LATER + timedelta(days=1),
    )
    return files | metadata | {"members.json": SIGNED_MEMBERS}


def digest_of(files: dict[str, bytes]) -> str:
    signed_targets = Metadata[Targets].from_bytes(files["targets.json"]).signed
    return edition_digest({name: info.hashes["sha256"] for name, info in signed_targets.targets.items()})


class Face:
    """The partner face of a list body. `proofs[number]`: what is answered, a status, or a function that writes it."""

    def __init__(self) -> None:
        self.editions: dict[int, dict[str, bytes]] = {}
        self.proofs: dict[int, object] = {}
        self.asked: list[int] = []
        face = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = self.path.removeprefix("/api/v1/list/editions/").split("/")
                if parts == ["current"]:
                    return self.tell(json.dumps({"version": max(face.editions)}).encode())
                if parts[1:] != ["proof"]:
                    found = face.editions.get(int(parts[0]), {}).get(parts[1]) if parts[0].isdecimal() else None
                    return self.tell(found)
                face.asked.append(int(parts[0]))
                found = face.proofs.get(int(parts[0]))
                if isinstance(found, int):
                    return self.send_error(found)
                return found(self) if callable(found) else self.tell(found)

            def tell(self, data: bytes | None) -> None:
                if data is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def publish(self, number: int, *more: ListEntry, **how: Any) -> str:
        """Offer an edition; its digest."""
        self.editions[number] = published(number, *more, **how)
        return digest_of(self.editions[number])


@pytest.fixture
def face() -> Iterator[Face]:
    face = Face()
    Thread(target=face.server.serve_forever, args=(0.02,), daemon=True).start()
    yield face
    face.server.shutdown()
    face.server.server_close()


@pytest.fixture
def log() -> WitnessedLog:
    return WitnessedLog()


@pytest.fixture
def run(face: Face, log: WitnessedLog, tmp_path: Path) -> Callable[..., Said]:
    """A run of `mamori list pull`, so many hours after the test began."""
    start = datetime.now(UTC)
    (tmp_path / "root.json").write_bytes(ROOT)
    (tmp_path / "token").write_text("a-token\n")

    def run(*more: object, hours: float = 0, keys: list[str] | None = None, tick: bool = False) -> Said:
        arguments = [
            "list", "pull", face.address, tmp_path / "out", "--root", tmp_path / "root.json", "--token-file", tmp_path / "token",
            "--format", "hosts.txt", *(log.options if keys is None else keys), *more,
        ]  # fmt: skip
        with time_machine.travel(start + timedelta(hours=hours), tick=tick):
            done = CliRunner().invoke(app, [str(each) for each in arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Said(code=done.exit_code, said=" ".join(done.output.split()), alarms=done.stderr.count("ALARM"))

    return run


@pytest.fixture
def notes(tmp_path: Path) -> Callable[[], dict]:
    return lambda: json.loads((tmp_path / "out" / ".edition" / "viewed" / "notes.json").read_text())["editions"]


def hosts(tmp_path: Path) -> str:
    return (tmp_path / "out" / "hosts.txt").read_text()


def kept(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "out" / ".edition" / "viewed").glob("*-*"))


def test_an_edition_is_asked_about_until_it_is_proved_and_then_no_more(face, log, run, notes, tmp_path) -> None:
    digest = face.publish(1)
    assert (run().code, face.asked) == (0, []), "no log is witnessed so soon"
    assert kept(tmp_path) == [f"1-{digest[:16]}.targets.json"]
    done = run(hours=0.02)
    assert (done.code, done.alarms, face.asked) == (0, 0, [1])
    face.proofs[1] = log.proof(1, digest)
    done = run(hours=0.05)
    assert (done.code, done.alarms, face.asked) == (0, 0, [1, 1])
    assert (notes()["1"]["proved"], kept(tmp_path)) == (True, [])
    assert run(hours=100).alarms == 0
    assert face.asked == [1, 1]


def test_without_keys_nothing_is_asked_and_one_without_the_other_is_refused(face, log, run, tmp_path) -> None:
    face.publish(1)
    assert run(keys=[]).code == 0
    assert not (tmp_path / "out" / ".edition" / "viewed").exists()
    for keys in (log.options[:2], log.options[2:]):
        done = run(keys=keys)
        assert (done.code, "--log-key needs --witness-key" in done.said) == (2, True)
    assert run(keys=["--log-key", "no key", *log.options[2:]]).code == 2


def test_another_list_under_the_number_in_the_log_is_an_alarm_until_a_person_settles_it(
    face, log, run, tmp_path
) -> None:
    mine = face.publish(1, VICTIM)
    assert run().code == 0
    face.proofs[1] = log.proof(1, digest_of(published(1)))
    found = run(hours=0.02)
    assert (found.code, found.alarms) == (1, 1), found.said
    assert "ALARM: another edition 1 than the one you got stands in the log" in found.said
    assert "in force here: edition 1" in found.said
    assert kept(tmp_path) == [f"1-{mine[:16]}.targets.json", "1-log.proof.json"], "what shows it is kept"
    before = hosts(tmp_path)
    face.publish(2)
    for hours in (0.1, 40):
        refused = run(hours=hours)
        assert (refused.code, refused.alarms, hosts(tmp_path)) == (1, 1, before), refused.said
        assert "REFUSED: edition 2 is not let in while the split view of edition 1 is open" in refused.said
    face.proofs[1] = log.proof(1, mine)
    assert run(hours=41).code == 1, "the list body does not take it back"

    def settle(number: int) -> int:
        done = CliRunner().invoke(app, ["list", "settle", str(tmp_path / "out"), str(number)])
        assert done.exit_code or mine in done.output
        return done.exit_code

    assert settle(2) == 2
    assert settle(1) == 0
    assert settle(1) == 2, "nothing is open any more"
    done = run(hours=41.1)
    assert (done.code, "victim" in hosts(tmp_path)) == (0, False), done.said
    assert "1-log.proof.json" in kept(tmp_path)
    # Settled is what was seen, not whatever comes under that number.
    digest = face.publish(2, entry("third.example"), version=9)
    assert run(hours=41.2).code == 1
    assert f"2-{digest[:16]}.targets.json" in kept(tmp_path)


def test_a_split_that_is_open_holds_back_no_kill_switch(face, log, run, tmp_path) -> None:
    face.publish(1, VICTIM)
    run()
    face.proofs[1] = log.proof(1, "0" * 64)
    assert run(hours=0.02).code == 1
    face.publish(2, kill=True)
    done = run(hours=0.03)
    assert (done.code, done.alarms, ".example" in hosts(tmp_path)) == (1, 1, False), done.said


def test_two_editions_of_one_number_are_seen_without_the_log(face, run, tmp_path, notes) -> None:
    face.publish(1)
    assert run().code == 0
    before = hosts(tmp_path)
    second = face.publish(1, VICTIM, version=2)
    done = run(hours=0.01)
    assert (done.code, done.alarms, hosts(tmp_path)) == (1, 1, before), done.said
    assert "ALARM: two different editions of number 1 came" in done.said
    assert notes()["1"]["others"] == {second: "list"}
    assert len(kept(tmp_path)) == 2
    assert run(hours=0.02).code == 1


def test_an_edition_that_is_never_proved_is_an_alarm_and_the_list_goes_on(face, log, run, tmp_path) -> None:
    face.publish(1)
    run()
    assert run(hours=47.9).alarms == 0
    face.publish(2, VICTIM)
    late = run(hours=48.1)
    assert (late.code, late.alarms, "victim" in hosts(tmp_path)) == (0, 1, True), late.said
    assert (
        "what you got as edition 1 is what others got, 48 hours after it came (it is not in the witnessed log"
        in late.said
    )
    assert run("--proof-hours", 60, hours=49).alarms == 0
    both = run(hours=97)
    assert (both.code, "as edition 1, 2 is" in both.said) == (0, True), both.said


def drips(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "9999")
    handler.end_headers()
    try:
        for _ in range(400):
            handler.wfile.write(b" ")
            time.sleep(0.05)
    except OSError:
        return


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "9999")
    handler.end_headers()
    handler.wfile.write(b"{")


def of_another_log(log: WitnessedLog, digest: str) -> bytes:
    return WitnessedLog("other.example/log").proof(1, digest)


def of_another_key(log: WitnessedLog, digest: str) -> bytes:
    return WitnessedLog().proof(1, digest)


def unwitnessed(log: WitnessedLog, digest: str) -> bytes:
    told = json.loads(log.proof(1, digest))
    return json.dumps(told | {"checkpoint": "".join(told["checkpoint"].splitlines(keepends=True)[:-1])}).encode()


def of_another_edition(log: WitnessedLog, digest: str) -> bytes:
    return log.proof(2, digest)


def altered(log: WitnessedLog, digest: str) -> bytes:
    told = json.loads(log.proof(1, "0" * 64))
    return json.dumps(told | {"event": told["event"].replace("0" * 64, digest, 1)}).encode()


def outside_the_tree(log: WitnessedLog, digest: str) -> bytes:
    log.proof(7, digest)
    return json.dumps(json.loads(log.proof(1, digest)) | {"proof": []}).encode()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (of_another_log, "the checkpoint is of other.example/log"),
        (of_another_key, "the note is not signed by a trusted key"),
        (unwitnessed, "no trusted witness cosigned"),
        (of_another_edition, "the proof is of edition 2, not of 1"),
        (altered, "not what was sealed"),
        (outside_the_tree, "does not stand in the log"),
        (lambda *_: b"<html>", "no proof of an edition"),
        (lambda *_: b"\xff" * 300_000, "no proof of an edition"),
        (lambda *_: b"[" * 100_000, "no proof of an edition"),
    ],
)
def test_what_is_no_proof_proves_nothing_and_contradicts_nothing(face, log, run, notes, made, words) -> None:
    face.proofs[1] = made(log, face.publish(1))
    run()
    done = run(hours=0.02)
    assert (done.code, done.alarms, words in done.said) == (0, 0, True), done.said
    assert (notes()["1"]["proved"], notes()["1"]["others"]) == (False, {})
    late = run(hours=49)
    assert (late.code, late.alarms, words in late.said) == (0, 1, True), late.said


@pytest.mark.parametrize("fault", [401, 403, 429, 500, 503, cut])
def test_no_fault_of_the_network_stops_the_list(face, log, run, tmp_path, fault) -> None:
    digest = face.publish(1)
    face.proofs[1] = face.proofs[2] = fault
    run()
    face.publish(2, VICTIM)
    done = run(hours=0.02)
    assert (done.code, done.alarms, "victim" in hosts(tmp_path), face.asked) == (0, 0, True, [1]), done.said
    run(hours=0.033)
    assert face.asked == [1], "after a fault nothing is asked for a minute, though the second is due"
    late = run(hours=50)
    assert (late.code, late.alarms, "no answer to go by" in late.said) == (0, 1, True), late.said
    assert len(face.asked) == 2, "one fault ends the asking of a run"
    face.proofs = {1: log.proof(1, digest)}
    assert "as edition 2 is" in run(hours=51).said


def test_a_proof_that_drips_is_not_waited_for(face, run, monkeypatch) -> None:
    face.publish(1)
    face.proofs[1] = drips
    run()
    monkeypatch.setattr("mamori.tools.viewed._LONGEST", 0.3)
    begun = time.monotonic()
    assert run(hours=0.02, tick=True).code == 0
    assert time.monotonic() - begun < 10


def test_a_proof_without_end_is_not_read(face, run) -> None:
    written = []

    def pours(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(500):
                handler.wfile.write(b" " * 65536)
                written.append(1)
        except OSError:
            return

    face.publish(1)
    face.proofs[1] = pours
    run()
    done = run(hours=0.02)
    assert (done.code, "the proof is of no use" in done.said, len(written) < 500) == (0, True, True)


def test_a_run_asks_for_few_proofs_and_all_are_asked_for_in_turn(face, log, run) -> None:
    digests = {}
    for number in range(1, 31):
        digests[number] = face.publish(number)
        assert run().code == 0
    assert face.asked == []
    run(hours=0.02)
    assert face.asked == list(range(1, 21))
    run(hours=0.02)
    assert face.asked == list(range(1, 31))
    face.asked.clear()
    for minute in range(2, 60 * 24, 7):
        run(hours=minute / 60)
    assert max(map(face.asked.count, range(1, 31))) < 60, "ever more seldom"
    face.proofs = {number: log.proof(number, digest) for number, digest in digests.items()}
    face.asked.clear()
    for hours in (47, 47.5):
        run(hours=hours)
    assert sorted(face.asked) == list(range(1, 31))
    assert run(hours=60).alarms == 0


CRASHES = """
import os, sys
from pathlib import Path
import mamori.tools.pull as pull
from mamori.tools.cli import app
def dies(*_):
    os._exit(9)
pull._write = dies
sys.argv = ["mamori", *sys.argv[1:]]
app()
"""


def test_after_a_crash_between_an_edition_that_came_is_still_held_against_the_log(
    face, log, run, notes, tmp_path
) -> None:
    """It was noted before anything was written, so that it stays to be proved though it was never in force."""
    face.publish(1)
    assert run().code == 0
    mine = face.publish(2, VICTIM)
    died = subprocess.run(
        [sys.executable, "-c", CRASHES, "list", "pull", face.address, tmp_path / "out", "--root", tmp_path / "root.json",
         "--token-file", tmp_path / "token", "--format", "hosts.txt", *log.options],
        env=os.environ, check=False,
    )  # fmt: skip
    assert died.returncode == 9
    assert notes()["2"]["digest"] == mine
    face.publish(3)
    assert run().code == 0
    face.proofs[2] = log.proof(2, "0" * 64)
    assert run(hours=1).code == 1


def test_a_targets_file_that_leaves_some_of_the_list_to_others_is_refused(face, run) -> None:
    """Its digest would not be that of all that is read."""
    face.publish(1)
    assert run().code == 0
    face.publish(2, signs=ALL - {BASE_FILES[-1]})
    assert run(keys=[]).code == 0
    done = run()
    assert (done.code, "cannot be read" in done.said) == (1, True), done.said


def test_a_clock_that_was_wrong_loses_nothing(face, run, notes) -> None:
    face.publish(1)
    run(hours=24)
    assert run(hours=0).alarms == 0
    run(hours=0.02)
    assert face.asked == [1, 1], "at the time that is right"
    assert run(hours=50).alarms == 1
    assert run(hours=24 * 365).alarms == 1
    assert "1" in notes()


def test_a_guard_repeats_an_alarm_each_hour_only(tmp_path, log) -> None:
    said: list[str] = []
    views = Views(tmp_path, log.signer.key, [log.witness.cosigning_key], patience=0, now=lambda: 1e9)
    place = tmp_path / "viewed"
    place.mkdir()
    note = {"digest": "a", "at": 0, "due": 2e9, "proved": False, "word": "", "others": {"b": "log"}}
    (place / "notes.json").write_text(json.dumps({"editions": {"4": note}, "rest": 0}))
    for _look in range(3):
        assert views.look(None, said.append)  # type: ignore[arg-type]
    assert len(said) == 1


def test_notes_that_cannot_be_read_are_said(face, run, tmp_path) -> None:
    face.publish(1)
    run()
    (tmp_path / "out" / ".edition" / "viewed" / "notes.json").write_text("{")
    done = run()
    assert (done.code, "notes.json cannot be read" in done.said) == (2, True)
