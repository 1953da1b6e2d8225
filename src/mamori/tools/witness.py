"""A witness of transparency logs after C2SP tlog-witness: it cosigns a checkpoint only if it continues the last one.

It runs outside the organisation whose log it watches, with its own key and folder:

    key.pem, key.pem.pub    its Ed25519 key
    witness.json            its name and the verifier keys of the logs it watches
    <origin id>.latest      the newest cosigned checkpoint of a log, replaced by rename
    <origin id>.jsonl       every distinct checkpoint it cosigned, only appended to
    <origin id>.forks.jsonl checkpoints a log signed that contradict the newest one: proof of a fork

Whatever it answers with 200 is on disk before the answer leaves.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

from mamori.engine.files import sync_folder, write_whole
from mamori.engine.keys import create_signing_key, load_signing_key
from mamori.engine.transparency.checkpoint import AddCheckpoint, Checkpoint
from mamori.engine.transparency.merkle import EMPTY_ROOT, ProofError, verify_consistency
from mamori.engine.transparency.note import NoteError, NoteKey, NoteSigner, SignedNote

MAX_BODY = 64 * 1024
SOCKET_TIMEOUT = 10.0
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"
_TAIL = 256 * 1024


class WitnessError(Exception):
    """The witness cannot start or be set up; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What to send over HTTP."""

    status: HTTPStatus
    body: str
    content_type: str = TEXT_TYPE


@dataclass
class _Log:
    """What the witness knows of one log."""

    keys: list[NoteKey]
    latest: Checkpoint
    time: int
    note: str | None


def set_up(folder: Path, name: str, logs: Iterable[str]) -> NoteKey:
    """Create a witness in `folder`, or add logs (verifier keys) to one; returns its cosigning key.

    WitnessError if the folder is another witness's; KeyFileError, NoteError for unusable keys.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, key_path = folder / "witness.json", folder / "key.pem"
    known = json.loads(path.read_text()) if path.exists() else {"name": name, "logs": []}
    if known["name"] != name:
        raise WitnessError(f"{folder} belongs to the witness {known['name']}")
    vkeys = list(dict.fromkeys([*known["logs"], *(NoteKey.parse(vkey).vkey for vkey in logs)]))
    if not key_path.exists():
        create_signing_key(key_path)
    key = NoteSigner(name, load_signing_key(key_path)).cosigning_key
    write_whole(path, json.dumps({"name": name, "logs": vkeys}, indent=2).encode() + b"\n")
    return key


class Witness:
    """The witness of one folder, for several threads of one process. `clock` gives POSIX seconds."""

    def __init__(self, folder: Path, clock: Callable[[], int]) -> None:
        """WitnessError if the folder is not set up or another process serves it."""
        self._folder = folder
        self._clock = clock
        self._mutex = threading.Lock()
        try:
            config = json.loads((folder / "witness.json").read_text())
            self._lock_file = (folder / "lock").open("w")
        except OSError as error:
            raise WitnessError(f"{folder} is not set up as a witness: {error.strerror}") from error
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock_file.close()
            raise WitnessError(f"another process serves {folder}") from error
        self._logs: dict[str, _Log] = {}
        try:
            self._signer = NoteSigner(config["name"], load_signing_key(folder / "key.pem"))
            for key in map(NoteKey.parse, config["logs"]):
                if key.name not in self._logs:
                    self._logs[key.name] = self._load(key.name)
                self._logs[key.name].keys.append(key)
        except Exception:
            self.close()
            raise

    @property
    def key(self) -> NoteKey:
        """The key that checks this witness's cosignatures."""
        return self._signer.cosigning_key

    def close(self) -> None:
        """Let another process serve the folder."""
        self._lock_file.close()

    def latest(self, origin: str) -> str | None:
        """The newest cosigned checkpoint of a log, as a note; None if there is none."""
        log = self._logs.get(origin)
        return log.note if log else None

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a request `POST /add-checkpoint`."""
        try:
            request = AddCheckpoint.parse(body)
            note = SignedNote.parse(request.note)
            checkpoint = Checkpoint.parse(note.text)
        except NoteError as error:
            return _refuse(HTTPStatus.BAD_REQUEST, str(error))
        log = self._logs.get(checkpoint.origin)
        if log is None:
            return _refuse(HTTPStatus.NOT_FOUND, "this log is not known here")
        try:
            note.verify(log.keys)
        except NoteError as error:
            return _refuse(HTTPStatus.FORBIDDEN, str(error))
        if request.old_size > checkpoint.size:
            return _refuse(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint")
        with self._mutex:
            return self._advance(log, request, note, checkpoint)

    def _advance(self, log: _Log, request: AddCheckpoint, note: SignedNote, checkpoint: Checkpoint) -> Answer:
        latest = log.latest
        same_size = log.note is not None and checkpoint.size == latest.size
        if same_size and checkpoint.root != latest.root:
            self._keep_fork(note)
            return Answer(HTTPStatus.CONFLICT, f"{latest.size}\n", SIZE_TYPE)
        if request.old_size != latest.size:
            return Answer(HTTPStatus.CONFLICT, f"{latest.size}\n", SIZE_TYPE)
        try:
            verify_consistency(latest.size, checkpoint.size, latest.root, checkpoint.root, request.proof)
        except ProofError as error:
            return _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        # A clock that was set back must not make the cosignatures contradict their order.
        time = max(self._clock(), log.time)
        line = self._signer.cosign(note.text, time)
        known = {(key.name, key.key_id) for key in log.keys}
        signed = SignedNote(note.text, tuple(s for s in note.signatures if (s.name, s.key_id) in known)).add([line])
        if log.note is None or checkpoint != latest:
            _append(self._path(checkpoint.origin, ".jsonl"), str(signed))
        write_whole(self._path(checkpoint.origin, ".latest"), str(signed).encode())
        log.latest, log.time, log.note = checkpoint, time, str(signed)
        return Answer(HTTPStatus.OK, str(line))

    def _load(self, origin: str) -> _Log:
        """The newest state on disk. The history is written first, so after a crash it may be ahead of `.latest`."""
        found = [raw for raw in (_last(self._path(origin, ".jsonl")), _read(self._path(origin, ".latest"))) if raw]
        log = _Log([], Checkpoint(origin, 0, EMPTY_ROOT), 0, None)
        for raw in found:
            try:
                note = SignedNote.parse(raw)
                checkpoint = Checkpoint.parse(note.text)
                time = max(verified.time or 0 for verified in note.verify([self.key]))
            except NoteError as error:
                raise WitnessError(f"the stored state of {origin} is damaged: {error}") from error
            if (checkpoint.size, time) >= (log.latest.size, log.time):
                log.latest, log.time, log.note = checkpoint, time, raw
        return log

    def _keep_fork(self, note: SignedNote) -> None:
        path = self._path(Checkpoint.parse(note.text).origin, ".forks.jsonl")
        if all(SignedNote.parse(raw).text != note.text for raw in read_notes(path)):
            _append(path, str(note))

    def _path(self, origin: str, suffix: str) -> Path:
        return self._folder / f"{origin_id(origin)}{suffix}"


def origin_id(origin: str) -> str:
    """How a log's files are named: the first 16 bytes of SHA-256(origin), in hex."""
    return sha256(origin.encode()).hexdigest()[:32]


def read_notes(path: Path) -> Iterator[str]:
    """Notes of a `.jsonl` file of a witness, or the one note of any other file; none if it does not exist.

    ValueError for a line that is damaged.
    """
    if not path.exists():
        return
    if path.suffix != ".jsonl":
        yield path.read_text()
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                yield str(json.loads(line)["note"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path} has a line that holds no note") from error


class WitnessServer(ThreadingHTTPServer):
    """HTTP face of a witness: `POST /add-checkpoint` and `GET /checkpoints?origin=...`. Writes no access log."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.witness = witness
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SOCKET_TIMEOUT

    @property
    def _witness(self) -> Witness:
        return cast(WitnessServer, self.server).witness

    def do_POST(self) -> None:
        if self.path != "/add-checkpoint":
            self._send(_refuse(HTTPStatus.NOT_FOUND, "there is nothing here"), close=True)
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._send(_refuse(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed"), close=True)
            return
        if len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY:
            self._send(_refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request is too large"), close=True)
            return
        body = self.rfile.read(int(length))
        try:
            self._send(self._witness.add_checkpoint(body))
        except OSError:
            self._send(_refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "the checkpoint could not be stored"), close=True)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        origin = parse_qs(parts.query).get("origin", [""])[0]
        note = self._witness.latest(origin) if parts.path == "/checkpoints" else None
        if note is None:
            self._send(_refuse(HTTPStatus.NOT_FOUND, "no checkpoint of this log is known here"))
        else:
            self._send(Answer(HTTPStatus.OK, note))

    def _send(self, answer: Answer, *, close: bool = False) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No access log: who asks is nobody's business."""


def _refuse(status: HTTPStatus, reason: str) -> Answer:
    return Answer(status, f"{reason}\n")


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def _last(path: Path) -> str | None:
    """The last note of a history, after cutting off a line that a crash left unfinished."""
    if not path.exists():
        return None
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - _TAIL))
        tail = file.read()
        whole = tail.rfind(b"\n") + 1
        if whole != len(tail):
            file.truncate(end - len(tail) + whole)
            file.flush()
            os.fsync(file.fileno())
        lines = tail[:whole].splitlines()
    try:
        return str(json.loads(lines[-1])["note"]) if lines else None
    except (ValueError, KeyError, TypeError) as error:
        raise WitnessError(f"{path} is damaged at its end") from error


def _append(path: Path, note: str) -> None:
    """Add one line and bring it to disk; on failure the file is as before."""
    created = not path.exists()
    with path.open("ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            line = (json.dumps({"note": note}) + "\n").encode()
            if file.write(line) != len(line):
                raise OSError(f"{path} could not be written wholly")
            os.fsync(file.fileno())
        except OSError:
            file.truncate(before)
            raise
    if created:
        sync_folder(path.parent)
