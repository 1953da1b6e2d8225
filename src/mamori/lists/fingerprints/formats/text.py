"""Plain lists: one PDQ value (facebook/ThreatExchange's local file: `pdq <64 hex>`, or `<64 hex>[,quality]`) or one MD5
digest on a line. Empty lines and those that begin with # are passed over.
"""

from collections.abc import Iterator
from typing import BinaryIO

from mamori.lists.fingerprints.formats.records import Bad, Record, Value, Wrong, digest, reference
from mamori.lists.fingerprints.states import Algorithm, Media

MOST_LINE = 1000


def read_lines(stream: BinaryIO, algorithm: Algorithm, media: str = Media.IMAGE) -> Iterator[Record | Bad]:
    for number, line in enumerate(_lines(stream), 1):
        text = line.decode("utf-8", "replace").strip().lstrip("\ufeff")
        if not text or text.startswith("#"):
            continue
        at = f"line {number}"
        try:
            value = _value(text, algorithm)
        except Wrong as error:
            yield Bad(at, str(error))
            continue
        yield Record(at, reference([value]), str(media), "", "", (value,))


def _value(text: str, algorithm: Algorithm) -> Value:
    head, _space, rest = text.partition(" ")
    if head.lower() == algorithm:
        text = rest.strip()
    text, _comma, quality = text.partition(",")
    found = digest(algorithm, text.strip())
    if found is None:
        raise Wrong(f"bad_{algorithm}")
    if not quality:
        return found
    if algorithm != Algorithm.PDQ or not (quality.strip().isascii() and quality.strip().isdecimal()):
        raise Wrong("bad_quality")
    if int(quality) > 100:
        raise Wrong("bad_quality")
    return Value(found.algorithm, found.value, int(quality))


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines; one longer than MOST_LINE is cut, so that no file fills the memory."""
    while line := stream.readline(MOST_LINE):
        yield line
        while not line.endswith(b"\n") and len(line) == MOST_LINE:
            line = stream.readline(MOST_LINE)
