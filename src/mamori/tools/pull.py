"""`mamori list pull`: the signed edition, verified as a TUF client does, written in the formats of the programs at hand.

FOLDER/<format>        what resolvers and filters load; each is replaced in one step, and only by an edition that was verified
FOLDER/status.json     which edition that is, and until when its signatures hold
FOLDER/.edition/       (0700) trusted metadata, the edition's files, and a mark while programs have not loaded what changed
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import urllib3
from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Metadata, TargetFile, Targets
from tuf.api.serialization import DeserializationError
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from mamori.engine.editions import (
    BASE_FILES,
    CHANGES,
    Delta,
    EditionRefused,
    ListEntry,
    ListInForce,
    Record,
    compile_rpz,
    read_delta,
    zone_text,
)
from mamori.engine.formats import FORMATS, Listing, sift
from mamori.engine.patches import PatchRefused, apply_patch
from mamori.tools.scan.partner import PartnerApi

RPZ = "rpz.zone"
_BASE = BASE_FILES[:2]  # names and URLs; the signed statements are not needed to block
_CARRIED = (*_BASE, CHANGES)
_UNFIT = (PatchRefused, ValueError, KeyError, TypeError)
_TOLD = 1 << 20  # octets of the list of patches
_MOST = 4  # times as long as the signed file is what no patch makes on its way
_MARK, _STATUS = "reload-pending", "status.json"
_PIECE = 1 << 16
_LONGEST = 1800.0  # seconds one file may take, however slowly it drips
_RELOAD = 600.0  # seconds the reload command may take
Progress = Callable[[int, int], None]


class PullError(ValueError):
    """The list cannot be fetched as asked. The message is one line; what was loaded before stays."""


@dataclass(frozen=True, slots=True)
class Zone:
    """How `rpz.zone` is written: the zone's name, and the host of a stop page unless names shall not exist.

    The canary is a name of the list body that stands on no edition. It is put into each file that holds names, so that who
    asks for it sees whether the list is enforced.
    """

    name: str
    stop_host: str | None = None
    canary: str | None = None


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull came to. `changed`: formats that were written anew. `left_out`: entries a format cannot say, by format."""

    edition: int
    expires: datetime
    names: int
    urls: int
    changed: tuple[str, ...]
    left_out: dict[str, int]
    refused: int


def pull(
    api: PartnerApi, folder: Path, root: bytes, formats: Sequence[str], *, zone: Zone, progress: Progress
) -> Pulled:
    """Bring the files of `formats` to the edition in force. EditionRefused or PullError; they are as before then."""
    for name in formats:
        if name != RPZ and name not in FORMATS:
            raise PullError(f"there is no format {name}; there are {', '.join(sorted([RPZ, *FORMATS]))}")
    zone_text(_records((), zone), zone.name, 0)
    kept = folder / ".edition"
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(kept), told():
        got = fetch_edition(api, kept, root, progress)
        killed = got.delta.kills(got.version)
        entries, zone = ([], replace(zone, canary=None)) if killed else (_entries(got), zone)
        return _write(folder, (got.version, got.expires), entries, formats, zone)


def lapse(folder: Path, formats: Sequence[str], *, zone: Zone, now: datetime, days: float) -> bool:
    """Empty the files when their signatures ended `days` days ago; whether they are empty for that."""
    told = in_force(folder)
    if told is None or now <= datetime.fromisoformat(told["expires"]) + timedelta(days=days):
        return False
    edition = int(told["edition"]), datetime.fromisoformat(told["expires"])
    _write(folder, edition, [], formats, replace(zone, canary=None))
    return True


def in_force(folder: Path) -> dict[str, Any] | None:
    """What the last good pull wrote; None before there was one."""
    try:
        found: dict[str, Any] = json.loads((folder / _STATUS).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found


def reload(folder: Path, command: str) -> bool:
    """Run the command when files changed since it last succeeded: whether it ran. PullError when it fails."""
    mark = folder / ".edition" / _MARK
    if not mark.exists():
        return False
    run(shlex.split(command))
    mark.unlink()
    return True


def run(command: Sequence[str]) -> None:
    """Run a reload command to its good end; PullError otherwise."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_RELOAD, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PullError(
            f"the reload command did not run to its end: {error}; it runs again with the next pull"
        ) from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise PullError(
            f"the reload command ended with {done.returncode}: {said[-1][:300] if said else 'no word'}; "
            "it runs again with the next pull"
        )


class _Fetcher(FetcherInterface):
    """TUF's client asks the partner face through this."""

    def __init__(self, api: PartnerApi, progress: Progress) -> None:
        self._api, self._progress = api, progress

    def _fetch(self, url: str) -> Iterator[bytes]:
        answer = self._api.get(url)
        try:
            if answer.status != 200:
                raise DownloadHTTPError(f"{url} answered {answer.status}", answer.status)
            begun, done, total = time.monotonic(), 0, int(answer.headers.get("Content-Length", "0"))
            for piece in answer.stream(_PIECE, decode_content=False):
                done += len(piece)
                self._progress(done, max(done, total))
                if time.monotonic() - begun > _LONGEST:
                    raise DownloadError(f"a file took longer than {_LONGEST:.0f} s")
                yield piece
            if done < total:
                raise DownloadError("the connection ended in the middle of a file")
        finally:
            answer.close()


@dataclass(frozen=True)
class Fetched:
    """A verified edition: its files of names and URLs, and what changed since. Its statements are not needed to block."""

    version: int
    expires: datetime
    files: dict[str, bytes | mmap.mmap]
    digests: dict[str, str]

    @property
    def delta(self) -> Delta:
        """What changed since the base. EditionRefused."""
        return read_delta(self.files[CHANGES][:])

    def listed(self, delta: Delta) -> ListInForce:
        """The list that the base and these changes make."""
        return ListInForce(self.version, dict.fromkeys(BASE_FILES, b"") | self.files, delta)


def fetch_edition(api: PartnerApi, kept: Path, root: bytes, progress: Progress) -> Fetched:
    """Follow the metadata to the edition in force; fetch the files that changed, by patches where they lead there."""
    fetcher = _Fetcher(api, progress)
    try:
        offered = int(json.loads(fetcher.download_bytes("/list/editions/current", 100_000))["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise PullError("the answer is not that of a partner API: is this its address?") from error
    except DownloadHTTPError as error:
        if error.status_code == 404:
            raise PullError("the partner API has no edition yet") from error
        raise
    place = f"/list/editions/{offered}/"
    updater = Updater(
        metadata_dir=str(kept),
        metadata_base_url=place,
        target_dir=str(kept),
        target_base_url=place,
        fetcher=fetcher,
        config=UpdaterConfig(prefix_targets_with_hash=False),
        bootstrap=root,
    )
    updater.refresh()
    files: dict[str, bytes | mmap.mmap] = {}
    digests: dict[str, str] = {}
    for name in _CARRIED:
        info = updater.get_targetinfo(name)
        if info is None:
            raise EditionRefused("missing_file")
        path = kept / name
        if updater.find_cached_target(info, str(path)) is None and not _patched(fetcher, path, info):
            updater.download_target(info, str(path))
        files[name], digests[name] = _mapped(path), info.hashes["sha256"]
    signed = Metadata[Targets].from_bytes((kept / "targets.json").read_bytes()).signed
    return Fetched(signed.version, signed.expires, files, digests)


def _patched(fetcher: FetcherInterface, path: Path, info: TargetFile) -> bool:
    """Bring a former file to the signed one by patches. False: fetch it whole; nothing a patch does is believed unchecked."""
    if not path.exists() or path.name not in _BASE:
        return False
    try:
        data = path.read_bytes()
        told = json.loads(fetcher.download_bytes("/list/patches", _TOLD))["patches"]
        way = way_between(told, hashlib.sha256(data).hexdigest(), info.hashes["sha256"])
        if not way or sum(each["bytes"] for each in way) >= info.length:
            return False
        for each in way:
            patch = fetcher.download_bytes(f"/list/objects/{each['sha256']}", each["bytes"])
            if hashlib.sha256(patch).hexdigest() != each["sha256"] or each["length"] > _MOST * info.length:
                return False
            data = apply_patch(data, patch, each["length"])
        info.verify_length_and_hashes(data)
    except (DownloadError, urllib3.exceptions.HTTPError, LengthOrHashMismatchError, *_UNFIT):
        return False
    write_whole(path, data)
    return True


def way_between(patches: Sequence[dict[str, Any]], old: str, new: str) -> list[dict[str, Any]]:
    """The fewest patches that lead from one file to another, in order; none when they do not."""
    ways: dict[str, list[dict[str, Any]]] = {old: []}
    waiting = [old]
    while waiting and new not in ways:
        at = waiting.pop(0)
        for each in patches:
            if each["from"] == at and each["to"] not in ways:
                ways[each["to"]] = [*ways[at], each]
                waiting.append(each["to"])
    return ways.get(new, [])


def _entries(got: Fetched) -> list[ListEntry]:
    """What stands on the list."""
    try:
        return list(got.listed(got.delta).entries())
    except (ValueError, KeyError, TypeError) as error:
        raise EditionRefused("malformed") from error


def _write(
    folder: Path, edition: tuple[int, datetime], entries: list[ListEntry], formats: Sequence[str], zone: Zone
) -> Pulled:
    version, expires = edition
    fit, refused = sift(entries)
    ours = [ListEntry("canary", "dns", zone.canary, "canary", expires, expires.date())] if zone.canary else []
    listing = Listing.judged([*fit, *ours])
    changed, left_out = [], {}
    for name in dict.fromkeys(formats):
        if name == RPZ:
            targets = (entry.target for entry in fit if entry.method == "dns")
            data = zone_text(_records(targets, zone), zone.name, version).encode()
        else:
            written = FORMATS[name].write(listing)
            data, left_out[name] = written.data, sum(written.left_out.values())
        if not _holds(folder / name, data):
            (folder / ".edition" / _MARK).touch()  # before the file: a crash between leads to one reload too many
            write_whole(folder / name, data)
            changed.append(name)
    names, urls = len(listing.names) - len(ours), len(listing.urls)
    told = {"edition": version, "expires": expires.isoformat(), "names": names, "urls": urls}
    write_whole(folder / _STATUS, json.dumps(told, indent=1).encode() + b"\n")
    return Pulled(version, expires, names, urls, tuple(changed), left_out, len(refused))


def _records(names: Iterable[str], zone: Zone) -> frozenset[Record]:
    """ValueError for a stop host or a canary that is no name."""
    more = [zone.canary] if zone.canary else []
    return compile_rpz([*names, *more], "stop" if zone.stop_host else "nxdomain", zone.stop_host)


@contextmanager
def told() -> Iterator[None]:
    """What TUF's client says, as the engine says it; the more special errors first."""
    try:
        yield
    except DownloadLengthMismatchError as error:
        raise PullError(
            "a file is longer than it may be, and was not read to its end. Check where it comes from."
        ) from error
    except DownloadHTTPError as error:
        if error.status_code in {401, 403}:
            raise PullError(
                "the partner API refuses the token: it is unknown, ended, or lacks the scope list.read"
            ) from error
        if error.status_code == 404:
            raise EditionRefused("missing_file") from error
        raise PullError(f"the partner API answers {error.status_code}; try again later") from error
    except (DownloadError, urllib3.exceptions.HTTPError) as error:
        raise PullError(f"no whole answer from the partner API ({type(error).__name__}: {str(error)[:200]})") from error
    except ExpiredMetadataError as error:
        raise EditionRefused("expired") from error
    except BadVersionNumberError as error:
        raise EditionRefused("rollback") from error
    except UnsignedMetadataError as error:
        raise EditionRefused("wrong_signer") from error
    except LengthOrHashMismatchError as error:
        raise EditionRefused("altered") from error
    except (RepositoryError, DeserializationError) as error:
        raise EditionRefused("malformed") from error


@contextmanager
def alone(kept: Path) -> Iterator[None]:
    with (kept / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PullError("another pull works in this folder") from error
        yield


def _mapped(path: Path) -> bytes | mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.fstat(file.fileno()).st_size else b""


def _holds(path: Path, data: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest() == hashlib.sha256(data).digest()
    except FileNotFoundError:
        return False


def write_whole(path: Path, data: bytes) -> None:
    """Write a file anew, in one step and on disk when this returns. Its group may read it: the list is no public file."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
