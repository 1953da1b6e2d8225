"""The signed edition over the partner API, by the TUF client workflow (python-tuf): nothing unsigned, stale or endless passes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
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

from mamori.engine.editions import BASE_FILES, CHANGES, Delta, EditionRefused, ListEntry, ListInForce, read_delta
from mamori.engine.files import mapped, write_whole
from mamori.engine.patches import PatchRefused, apply_patch
from mamori.tools.scan.partner import PartnerApi

_BASE = BASE_FILES[:3]  # names, URLs, and the activations that are read when an entry is new
_CARRIED = (*_BASE[:2], CHANGES)
_UNFIT = (PatchRefused, ValueError, KeyError, TypeError)
_TOLD = 1 << 20  # octets of the list of patches
_MOST = 4  # times as long as the signed file is what no patch makes on its way
_PIECE = 1 << 16
PRIVATE = 0o640  # mode of a file: its group may read it, the list is no public file
_LONGEST = 1800.0  # seconds one file may take, however slowly it drips
Progress = Callable[[int, int], None]


class PullError(ValueError):
    """The list cannot be fetched as asked. The message is one line; what was loaded before stays."""


@dataclass(frozen=True)
class Fetched:
    """A verified edition: its files of names and URLs, and what changed since.

    `more` fetches a further signed file, `members` the list of members, which the root keys signed; `root` is the one in force.
    """

    version: int
    expires: datetime
    files: dict[str, bytes | mmap.mmap]
    digests: dict[str, str]
    root: bytes
    more: Callable[[str], bytes | mmap.mmap]
    members: Callable[[], bytes]

    @cached_property
    def delta(self) -> Delta:
        """What changed since the base. EditionRefused."""
        return read_delta(self.files[CHANGES][:])

    def listed(self, delta: Delta) -> ListInForce:
        """The list that the base and these changes make."""
        return ListInForce(self.version, dict.fromkeys(BASE_FILES, b"") | self.files, delta)


def entries_of(listed: ListInForce) -> Iterator[ListEntry]:
    """All entries of the list, in no order. EditionRefused."""
    try:
        yield from listed.entries()
    except (ValueError, KeyError, TypeError) as error:
        raise EditionRefused("malformed") from error


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
    digests: dict[str, str] = {}

    def more(name: str) -> bytes | mmap.mmap:
        info = updater.get_targetinfo(name)
        if info is None:
            raise EditionRefused("missing_file")
        path = kept / name
        if updater.find_cached_target(info, str(path)) is None and not _patched(fetcher, path, info):
            updater.download_target(info, str(path))
        digests[name] = info.hashes["sha256"]
        return mapped(path)

    files = {name: more(name) for name in _CARRIED}
    signed = Metadata[Targets].from_bytes((kept / "targets.json").read_bytes()).signed
    return Fetched(
        signed.version,
        signed.expires,
        files,
        digests,
        (kept / "root.json").read_bytes(),
        more,
        lambda: fetcher.download_bytes(f"{place}members.json", _TOLD),
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
    write_whole(path, data, PRIVATE)
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
