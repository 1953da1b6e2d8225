"""Updates of hash lists as v4 and v5 tell them, applied by a client written from the descriptions."""

import contextlib
import hashlib
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.engine.hashlists import (
    MessageRefused,
    Net,
    changes,
    checksum,
    digest,
    full_update,
    joined,
    partial_update,
    v4,
    v5,
    wire,
    with_prefix,
)
from tests.engine.hashlists import reader

ASKED = {"rice": v4.ListAsked(1, 6, 1, b"", frozenset({1, 2})), "raw": v4.ListAsked(1, 6, 1, b"", frozenset({1}))}


def whole(hashes: set[bytes]) -> bytes:
    return b"".join(sorted(hashes))


def client_list(hashes: set[bytes], length: int) -> list[bytes]:
    return sorted({each[:length] for each in hashes})


def told(update, way: str, length: int) -> bytes:
    if way == "v5":
        return v5.hash_list("mamori", b"new", update, v5.additions(update), 60)
    additions = v4.rice_additions(update) if way == "rice" else v4.raw_additions(update)
    return v4.list_update(ASKED[way], update, b"new", additions)


def applied(held: list[bytes], message: bytes, way: str) -> list[bytes]:
    new, state = reader.v5_apply(held, message) if way == "v5" else reader.v4_apply(held, message)
    assert state == b"new"
    return new


# Few leading octets, so that many hashes share a prefix and the last of them matters.
near = st.builds(lambda a, b: bytes([a, 0, 0, a // 2, b]) + bytes(27), st.integers(0, 6), st.integers(0, 5))
far = st.integers(0, 2**256 - 1).map(lambda n: n.to_bytes(32, "big"))
lists = st.sets(near | far, max_size=25)
WAYS = [("v5", 4), ("v5", 32), ("rice", 4), ("raw", 4)]


@pytest.mark.parametrize(("way", "length"), WAYS)
@given(new=lists)
def test_a_full_update_gives_the_list(way: str, length: int, new: set[bytes]) -> None:
    update = full_update(whole(new), length)
    assert applied([b"what it had"], told(update, way, length), way) == client_list(new, length)


@pytest.mark.parametrize(("way", "length"), WAYS)
@given(history=st.lists(lists, min_size=2, max_size=4))
def test_a_partial_update_leads_from_any_edition_to_the_newest(
    way: str, length: int, history: list[set[bytes]]
) -> None:
    """Each single step is known; the way back is put together, and a prefix goes with its last hash only."""
    net = Net()
    for old, new in reversed(list(itertools.pairwise(history))):
        added, removed = changes(whole(old), whole(new))
        assert {added[at : at + 32] for at in range(0, len(added), 32)} == new - old
        net.before(*([part[at : at + 32] for at in range(0, len(part), 32)] for part in (added, removed)))
        newest = whole(history[-1])
        update = partial_update(newest, net, length, checksum(newest, length))
        assert not update.full
        message = told(update, way, length)
        assert applied(client_list(old, length), message, way) == client_list(history[-1], length)


@pytest.mark.parametrize(("way", "length"), WAYS)
def test_a_client_with_another_list_sees_the_wrong_checksum(way: str, length: int) -> None:
    old, new = {digest(f"{n}.example/") for n in range(40)}, {digest(f"{n}.example/") for n in range(5, 45)}
    net = Net(added=new - old, removed=old - new)
    message = told(partial_update(whole(new), net, length, checksum(whole(new), length)), way, length)
    held = client_list(old, length)
    assert applied(held, message, way) == client_list(new, length)
    for wrong in (held[:-1], [*held[:-1], b"\xff" * length], client_list(old | {digest("other.example/")}, length)):
        with pytest.raises(reader.Refused):
            applied(wrong, message, way)


def test_the_checksum_is_that_of_the_sorted_list() -> None:
    hashes = {digest(f"{n}.example/") for n in range(20)}
    for length in (4, 32):
        assert checksum(whole(hashes), length) == hashlib.sha256(b"".join(client_list(hashes, length))).digest()


def test_hashes_are_joined_in_the_order_of_their_octets_each_once() -> None:
    names = [f"{n}.example/" for n in range(3000)]
    assert joined([*names, *names[:7]]) == whole({hashlib.sha256(each.encode()).digest() for each in names})
    assert joined([]) == b""


@given(lists, st.integers(4, 32), st.data())
def test_the_search_finds_all_and_only_what_begins_so(hashes: set[bytes], length: int, data: st.DataObject) -> None:
    asked = data.draw(st.sampled_from(sorted(hashes)) if hashes else far)[:length]
    for each in (asked, bytes(length), b"\xff" * length):
        assert with_prefix(whole(hashes), each) == sorted(one for one in hashes if one.startswith(each))


def test_a_search_needs_four_octets() -> None:
    for prefix in (b"", b"abc", bytes(33)):
        with pytest.raises(ValueError):
            with_prefix(bytes(32), prefix)


def test_a_million_prefixes_and_a_thousand_more_stay_within_the_promise() -> None:
    """1,000,000 entries in at most 1.75 MB; 1,000 more in at most 8 KB."""
    draw = random.Random(3)
    hashes = sorted(draw.randbytes(32) for _ in range(1_001_000))
    draw.shuffle(added := hashes[:])
    added = added[:1000]
    old = b"".join(sorted(set(hashes) - set(added)))
    new = b"".join(hashes)
    full = full_update(old, 4)
    step = partial_update(new, Net(added=set(added)), 4, checksum(new, 4))
    for message in (
        v5.hash_list("mamori-4b", b"", full, v5.additions(full), 60),
        v4.list_update(ASKED["rice"], full, b"", v4.rice_additions(full)),
    ):
        assert len(message) <= 1_750_000
    for message in (
        v5.hash_list("mamori-4b", b"", step, v5.additions(step), 60),
        v4.list_update(ASKED["rice"], step, b"", v4.rice_additions(step)),
    ):
        assert len(message) <= 8_000


def test_golden_messages() -> None:
    """Three hashes, octet by octet: what is written once is written so for ever."""
    data = joined(["bad.example/", "other.example/", "page.example/board/1.html"])
    update = full_update(data, 4)
    assert v5.hash_list("m", b"s", update, v5.additions(update), 60).hex() == GOLDEN_V5
    assert v4.list_update(ASKED["rice"], update, b"s", v4.rice_additions(update)).hex() == GOLDEN_V4


GOLDEN_V5 = (
    "0a016d12017322140896d2e8ae01101c180222087cd374e18568222a3202083c3a209f07d81d4c1bbb26451ec655b2a6d4ee"
    "84838c4e5f048e5afb2d3764b4e33d05"
)
GOLDEN_V4 = (
    "08011001180620022a19080222150895b4a7b101101c18022209ff17a08be65b4acc043a017342220a209f07d81d4c1bbb26"
    "451ec655b2a6d4ee84838c4e5f048e5afb2d3764b4e33d05"
)


def request(*lists: bytes) -> bytes:
    return b"".join(wire.message(3, each) for each in lists)


def test_requests_are_read_packed_or_not() -> None:
    packed = wire.number(1, 1) + wire.number(2, 6) + wire.octets(3, b"st") + wire.number(5, 1)
    both = packed + wire.message(4, wire.number(1, 1024) + wire.number(2, 2048) + wire.message(4, b"\x01\x02"))
    single = packed + wire.message(4, wire.number(4, 1) + wire.number(4, 2))
    first, second = v4.read_fetch(wire.message(1, b"\x0a\x01x") + request(both, single))
    assert first == v4.ListAsked(1, 6, 1, b"st", frozenset({1, 2}), 1024, 2048)
    assert second == v4.ListAsked(1, 6, 1, b"st", frozenset({1, 2}))
    info = wire.message(1, b"\x01\x02") + wire.number(2, 6) + wire.message(3, wire.octets(1, b"abcd"))
    assert v4.read_find(wire.message(3, info)) == v4.HashesAsked(frozenset({1, 2}), frozenset({6}), (b"abcd",))


@given(st.binary(max_size=60))
def test_bytes_that_are_no_request_are_refused_and_nothing_else_happens(data: bytes) -> None:
    for read in (v4.read_fetch, v4.read_find):
        with contextlib.suppress(MessageRefused):
            read(data)


@pytest.mark.parametrize(
    "data",
    [b"\x1a", b"\x1a\x05a", b"\x18\x01", b"\x00\x01", b"\x0b", b"\x18" + b"\xff" * 11, request(*[b""] * 33)],
    ids=["no length", "cut short", "a number", "field 0", "a group", "a long number", "too many lists"],
)
def test_malformed_requests(data: bytes) -> None:
    with pytest.raises(MessageRefused):
        v4.read_fetch(data)


def test_too_many_or_too_short_hashes_are_refused() -> None:
    for hashes in ([b"abc"], [bytes(33)], [b"abcd"] * 1001):
        info = b"".join(wire.message(3, wire.octets(1, each)) for each in hashes)
        with pytest.raises(MessageRefused):
            v4.read_find(wire.message(3, info))
