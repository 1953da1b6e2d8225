"""The witness: as a real process over HTTP, killed and restarted; its storage; its refusals."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mamori.engine.transparency.audit import Kind, verify_log
from mamori.engine.transparency.chain import GENESIS, ChainedEvent, link
from mamori.engine.transparency.checkpoint import (
    AddCheckpoint,
    Checkpoint,
    accept_cosignatures,
    open_checkpoint,
    sign_checkpoint,
)
from mamori.engine.transparency.merkle import Tree
from mamori.engine.transparency.note import NoteKey, NoteSigner
from mamori.tools.audit_verify import fork_notes, stored_notes
from mamori.tools.witness import Witness, WitnessError, WitnessServer, origin_id, set_up

LOG = NoteSigner("log.example", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
OTHER = NoteSigner("other.example", Ed25519PrivateKey.from_private_bytes(b"o" * 32))
NAME = "witness.example/w1"


def sealed(count, salt=b""):
    rows, previous = [], GENESIS
    for seq in range(1, count + 1):
        event = b'{"n":%d}' % seq + salt
        rows.append(ChainedEvent(seq, event, previous, link(previous, seq, event)))
        previous = rows[-1].hash
    return rows


def tree_of(rows):
    tree = Tree()
    tree.extend(row.hash for row in rows)
    return tree


ROWS = sealed(40)
TREE = tree_of(ROWS)
FORK = tree_of(sealed(40, b" "))


def request(old, size, tree=TREE, signer=LOG, proof=None):
    note = sign_checkpoint(Checkpoint(signer.name, size, tree.root(size)), signer)
    if proof is None:
        proof = tree.consistency_proof(old, size) if old <= size else ()
    return str(AddCheckpoint(old, tuple(proof), note)).encode()


@pytest.fixture
def folder(tmp_path):
    set_up(tmp_path / "w", NAME, [LOG.key.vkey])
    return tmp_path / "w"


@pytest.fixture
def witness(folder):
    clock = iter(range(1000, 10_000))
    opened = Witness(folder, lambda: next(clock))
    yield opened
    opened.close()


@pytest.fixture
def server(witness):
    """A served witness: function (method, path, body) -> (status, type, text)."""
    http_server = WitnessServer(("127.0.0.1", 0), witness)
    thread = threading.Thread(target=http_server.serve_forever)
    thread.start()
    yield http_server
    http_server.shutdown()
    thread.join()
    http_server.server_close()


def call(port, method, path, body=None, headers=None):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
    return answer.status, answer.headers["Content-Type"], text


def start(folder, *more):
    """The witness as a process of its own: (process, port)."""
    command = [
        sys.executable,
        "-c",
        "from mamori.tools.cli import app; app()",
        "witness",
        "serve",
        str(folder),
        "--port",
        "0",
    ]
    environment = {**os.environ, "PYTHONPATH": "src"}
    process = subprocess.Popen(
        [*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return process, int(re.search(r":(\d+)/", line)[1])


def stop(process, with_signal=signal.SIGINT):
    process.send_signal(with_signal)
    process.wait(10)
    process.stdout.close()
    process.stderr.close()


def test_a_growing_log_is_cosigned_and_kept(witness, folder):
    notes = []
    for old, size in ((0, 5), (5, 6), (6, 40)):
        answer = witness.add_checkpoint(request(old, size))
        assert answer.status == 200
        raw = sign_checkpoint(Checkpoint("log.example", size, TREE.root(size)), LOG)
        merged = accept_cosignatures(raw, answer.body, [witness.key])
        assert open_checkpoint(merged, LOG.key, [witness.key]).cosignatures[0].time >= 1000
        notes.append(merged)
    assert stored_notes(folder, "log.example") == notes
    assert witness.latest("log.example") == notes[-1]
    report = verify_log(ROWS, notes, stored_notes(folder, "log.example"), LOG.key, [witness.key])
    assert (report.ok, report.witnessed) == (True, 40)


def test_the_same_checkpoint_is_cosigned_again_with_a_newer_time_and_kept_once(witness, folder):
    first = witness.add_checkpoint(request(0, 5))
    second = witness.add_checkpoint(request(5, 5))
    assert (first.status, second.status) == (200, 200)
    assert first.body != second.body
    assert len(stored_notes(folder, "log.example")) == 1


def test_refusals_have_the_codes_of_the_specification(witness):
    assert witness.add_checkpoint(request(0, 10)).status == 200
    stale = witness.add_checkpoint(request(5, 20))
    assert (stale.status, stale.content_type, stale.body) == (409, "text/x.tlog.size", "10\n")
    for body, status in (
        (b"rubbish", 400),
        (request(20, 10), 400),
        (request(10, 20, signer=OTHER), 404),
        (request(10, 20, signer=NoteSigner("log.example", OTHER.private)), 403),
        (request(10, 20, tree=FORK), 422),
        (request(10, 20, proof=TREE.consistency_proof(9, 20)), 422),
        (request(10, 20, proof=()), 422),
        (request(10, 10, tree=FORK), 409),
        (request(0, 20), 409),
        (request(10, 20).replace(b"\n\nlog", b"\n\nLog"), 404),
        (request(10, 20).replace(b"\n20\n", b"\n21\n"), 403),
    ):
        answer = witness.add_checkpoint(body)
        assert answer.status == status, body
        assert "\N{EM DASH}" not in answer.body
    assert witness.add_checkpoint(request(10, 20)).status == 200


def test_an_empty_log_may_be_witnessed_first_and_a_proof_from_nothing_must_be_empty(witness):
    assert witness.add_checkpoint(request(0, 7, proof=[bytes(32)])).status == 422
    assert witness.add_checkpoint(request(0, 0)).status == 200
    assert witness.add_checkpoint(request(0, 7)).status == 200


def test_a_fork_is_kept_once_as_proof_against_the_log(witness, folder):
    witness.add_checkpoint(request(0, 10))
    for _ in range(3):
        assert witness.add_checkpoint(request(10, 10, tree=FORK)).status == 409
    (proof,) = fork_notes(folder, "log.example")
    own = [sign_checkpoint(Checkpoint("log.example", 10, TREE.root(10)), LOG), proof]
    report = verify_log(ROWS, own, stored_notes(folder, "log.example"), LOG.key, [witness.key])
    assert Kind.FORKED in {finding.kind for finding in report.findings}


def test_a_clock_set_back_does_not_make_times_run_backwards(folder):
    times = iter([5000, 4000])
    witness = Witness(folder, lambda: next(times))
    for old, size in ((0, 5), (5, 6)):
        witness.add_checkpoint(request(old, size))
    witness.close()
    found = [
        open_checkpoint(raw, LOG.key, [witness.key]).cosignatures[0].time for raw in stored_notes(folder, "log.example")
    ]
    assert found == [5000, 5000]


def test_two_processes_cannot_serve_one_folder(witness, folder):
    with pytest.raises(WitnessError, match="another process"):
        Witness(folder, lambda: 1)


def test_a_folder_that_is_no_witness_or_anothers_is_refused(folder, tmp_path):
    with pytest.raises(WitnessError, match="not set up"):
        Witness(tmp_path, lambda: 1)
    with pytest.raises(WitnessError, match="belongs to"):
        set_up(folder, "witness.example/w2", [])


def test_a_second_log_is_added_and_the_key_kept(folder):
    before = set_up(folder, NAME, [])
    assert set_up(folder, NAME, [OTHER.key.vkey, LOG.key.vkey]) == before
    witness = Witness(folder, lambda: 9)
    assert witness.add_checkpoint(request(0, 3, signer=OTHER)).status == 200
    assert witness.add_checkpoint(request(0, 4)).status == 200
    witness.close()


def test_after_a_crash_between_history_and_state_the_history_counts(folder):
    """The two writes of one answer can be cut apart by a crash; nothing cosigned is forgotten."""
    witness = Witness(folder, lambda: 9)
    witness.add_checkpoint(request(0, 5))
    state = folder / f"{origin_id('log.example')}.latest"
    before = state.read_text()
    witness.add_checkpoint(request(5, 8))
    witness.close()
    state.write_text(before)
    witness = Witness(folder, lambda: 9)
    assert witness.add_checkpoint(request(5, 9)).body == "8\n"
    assert witness.add_checkpoint(request(8, 9)).status == 200
    witness.close()


def test_a_line_cut_off_by_a_crash_is_dropped_and_written_over(folder):
    witness = Witness(folder, lambda: 9)
    witness.add_checkpoint(request(0, 5))
    witness.close()
    history = folder / f"{origin_id('log.example')}.jsonl"
    with history.open("a") as file:
        file.write('{"note": "log.exam')
    witness = Witness(folder, lambda: 9)
    assert witness.add_checkpoint(request(5, 8)).status == 200
    witness.close()
    assert len(stored_notes(folder, "log.example")) == 2


def test_a_damaged_state_stops_the_start(folder):
    witness = Witness(folder, lambda: 9)
    witness.add_checkpoint(request(0, 5))
    witness.close()
    state = folder / f"{origin_id('log.example')}.latest"
    state.write_text(state.read_text().replace("\n5\n", "\n4\n"))
    with pytest.raises(WitnessError, match="damaged"):
        Witness(folder, lambda: 9)


def test_what_cannot_be_stored_is_not_cosigned(server, witness, folder):
    port = server.server_port
    assert call(port, "POST", "/add-checkpoint", request(0, 5))[0] == 200
    for blocker in (f"{origin_id('log.example')}.latest.new",):
        (folder / blocker).mkdir()
        status, _, text = call(port, "POST", "/add-checkpoint", request(5, 8))
        assert status == 500
        assert "\N{EM DASH}" not in text
        (folder / blocker).rmdir()
    assert call(port, "POST", "/add-checkpoint", request(5, 8))[0] == 200


def test_http_serves_the_two_calls_and_nothing_else(server):
    port = server.server_port
    where = "/checkpoints?origin=" + quote("log.example")
    assert call(port, "GET", where)[0] == 404
    status, kind, line = call(port, "POST", "/add-checkpoint", request(0, 5))
    assert (status, kind) == (200, "text/plain; charset=utf-8")
    assert line.startswith(f"\N{EM DASH} {NAME} ")
    status, _, note = call(port, "GET", where)
    assert status == 200
    assert open_checkpoint(note, LOG.key, [server.witness.key]).cosignatures
    assert call(port, "POST", "/add-checkpoint", request(0, 9)) == (409, "text/x.tlog.size", "5\n")
    for method, path, body, headers, expected in (
        ("GET", "/", None, {}, 404),
        ("GET", "/checkpoints", None, {}, 404),
        ("GET", "/checkpoints?origin=other.example", None, {}, 404),
        ("POST", "/checkpoints", b"x", {}, 404),
        ("POST", "/add-checkpoint", b"x" * 65_537, {}, 413),
        ("POST", "/add-checkpoint", None, {"Content-Length": "x"}, 411),
        ("POST", "/add-checkpoint", None, {"Content-Length": "9" * 5000}, 413),
        ("DELETE", "/checkpoints", None, {}, 501),
    ):
        assert call(port, method, path, body, headers)[0] == expected


def test_of_two_requests_at_once_one_wins_and_the_other_is_told_the_size(server):
    port = server.server_port
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda size: call(port, "POST", "/add-checkpoint", request(0, size)), range(1, 33)))
    won = [size for size, answer in enumerate(answers, 1) if answer[0] == 200]
    assert len(won) == 1
    assert {answer[2] for answer in answers if answer[0] == 409} == {f"{won[0]}\n"}


def test_a_process_restarted_remembers_what_it_cosigned(folder):
    process, port = start(folder)
    assert call(port, "POST", "/add-checkpoint", request(0, 10))[0] == 200
    stop(process)
    assert process.returncode == 0
    process, port = start(folder)
    assert call(port, "POST", "/add-checkpoint", request(0, 20)) == (409, "text/x.tlog.size", "10\n")
    assert call(port, "POST", "/add-checkpoint", request(10, 20, tree=FORK))[0] == 422
    assert call(port, "POST", "/add-checkpoint", request(10, 10, tree=FORK))[0] == 409
    assert call(port, "POST", "/add-checkpoint", request(10, 20))[0] == 200
    stop(process)


def test_a_killed_process_never_forgets_an_answer(folder):
    """kill -9 in the middle of a stream of requests, five times: what was answered is on disk."""
    witness_key = NoteKey.parse(
        subprocess.run(
            [
                sys.executable,
                "-c",
                "from mamori.tools.cli import app; app()",
                "witness",
                "init",
                str(folder),
                "--name",
                NAME,
            ],
            env={**os.environ, "PYTHONPATH": "src"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    answered, size = [], 0
    for round_ in range(5):
        process, port = start(folder)
        killer = threading.Timer(0.05 + 0.03 * round_, process.kill)
        killer.start()
        try:
            while size < 40:
                status, _, text = call(port, "POST", "/add-checkpoint", request(size, size + 1))
                if status == 409:  # stored, but killed before its answer reached us
                    assert int(text) == size + 1
                else:
                    assert status == 200
                    answered.append(size + 1)
                size += 1
        except (OSError, http.client.HTTPException):
            pass
        killer.join()
        stop(process, signal.SIGKILL)
    opened = [open_checkpoint(raw, LOG.key, [witness_key]) for raw in stored_notes(folder, "log.example")]
    kept = [item.checkpoint.size for item in opened]
    assert answered
    assert set(answered) <= set(kept)
    assert kept == sorted(set(kept))
    assert all(item.cosignatures and item.checkpoint.root == TREE.root(item.checkpoint.size) for item in opened)


def test_a_signature_is_on_disk_before_it_is_answered(folder, tmp_path):
    """strace shows the order: history synced, state synced and renamed, folder synced, only then the answer."""
    process, port = start(folder)
    trace = tmp_path / "trace"
    if shutil.which("strace") is None:
        stop(process)
        # Without strace the order is shown by the files: the answer is there only when both are.
        witness = Witness(folder, lambda: 9)
        assert witness.add_checkpoint(request(0, 3)).status == 200
        assert stored_notes(folder, "log.example") == [(folder / f"{origin_id('log.example')}.latest").read_text()]
        witness.close()
        return
    tracer = subprocess.Popen(
        ["strace", "-f", "-q", "-e", "trace=fsync,rename,sendto,openat", "-o", str(trace), "-p", str(process.pid)]
    )
    try:
        for _ in range(100):
            if trace.exists():
                break
            threading.Event().wait(0.05)
        threading.Event().wait(0.5)
        assert call(port, "POST", "/add-checkpoint", request(0, 3))[0] == 200
    finally:
        stop(process)
        tracer.wait(10)
    calls = re.findall(r"(fsync|rename|sendto)\(", trace.read_text())
    assert calls[: calls.index("sendto")] == ["fsync", "fsync", "fsync", "rename", "fsync"]


def test_the_history_is_plain_json_lines(witness, folder):
    witness.add_checkpoint(request(0, 5))
    (line,) = (folder / f"{origin_id('log.example')}.jsonl").read_text().splitlines()
    assert set(json.loads(line)) == {"note"}
