"""A base and the changes since, asked in place, say what the whole list says."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.engine.addresses import parents
from mamori.engine.editions import (
    CHANGES,
    Delta,
    Edition,
    FileDigest,
    ListInForce,
    activation_statement,
    fold,
    kill_statement,
    read_edition,
    sign_files,
    since_fold,
    withdrawal_statement,
    write_delta,
    write_files,
)
from mamori.engine.editions.places import base_places
from mamori.engine.files import mapped as opened
from tests.engine.people import APPROVER, NOW, REVIEWER, RULE, entry, signed
from tests.engine.test_publish import ROOT, SERVICE

NAMES = [
    "a.example",
    "b.a.example",
    "c.b.a.example",
    "ab.example",
    "a.b.example",
    "b.example",
    "xn--wgv71a119e.example",
]
ENTRIES = [
    *(entry(name, entry_id=f"e{number}-{turn}") for number, name in enumerate(NAMES) for turn in range(2)),
    *(entry(f"https://{name}/p?q=1", method="url", entry_id=f"u{n}") for n, name in enumerate(NAMES)),
    entry('https://a.example/"p"?q=\\"守', method="url", entry_id="quoted"),
]
ACTIVATED = {e.entry_id: signed(activation_statement(e), REVIEWER, APPROVER) for e in ENTRIES}
ENDED = {
    e.entry_id: signed(withdrawal_statement(e.entry_id, withdrawn_at=NOW, reason="expired"), RULE) for e in ENTRIES
}
steps = st.lists(st.tuples(st.sampled_from(ENTRIES), st.booleans()), max_size=12)


def after(start: Edition, done: list[tuple]) -> tuple[Edition, Delta]:
    """The list after some entries came or went, and the changes step by step."""
    entries, statements, delta = set(start.entries), set(start.statements), Delta()
    for which, came in done:
        places = {(e.method, e.target) for e in entries}
        if came and (which.method, which.target) not in places and ENDED[which.entry_id] not in statements:
            step = Delta(frozenset({which}), frozenset(), frozenset({ACTIVATED[which.entry_id]}))
            entries.add(which)
        elif not came and which in entries:
            step = Delta(frozenset(), frozenset({which}), frozenset({ENDED[which.entry_id]}))
            entries.discard(which)
        else:
            continue
        statements |= step.statements
        delta = delta.then(step)
    return Edition(start.version + 1, frozenset(entries), frozenset(statements)), delta


@pytest.mark.parametrize("placed", [False, True])
@given(before=steps, done=steps)
def test_asked_in_place_it_says_what_the_whole_list_says(placed, before, done):
    base = pruned(after(Edition(0, frozenset()), before)[0])
    wanted, delta = after(base, done)
    files = write_files(base)
    found = ListInForce(wanted.version, files, delta, places=base_places(files) if placed else None)
    assert set(found.entries()) == wanted.entries
    assert len(found) == len(wanted.entries)
    assert list(found.names()) == sorted(wanted.names(), key=lambda name: name.split(".")[::-1])
    for each in ENTRIES:
        stands = {e for e in wanted.entries if (e.method, e.target) == (each.method, each.target)}
        assert found.find(each.method, each.target) == next(iter(stands), None)
        assert set(found.statements_of(each.entry_id)) == {s for s in wanted.statements if s.entry_id == each.entry_id}
    for name in NAMES:
        assert found.is_listed(name) == (name in wanted.names())
        assert found.is_covered(name) == (not wanted.names().isdisjoint(parents(name)))
        assert set(found.listed_below(name)) == {n for n in wanted.names() if n.endswith(f".{name}")}
    assert found.covered(NAMES) == {name for name in NAMES if found.is_covered(name)}
    assert {name: set(below) for name, below in found.below([*NAMES, "example"]).items()} == {
        name: below
        for name in (*NAMES, "example")
        if (below := {each for each in wanted.names() if each.endswith(f".{name}")})
    }
    assert read(files, delta, wanted.version) == wanted
    folded = {name: b"".join(pieces) for name, pieces in fold(files, delta).items()}
    assert folded == write_files(pruned(wanted))


def pruned(edition: Edition) -> Edition:
    """Without what was signed of entries that went, but for their endings."""
    stands = {activation_statement(e) for e in edition.entries}
    return replace(
        edition, statements=frozenset(s for s in edition.statements if s.statement in stands or s.action == "withdraw")
    )


def read(files: dict[str, bytes], delta: Delta, version: int) -> Edition:
    everything = files | {CHANGES: write_delta(delta)}
    digests = {name: FileDigest.of(data) for name, data in everything.items()}
    told = sign_files(version, digests, keys=SERVICE, roots=[ROOT], version=9, now=NOW, expires=NOW + timedelta(days=1))
    return read_edition(everything | told, ROOT, NOW)


def test_the_kill_switch_empties_one_edition_and_only_it():
    files = write_files(Edition(1, frozenset(ENTRIES[:1]), frozenset({ACTIVATED[ENTRIES[0].entry_id]})))
    delta = Delta(statements=frozenset({signed(kill_statement(2, reason="order:1"), RULE)}))
    assert read(files, delta, 2).entries == frozenset()
    assert read(files, delta, 3).entries == {ENTRIES[0]}


def test_a_memory_map_is_asked_like_bytes(tmp_path: Path):
    many = [entry(f"n{n}.example", entry_id=f"e{n}") for n in range(5000)]
    path = tmp_path / "names.jsonl"
    files = write_files(Edition(1, frozenset(many)))
    path.write_bytes(files["names.jsonl"])
    mapped = files | {"names.jsonl": opened(path)}
    for places in (None, base_places(mapped)):
        found = ListInForce(1, mapped, Delta(), places=places)
        assert len(found) == 5000
        assert all(found.is_listed(e.target) for e in many)
        assert not found.is_listed("n5000.example")
        assert len(found.listed_below("example")) == 5000
        assert found.listed_below("n1.example") == []


def test_lines_that_another_hand_wrote_are_searched_for():
    files = write_files(Edition(1, frozenset(ENTRIES[:1])))
    assert base_places(files) is not None
    assert base_places(files | {"names.jsonl": files["names.jsonl"].replace(b'"target":"', b'"target": "')}) is None


@given(steps, steps, steps)
def test_a_base_made_of_an_earlier_moment_and_the_changes_since_are_the_list(before, then, done):
    """A fold takes its time: what happens meanwhile stands in the changes since the new base."""
    start, _delta = after(Edition(1, frozenset(), frozenset()), before)
    base = write_files(start)
    middle, folded = after(start, then)
    now, more = after(middle, done)
    listed = ListInForce(3, base, folded.then(more))
    fresh = {name: b"".join(pieces) for name, pieces in fold(base, folded).items()}
    again = ListInForce(4, fresh, since_fold(listed, folded))
    assert set(again.entries()) == now.entries == set(listed.entries())
    assert again.sizes == listed.sizes
    for each in ENTRIES:
        told, wanted = again.statements_of(each.entry_id), listed.statements_of(each.entry_id)
        assert [s for s in told if s.action == "withdraw"] == [s for s in wanted if s.action == "withdraw"]
        if each in now.entries:
            assert ACTIVATED[each.entry_id] in told
