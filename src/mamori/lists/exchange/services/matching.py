"""Answer what a provider asks: which entries of the bank its files are, or are like. Nothing asked is kept."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from django.utils.translation import gettext_lazy as _

from mamori.engine.images import VideoMatch
from mamori.engine.similar import RADIUS
from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError
from mamori.lists.exchange import index
from mamori.lists.exchange.items import MOST, Answer, FileTold, Item, Match, Told
from mamori.lists.exchange.services.quotas import quota_take
from mamori.lists.fingerprints import services as bank
from mamori.lists.fingerprints.permissions import IMAGES_MATCH
from mamori.lists.fingerprints.queries import MatchView, frames_of, harmless_in_force, matched

TOLD = 100  # entries told of one file, the surest first
WHOLE = 1 << 24  # fingerprints: all that one value meets


def examine(*, actor: Actor, items: Sequence[Item]) -> Answer:
    """Match files against what is in force, count them, and say nothing of what the actor may not know.

    A PDQ fingerprint within 31 bits is "similar", an equal digest "same". The negative bank leaves out a similar entry
    that is no nearer than a picture known to be harmless; over a digest it only raises a doubt.
    """
    actor.require(IMAGES_MATCH)
    if actor.organisation_id is None:
        raise DomainError("no_organisation", _("This token belongs to no organisation."), status=403)
    asked = sum(item.fingerprints for item in items)
    if not 1 <= asked <= MOST or any(not item.fingerprints for item in items):
        raise DomainError(
            "bad_number",
            _("One request asks about 1 to 10,000 fingerprints, and each file has at least one."),
            status=422,
        )
    reader = index.reader()
    reader.status()  # what cannot be answered is not counted
    quota_take(organisation_id=actor.organisation_id, fingerprints=asked)
    state, hits, cut = reader.search(items)
    views = matched(actor, {hit.fingerprint_id for each in hits for hit in each})
    if unseen := [n for n in cut if not any(hit.fingerprint_id in views for hit in hits[n])]:
        # Nothing of the nearest may be told to this partner: what may be told can lie behind them.
        _state, whole, _cut = reader.search([items[n] for n in unseen], most=WHOLE)
        for n, each in zip(unseen, whole, strict=True):
            hits[n] = each
        views |= matched(actor, {hit.fingerprint_id for each in whole for hit in each})
    harmless = Negative() if views else None
    told = [
        _told(item, [(hit, views[hit.fingerprint_id]) for hit in each if hit.fingerprint_id in views], harmless)
        for item, each in zip(items, hits, strict=True)
    ]
    _count(actor.organisation_id, [item.file for item in items], told, views)
    return Answer(state.seq, state.age, told, _files(items, hits, views, told))


class Negative:
    """The negative bank as it counts now."""

    def __init__(self) -> None:
        rows = harmless_in_force()
        self.digests = {row.value for row in rows if row.algorithm != "pdq"}
        pictures = b"".join(row.value for row in rows if row.algorithm == "pdq")
        self.pictures = np.frombuffer(pictures, np.uint64).reshape(-1, 4)

    def distance(self, pdq: bytes) -> int:
        """Bits to the nearest picture known to be harmless; 256 where there is none."""
        if not len(self.pictures):
            return 256
        different = self.pictures ^ np.frombuffer(pdq, np.uint64)
        return int(np.bitwise_count(different).sum(axis=1, dtype=np.int64).min())


def _told(item: Item, hits: list[tuple[index.Hit, MatchView]], harmless: Negative | None) -> Told:
    told = Told(too_plain=item.too_plain)
    if not hits or harmless is None:
        return told
    nearest_harmless = harmless.distance(item.pdq) if item.pdq is not None else 256
    doubted = bool(harmless.digests & set(item.digests.values()))
    entries: dict[int, list[tuple[index.Hit, MatchView]]] = {}
    for hit, view in hits:
        if not hit.exact and nearest_harmless <= min(RADIUS, hit.distance):
            told.harmless = True
            continue
        entries.setdefault(view.entry_number, []).append((hit, view))
    for number, of in entries.items():
        view = of[0][1]
        same = any(hit.exact for hit, _view in of)
        distances = [hit.distance for hit, _view in of if not hit.exact]
        told.matches.append(
            Match(
                entry=number,
                kind="same" if same else "similar",
                distance=min(distances, default=None),
                algorithms=tuple(sorted({view.algorithm for _hit, view in of})),
                classification=view.classification,
                source=view.source_code,
                media=view.media,
                disputed=view.disputed,
                harmless=same and doubted,
            )
        )
    told.harmless = told.harmless or any(match.harmless for match in told.matches)
    told.matches.sort(key=lambda match: (match.kind != "same", match.distance or 0, match.entry))
    told.matches = told.matches[:TOLD]
    return told


def _files(
    items: Sequence[Item], hits: list[list[index.Hit]], views: dict[int, MatchView], told: Sequence[Told]
) -> list[FileTold]:
    """Of files asked about in several items: how much of each is in an entry, and of a video's entry in it.

    Counted by what the index met: a frame that meets more of the bank than is looked at (NEAREST) may miss some.
    """
    places: dict[int, list[int]] = {}
    for place, item in enumerate(items):
        if item.file is not None:
            places.setdefault(item.file, []).append(place)
    met: list[tuple[int, Match, set[bytes], set[int]]] = []  # file, the surest match, values of the file, of the entry
    asked: dict[int, int] = {}
    for file, of in places.items():
        asked[file] = len({items[n].pdq for n in of if items[n].pdq is not None and not items[n].too_plain})
        matches: dict[int, list[tuple[int, Match]]] = {}
        for n in of if len(of) > 1 else ():
            for match in told[n].matches:
                matches.setdefault(match.entry, []).append((n, match))
        for entry, each in matches.items():
            best = min((match for _n, match in each), key=lambda match: match.kind != "same")
            alike = [n for n, match in each if match.distance is not None]
            known = {
                hit.fingerprint_id
                for n in alike
                for hit in hits[n]
                if not hit.exact and hit.fingerprint_id in views and views[hit.fingerprint_id].entry_number == entry
            }
            met.append((file, best, {items[n].pdq or b"" for n in alike}, known))
    ids = {view.entry_number: view.entry_id for view in views.values()}
    sizes = frames_of({ids[match.entry] for _file, match, _values, _known in met if match.media == "video"})
    found = []
    for file, match, values, known in met:
        frames = sizes.get(ids[match.entry])
        percent = 100.0 * len(values) / asked[file] if asked[file] else 0.0
        share = VideoMatch(percent, 100.0 * len(known) / frames) if frames else None
        kind: Any = "same" if match.kind == "same" else "similar" if share and share.reaches() else "frame"
        known_percent = round(share.compared_percent, 1) if share else None
        found.append(FileTold(file, match.entry, kind, round(percent, 1), frames, known_percent))
    return found


def _count(
    organisation_id: UUID, files: Sequence[int | None], told: Sequence[Told], views: dict[int, MatchView]
) -> None:
    """How many files were examined, similar, the same; and how many files met each entry, to find a flood."""
    of: dict[tuple[bool, int], list[Match]] = {}
    for place, (file, each) in enumerate(zip(files, told, strict=True)):
        of.setdefault((file is None, place if file is None else file), []).extend(each.matches)
    numbers = Counter(entry for matches in of.values() for entry in {match.entry for match in matches})
    same = sum(any(match.kind == "same" for match in matches) for matches in of.values())
    similar = sum(bool(matches) for matches in of.values()) - same
    if numbers:
        ids = {view.entry_number: view.entry_id for view in views.values()}
        bank.hits_record({ids[number]: hits for number, hits in numbers.items()})
    bank.examined_record(
        organisation_id=organisation_id, day=clock.now().date(), examined=len(of), similar=similar, same=same
    )
