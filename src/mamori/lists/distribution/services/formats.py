"""Write every format of the edition in force. Runs after the edition is out: no block waits for a file."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mamori.engine.editions import BASE_FILES, LAST_RING, FileDigest, ListEntry, sign_files
from mamori.engine.formats import Listing, sift, write_all
from mamori.engine.hashlists import changes, checksum, full_update, v4, v5
from mamori.engine.patches import make_patch
from mamori.ground import clock
from mamori.lists.distribution import models, press, store
from mamori.lists.distribution.formats import HASHES, KEPT_PATCHES, Store, mapped
from mamori.lists.distribution.keys import EditionKeys
from mamori.lists.distribution.locks import advisory_lock
from mamori.lists.distribution.services.editions import LIFE
from mamori.lists.distribution.services.primary import Told

LOCK = 7_261_103  # PostgreSQL advisory lock: one writer of formats at a time
MOST_CHANGED = 4  # a hash list of which more than this part changed is sent whole
LEAST_SAVED = 2  # a patch that is not this many times smaller than its file is not kept
PATCHED = BASE_FILES[:3]  # of an edition: what `mamori list pull` takes
Sign = Callable[[Mapping[str, FileDigest]], Mapping[str, bytes]]
"""Files by name: TUF metadata, by file name, whose targets they are."""
log = logging.getLogger("mamori.formats")


def formats_write(told: Told = lambda _step: None) -> None:
    """Bring the files to the edition in force, as the last ring has it. Run often or rarely, it comes to the same.

    `told` hears of each step.
    """
    if not press.configured():
        return
    with advisory_lock(LOCK):
        row = press.in_force()
        written = Store(press.folder()).current()
        if row is None or (written is not None and written["edition"] == row.version):
            return
        held, emptied = press.keys(), row.kill_id is not None
        entries = [] if emptied else press.open_edition(held, row).listed.for_ring(LAST_RING).entries()
        write(press.folder(), row.version, entries, lambda files: _signed(row, files, held), told)


def _signed(row: models.Edition, files: Mapping[str, FileDigest], held: EditionKeys) -> Mapping[str, bytes]:
    """Believed under the root of the editions, as long as the edition is. No file has the name of one of an edition."""
    expires = row.built_at + LIFE
    return sign_files(
        row.version, files, keys=held.service, roots=held.roots, version=row.version, now=row.built_at, expires=expires
    )


def write(
    folder: Path, version: int, entries: Iterable[ListEntry], sign: Sign, told: Told = lambda _step: None
) -> None:
    """Write all formats of an edition's entries, sign them, and put them in force.

    An entry that is not fit for any format is left out and named in the manifest: it holds back no other.
    """
    place = Store(folder)
    before = place.current()
    fit, refused = sift(entries)
    if refused:
        log.error("%d entries are fit for no format, the first: %s", len(refused), refused[0])
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
        "written_at": clock.now().isoformat(timespec="seconds"),
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
    metadata = sign({name: FileDigest(each["bytes"], each["sha256"]) for name, each in files.items()})
    place.publish(manifest, (added or b"") + removed, metadata)
    place.prune()


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
