"""Hot over base says what the list says, whichever base a resolver holds: by the rules resolvers go by."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.engine.addresses import parents
from mamori.engine.editions import (
    PASSTHRU,
    Delta,
    Edition,
    ListInForce,
    Record,
    compile_hot,
    compile_rpz,
    compile_sorted,
    cover,
    hot_names,
    name_key,
    write_files,
)
from mamori.engine.editions.transferred import Policy, hot_difference
from tests.engine.people import entry

labels = st.sampled_from(["a", "b", "c"])
names = st.lists(labels, min_size=1, max_size=4).map(lambda found: ".".join([*found, "site.example"]))
lists = st.frozensets(names, max_size=8)
histories = st.lists(lists, min_size=1, max_size=4)


def hot_of(history: list[frozenset[str]], **options: str) -> frozenset[Record]:
    """The hot zone for what came or went since the first list of a history."""
    touched = {name for before, after in pairwise(history) for name in before ^ after}
    return compile_hot(points_of(touched, history[-1]), "nxdomain", **options)  # type: ignore[arg-type]


def points_of(touched: Iterable[str], now: frozenset[str]) -> dict[str, bool]:
    """`hot_names` where the list is a set of names."""
    return hot_names(
        touched,
        covered=lambda some: [name for name in some if not now.isdisjoint(parents(name))],
        below=lambda some: {name: [each for each in now if each.endswith(f".{name}")] for name in some},
    )


def name_by_name(touched: set[str], now: frozenset[str]) -> dict[str, bool]:
    """What `hot_names` says, as slowly as it can be said."""

    def is_covered(name: str) -> bool:
        return not now.isdisjoint(parents(name))

    found = {name: is_covered(name) for name in touched}
    for name in touched:
        if not found[name]:
            found |= {each: True for each in now if each.endswith(f".{name}")}
    for name in [*found]:
        chain = list(parents(name))[1:]
        tops = [at for at, above in enumerate(chain) if above in found]
        for between in chain[: max(tops, default=0)]:
            found.setdefault(between, is_covered(between))
    return {name: hit for name, hit in found.items() if not any(found.get(above) for above in [*parents(name)][1:])}


@given(touched=st.sets(names, max_size=8), now=lists)
def test_names_together_are_what_they_are_one_by_one(touched, now):
    assert points_of(touched, now) == name_by_name(touched, now)


def strict(zone: dict[str, str], name: str) -> str | None:
    """The record for a name where a wildcard answers only below the closest name there is: Unbound and BIND."""
    if name in zone:
        return zone[name]
    exists = {above for owner in zone for above in parents(owner.removeprefix("*."))}
    for above in list(parents(name))[1:]:
        if f"*.{above}" in zone:
            return zone[f"*.{above}"]
        if above in exists:
            return None
    return None


def longest(zone: dict[str, str], name: str) -> str | None:
    """The record for a name where the longest wildcard answers: PowerDNS."""
    if name in zone:
        return zone[name]
    return next((zone[f"*.{above}"] for above in list(parents(name))[1:] if f"*.{above}" in zone), None)


def is_blocked(name: str, hot: Iterable[Record], base: Iterable[Record], lookup) -> bool:
    for zone in (hot, base):
        if (target := lookup({record.owner: record.target for record in zone}, name)) is not None:
            return target != PASSTHRU
    return False


@pytest.mark.parametrize("lookup", [strict, longest])
@given(history=histories, asked=names, data=st.data())
def test_hot_over_any_base_since_its_oldest_change_says_what_the_list_says(lookup, history, asked, data):
    base = compile_rpz(data.draw(st.sampled_from(history)), "nxdomain")
    wanted = not history[-1].isdisjoint(parents(asked))
    assert is_blocked(asked, hot_of(history), base, lookup) is wanted


def test_a_listed_name_below_a_withdrawn_one_stays_blocked_and_what_lies_between_passes():
    found = {
        (r.owner, r.target) for r in hot_of([frozenset({"x.example", "a.b.x.example"}), frozenset({"a.b.x.example"})])
    }
    for name, target in (("x.example", PASSTHRU), ("b.x.example", PASSTHRU), ("a.b.x.example", ".")):
        assert {(name, target), (f"*.{name}", target)} <= found
    assert len(found) == 6


def test_a_withdrawn_name_below_a_listed_one_stays_blocked():
    found = hot_of([frozenset({"x.example", "a.x.example"}), frozenset({"x.example"})])
    assert found == {Record("a.x.example", "."), Record("*.a.x.example", ".")}


@given(listed=lists)
def test_a_list_of_any_length_is_compiled_in_the_order_of_a_zone(listed):
    found = list(compile_sorted(sorted(listed, key=name_key), "nxdomain"))
    assert set(found) == compile_rpz(listed, "nxdomain")
    assert found == sorted(found, key=lambda record: name_key(record.owner))
    assert len(found) == 2 * len(cover(listed))


def test_nothing_touched_is_an_empty_zone():
    assert hot_of([frozenset({"x.example"})]) == frozenset()


def test_the_stop_page_is_never_blocked():
    with pytest.raises(ValueError, match="stop page"):
        compile_hot({"mamori.example": True}, "stop", "stop.mamori.example")


def test_names_below_a_listed_one_are_left_out():
    assert cover(["x.example", "a.b.x.example", "y.example", "ax.example"]) == {"x.example", "y.example", "ax.example"}


@pytest.mark.parametrize(
    "trigger", ["*", "1.0.0.0.0.rpz-ip", "24.0.2.0.192.rpz-client-ip", "ns.example.rpz-nsdname", "example"]
)
def test_a_zone_that_lets_more_than_names_through_is_not_the_signed_one(trigger: str) -> None:
    listed = ListInForce(1, write_files(Edition(1, frozenset([entry("bad.example")]))), Delta())
    policy = Policy("nxdomain", None, "canary.example")
    right = {f"{more}hot-canary.example": PASSTHRU for more in ("", "*.")}
    assert not hot_difference(right, listed, policy, killed=False)
    for owners in ((trigger,), (trigger, f"*.{trigger}")):
        held = right | dict.fromkeys(owners, PASSTHRU)
        assert hot_difference(held, listed, policy, killed=False).extra == len(owners)
