"""A copy of the signed files in the database: a list whose folder is lost comes back as it was signed, within seconds.

Each base is copied once, after the fold, with the edition that is in force then. What a copy says is believed as little
as what lies in the folder: it is verified against the keys of editions when it is opened.
"""

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from mamori.engine.editions import EditionRefused
from mamori.engine.patches import PatchRefused, pack, unpack
from mamori.lists.distribution import press, store
from mamori.lists.distribution.keys import EditionKeys
from mamori.lists.distribution.models import Edition, KeptPiece

PIECE = 1 << 20  # octets of a file in one row, before they are compressed
_PAUSE = 0.02  # seconds after each piece: who publishes meanwhile shares the disk
_LAST = "timestamp.json"  # a copy that has it is whole


def copy_keep() -> int | None:
    """Copy the edition in force, unless one with the same base is kept. Returns its number, None when nothing was to do.

    A list that the kill switch emptied waits: its order belongs to one edition. ListLost.
    """
    row = press.in_force() if press.configured() else None
    kept = copy_kept()
    if row is None or row.kill_id is not None or (kept is not None and kept.base == row.base):
        return None
    press.open_edition(press.keys(), row)
    KeptPiece.objects.exclude(edition=kept).delete()  # of a copy that was not finished
    place = press.folder() / str(row.version)
    for path in sorted(place.iterdir(), key=lambda path: path.name == _LAST):
        for part, data in enumerate(_pieces(path)):
            KeptPiece.objects.create(edition=row, name=path.name, part=part, data=pack(data))
            time.sleep(_PAUSE)
    KeptPiece.objects.exclude(edition=row).delete()
    return row.version


def copy_kept() -> Edition | None:
    """The edition of which a whole copy is kept."""
    whole = KeptPiece.objects.filter(name=_LAST).values("edition")
    return Edition.objects.filter(id__in=whole).order_by("-version").first()


def copy_open(held: EditionKeys, row: Edition, written: store.Draft) -> press.Opened:
    """Write the copy of an edition into a draft and open it as any edition. EditionRefused: it is not as it was signed."""
    found = {}
    try:
        for name in KeptPiece.objects.filter(edition=row).values_list("name", flat=True).distinct():
            if Path(name).name != name:  # rows are written by whoever has the database, the folder is ours
                raise EditionRefused("malformed")
            found[name] = written.write(name, _unpacked(row, name))
    except PatchRefused as error:
        raise EditionRefused("malformed") from error
    opened = press.open_copy(held, row, written.place)
    if any(found.get(name) != digest for name, digest in opened.base.digests.items()):
        raise EditionRefused("altered")  # a base that this process has open is not read again
    return opened


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield file.read(PIECE)  # an empty file is one piece too
        while data := file.read(PIECE):
            yield data


def _unpacked(row: Edition, name: str) -> Iterator[bytes]:
    for part in count():
        piece = KeptPiece.objects.filter(edition=row, name=name, part=part).values_list("data", flat=True).first()
        if piece is None:
            return
        yield unpack(bytes(piece), PIECE)
