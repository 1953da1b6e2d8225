"""The scan's own files: matches, what could not be read, and the journal that lets a scan go on after any end.

Each commit writes and syncs its lines first and then one line of the journal, which holds their sizes. What stands after
those sizes was written by a commit that did not come to its end, and is cut off when the scan goes on. The journal
knows files only by 16 bytes each, made with a random salt.

With recipients (age, https://age-encryption.org/v1), the lines of one commit are one age file, in base64 on one line:
so files can be appended to and cut, and each line can be opened by `base64 -d | age -d -i KEY` too.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import pyrage

from mamori.engine.files import sync_folder
from mamori.tools.scan.purpose import ScanError
from mamori.tools.scan.sources import Item, absolute

FORMAT = 1
_AGE = base64.b64encode(b"age-encryption.org/v1")[:20]
_KEY = 16


@dataclass(slots=True)
class Totals:
    """What was done so far, over all runs of one scan. `matched`: files, of which `frame` are videos that only have
    frames like a known picture; `bytes`: of what was examined.
    """

    examined: int = 0
    matched: int = 0
    same: int = 0
    similar: int = 0
    frame: int = 0
    unreadable: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Commit:
    """What is written at once. `archives`: key of one that is being read -> its members done; `again`: what could not
    be read now.
    """

    matches: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    done: list[bytes] = field(default_factory=list)
    archives: dict[bytes, int] = field(default_factory=dict)
    again: list[bytes] = field(default_factory=list)


def named(name: str, text: str) -> dict[str, str]:
    """A file's name for JSON: bytes that are no UTF-8 are shown as U+FFFD and told exactly in NAME_base64."""
    raw = text.encode("utf-8", "surrogateescape") if _encodable(text) else text.encode("utf-8", "surrogatepass")
    shown = raw.decode("utf-8", "replace")
    exact = {} if shown == text else {f"{name}_base64": base64.b64encode(raw).decode()}
    return {name: shown, **exact}


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def recipients_of(texts: Iterable[str]) -> list[pyrage.x25519.Recipient]:
    """ScanError for one that is no age recipient."""
    try:
        return [pyrage.x25519.Recipient.from_str(text.strip()) for text in texts]
    except pyrage.RecipientError as error:
        raise ScanError("--encrypt-to takes an age recipient, like age1…") from error


class Outputs:
    """Open them anew, or go on where a scan with the same plan ended. Use as a context; ScanError if it may not be."""

    def __init__(self, out: Path, plan: dict[str, Any], *, begun_at: str, recipients: Sequence[Any] = ()) -> None:
        self.out = out
        self.unreadable = out.with_name(f"{out.stem}.unreadable{out.suffix}")
        self.journal = out.with_name(f"{out.stem}.journal")
        self.totals = Totals()
        self.resumed = False
        self.passed = 0  # items left out because they are done, until the watcher was told
        self.salt = b""
        self.again: set[bytes] = set()  # keys of what is listed as unreadable and tried again
        self._plan, self._begun_at, self._recipients = plan, begun_at, list(recipients)
        self._done = np.empty(0, f"S{_KEY}")
        self._archives: dict[bytes, int] = {}
        self._files: list[IO[bytes]] = []

    @property
    def places(self) -> set[str]:
        """Absolute paths of its files, which are not scanned themselves."""
        return {absolute(str(path)) for path in (self.out, self.unreadable, self.journal)}

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for file in self._files:
            file.close()
        self._files = []

    def remaining(self, items: Iterator[Item]) -> Iterator[Item]:
        """Those that are not done; of an archive, how many members are."""
        for item in items:
            key = item.key(self.salt)
            at = np.searchsorted(self._done, np.array(key, self._done.dtype))
            if at < len(self._done) and self._done[at] == key.rstrip(b"\0"):
                self.passed += 1
                continue
            item.skip = self._archives.get(key, 0)
            yield item

    def commit(self, what: Commit) -> None:
        """Lines on disk first, then the journal's."""
        matches, unreadable, journal = self._files
        self._append(matches, what.matches)
        self._append(unreadable, what.unreadable)
        line = {
            "done": base64.b64encode(b"".join(what.done)).decode(),
            "archives": {key.hex(): number for key, number in what.archives.items()},
            **({"again": base64.b64encode(b"".join(what.again)).decode()} if what.again else {}),
            "sizes": [matches.tell(), unreadable.tell()],
            "totals": asdict(self.totals),
        }
        _write(journal, json.dumps(line).encode() + b"\n")

    def finish(self, summary: dict[str, Any]) -> None:
        """Record the summary. A later run with the same plan examines only what is new."""
        _write(self._files[2], json.dumps({"finished": summary}).encode() + b"\n")

    def _append(self, file: IO[bytes], lines: list[str]) -> None:
        if not lines:
            return
        data = "".join(f"{line}\n" for line in lines).encode()
        if self._recipients:
            data = base64.b64encode(pyrage.encrypt(data, self._recipients)) + b"\n"
        _write(file, data)

    def _open(self) -> None:
        new = not self.journal.exists()
        if new:
            for path in (self.out, self.unreadable):
                if path.exists():
                    raise ScanError(f"{path} is there without the journal of a scan: choose another --out or move it")
        journal = _open(self.journal)
        self._files = [journal]
        try:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ScanError(f"another scan is writing {self.out}") from error
        for place, path in enumerate((self.out, self.unreadable)):
            self._files.insert(place, _open(path))
        sync_folder(self.out.absolute().parent)
        begin = journal.readline()
        if not begin.endswith(b"\n"):  # new, or ended before its first line was there
            self._begin(journal)
        else:
            self._go_on(journal, begin)

    def _begin(self, journal: IO[bytes]) -> None:
        self.salt = secrets.token_bytes(32)
        for file in self._files:
            file.truncate(0)
            file.seek(0)
        first = {
            "mamori_scan": FORMAT,
            "plan": self._plan,
            "fingerprint": fingerprint_of(self._plan),
            "begun_at": self._begun_at,
            "salt": self.salt.hex(),
        }
        _write(journal, json.dumps(first).encode() + b"\n")

    def _go_on(self, journal: IO[bytes], begin: bytes) -> None:
        try:
            first = json.loads(begin)
            if first["mamori_scan"] != FORMAT:
                raise ValueError("another format")
            self.salt, plan = bytes.fromhex(first["salt"]), dict(first["plan"])
            differs = [name for name in {**plan, **self._plan} if plan.get(name) != self._plan.get(name)]
            if differs or first["fingerprint"] != fingerprint_of(self._plan):
                raise ScanError(
                    f"{self.journal} belongs to a scan with other arguments ({', '.join(sorted(differs))} differ): "
                    "give the same ones to go on, or choose another --out"
                )
            sizes = self._read(journal)
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, ScanError):
                raise
            raise ScanError(f"{self.journal} is damaged: choose another --out") from error
        for file, size, path in zip(self._files, sizes, (self.out, self.unreadable), strict=False):
            if file.seek(0, os.SEEK_END) < size:
                raise ScanError(f"{path} was changed since: choose another --out")
            file.truncate(size)
            file.seek(size)
        self.resumed = True

    def _read(self, journal: IO[bytes]) -> list[int]:
        sizes, done, good = [0, 0], bytearray(), journal.tell()
        while (line := journal.readline()).endswith(b"\n"):
            told = json.loads(line)
            good = journal.tell()
            if "finished" in told:
                continue
            done += base64.b64decode(told["done"], validate=True)
            self.again.update(_keys(told.get("again", "")))
            for key in _keys(told["done"]):
                self._archives.pop(key, None)
                self.again.discard(key)
            self._archives |= {bytes.fromhex(key): int(number) for key, number in told["archives"].items()}
            sizes = [int(size) for size in told["sizes"]]
            self.totals = Totals(**{each.name: told["totals"].get(each.name, 0) for each in fields(Totals)})
        journal.truncate(good)
        journal.seek(good)
        self._done = np.sort(np.frombuffer(bytes(done), f"S{_KEY}"))
        return sizes


def _keys(text: str) -> Iterator[bytes]:
    raw = base64.b64decode(text)
    return (raw[at : at + _KEY] for at in range(0, len(raw), _KEY))


def fingerprint_of(plan: dict[str, Any]) -> str:
    """SHA-256 of the plan in one form."""
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def write_private(path: Path, text: str) -> None:
    """A file only its owner may read, replaced whole."""
    with _open(path) as file:
        file.truncate(0)
        _write(file, text.encode())


def read_lines(path: Path, identity: Path | None) -> Iterator[str]:
    """The lines of an output file, decrypted where they are encrypted. ScanError if the identity does not open them."""
    identities = _identities(identity) if identity else []
    with path.open("rb") as opened:
        for line in opened:
            if not line.startswith(_AGE):
                yield line.decode().rstrip("\n")
                continue
            if not identities:
                raise ScanError(f"{path} is encrypted: give the age identity with --identity FILE")
            try:
                text = pyrage.decrypt(base64.b64decode(line), identities)
            except (pyrage.DecryptError, ValueError) as error:
                raise ScanError(f"{path} is not encrypted to this identity, or damaged") from error
            yield from text.decode().splitlines()


def _identities(path: Path) -> list[Any]:
    found = [line.strip() for line in path.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-")]
    if not found:
        raise ScanError(f"{path} holds no age identity")
    try:
        return [pyrage.x25519.Identity.from_str(each) for each in found]
    except pyrage.IdentityError as error:
        raise ScanError(f"{path} holds no age identity") from error


def _open(path: Path) -> IO[bytes]:
    """To read and write, created with mode 0600; never through a link, never somebody else's."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    file = os.fdopen(descriptor, "r+b")
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        file.close()
        raise ScanError(f"{path} is not a file of ours")
    os.fchmod(descriptor, 0o600)
    return file


def _write(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
