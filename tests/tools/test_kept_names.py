"""What came and went since a subscriber's last edition, told from notes, is what the two lists differ by."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from mamori.engine.editions import Delta, Edition, ListInForce, name_key, write_files
from mamori.tools.kept_names import KeptNames
from tests.engine.people import entry
from tests.engine.test_layers import lists


def edition(base: Iterable[str], names: Iterable[str]) -> ListInForce:
    old, now = ({entry(name) for name in some} for some in (base, names))
    files = write_files(Edition(1, frozenset(old)))
    return ListInForce(1, files, Delta(frozenset(now - old), frozenset(old - now)))


@settings(max_examples=300)
@given(st.lists(st.tuples(lists, st.booleans()), min_size=1, max_size=6))
def test_what_came_and_went_is_told_over_one_base_and_over_a_new_one(
    history: list[tuple[frozenset[str], bool]],
) -> None:
    with TemporaryDirectory() as folder:
        kept, base = KeptNames(Path(folder)), frozenset[str]()
        before: frozenset[str] | None = None
        for names, folded in history:
            base = names if folded else base
            digest, listed = str(hash(base) % 2**64), edition(base, names)
            wanted = (0, 0) if before is None else (len(names - before), len(before - names))
            assert kept.changed(digest, listed) == wanted
            kept.keep(digest, listed.delta, sorted(base, key=name_key))
            before = names
            assert len([*Path(folder).glob("names-*.txt")]) == 1


def test_over_one_base_the_file_of_its_names_is_not_read(tmp_path: Path) -> None:
    kept = KeptNames(tmp_path)
    first = edition(["a.example", "b.example"], ["a.example", "c.example"])
    kept.keep("digest", first.delta, ["a.example", "b.example"])
    (tmp_path / "names-digest.txt").unlink()
    assert kept.changed("digest", edition(["a.example", "b.example"], ["b.example", "c.example"])) == (1, 1)


def test_a_name_that_goes_with_one_entry_and_comes_with_another_did_neither(tmp_path: Path) -> None:
    old, new = entry("a.example"), entry("a.example", entry_id="renewal")
    files = write_files(Edition(1, frozenset({old})))
    kept = KeptNames(tmp_path)
    kept.keep("digest", Delta(), ["a.example"])
    assert kept.changed("digest", ListInForce(1, files, Delta(frozenset({new}), frozenset({old})))) == (0, 0)
