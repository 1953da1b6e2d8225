"""Each ring's hot zone over any base says that ring's list, whatever waits, moves on, goes or is folded meanwhile."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.engine.addresses import parents
from mamori.engine.editions import (
    LAST_RING,
    Delta,
    Edition,
    EditionRefused,
    ListEntry,
    ListInForce,
    SignedStatement,
    activation_statement,
    compile_hot,
    compile_rpz,
    fold,
    hot_names,
    hot_zone,
    read_delta,
    since_fold,
    write_delta,
    write_files,
)
from mamori.engine.editions.transferred import Policy, hot_difference
from tests.engine.people import entry
from tests.engine.test_layers import is_blocked, longest, names, strict

POLICY = Policy("nxdomain", None, "canary.site.example")
RINGS = range(LAST_RING + 1)
steps = st.lists(st.tuples(st.sampled_from(["add 0", "add 1", "add 2", "move", "go", "fold"]), names), max_size=16)


class Row(NamedTuple):
    """What the publisher notes of a change: it concerns rings up to this one."""

    version: int
    name: str
    ring: int


class House:
    """A publisher: what it signs, what it notes, and the bases it brought out (with the edition each is of)."""

    def __init__(self) -> None:
        self.files, self.delta, self.version = write_files(Edition(0, frozenset())), Delta(), 0
        self.listed: dict[str, tuple[ListEntry, int]] = {}
        self.rows: list[Row] = []
        self.bases: list[tuple[int, frozenset[str]]] = [(0, frozenset())]
        self.of_base = 0  # which of them the changes are since
        self.folding: Delta | None = None

    def names(self, ring: int) -> frozenset[str]:
        return frozenset(name for name, (_entry, reached) in self.listed.items() if reached >= ring)

    def in_force(self, ring: int) -> ListInForce:
        delta = read_delta(write_delta(self.delta))
        assert delta == self.delta
        return ListInForce(self.version, self.files, delta).for_ring(ring)

    def step(self, what: str, name: str) -> None:
        self.version += 1
        there = self.listed.get(name)
        if what == "fold":
            self.fold()
        elif what.startswith("add") and there is None:
            new = entry(name, entry_id=f"e{self.version}")
            self.change(name, new, int(what[-1]), Delta(frozenset({new}), frozenset(), frozenset({activated(new)})))
        elif what == "move" and there and there[1] < LAST_RING:
            self.change(name, there[0], there[1] + 1, Delta())
        elif what == "go" and there:
            del self.listed[name]
            self.delta = self.delta.then(Delta(frozenset(), frozenset({there[0]}), frozenset(), self.waits()))
            self.rows.append(Row(self.version, name, there[1]))

    def change(self, name: str, which: ListEntry, ring: int, changed: Delta) -> None:
        self.listed[name] = which, ring
        self.delta = self.delta.then(Delta(changed.added, changed.removed, changed.statements, self.waits()))
        self.rows.append(Row(self.version, name, ring))

    def waits(self) -> dict[str, int]:
        return {which.entry_id: ring for which, ring in self.listed.values() if ring < LAST_RING}

    def fold(self) -> None:
        """The first time the new base goes out, the next time an edition stands on it: other steps come between."""
        if self.folding is None:
            self.folding = self.delta.for_ring(LAST_RING)
            self.bases.append((self.version, self.names(LAST_RING)))
            return
        now = ListInForce(self.version, self.files, self.delta)
        files = {name: b"".join(pieces) for name, pieces in fold(self.files, self.folding).items()}
        self.files, self.delta, self.of_base = files, since_fold(now, self.folding), len(self.bases) - 1
        self.folding = None

    def hot(self, ring: int, floor: int) -> dict[str, bool]:
        """As the publisher does it, for resolvers that hold a base of `floor` or a later one."""
        listed = self.in_force(ring)
        touched = {row.name for row in self.rows if row.version > floor and row.ring >= ring}
        touched |= listed.delta.names_changed() | {POLICY.hot_canary}
        return hot_names(touched, covered=listed.covered, below=listed.below)


def activated(which: ListEntry) -> SignedStatement:
    return SignedStatement(activation_statement(which), frozenset())


@pytest.mark.parametrize("lookup", [strict, longest])
@given(done=steps, asked=names, data=st.data())
def test_hot_of_each_ring_over_any_base_says_its_list(lookup, done, asked, data) -> None:
    house = House()
    for what, name in done:
        house.step(what, name)
    oldest = data.draw(st.integers(0, house.of_base))
    for ring in RINGS:
        listed = house.in_force(ring)
        assert {each.target for each in listed.entries()} == house.names(ring)
        assert len(listed) == len(house.names(ring))
        hot = compile_hot(house.hot(ring, house.bases[oldest][0]), "nxdomain")
        wanted = not house.names(ring).isdisjoint(parents(asked))
        for _version, base in house.bases[oldest:]:
            assert is_blocked(asked, hot, compile_rpz(base, "nxdomain"), lookup) is wanted
        assert not hot_difference(dict(hot), listed, POLICY, killed=False), "the guard refuses its zone"


@given(done=steps)
def test_what_waits_stands_in_no_base(done) -> None:
    house = House()
    for what, name in done:
        house.step(what, name)
    base = ListInForce(house.version, house.files, Delta())
    assert house.delta.waits == house.waits(), "a fold carries on what waits"
    assert not house.waits().keys() & {each.entry_id for each in base.entries()}


def test_the_zone_of_a_later_ring_is_silent_about_what_waits_before_it() -> None:
    house = House()
    for what in ("add 0", "go", "add 0"):
        house.step(what, "secret.site.example")
    assert "secret.site.example" in house.hot(0, 0)
    for ring in (1, 2):
        assert set(house.hot(ring, 0)) == {POLICY.hot_canary}


def test_an_edition_that_holds_back_what_did_not_come_is_refused() -> None:
    new = entry("new.example")
    line = write_delta(Delta(frozenset({new}), waits={new.entry_id: 0}))
    assert read_delta(line).waits == {new.entry_id: 0}
    lines = line.splitlines(keepends=True)
    for bad in (
        lines[1],
        line.replace(b'"ring":0', b'"ring":2'),
        line.replace(b'"ring":0', b'"ring":-1'),
        line.replace(b'"ring":0', b'"ring":true'),
        line.replace(b'"ring":0', b'"ring":"0"'),
    ):
        with pytest.raises(EditionRefused):
            read_delta(bad)


def test_the_names_of_hot_zones() -> None:
    assert [hot_zone("nx.list", ring) for ring in RINGS] == ["hot0-nx.list", "hot1-nx.list", "hot-nx.list"]
    assert hot_zone("nx.list") == "hot-nx.list"
