"""Golomb-Rice coding, read back by a decoder written from the description."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamori.engine.hashlists import rice
from tests.engine.hashlists.reader import V5_BOUNDS
from tests.engine.hashlists.reader import rice as read


def rows(values: list[int], length: int) -> np.ndarray:
    data = b"".join(value.to_bytes(length, "big") for value in values)
    return np.frombuffer(data, np.uint8).reshape(-1, length)


def decoded(coded: rice.Coded) -> list[int]:
    return read(int.from_bytes(coded.first, "big"), coded.parameter, coded.count, coded.data)


def test_the_example_of_the_description() -> None:
    """developers.google.com/safe-browsing/v4/compression: [1, 5, 7, 13] is 1 and the differences 4, 2, 6."""
    coded = rice.encode_numbers(np.array([1, 5, 7, 13], np.uint32), rice.V4)
    assert (coded.first, coded.parameter, coded.count) == (b"\0\0\0\1", 2, 3)
    assert decoded(coded) == [1, 5, 7, 13]


def test_bits_as_written_down_by_hand() -> None:
    """Differences 4, 2, 6 with k = 2: 1 0 00, 0 01, 1 0 01; remainders least significant bit first."""
    coded = rice.encode_numbers(np.array([1, 5, 7, 13], np.uint32), rice.V4)
    stream = [1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 1]
    octets = [sum(bit << at for at, bit in enumerate(stream[start : start + 8])) for start in range(0, len(stream), 8)]
    assert coded.data == bytes(octets)


@pytest.mark.parametrize("length", [4, 8, 16, 32])
@given(data=st.data())
def test_what_is_coded_is_read_back(length: int, data: st.DataObject) -> None:
    values = sorted(data.draw(st.sets(st.integers(0, 2 ** (8 * length) - 1), min_size=1, max_size=40)))
    coded = rice.encode(rows(values, length))
    low, high = V5_BOUNDS[length]
    assert low <= coded.parameter <= high
    assert decoded(coded) == values


@pytest.mark.parametrize("length", [4, 32])
def test_neighbours_and_extremes(length: int) -> None:
    top = 2 ** (8 * length) - 1
    for values in (
        [0],
        [top],
        [0, top],
        [0, 1, 2, 3],
        list(range(5000)),
        [top - 1, top],
        [0, 2**32, 2**32 + 1][: 1 + (length > 4) * 2],
    ):
        assert decoded(rice.encode(rows(values, length))) == values


def test_more_than_one_chunk_of_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    values = sorted(random.Random(1).sample(range(2**32), 3000))
    whole = rice.encode(rows(values, 4))
    monkeypatch.setattr(rice, "_CHUNK_BITS", 100)
    assert rice.encode(rows(values, 4)) == whole
    assert decoded(whole) == values


def test_a_hundred_thousand_prefixes_need_less_than_two_octets_more_than_their_difference() -> None:
    values = sorted(random.Random(2).sample(range(2**32), 100_000))
    coded = rice.encode_numbers(np.array(values, np.uint32))
    assert len(coded.data) * 8 / len(values) < 17.2
    assert decoded(coded) == values


@pytest.mark.parametrize("values", [[2, 1], [1, 1], []])
def test_what_is_not_ascending_is_refused(values: list[int]) -> None:
    with pytest.raises(ValueError):
        rice.encode(rows(values, 4))
    with pytest.raises(ValueError):
        rice.encode(np.zeros((2, 5), np.uint8))
