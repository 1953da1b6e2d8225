"""The compact form of POST /api/v1/match. docs/guides/matching-api.md describes it byte by byte. Little-endian."""

import struct

from django.utils.translation import gettext_lazy as _

from mamori.ground.errors import DomainError
from mamori.lists.exchange.items import LENGTHS, MOST, Answer, Item

CONTENT_TYPE = "application/vnd.mamori.match"
ASKED, ANSWERED = b"MMQ1", b"MMA1"
ALGORITHMS = {1: "pdq", 2: "md5", 3: "sha1", 4: "sha256"}
NUMBERS = {name: number for number, name in ALGORITHMS.items()}
UNKNOWN_QUALITY = 255
NO_DISTANCE = 255
_SAME_FILE = 1
_HEAD = struct.Struct("<4sI")
_RECORD = struct.Struct("<BBBx")
_ANSWER = struct.Struct("<4sQIII")
_TOLD = struct.Struct("<IBB")
_MATCH = struct.Struct("<QBBBB")


def unreadable(why: str) -> DomainError:
    return DomainError("unreadable", _("The request cannot be read."), remedy=why, status=400)


def read_items(data: bytes) -> list[Item]:
    """The files of a request. DomainError (400) for anything that is not exactly the documented form."""
    if len(data) < _HEAD.size or data[:4] != ASKED:
        raise unreadable("It begins with MMQ1 and the number of fingerprints.")
    _magic, count = _HEAD.unpack_from(data)
    if not 1 <= count <= MOST:
        raise unreadable(f"One request holds 1 to {MOST} fingerprints.")
    items: list[Item] = []
    at = _HEAD.size
    for place in range(count):
        if len(data) < at + _RECORD.size:
            raise unreadable(f"Fingerprint {place} is cut off.")
        number, flags, quality = _RECORD.unpack_from(data, at)
        reserved = data[at + 3]
        at += _RECORD.size
        name = ALGORITHMS.get(number)
        if name is None or flags & ~_SAME_FILE or reserved:
            raise unreadable(f"Fingerprint {place}: unknown algorithm or flags.")
        value = data[at : at + LENGTHS[name]]
        at += LENGTHS[name]
        if len(value) != LENGTHS[name]:
            raise unreadable(f"Fingerprint {place} is cut off.")
        if not flags & _SAME_FILE:
            items.append(Item())
        elif not items:
            raise unreadable("The first fingerprint continues no file.")
        _put(items[-1], name, value, quality, place)
    if at != len(data):
        raise unreadable("Bytes follow the last fingerprint.")
    return items


def _put(item: Item, name: str, value: bytes, quality: int, place: int) -> None:
    known = item.pdq if name == "pdq" else item.digests.get(name)
    if known is not None:
        raise unreadable(f"Fingerprint {place}: the file has one of this algorithm already.")
    if name != "pdq":
        item.digests[name] = value
        return
    if quality > 100 and quality != UNKNOWN_QUALITY:
        raise unreadable(f"Fingerprint {place}: quality is 0 to 100, or 255 where it is not known.")
    item.pdq, item.quality = value, None if quality == UNKNOWN_QUALITY else quality


def write_items(items: list[Item]) -> bytes:
    """A request, for clients."""
    parts = [_HEAD.pack(ASKED, sum(item.fingerprints for item in items))]
    for item in items:
        flags = 0
        for name, value in ([("pdq", item.pdq)] if item.pdq is not None else []) + [*item.digests.items()]:
            quality = (UNKNOWN_QUALITY if item.quality is None else item.quality) if name == "pdq" else 0
            parts += [_RECORD.pack(NUMBERS[name], flags, quality), value]
            flags = _SAME_FILE
    return b"".join(parts)


def write_answer(answer: Answer) -> bytes:
    """Only files of which there is something to tell: matches, a PDQ that was too plain, a known harmless picture."""
    spoken = [
        (place, told) for place, told in enumerate(answer.told) if told.matches or told.too_plain or told.harmless
    ]
    parts = [_ANSWER.pack(ANSWERED, answer.version, min(answer.age, 2**32 - 1), len(answer.told), len(spoken))]
    for place, told in spoken:
        shown = told.matches[:255]
        parts.append(_TOLD.pack(place, told.too_plain | told.harmless << 1, len(shown)))
        for match in shown:
            distance = NO_DISTANCE if match.distance is None else match.distance
            kind = 1 if match.kind == "same" else 2
            flags = match.disputed | match.harmless << 1 | (match.media == "video") << 2
            algorithms = sum(1 << NUMBERS[name] for name in match.algorithms)
            parts.append(_MATCH.pack(match.entry, kind, distance, flags, algorithms))
            parts += [_short(match.classification), _short(match.source)]
    return b"".join(parts)


def _short(text: str) -> bytes:
    data = text.encode()[:255].decode(errors="ignore").encode()
    return bytes([len(data)]) + data


def read_answer(data: bytes) -> tuple[int, int, dict[int, dict[str, object]]]:
    """(version, age, what is told by place), for clients. ValueError for anything else than an answer."""
    try:
        magic, version, age, _files, spoken = _ANSWER.unpack_from(data)
        if magic != ANSWERED:
            raise ValueError("not an answer")
        at, found = _ANSWER.size, {}
        for _each in range(spoken):
            place, marks, count = _TOLD.unpack_from(data, at)
            at += _TOLD.size
            matches = []
            for _match in range(count):
                entry, kind, distance, flags, algorithms = _MATCH.unpack_from(data, at)
                at += _MATCH.size
                words = []
                for _word in range(2):
                    words.append(data[at + 1 : at + 1 + data[at]].decode())
                    at += 1 + data[at]
                matches.append(
                    {
                        "entry": entry,
                        "kind": "same" if kind == 1 else "similar",
                        "distance": None if distance == NO_DISTANCE else distance,
                        "algorithms": [name for number, name in ALGORITHMS.items() if algorithms >> number & 1],
                        "classification": words[0],
                        "source": words[1],
                        "media": "video" if flags & 4 else "image",
                        "disputed": bool(flags & 1),
                        "harmless": bool(flags & 2),
                    }
                )
            found[place] = {"matches": matches, "too_plain": bool(marks & 1), "harmless": bool(marks & 2)}
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError("the answer is cut off") from error
    if at != len(data):
        raise ValueError("bytes follow the answer")
    return version, age, found
