"""Banks on this machine: a file of fingerprints, or the saved index of one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mamori.engine.images import Frame, video_match
from mamori.engine.matching import DigestIndex, HammingIndex
from mamori.engine.refused import Refused
from mamori.engine.similar import RADIUS
from mamori.tools.scan.bankfiles import read_bank_file
from mamori.tools.scan.matches import DIGESTS, Asked, Match, Share, files_of
from mamori.tools.scan.purpose import ScanError

NEAREST = 1000  # fingerprints that one file may meet: a family of near-duplicates is cut there
Hit = tuple[int, str, int | None]  # a row or an id, algorithm, distance of PDQ
PDQ, DIGEST, CURRENT = "pdq", "digests", "current"  # as the platform lays its index out


def open_bank(text: str, *, sixty_four: str = "", profile: str = "us") -> FileBank | SavedBank:
    """The bank at a local path, read as `read_bank_file` says. ScanError if there is none that can be read."""
    path = Path(text)
    try:
        if path.is_dir():
            return SavedBank(path)
        return FileBank(path, sixty_four=sixty_four, profile=profile)
    except OSError as error:
        raise ScanError(f"the bank {text} cannot be opened: {error.strerror or error}") from error
    except Refused as error:
        raise ScanError(f"the bank {text}: {error}") from error


class FileBank:
    """A text or VICS file, read into memory. `bad`: its records that were left out, by line or number."""

    def __init__(self, path: Path, *, sixty_four: str = "", profile: str = "us") -> None:
        listed = read_bank_file(path, sixty_four=sixty_four, profile=profile)
        self.bad = listed.bad
        self._name = path.name
        self._names = [(entry, classification) for _algorithm, _value, entry, classification in listed.rows]
        with path.open("rb") as opened:
            self._identity = f"{hashlib.file_digest(opened, 'sha256').hexdigest()} {sixty_four} {profile}"
        rows = [n for n, row in enumerate(listed.rows) if row[0] == PDQ]
        values = b"".join(listed.rows[n][1] for n in rows)
        self._pictures = HammingIndex.build(
            np.frombuffer(values, np.uint8).reshape(-1, 32).copy(), np.array(rows, np.uint32)
        )
        self._videos: dict[str, list[Frame]] = {}
        for name, value, entry, _classification in listed.rows:
            if name == PDQ and entry in listed.videos:
                self._videos.setdefault(entry, []).append(Frame(value, 100, 0.0))
        self._digests: dict[str, tuple[NDArray[np.bytes_], NDArray[np.intp]]] = {}
        for name, length in DIGESTS.items():
            rows = [n for n, row in enumerate(listed.rows) if row[0] == name]
            found = np.frombuffer(b"".join(listed.rows[n][1] for n in rows), f"S{length}")
            order = np.argsort(found, kind="stable")
            self._digests[name] = found[order], np.array(rows, np.intp)[order]
        self._described = f"{path.name}: {len(self._pictures)} PDQ, {len(listed.rows) - len(self._pictures)} digests"

    def identity(self) -> str:
        return self._identity

    def name(self) -> str:
        return self._name

    def describe(self) -> str:
        return self._described

    def look_up(self, asked: Sequence[Asked]) -> list[list[Match]]:
        hits = _similar(self._pictures, asked)
        found: list[list[Hit]] = [[(row, PDQ, distance) for row, distance in each] for each in hits]
        for n, one in enumerate(asked):
            for name, value in one.digests.items():
                values, rows = self._digests[name]
                key = np.array(value, values.dtype)
                part = slice(np.searchsorted(values, key, "left"), np.searchsorted(values, key, "right"))
                found[n] += [(int(row), name, None) for row in rows[part]]
        told = [self._told(each) for each in found]
        for places in files_of(asked) if self._videos else ():
            self._share(places, asked, told)
        return told

    def _share(self, places: range, asked: Sequence[Asked], told: list[list[Match]]) -> None:
        """Say at the matches of a video's frames how much of it is in each known video."""
        frames = [Frame(one.pdq, one.quality, 0.0) for one in (asked[n] for n in places if asked[n].frame) if one.pdq]
        met = {match.entry for n in places for match in told[n]} & set(self._videos) if frames else set()
        for entry in met:
            known = self._videos[entry]
            found = video_match(frames, known)
            share = Share(
                found.query_percent, len({frame.pdq for frame in known}), found.compared_percent, found.reaches()
            )
            for n in places:
                told[n] = [replace(each, share=share) if each.entry == entry else each for each in told[n]]

    def _told(self, hits: list[Hit]) -> list[Match]:
        of: dict[str, list[Hit]] = {}
        for hit in hits:
            of.setdefault(self._names[hit[0]][0], []).append(hit)
        return _ordered([_match(entry, self._names[each[0][0]][1], each) for entry, each in of.items()])


class SavedBank:
    """A directory with HammingIndex `pdq` or DigestIndex `digests`, or both; or the platform's folder of generations.

    Entries are told by the number of the fingerprint, for that is all it holds.
    """

    def __init__(self, path: Path) -> None:
        place = path
        if (path / CURRENT).is_file():
            name = (path / CURRENT).read_text().strip()
            if not (name.startswith("g") and name[1:].isdigit()):
                raise ScanError(f"the index {path} is damaged: its current generation is not named")
            place = path / name
        self._path = path
        self._pictures = HammingIndex.open(place / PDQ) if (place / PDQ).exists() else None
        self._digests = DigestIndex.open(place / DIGEST) if (place / DIGEST).exists() else None
        if self._pictures is None and self._digests is None:
            raise ScanError(f"{path} holds no saved index: neither {PDQ} nor {DIGEST} is in it")

    def identity(self) -> str:
        return str(self._path.absolute())

    def name(self) -> str:
        return self._path.name

    def describe(self) -> str:
        sizes = (len(self._pictures or ()), len(self._digests or ()))
        return f"{self._path.name}: {sizes[0]} PDQ, {sizes[1]} digests"

    def look_up(self, asked: Sequence[Asked]) -> list[list[Match]]:
        hits = _similar(self._pictures, asked) if self._pictures is not None else [[] for _each in asked]
        told = []
        for one, near in zip(asked, hits, strict=True):
            of: dict[int, list[Hit]] = {}
            for ident, distance in near:
                of.setdefault(ident, []).append((ident, PDQ, distance))
            if self._digests is not None:
                for name, value in one.digests.items():
                    for ident in self._digests.search(value):
                        of.setdefault(int(ident), []).append((int(ident), name, None))
            told.append(_ordered([_match(f"fingerprint {ident}", "", each) for ident, each in of.items()]))
        return told


def _similar(index: HammingIndex, asked: Sequence[Asked]) -> list[list[tuple[int, int]]]:
    """(id, distance) of what is near each, the nearest first."""
    near: list[list[tuple[int, int]]] = [[] for _each in asked]
    with_pdq = [n for n, one in enumerate(asked) if one.pdq is not None]
    if not with_pdq:
        return near
    values = np.frombuffer(b"".join(asked[n].pdq or b"" for n in with_pdq), np.uint8).reshape(-1, 32)
    found = index.search_many(values, RADIUS)
    for row, n in enumerate(with_pdq):
        part = slice(int(found.offsets[row]), int(found.offsets[row + 1]))
        pairs = zip(found.ids[part].tolist(), found.distances[part].tolist(), strict=True)
        near[n] = sorted(pairs, key=lambda pair: (pair[1], pair[0]))[:NEAREST]
    return near


def _match(entry: str, classification: str, hits: Sequence[Hit]) -> Match:
    algorithms = tuple(sorted({name for _row, name, _distance in hits}))
    distances = [distance for _row, _name, distance in hits if distance is not None]
    kind = "similar" if algorithms == (PDQ,) else "same"
    return Match(entry, kind, min(distances, default=None), algorithms, classification)


def _ordered(matches: list[Match]) -> list[Match]:
    return sorted(matches, key=lambda match: (match.kind != "same", match.distance or 0, match.entry))
