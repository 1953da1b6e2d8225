"""Write every format of the edition in force. Runs after the edition is out: no block waits for a file."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mamori.engine.editions import ListEntry
from mamori.engine.formats import Listing, sift, write_all
from mamori.engine.hashlists import changes, checksum, full_update, v4, v5
from mamori.ground import clock
from mamori.lists.distribution import press
from mamori.lists.distribution.formats import HASHES, Store, mapped
from mamori.lists.distribution.locks import advisory_lock

LOCK = 7_261_103  # PostgreSQL advisory lock: one writer of formats at a time
MOST_CHANGED = 4  # a hash list of which more than this part changed is sent whole
log = logging.getLogger("mamori.formats")


def formats_write() -> None:
    """Bring the files to the edition in force. Run often or rarely, it comes to the same."""
    if not press.configured():
        return
    with advisory_lock(LOCK):
        row = press.in_force()
        written = Store(press.folder()).current()
        if row is None or (written is not None and written["edition"] == row.version):
            return
        emptied = row.kill_id is not None
        write(press.folder(), row.version, [] if emptied else press.open_edition(press.keys(), row).listed.entries())


def write(folder: Path, version: int, entries: Iterable[ListEntry]) -> None:
    """Write all formats of an edition's entries and put them in force.

    An entry that is not fit for any format is left out and named in the manifest: it holds back no other.
    """
    place = Store(folder)
    before = place.current()
    fit, refused = sift(entries)
    if refused:
        log.error("%d entries are fit for no format, the first: %s", len(refused), refused[0])
    listing = Listing.judged(fit)
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
        "hash_lists": {str(length): _hash_list(place, hashes, length) for length in (4, 32)},
    }
    place.publish(manifest, (added or b"") + removed)
    place.prune()


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
