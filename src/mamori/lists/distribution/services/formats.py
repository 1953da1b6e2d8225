"""Write every format of the edition in force. Runs after the edition is out: no block waits for a file."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from mamori.engine.editions import LAST_RING, Delta, FileDigest, sign_files, write_delta
from mamori.ground import clock
from mamori.lists.distribution import models, press
from mamori.lists.distribution.formats import Store
from mamori.lists.distribution.keys import EditionKeys
from mamori.lists.distribution.locks import advisory_lock
from mamori.lists.distribution.making import Made, Told, make, make_aside
from mamori.lists.distribution.services.editions import LIFE

LOCK = 7_261_103  # PostgreSQL advisory lock: one writer of formats at a time
ASIDE = 20_000  # entries from which on the files are made in a process of its own
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
        folder = press.folder()
        written = Store(folder).current()
        if row is None or (written is not None and written["edition"] == row.version):
            return
        held = press.keys()
        if row.kill_id is not None:
            made = make(folder, row.version, [], told)
        else:
            opened = press.open_edition(held, row)
            listed = opened.listed.for_ring(LAST_RING)
            if len(listed) < ASIDE:
                made = make(folder, row.version, listed.entries(), told)
            else:
                delta = Delta(listed.delta.added, listed.delta.removed)
                made = make_aside(folder, row.version, opened.base.digests, write_delta(delta), told)
        publish(folder, made, lambda files: _signed(row, files, held))


def _signed(row: models.Edition, files: Mapping[str, FileDigest], held: EditionKeys) -> Mapping[str, bytes]:
    """Believed under the root of the editions, as long as the edition is. No file has the name of one of an edition."""
    expires = row.built_at + LIFE
    return sign_files(
        row.version, files, keys=held.service, roots=held.roots, version=row.version, now=row.built_at, expires=expires
    )


def publish(folder: Path, made: Made, sign: Sign) -> None:
    """Put in force what was made, signed."""
    place, manifest = Store(folder), {**made.manifest, "written_at": clock.now().isoformat(timespec="seconds")}
    if refused := manifest["refused"]:
        log.error("%d entries are fit for no format, the first: %s", len(refused), refused[0])
    files = manifest["files"]
    metadata = sign({name: FileDigest(each["bytes"], each["sha256"]) for name, each in files.items()})
    place.publish(manifest, made.steps, metadata)
    place.prune()
