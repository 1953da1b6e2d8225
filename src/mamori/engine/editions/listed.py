"""The list as it stands on disk: a base of any size and the changes since, asked without reading all of it."""

from __future__ import annotations

import heapq
import itertools
import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mamori.engine.addresses import parents
from mamori.engine.editions.entries import (
    ACTIVATIONS,
    ENDINGS,
    NAMES,
    URLS,
    Delta,
    ListEntry,
    Method,
    read_signed,
)
from mamori.engine.editions.rpz import name_key
from mamori.engine.editions.statements import SignedStatement

if TYPE_CHECKING:  # compiled code, which readers of a list do without
    from mamori.engine.editions.places import BasePlaces

_PIECE = 1 << 20


class LineOrder(NamedTuple):
    """How lines are sorted: by the whole key of a line that was read, or its first part, straight from the bytes."""

    key: Callable[[dict[str, Any]], tuple[Any, ...]]
    first: Callable[[bytes], Any]


class SortedLines:
    """JSON Lines in order, in bytes or a memory map. Finding one looks at about 20 of a million."""

    def __init__(self, data: Any, order: LineOrder) -> None:
        self.data = data
        self.order = order

    def __len__(self) -> int:
        return sum(piece.count(b"\n") for piece in self.pieces(0, len(self.data)))

    def place(self, wanted: tuple[Any, ...]) -> tuple[int, int]:
        """Where the first line begins whose key is not below `wanted`; and where it ends, when it has just that key."""
        low, high = 0, len(self.data)
        while low < high:
            middle = self.data.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = self._end(middle)
            if self._is_below(self.data[middle:end], wanted):
                low = end
            else:
                high = middle
        end = self._end(low)
        return low, end if low < end and self._key(self.data[low:end]) == wanted else low

    def _is_below(self, line: bytes, wanted: tuple[Any, ...]) -> bool:
        if not wanted:
            return False
        first = self.order.first(line)
        return bool(first < wanted[0]) if first != wanted[0] else self._key(line) < wanted

    def _key(self, line: bytes) -> tuple[Any, ...]:
        return self.order.key(json.loads(line))

    def since(self, wanted: tuple[Any, ...] = ()) -> Iterator[dict[str, Any]]:
        """The lines whose keys are not below `wanted`, a key or the beginning of one."""
        return (json.loads(line) for line in lines_of(self.data, self.place(wanted)[0]))

    def at(self, place: int | None) -> Iterator[dict[str, Any]]:
        """The lines from a place on; none for None."""
        return iter(()) if place is None else (json.loads(line) for line in lines_of(self.data, place))

    def keyed(self) -> Iterator[tuple[tuple[Any, ...], bytes]]:
        """All lines with their keys."""
        return ((self._key(line), line) for line in lines_of(self.data))

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes between two offsets."""
        return (self.data[at : min(at + _PIECE, end)] for at in range(start, end, _PIECE))

    def _end(self, at: int) -> int:
        return _line_end(self.data, at)


def lines_of(data: Any, at: int = 0) -> Iterator[bytes]:
    """The lines of bytes or a memory map from an offset on, each with its end."""
    while at < len(data):
        end = _line_end(data, at)
        yield data[at:end]
        at = end


def _line_end(data: Any, at: int) -> int:
    return int(data.find(b"\n", at) + 1 or len(data))


def sorted_files(base: Mapping[str, Any]) -> dict[str, SortedLines]:
    """The base files, each with the order of its lines."""
    return {name: SortedLines(base[name], order) for name, order in _orders().items()}


def merged(name: str, runs: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of one of the base files from several that are in its order."""
    order = _orders()[name]
    return (line for _key, line in heapq.merge(*(SortedLines(run, order).keyed() for run in runs)))


def _orders() -> dict[str, LineOrder]:
    statements = LineOrder(_statement_key, _statement_first)
    return {
        NAMES: LineOrder(_name_key, lambda line: name_key(_target(line))),
        URLS: LineOrder(_url_key, lambda line: (_target(line),)),
        ACTIVATIONS: statements,
        ENDINGS: statements,
    }


def _name_key(line: dict[str, Any]) -> tuple[Any, ...]:
    return name_key(line["target"]), line["entry_id"]


def _url_key(line: dict[str, Any]) -> tuple[Any, ...]:
    return (line["target"],), line["entry_id"]


def _statement_key(line: dict[str, Any]) -> tuple[Any, ...]:
    return str(json.loads(line["statement"]).get("entry_id", "")), line["statement"]


def _target(line: bytes) -> str:
    """The target of a canonical line, where it is plain without being read as JSON."""
    start = line.find(b'"target":"') + 10
    found = line[start : line.find(b'"', start)]
    return str(json.loads(line)["target"]) if start < 10 or b"\\" in found else found.decode()


def _in_json(text: str) -> str:
    """A text as it stands in a line."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _entry_id(line: bytes) -> str:
    """The entry of a canonical line, likewise."""
    start = line.find(b'"entry_id":"') + 12
    found = line[start : line.find(b'"', start)]
    return str(json.loads(line)["entry_id"]) if start < 12 or b"\\" in found else found.decode()


def _statement_first(line: bytes) -> str:
    """The entry a canonical line's statement speaks of."""
    start = line.find(b'\\"entry_id\\":\\"') + 15
    found = line[start : line.find(b'"', start) - 1]
    return str(_statement_key(json.loads(line))[0]) if start < 15 or b"\\" in found else found.decode()


class ListInForce:
    """One edition. `base`: the content of its base files, as bytes or memory maps, verified by the caller."""

    def __init__(
        self,
        version: int,
        base: Mapping[str, Any],
        delta: Delta,
        *,
        sizes: tuple[int, int] | None = None,
        places: BasePlaces | None = None,
    ) -> None:
        """`sizes`: how many names and URLs the base holds, when the caller knows; else they are counted. `places`: where
        its lines stand (`base_places`); else they are searched for."""
        self.version = version
        self._base, self._places = base, places
        self.delta = delta
        self._names, self._urls, self._activations, self._endings = sorted_files(base).values()
        self._added = {(entry.method, entry.target): entry for entry in delta.added}
        self._added_keys = sorted(
            (name_key(entry.target), entry.target) for entry in delta.added if entry.method == "dns"
        )
        self._added_names = frozenset(name for _key, name in self._added_keys)
        self._removed = {entry.entry_id for entry in delta.removed}
        self._signed: dict[str, list[SignedStatement]] = {}
        for signed in delta.statements:
            self._signed.setdefault(signed.entry_id, []).append(signed)
        self._found: dict[
            tuple[Method, str], ListEntry | None
        ] = {}  # an edition does not change: what was asked is kept
        self._told: dict[str, list[SignedStatement]] = {}
        self.base_sizes = sizes or (len(self._names), len(self._urls))

    @property
    def sizes(self) -> tuple[int, int]:
        """How many names and how many URLs stand on it."""
        came = Counter(entry.method for entry in self.delta.added)
        came.subtract(Counter(entry.method for entry in self.delta.removed))
        return self.base_sizes[0] + came["dns"], self.base_sizes[1] + came["url"]

    def __len__(self) -> int:
        """How many entries stand on it."""
        return sum(self.sizes)

    def for_ring(self, ring: int) -> ListInForce:
        """The list as subscribers of a ring have it: without what waits before that ring."""
        delta = self.delta.for_ring(ring)
        if delta is self.delta:
            return self
        return ListInForce(self.version, self._base, delta, sizes=self.base_sizes, places=self._places)

    def find(self, method: Method, target: str) -> ListEntry | None:
        """The entry for a target."""
        place = (method, target)
        if place not in self._found:
            self._found[place] = self._find(method, target)
        return self._found[place]

    def _find(self, method: Method, target: str) -> ListEntry | None:
        if entry := self._added.get((method, target)):
            return entry
        for line in self._since(method, target):
            if line["target"] != target:
                return None
            if line["entry_id"] not in self._removed:
                return ListEntry.from_json(line)
        return None

    def _since(self, method: Method, target: str) -> Iterator[dict[str, Any]]:
        """The base's lines from the target's on; none where it does not stand there, as far as that is known."""
        lines, wanted = (self._names, name_key(target)) if method == "dns" else (self._urls, (target,))
        if self._places is None:
            return lines.since((wanted,))
        return lines.at((self._places.names if method == "dns" else self._places.urls).line(_in_json(target)))

    def is_listed(self, name: str) -> bool:
        """Whether the name itself stands on the list of names."""
        return self.find("dns", name) is not None

    def listed_below(self, name: str) -> list[str]:
        """Names below `name` that stand on the list."""
        top = name_key(name)
        found = []
        there = self._places
        for line in self._names.at(there.above.line(name)) if there else self._names.since(((*top, ""),)):
            if name_key(line["target"])[: len(top)] != top:
                break
            if line["entry_id"] not in self._removed:
                found.append(line["target"])
        at = bisect_left(self._added_keys, ((*top, ""), ""))
        while at < len(self._added_keys) and self._added_keys[at][0][: len(top)] == top:
            found.append(self._added_keys[at][1])
            at += 1
        return found

    def is_covered(self, name: str) -> bool:
        """Whether the name, or one above it, stands on the list."""
        return any(map(self.is_listed, parents(name)))

    def covered(self, names: Collection[str]) -> set[str]:
        """Those of the names for which `is_covered` holds, in a fraction of the time."""
        chains = {name: [*parents(name)] for name in names}
        asked = {above for chain in chains.values() for above in chain}
        there = asked & self._added_names
        known = self._places.names.line if self._places else None
        there.update(name for name in asked - there if (not known or known(name) is not None) and self.is_listed(name))
        return {name for name, chain in chains.items() if not there.isdisjoint(chain)}

    def below(self, names: Collection[str]) -> dict[str, list[str]]:
        """Those of the names that have names below them on the list, with these: `listed_below`, likewise."""
        asked = frozenset(names)
        known = self._places.above.line if self._places else None
        found = {name: self.listed_below(name) for name in asked if not known or known(name) is not None}
        for name in self._added_names:
            for above in parents(name):
                if above in asked and above != name and above not in found:
                    found[above] = self.listed_below(above)
        return {name: below for name, below in found.items() if below}

    def statements_of(self, entry_id: str) -> list[SignedStatement]:
        """What was ever signed about an entry."""
        if entry_id not in self._told:
            self._told[entry_id] = self._statements_of(entry_id)
        return self._told[entry_id]

    def _statements_of(self, entry_id: str) -> list[SignedStatement]:
        found = list(self._signed.get(entry_id, ()))
        there, files = self._places, (self._activations, self._endings)
        for lines, places in zip(files, (there.activations, there.endings) if there else (None, None), strict=True):
            for line in lines.at(places.line(entry_id)) if places else lines.since((entry_id,)):
                signed = read_signed(line)
                if signed.entry_id != entry_id:
                    break
                found.append(signed)
        return found

    def names(self) -> Iterator[str]:
        """All names, those below one another together (the order of `name_key`)."""
        removed = self._removed
        kept = (_target(line) for line in lines_of(self._names.data) if not removed or _entry_id(line) not in removed)
        if not self._added_keys:
            return kept
        return heapq.merge(kept, (name for _key, name in self._added_keys), key=name_key)

    def ids(self) -> Iterator[str]:
        """The ids of all entries, in no order."""
        for line in itertools.chain(lines_of(self._names.data), lines_of(self._urls.data)):
            if (entry_id := _entry_id(line)) not in self._removed:
                yield entry_id
        yield from (entry.entry_id for entry in self.delta.added)

    def ended(self) -> Iterator[str]:
        """The ids of all entries whose endings it carries, in no order."""
        yield from map(_statement_first, lines_of(self._endings.data))
        yield from (signed.entry_id for signed in self.delta.statements if signed.action == "withdraw")

    def entries(self) -> Iterator[ListEntry]:
        """All entries, in no order."""
        for line in itertools.chain(self._names.since(), self._urls.since()):
            if line["entry_id"] not in self._removed:
                yield ListEntry.from_json(line)
        yield from self.delta.added
