"""Make every format of an edition and its hash lists as files, without the database: in this process, or in one of its own.

A million entries take twenty seconds of computing, which in the publisher's own process would hold up every change
that is published meanwhile. The process of its own yields to it, reads a request as JSON from its input, and tells lines
of JSON: each step, and in the end what was made.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mamori.engine.editions import BASE_FILES, FileDigest, ListEntry, ListInForce, read_delta
from mamori.engine.files import mapped as map_file
from mamori.engine.formats import Listing, sift, write_all
from mamori.engine.hashlists import changes, checksum, full_update, v4, v5
from mamori.engine.patches import make_patch
from mamori.lists.distribution import store
from mamori.lists.distribution.formats import HASHES, KEPT_PATCHES, Store, mapped

MOST_CHANGED = 4  # a hash list of which more than this part changed is sent whole
LEAST_SAVED = 2  # a patch that is not this many times smaller than its file is not kept
PATCHED = BASE_FILES[:3]  # of an edition: what `mamori list pull` takes
READ = BASE_FILES[:2]  # of an edition: the entries themselves
Told = Callable[[str], None]  # hears of each step
_NICER = 10
_SECRET = ("MAMORI_", "DATABASE_")
log = logging.getLogger("mamori.formats")


class Made(NamedTuple):
    """The manifest of what was made, but for when it was, and the hashes that came and went since the last one."""

    manifest: dict[str, Any]
    steps: bytes


class MakingError(Exception):
    """The process that made the formats ended before it was done."""


def make(folder: Path, version: int, entries: Iterable[ListEntry], told: Told) -> Made:
    """Make all formats of an edition's entries, in the folder of editions. `told` hears of each step.

    An entry that is not fit for any format is left out and named in the manifest: it holds back no other.
    """
    place = Store(folder)
    before = place.current()
    fit, refused = sift(entries)
    listing = Listing.judged(fit)
    told(f"{len(fit)} entries judged for the formats")
    files: dict[str, Any] = {}
    hashes = b""
    for written, formats in write_all(listing):
        digest = place.add(written.data)
        for each in formats:
            hashes = written.data if each.name == HASHES else hashes
            files[each.name] = {
                "sha256": digest,
                "bytes": len(written.data),
                "content_type": each.content_type,
                "methods": sorted(each.methods),
                "scope": each.scope,
                "left_out": dict(sorted(written.left_out.items())),
            }
        told(f"{', '.join(each.name for each in formats)} written")
    added, removed = _changes(place, before, hashes)
    manifest = {
        "edition": version,
        "previous": before["edition"] if before and added is not None else None,
        "came": len(added or b"") // 32,
        "names": len(listing.names),
        "urls": len(listing.urls),
        "refused": [{"entry_id": each.entry_id, "code": each.code} for each in refused[:200]],
        "files": files,
        "patches": _patches(place, version, before, files),
        "hash_lists": {str(length): _hash_list(place, hashes, length) for length in (4, 32)},
    }
    told("patches and hash lists written")
    return Made(manifest, (added or b"") + removed)


def make_aside(folder: Path, version: int, digests: Mapping[str, FileDigest], delta: bytes, told: Told) -> Made:
    """The same in a process of its own. `digests`: of the edition's base files, `delta`: what changed since as `write_delta`
    writes it. MakingError; what the process said is in the log.
    """
    base = {name: [digests[name].length, digests[name].sha256] for name in READ}
    asked = {"folder": str(folder), "version": version, "base": base, "delta": delta.decode()}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_SECRET)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-P", "-m", __name__]
    made = None
    with tempfile.TemporaryFile() as request, tempfile.TemporaryFile() as words:
        request.write(json.dumps(asked).encode())
        request.seek(0)
        with subprocess.Popen(
            command, stdin=request, stdout=subprocess.PIPE, stderr=words, env=environment
        ) as child:  # fmt: skip
            assert child.stdout is not None
            try:
                for line in child.stdout:
                    heard = json.loads(line)
                    if step := heard.get("told"):
                        told(step)
                    else:
                        made = Made(heard["manifest"], b64decode(heard["steps"]))
            except BaseException:
                child.kill()
                raise
        if child.returncode or made is None:
            words.seek(0)
            said = words.read().decode(errors="replace").strip()
            log.error("the formats were not made: %s", said)
            why = said.splitlines()[-1].partition(":")[0] if said else f"ended with {child.returncode}"
            raise MakingError(f"the formats were not made: {why}")
    return made


def _asked(request: Mapping[str, Any], say: Callable[..., None]) -> Made:
    folder, version = Path(request["folder"]), request["version"]
    base: dict[str, Any] = dict.fromkeys(BASE_FILES, b"")
    for name, digest in request["base"].items():
        base[name] = map_file(folder / str(version) / name)
        if FileDigest.of(base[name]) != FileDigest(*digest):
            raise MakingError(f"{name} of edition {version} is not what was signed")
    listed = ListInForce(version, base, read_delta(request["delta"].encode()))
    return make(folder, version, listed.entries(), lambda step: say(told=step))


def _main() -> None:
    os.nice(_NICER)
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever else is printed is no answer

    def say(**what: Any) -> None:
        print(json.dumps(what), file=answers, flush=True)

    made = _asked(json.load(sys.stdin), say)
    say(manifest=made.manifest, steps=b64encode(made.steps).decode())


def _patches(
    place: Store, version: int, before: Mapping[str, Any] | None, files: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Patches from the files of the edition before, and those of earlier ones: each leads on to the next."""
    if before is None:
        return []
    kept = [each for each in before.get("patches", ()) if each["edition"] > version - KEPT_PATCHES]
    had = {(each["from"], each["to"]) for each in kept}
    for was, now, old, new in _followed(place, version, before, files):
        if was == now or (was, now) in had or old is None or new is None:
            continue
        had.add((was, now))
        patch = make_patch(mapped(old), mapped(new))
        length = new.stat().st_size
        if len(patch) * LEAST_SAVED < length:
            told = {"from": was, "to": now, "sha256": place.add(patch), "bytes": len(patch), "length": length}
            kept.append({**told, "edition": version})
    return kept


def _followed(
    place: Store, version: int, before: Mapping[str, Any], files: Mapping[str, Any]
) -> Iterator[tuple[str, str, Path | None, Path | None]]:
    """Digests and places of each file before and now: formats, and what the edition is based on."""
    for name, each in files.items():
        was, now = before["files"].get(name, each)["sha256"], each["sha256"]
        yield was, now, place.object(was), place.object(now)
    folder = place.folder.parent
    for name in PATCHED:
        old, new = (folder / str(number) / name for number in (before["edition"], version))
        if old.is_file() and new.is_file() and not old.samefile(new):
            yield store.digest(old), store.digest(new), old, new


def _changes(place: Store, before: dict[str, Any] | None, hashes: bytes) -> tuple[bytes | None, bytes]:
    """Hashes that came and went since the last writing; None when nothing leads there or too much changed."""
    path = place.object(before["files"][HASHES]["sha256"]) if before else None
    if path is None:
        return None, b""
    old = mapped(path)
    added, removed = changes(old, hashes)
    if (len(added) + len(removed)) * MOST_CHANGED > max(len(old), len(hashes)):
        return None, b""
    return added, removed


def _hash_list(place: Store, hashes: bytes, length: int) -> dict[str, Any]:
    """A whole hash list, coded once for all clients that come without one."""
    update = full_update(hashes, length)
    coded = {"checksum": checksum(hashes, length).hex(), "entries": len(update.additions)}
    coded["v5"] = place.add(v5.additions(update))
    if length == 4:
        coded["v4"] = place.add(v4.rice_additions(update))
    return coded


if __name__ == "__main__":
    _main()
