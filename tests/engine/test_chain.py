"""The chain, canonical JSON and the export lines."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.engine.transparency.chain import (
    GENESIS,
    ChainedEvent,
    canonical,
    export_line,
    link,
    read_line,
    verify_chain,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)


def chain(events):
    rows, previous = [], GENESIS
    for seq, event in enumerate(events, 1):
        digest = link(previous, seq, event)
        rows.append(ChainedEvent(seq, event, previous, digest))
        previous = digest
    return rows


def test_canonical_json_orders_keys_as_rfc_8785_does():
    """The example of RFC 8785 section 3.2.3, without its numbers."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    found = list(json.loads(canonical(dict.fromkeys(keys))))
    assert found == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert (
        canonical({"b": [1, None, True], "a": '\u5b88\n\x0f"'})
        == b'{"a":"\xe5\xae\x88\\n\\u000f\\"","b":[1,null,true]}'
    )


@given(VALUES)
def test_canonical_json_is_a_fixed_point(value):
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), 2**53, {1: 2}, b"x", {"a": {"b": object()}}, "\ud800", {"\ud800": 1}]
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(ValueError):
        canonical(value)


def test_the_link_is_what_the_page_says():
    event = canonical({"code": "report.accepted"})
    assert (
        link(GENESIS, 1, event) == sha256(b"mamori audit event v1\0" + bytes(32) + bytes(7) + b"\x01" + event).digest()
    )
    with pytest.raises(ValueError, match="32 bytes"):
        link(b"short", 1, event)


def test_a_whole_chain_verifies():
    rows = chain([canonical({"n": n}) for n in range(10)])
    report = verify_chain(rows)
    assert (report.ok, report.events, report.head) == (True, 10, rows[-1].hash)
    assert verify_chain([]).ok


def test_the_first_fault_is_named():
    rows = chain([canonical({"n": n}) for n in range(10)])
    for altered, seq, words in (
        (rows[:3] + rows[4:], 5, "event 4 was expected, event 5 was found"),
        ([*rows[:3], rows[3]._replace(event=b"{}"), *rows[4:]], 4, "not what was sealed"),
        ([*rows[:3], rows[3]._replace(previous=bytes(32)), *rows[4:]], 4, "does not follow"),
    ):
        report = verify_chain(altered)
        assert not report.ok
        assert report.broken_seq == seq
        assert report.reason is not None
        assert words in report.reason
        assert report.events == 3


@given(VALUES)
def test_an_export_line_survives_the_round_trip(value):
    (row,) = chain([canonical(value)])
    line = export_line(row)
    assert line.count(b"\n") == 1
    assert read_line(line) == row


def test_a_line_that_means_the_same_but_is_written_otherwise_is_refused():
    (row,) = chain([canonical({"a": "x"})])
    line = export_line(row)
    for other in (
        line.upper(),
        line.replace(b":", b": ", 1),
        line.replace(b"x", b"\\u0078"),
        line[:-1],
        b"[]\n",
        b"\xff\n",
        b"{}\n",
    ):
        with pytest.raises(ValueError, match="line"):
            read_line(other)
