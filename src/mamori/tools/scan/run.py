"""A scan from begin to end: walk, examine, look up, write down. Where the examining is done is the caller's choice."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from mamori.engine.limits import Limits
from mamori.tools.scan.matches import CONFIRM, DIGESTS, FRAME, Asked, Bank, Match, asked_of
from mamori.tools.scan.outputs import Commit, Outputs, Totals, named
from mamori.tools.scan.pool import Done, Happened, Looked
from mamori.tools.scan.purpose import Purpose
from mamori.tools.scan.sources import Item, Root, count, walk

COMMIT_SECONDS = 1.0
COMMIT_FILES = 500
LATER = "read by a later run: what stands above no longer counts"
Examine = Callable[[Iterator[Item]], Iterator[Happened]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is scanned, why and with what: a scan goes on only with the same one."""

    roots: Sequence[Root]
    bank: Bank
    purpose: Purpose
    limits: Limits = field(default_factory=Limits)
    recipients: Sequence[str] = ()

    def told(self) -> dict[str, Any]:
        """For the journal's first line. Local names that are no UTF-8 stand in it escaped."""
        return {
            "roots": [f"{root.kind} {root.text}".encode("utf-8", "backslashreplace").decode() for root in self.roots],
            "bank": self.bank.identity(),
            "limits": asdict(self.limits),
            "encrypted_to": sorted(self.recipients),
            **self.purpose.told(),
        }


@dataclass(slots=True)
class Seen:
    """What a watcher is told: totals, how many items are finished, and of how many once that is known."""

    totals: Totals
    items: int = 0
    of: int | None = None


Watch = Callable[[Seen], None]


def moment() -> str:
    """Now, in UTC: this machine's clock, for the tools know no other."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")  # noqa: TID251


def run(plan: Plan, outputs: Outputs, examine: Examine, watch: Watch = lambda _seen: None) -> Totals:
    """Scan what is not done. `outputs` is open. The count of items goes on beside it; `watch` hears every commit."""
    over = threading.Event()
    seen = Seen(outputs.totals)

    def counting() -> None:
        found = count(plan.roots, over.is_set)
        seen.of = found if found >= 0 else None

    counter = threading.Thread(target=counting, daemon=True)
    counter.start()
    try:
        writer = Writer(plan.bank, outputs, seen, watch)
        for happened in examine(outputs.remaining(walk(plan.roots, outputs.places))):
            writer.take(happened)
        writer.commit()
    finally:
        over.set()
        counter.join()
    return outputs.totals


class Writer:
    """Collects what is found, and every second or 500 files looks it up and writes it down."""

    def __init__(self, bank: Bank, outputs: Outputs, seen: Seen, watch: Watch) -> None:
        self._bank, self._outputs, self._seen, self._watch = bank, outputs, seen, watch
        self._looked: list[Looked] = []
        self._held: dict[str, list[Looked]] = {}
        self._next = Commit()
        self._last = time.monotonic()

    def take(self, happened: Happened) -> None:
        match happened:
            case Looked(number=0):  # kept back until the journal can say that it is not to be told again
                self._held.setdefault(happened.item.path, []).append(happened)
            case Looked(item):
                self._looked += [*self._held.pop(item.path, []), happened]
                self._next.archives[item.key(self._outputs.salt)] = happened.number
            case Done(item, again):
                self._done(item, again=again)
                self._seen.items += 1
        if len(self._looked) >= COMMIT_FILES or time.monotonic() - self._last >= COMMIT_SECONDS:
            self.commit()

    def _done(self, item: Item, *, again: bool) -> None:
        """Note that it is done, or that a later run tries it again: then it is listed as unreadable once."""
        key, before = item.key(self._outputs.salt), self._outputs.again
        held = self._held.pop(item.path, [])
        if again:
            if key not in before:
                self._looked += [looked for looked in held if looked.told is None]
                self._next.again.append(key)
                before.add(key)
            return
        self._looked += held
        self._next.archives.pop(key, None)
        self._next.done.append(key)
        if key in before:
            before.discard(key)
            self._outputs.totals.unreadable -= 1
            self._next.unreadable.append(json.dumps({**named("path", item.path), "reason": LATER}))

    def commit(self) -> None:
        totals, now = self._outputs.totals, time.monotonic()
        totals.seconds = round(totals.seconds + now - self._last, 3)
        self._last = now
        if self._looked or self._next.done or self._next.again:
            at = moment()
            for looked, asked, matches in self._found():
                self._note(looked, asked, matches, at)
            self._outputs.commit(self._next)
            self._looked, self._next = [], Commit()
        self._seen.items += self._outputs.passed
        self._outputs.passed = 0
        self._watch(self._seen)

    def _found(self) -> list[tuple[Looked, list[Asked], list[list[Match]]]]:
        asked: list[list[Asked]] = []
        for looked in self._looked:
            try:
                asked.append(asked_of(looked.told) if looked.told is not None else [])
            except (ValueError, TypeError, KeyError, AttributeError):
                looked.told, looked.problem = None, "the process that read it answered in another form"
                asked.append([])
        answers = iter(self._bank.look_up([one for each in asked for one in each]))
        return [
            (looked, each, [next(answers) for _one in each]) for looked, each in zip(self._looked, asked, strict=True)
        ]

    def _note(self, looked: Looked, asked: list[Asked], matches: list[list[Match]], at: str) -> None:
        totals = self._outputs.totals
        where = named("path", looked.item.path) | (named("member", looked.member) if looked.member else {})
        if looked.told is not None:
            totals.examined += 1
            totals.bytes += looked.size
        if looked.problem:
            totals.unreadable += 1
            self._next.unreadable.append(json.dumps({**where, "reason": looked.problem}))
        if not any(matches):
            return
        told = looked.told or {}
        lines = list(_lines(told, asked, matches))
        totals.matched += 1
        kinds = {line["match"] for line in lines}
        totals.same += "same" in kinds
        totals.similar += "similar" in kinds and "same" not in kinds
        totals.frame += kinds == {"frame"}
        digest = {"sha256": told["sha256"], "bytes": looked.size, "at": at}
        exact = {name: told[name] for name in DIGESTS if name in told}
        self._next.matches += [
            json.dumps(
                {**where, "bank": self._bank.name(), **line, **digest, **(exact if line["match"] == "same" else {})}
            )
            for line in lines
        ]


def _lines(told: dict[str, Any], asked: list[Asked], matches: list[list[Match]]) -> Iterator[dict[str, Any]]:
    """One line for each entry; of a video, the nearest frame and how many of its frames met the entry.

    A video is "similar" where the entry is a video too and vPDQ's rule of the share of frames holds; else it is told
    as "frame": a frame of it is similar.
    """
    distinct = {one.pdq for one in asked if one.frame and one.pdq is not None}
    of: dict[str, list[tuple[int, Match]]] = {}
    for place, each in enumerate(matches):
        for match in each:
            of.setdefault(match.entry, []).append((place, match))
    for entry, met in of.items():
        place, best = min(met, key=lambda pair: (pair[1].kind != "same", pair[1].distance or 0, pair[0]))
        frames = [place for place, _match in met if asked[place].frame]
        share = next((match.share for _place, match in met if match.share is not None), None)
        kind = best.kind
        if kind == "similar" and frames and not (share is not None and share.similar):
            kind = "frame"
        line: dict[str, Any] = {"entry": entry, "match": kind, "distance": best.distance}
        line["algorithms"] = sorted({name for _place, match in met for name in match.algorithms})
        line["classification"] = best.classification
        if best.source:
            line["source"] = best.source
        if asked[place].pdq is not None:
            line["quality"] = asked[place].quality
        if frames:
            alike = len({asked[place].pdq for place in frames})
            line["frames"] = {
                "matched": len(frames),
                "sampled": len(asked) - 1,
                "percent": round(share.percent if share else 100 * alike / len(distinct), 1),
                "first_at_seconds": told["frames"][frames[0] - 1][2],
                **({"known": share.known, "known_percent": round(share.known_percent, 1)} if share else {}),
            }
        doubts = sorted({doubt for _place, match in met for doubt in match.doubts})
        if doubts:
            line["doubts"] = doubts
        if kind != "same":
            line["note"] = CONFIRM if kind == "similar" else FRAME
        yield line
