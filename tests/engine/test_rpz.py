"""Compiling names into records, and comparing sets of records."""

import pytest

from mamori.engine.editions import Record, compile_rpz, diff, read_dump, set_digest, zone_text


def test_each_name_is_blocked_with_everything_below_it() -> None:
    assert compile_rpz(["b.example", "b.example"], "nxdomain") == {Record("b.example", "."), Record("*.b.example", ".")}
    assert compile_rpz(["b.example"], "stop", "stop.list.example") == {
        Record("b.example", "stop.list.example."),
        Record("*.b.example", "stop.list.example."),
    }
    assert compile_rpz([], "nxdomain") == frozenset()


@pytest.mark.parametrize(
    ("action", "stop_host"),
    [
        ("stop", None),
        ("nxdomain", "stop.list.example"),
        ("stop", "192.0.2.1"),
        ("stop", "stop.list.example."),
        ("stop", "b.example"),
        ("stop", "stop.b.example"),
    ],
)
def test_a_stop_page_that_cannot_work_is_refused(action: str, stop_host: str | None) -> None:
    with pytest.raises(ValueError):
        compile_rpz(["b.example"], action, stop_host)  # type: ignore[arg-type]


def test_a_difference_turns_one_set_into_the_other() -> None:
    old = compile_rpz(["a.example", "b.example"], "nxdomain")
    new = compile_rpz(["b.example", "c.example"], "nxdomain")
    changes = diff(old, new)
    assert changes.add == compile_rpz(["c.example"], "nxdomain")
    assert changes.remove == compile_rpz(["a.example"], "nxdomain")
    assert (old - changes.remove) | changes.add == new
    to_stop = diff(old, compile_rpz(["a.example", "b.example"], "stop", "stop.example.example"))
    assert len(to_stop.add) == len(to_stop.remove) == 4


def test_equal_sets_have_equal_digests_whatever_their_order() -> None:
    records = sorted(compile_rpz(["a.example", "b.example"], "nxdomain"))
    assert set_digest(records) == set_digest(reversed(records))
    assert set_digest(records) != set_digest(records[1:])
    assert set_digest([]) != set_digest(records)


def test_zone_text_is_deterministic_and_absolute() -> None:
    text = zone_text(compile_rpz(["a.example"], "nxdomain"), "rpz.list.example.", 5)
    assert text.splitlines() == [
        "rpz.list.example. 60 IN SOA localhost. nobody.invalid. 5 3600 600 2419200 60",
        "rpz.list.example. 60 IN NS localhost.",
        "*.a.example.rpz.list.example. 60 IN CNAME .",
        "a.example.rpz.list.example. 60 IN CNAME .",
    ]


def test_a_dump_with_anything_else_in_it_differs() -> None:
    records = compile_rpz(["a.example"], "nxdomain")
    text = zone_text(records, "rpz.list.example", 5)
    assert read_dump(text, "rpz.list.example") == records
    for line in (
        "b.example. 60 IN CNAME .",
        "a.example.rpz.list.example. 60 IN A 192.0.2.1",
        "x.rpz.list.example. 60 IN NS .",
    ):
        assert read_dump(text + line + "\n", "rpz.list.example") != records
