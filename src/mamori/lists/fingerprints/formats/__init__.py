"""Files of fingerprints, in and out: VICS 2.0 and 1.3, ICSE, plain lists."""

from collections.abc import Iterator
from enum import StrEnum
from typing import BinaryIO

from mamori.lists.fingerprints.formats.icse import read_icse
from mamori.lists.fingerprints.formats.records import Bad, NotThisFormat, Record, Value
from mamori.lists.fingerprints.formats.text import read_lines
from mamori.lists.fingerprints.formats.vics import read_vics
from mamori.lists.fingerprints.states import Algorithm, Media

__all__ = ["Bad", "Format", "NotThisFormat", "Record", "Value", "read"]


class Format(StrEnum):
    VICS_2 = "vics-2.0"
    VICS_1 = "vics-1.3"
    ICSE = "icse"
    PDQ = "pdq"
    MD5 = "md5"


def read(stream: BinaryIO, form: Format, *, profile: str = "us", media: str = Media.IMAGE) -> Iterator[Record | Bad]:
    """The records of a file, and the bad ones by place. `profile`: of VICS; `media`: what a plain list is of."""
    if form in (Format.VICS_2, Format.VICS_1):
        return read_vics(stream, profile)
    if form == Format.ICSE:
        return read_icse(stream)
    return read_lines(stream, Algorithm(str(form)), media)
