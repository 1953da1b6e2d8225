"""Two persons under each entry: what of a list is looked at again when it changes, and what is not."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mamori.engine.editions import (
    CHANGES,
    Delta,
    Edition,
    ListEntry,
    Members,
    activation_statement,
    sign_members,
    write_delta,
    write_files,
)
from mamori.tools.fetching import Fetched
from mamori.tools.vouching import unvouched
from tests.engine.people import APPROVER, NOW, REVIEWER, entry, signed
from tests.engine.test_publish import ROOT_KEYS
from tests.tools.list_body import MEMBERS, ROOT


class Body:
    """A list of two persons' entries, of which `half` ones are signed by one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.members, self.told = folder, MEMBERS, list[tuple[int, int]]()

    def look(self, base: Iterable[str], names: Iterable[str]) -> tuple[set[str], bool]:
        """Which entries are not vouched for, and whether all entries were gone through."""
        old, now = ({entry(name) for name in some} for some in (base, names))
        statements = {
            one: signed(activation_statement(one), *((REVIEWER,) if "half" in one.target else (REVIEWER, APPROVER)))
            for one in old | now
        }
        delta = Delta(frozenset(now - old), frozenset(old - now), frozenset(statements[one] for one in now - old))
        files = write_files(Edition(1, frozenset(old), frozenset(statements[one] for one in old)))
        files[CHANGES] = write_delta(delta)
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        got = Fetched(
            1, NOW + timedelta(days=1), files, digests, ROOT, files.__getitem__,
            lambda: sign_members(self.members, ROOT_KEYS),
        )  # fmt: skip
        gone_through = []

        def entries() -> Iterator[ListEntry]:
            gone_through.append(True)
            yield from now

        found = unvouched(got, delta, entries(), self.folder, lambda done, total: self.told.append((done, total)))
        return {one.target for one in found}, bool(gone_through)


@pytest.fixture
def body(tmp_path: Path) -> Body:
    return Body(tmp_path)


def test_over_a_base_that_was_found_good_only_what_was_added_is_looked_at(body: Body) -> None:
    base = ["a.example", "b.example"]
    assert body.look(base, base) == (set(), True)
    assert body.told == [(1, 2), (2, 2)]
    assert body.look(base, [*base, "c.example", "half.example"]) == ({"half.example"}, False)
    assert body.look(base, ["a.example"]) == (set(), False)
    assert body.look(["a.example", "c.example"], ["a.example", "c.example"]) == (set(), True)
    assert body.look(["a.example", "c.example"], ["a.example"]) == (set(), False)


def test_a_base_with_an_entry_of_one_person_is_gone_through_each_time(body: Body) -> None:
    base = ["a.example", "half.example"]
    for _time in range(2):
        assert body.look(base, base) == ({"half.example"}, True)


def test_an_entry_of_one_person_that_had_gone_is_judged_when_it_comes_back_to_its_base(body: Body) -> None:
    base = ["a.example", "half.example"]
    assert body.look(base, ["a.example"]) == (set(), True)
    assert body.look(base, base) == ({"half.example"}, True)


def test_what_was_found_good_stays_good_when_the_person_leaves_and_nothing_new_does(body: Body) -> None:
    base = ["a.example"]
    assert body.look(base, [*base, "b.example"])[0] == set()
    body.members = Members(2, MEMBERS.keys[:1])
    assert body.look(base, [*base, "b.example"]) == (set(), False)
    assert body.look(base, [*base, "b.example", "c.example"]) == ({"c.example"}, False)
    folded = ["a.example", "b.example"]
    assert body.look(folded, folded) == (set(), True)
