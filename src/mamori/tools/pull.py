"""`mamori list pull`: the signed edition, verified as a TUF client does, written in the formats of the programs at hand.

FOLDER/<format>        what resolvers and filters load; each is replaced in one step, and only by an edition that was verified
FOLDER/status.json     which edition that is, and until when its signatures hold
FOLDER/.edition/       (0700) trusted metadata, the edition's files, and a mark while programs have not loaded what changed
"""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mamori.engine.editions import (
    LAST_RING,
    ListEntry,
    Record,
    compile_rpz,
    zone_text,
)
from mamori.engine.files import sha256_of, write_whole
from mamori.engine.formats import FORMATS, Listing, sift
from mamori.tools.fetching import PRIVATE, Fetched, Progress, PullError, alone, entries_of, fetch_edition, told
from mamori.tools.scan.partner import PartnerApi
from mamori.tools.vouching import unvouched

RPZ = "rpz.zone"
_MARK, _STATUS, _LAST = "reload-pending", "status.json", "last.json"
_RELOAD = 600.0  # seconds the reload command may take


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
    unsigned: int


def pull(
    api: PartnerApi,
    folder: Path,
    root: bytes,
    formats: Sequence[str],
    *,
    zone: Zone,
    progress: Progress,
    ring: int = LAST_RING,
    admit: Callable[[Fetched], None] = lambda _got: None,
) -> Pulled:
    """Bring the files of `formats` to the edition in force. EditionRefused or PullError; they are as before then.

    `ring`: what the edition holds back from it is left out. `admit`: told of an edition before it is used; may raise.
    """
    for name in formats:
        if name != RPZ and name not in FORMATS:
            raise PullError(f"there is no format {name}; there are {', '.join(sorted([RPZ, *FORMATS]))}")
    zone_text(_records((), zone), zone.name, 0)
    kept = folder / ".edition"
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(kept), told():
        got = fetch_edition(api, kept, root, progress)
        admit(got)
        asked = {"formats": [*formats], "ring": ring, **asdict(zone)}
        if same := _same(folder, got, asked):
            return same
        killed = got.delta.kills(got.version)
        delta = got.delta.for_ring(ring)
        entries = [] if killed else [*entries_of(got.listed(delta))]
        zone = replace(zone, canary=None) if killed else zone
        unsigned = unvouched(got, delta, entries, kept, progress) if entries else frozenset[ListEntry]()
        entries = [entry for entry in entries if entry not in unsigned] if unsigned else entries
        done = _write(folder, (got.version, got.expires), entries, formats, zone)
        done = replace(done, unsigned=len(unsigned))
        write_whole(kept / _LAST, json.dumps({**_last(folder, formats, done), **asked}).encode(), PRIVATE)
        return done


def _same(folder: Path, got: Fetched, asked: Mapping[str, Any]) -> Pulled | None:
    """What the last pull came to, when it was of this edition, asked for the same, and its files are as it left them."""
    try:
        last = json.loads((folder / ".edition" / _LAST).read_bytes())
        fits = last["edition"] == got.version and all(last[name] == value for name, value in asked.items())
        if not fits or any(sha256_of(folder / name) != digest for name, digest in last["digests"].items()):
            return None
        names, urls, refused, unsigned = (int(last[name]) for name in ("names", "urls", "refused", "unsigned"))
        counts = {str(name): int(count) for name, count in last["left_out"].items()}
        return Pulled(got.version, got.expires, names, urls, (), counts, refused, unsigned)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _last(folder: Path, formats: Sequence[str], done: Pulled) -> dict[str, Any]:
    digests = {name: sha256_of(folder / name) for name in (*formats, _STATUS)}
    told = {name: value for name, value in asdict(done).items() if name not in {"expires", "changed"}}
    return {**told, "digests": digests}


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
            write_whole(folder / name, data, PRIVATE)
            changed.append(name)
    names, urls = len(listing.names) - len(ours), len(listing.urls)
    told = {"edition": version, "expires": expires.isoformat(), "names": names, "urls": urls}
    write_whole(folder / _STATUS, json.dumps(told, indent=1).encode() + b"\n", PRIVATE)
    return Pulled(version, expires, names, urls, tuple(changed), left_out, len(refused), 0)


def _records(names: Iterable[str], zone: Zone) -> frozenset[Record]:
    """ValueError for a stop host or a canary that is no name."""
    more = [zone.canary] if zone.canary else []
    return compile_rpz([*names, *more], "stop" if zone.stop_host else "nxdomain", zone.stop_host)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return sha256_of(path) == hashlib.sha256(data).hexdigest()
    except FileNotFoundError:
        return False
