"""A copy of the signed files in the database: a list whose folder is lost comes back as it was signed, within seconds.

Each base is copied once, after the fold, with the edition that is in force then. What a copy says is believed less than
what lies in the folder: it is verified against the root in force, whatever chain of roots it had.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

from mamori.engine.editions import BASE_FILES, CHANGES, EditionRefused, FileDigest, verify_metadata
from mamori.engine.patches import PatchRefused, pack, unpack
from mamori.lists.distribution import press, store
from mamori.lists.distribution.keys import EditionKeys
from mamori.lists.distribution.models import Edition, KeptPiece

PIECE = 1 << 20  # octets of a file in one row, before they are compressed
_PAUSE = 0.02  # seconds after each piece: who publishes meanwhile shares the disk
_SMALL = 1 << 20  # octets a file of metadata has at most
_LAST = press.METADATA[0]  # a copy that has it is whole


def copy_keep() -> int | None:
    """Copy the edition in force, unless one with the same base is kept. Returns its number, None when nothing was to do.

    A list that the kill switch emptied waits, for its order belongs to one edition; so does one signed before the keys were
    changed. ListLost, and the former copy stays, where the folder's files are not as they were signed.
    """
    row = press.in_force() if press.configured() else None
    if row is None or row.kill_id is not None:
        return None
    held = press.keys()
    kept = copy_kept(held)
    if kept is not None and kept.base == row.base:
        return None
    press.open_edition(held, row)
    place = press.folder() / str(row.version)
    try:
        digests = _digests(held, row, {name: (place / name).read_bytes() for name in press.METADATA})
    except EditionRefused:
        return None
    KeptPiece.objects.exclude(edition=kept).delete()  # of a copy that was not finished, or that nobody can use
    for name in (*BASE_FILES, CHANGES):
        if _copied(row, place / name) != digests[name]:
            raise press.list_lost(row, EditionRefused("altered"))
    for name in reversed(press.METADATA):
        _copied(row, place / name)
    KeptPiece.objects.exclude(edition=row).delete()
    return row.version


def copy_kept(held: EditionKeys) -> Edition | None:
    """The edition of which a whole copy is kept that the present keys have signed."""
    whole = KeptPiece.objects.filter(name=_LAST).values("edition")
    for row in Edition.objects.filter(id__in=whole).order_by("-version"):
        try:
            _digests(held, row, {name: b"".join(_unpacked(row, name, _SMALL)) for name in press.METADATA})
        except EditionRefused:
            continue
        return row
    return None


def copy_open(held: EditionKeys, row: Edition, written: store.Draft) -> press.Opened:
    """Write the copy of an edition into a draft and open it as any edition. EditionRefused: it is not as it was signed."""
    small = {name: b"".join(_unpacked(row, name, _SMALL)) for name in press.METADATA}
    digests = _digests(held, row, small)
    for name in (*BASE_FILES, CHANGES):  # the bytes just written: a base that this process has open is not read again
        if written.write(name, _unpacked(row, name, digests[name].length)) != digests[name]:
            raise EditionRefused("altered")
    for name, data in {**small, **_roots(held)}.items():
        written.write(name, [data])
    return press.open_copy(held, row, written.place)


def _digests(held: EditionKeys, row: Edition, metadata: Mapping[str, bytes]) -> dict[str, FileDigest]:
    """The digests of an edition's files by its metadata, verified with our own roots. EditionRefused."""
    version, digests = verify_metadata({**metadata, **_roots(held)}, held.roots[0], row.built_at)
    if version != row.version:
        raise EditionRefused("altered")
    if not {*BASE_FILES, CHANGES} <= digests.keys():
        raise EditionRefused("missing_file")
    return digests


def _roots(held: EditionKeys) -> dict[str, bytes]:
    return {f"{number}.root.json": root for number, root in enumerate(held.roots, 1)}


def _copied(row: Edition, path: Path) -> FileDigest:
    """Copy a file. Returns what was copied."""
    length, digest = 0, hashlib.sha256()
    with path.open("rb") as file:
        part, data = 0, file.read(PIECE)
        while data or part == 0:  # an empty file is one piece too
            KeptPiece.objects.create(edition=row, name=path.name, part=part, data=pack(data))
            time.sleep(_PAUSE)
            length += len(data)
            digest.update(data)
            part, data = part + 1, file.read(PIECE)
    return FileDigest(length, digest.hexdigest())


def _unpacked(row: Edition, name: str, most: int) -> Iterator[bytes]:
    """A file's pieces, of at most so many octets. EditionRefused."""
    pieces = KeptPiece.objects.filter(edition=row, name=name)
    for part in count():
        piece = pieces.filter(part=part).values_list("data", flat=True).first()
        if piece is None:
            return
        try:
            data = unpack(bytes(piece), PIECE)
        except PatchRefused as error:
            raise EditionRefused("malformed") from error
        most -= len(data)
        if most < 0:
            raise EditionRefused("altered")
        yield data
