"""Every match within the radius, no other: against brute force, on uniform and awkward sets, one by one and in batches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamori.engine.matching import Found, HammingIndex, batch, hamming
from tests.engine.matching.sets import SETS, Hashes, brute, families, flipped, queries, uniform

ROOT = Path(__file__).resolve().parents[3]


def of(found: Found, i: int) -> list[tuple[int, int]]:
    part = slice(found.offsets[i], found.offsets[i + 1])
    return list(zip(found.ids[part].tolist(), found.distances[part].tolist(), strict=True))


@pytest.mark.parametrize("name", SETS)
def test_search_equals_brute_force(name: str) -> None:
    rng = np.random.default_rng(sum(name.encode()))
    hashes = SETS[name](rng, 30_000)
    ids = np.sort(rng.choice(2**32 - 1, len(hashes), replace=False)).astype(np.uint32)
    index = HammingIndex.build(hashes, ids)
    for i, query in enumerate(queries(rng, hashes, 80)):
        radius = (31, 31, 0, 7, 15, 16, 23, 30)[i % 8]
        assert index.search(query.tobytes(), radius) == brute(hashes, ids, query.tobytes(), radius), (i, radius)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("radius", [31, 18])
def test_a_batch_equals_single_searches(name: str, radius: int) -> None:
    rng = np.random.default_rng(7)
    hashes = SETS[name](rng, 20_000)
    index = HammingIndex.build(hashes)
    index.add_many(np.arange(20_000, 26_000), uniform(rng, 6_000))  # tables in memory and a tail beside the segment
    index.add_many(np.arange(26_000, 26_500), hashes[:500])
    index.remove_many(np.arange(0, 26_500, 9))
    asked = queries(rng, hashes, batch.FEW + 200)
    found = index.search_many(asked, radius, limit=10**6, threads=2)
    for i in range(0, len(asked), 7):
        assert of(found, i) == index.search(asked[i].tobytes(), radius)
    assert found.counts.tolist() == np.diff(found.offsets).tolist()


@pytest.mark.parametrize("radius", [32, 60, 110, 256])
def test_larger_radii_compare_every_row(radius: int) -> None:
    rng = np.random.default_rng(radius)
    hashes = families(rng, 9_003)
    ids = np.arange(9_003, dtype=np.uint32)
    index = HammingIndex.build(hashes)
    asked = queries(rng, hashes, 8)
    found = index.search_many(asked, radius, limit=10**5)
    for i, query in enumerate(asked):
        expected = brute(hashes, ids, query.tobytes(), radius)
        assert index.search(query.tobytes(), radius) == expected
        assert of(found, i) == expected


def test_a_batch_of_a_large_radius() -> None:
    rng = np.random.default_rng(3)
    hashes = uniform(rng, 300)
    index = HammingIndex.build(hashes)
    asked = queries(rng, hashes, batch.FEW + 1)
    found = index.search_many(asked, 90, limit=400)
    for i in range(0, len(asked), 50):
        assert of(found, i) == brute(hashes, np.arange(300, dtype=np.uint32), asked[i].tobytes(), 90)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 31), st.sampled_from(sorted(SETS)), st.integers(1, 12_000))
def test_any_set_any_radius(seed: int, radius: int, name: str, size: int) -> None:
    rng = np.random.default_rng(seed)
    hashes = SETS[name](rng, size)
    index = HammingIndex.build(hashes)
    ids = np.arange(size, dtype=np.uint32)
    for query in queries(rng, hashes, 8):
        assert index.search(query.tobytes(), radius) == brute(hashes, ids, query.tobytes(), radius)


def test_every_distance_at_the_edge() -> None:
    """A thousand rows each at exactly 31 and 32 bits: all of the first, none of the second."""
    rng = np.random.default_rng(9)
    query = uniform(rng, 1)
    there, beyond = (flipped(rng, np.repeat(query, 5000, axis=0), far, far) for far in (31, 32))
    index = HammingIndex.build(np.concatenate((there, beyond)))
    assert index.search(query.tobytes()) == [(i, 31) for i in range(5000)]


def test_a_limit_keeps_the_nearest_and_the_true_count() -> None:
    rng = np.random.default_rng(5)
    centre = uniform(rng, 1)
    hashes = np.concatenate((flipped(rng, np.repeat(centre, 9000, axis=0), 20), uniform(rng, 9000)))
    index = HammingIndex.build(hashes)
    every = index.search(centre.tobytes())
    assert len(every) == 9000
    assert index.search(centre.tobytes(), limit=10) == every[:10]
    assert index.search_counted(centre.tobytes(), limit=10) == (every[:10], 9000)
    assert index.search_counted(uniform(rng, 1).tobytes()) == ([], 0)
    for size in (3, batch.FEW + 1):  # one by one, and together
        found = index.search_many(np.repeat(centre, size, axis=0), limit=4)
        assert of(found, size - 1) == every[:4]
        assert found.counts.tolist() == [9000] * size


def test_more_matches_than_a_job_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_ROOM", 100)
    rng = np.random.default_rng(6)
    hashes = uniform(rng, 9000)
    found = HammingIndex.build(hashes).search_many(hashes[: batch.FEW + 10])
    assert found.ids.tolist() == list(range(batch.FEW + 10))


def test_small_and_empty() -> None:
    empty = HammingIndex.build(np.empty((0, 32), np.uint8))
    assert (len(empty), empty.search(bytes(32))) == (0, [])
    assert empty.search_many(np.empty((0, 32), np.uint8)).offsets.tolist() == [0]
    assert empty.search_many(np.zeros((3, 32), np.uint8)).offsets.tolist() == [0, 0, 0, 0]
    one = HammingIndex.build(np.zeros((1, 32), np.uint8), [2**32 - 2])
    assert one.search(b"\x01" + bytes(31)) == [(2**32 - 2, 1)]


def _misuse(index: HammingIndex, hashes: Hashes) -> list[object]:
    return [
        lambda: index.search(b"short"),
        lambda: index.search(bytes(33)),
        lambda: index.search(bytes(32), -1),
        lambda: index.search(bytes(32), 257),
        lambda: index.search_many(hashes[:, :16]),
        lambda: index.search_many(hashes, 300),
        lambda: index.add(1, b"short"),
        lambda: index.add(-1, bytes(32)),
        lambda: index.add(2**32 - 1, bytes(32)),
        lambda: index.add_many([1, 2], hashes[:1]),
        lambda: index.remove_many(["a"]),  # type: ignore[list-item]
        lambda: HammingIndex.build(hashes[:2], [5, 5]),
        lambda: HammingIndex.build(hashes[:2], [5]),
        lambda: HammingIndex.build(hashes.astype(np.int16)),  # type: ignore[arg-type]
    ]


def test_misuse_is_refused_and_changes_nothing() -> None:
    hashes = uniform(np.random.default_rng(1), 10)
    index = HammingIndex.build(hashes)
    for each in _misuse(index, hashes):
        with pytest.raises(ValueError):
            each()  # type: ignore[operator]
    assert (len(index), index.version) == (10, 0)


def test_read_only_and_strided_queries() -> None:
    hashes = uniform(np.random.default_rng(1), 9000)
    index = HammingIndex.build(hashes)
    fixed = hashes[::2]
    fixed.flags.writeable = False
    assert index.search_many(fixed).ids.tolist() == list(range(0, 9000, 2))


PORTABLE = """
import json, numpy as np
from mamori.engine.matching import HammingIndex
from numba.core import config
rng = np.random.default_rng(11)
hashes = rng.integers(0, 256, (12000, 32), dtype=np.uint8)
index = HammingIndex.build(hashes)
index.add_many(np.arange(12000, 17000), hashes[:5000])
found = index.search_many(hashes[:2100])
print(json.dumps([config.CPU_NAME, index.search(hashes[3].tobytes()), index.search(hashes[9000].tobytes(), 100),
  found.ids.tolist(), index.ids().tolist()[-1]]))
"""


def test_processors_without_avx512() -> None:
    """The same answers from code for a plain processor of this architecture, without any extension."""
    env = {**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "PYTHONPATH": f"{ROOT}/src"}
    done = subprocess.run([sys.executable, "-c", PORTABLE], env=env, capture_output=True, text=True, check=True)
    name, one, wide, many, last = json.loads(done.stdout)
    rng = np.random.default_rng(11)
    hashes = rng.integers(0, 256, (12000, 32), dtype=np.uint8)
    every, ids = np.concatenate((hashes, hashes[:5000])), np.arange(17000, dtype=np.uint32)
    assert (name, last) == ("generic", 16999)
    assert [tuple(each) for each in one] == [(3, 0), (12003, 0)]
    assert [tuple(each) for each in wide] == brute(every, ids, hashes[9000].tobytes(), 100)
    assert many == [name for i in range(2100) for name in (i, 12000 + i)]


def test_tables_serve_what_is_large() -> None:
    """The sets above are large enough to go through tables, not only through comparison of every row."""
    index = HammingIndex.build(uniform(np.random.default_rng(1), hamming.TABLES_FROM))
    assert index._segment
    assert "sk15" in index._segment.sections
