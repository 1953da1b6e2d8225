"""Histories of additions, withdrawals, searches, compactions and restarts equal a plain dictionary."""

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mamori.engine.matching import HammingIndex
from tests.engine.matching.sets import brute, flipped, uniform

_POOL = flipped(np.random.default_rng(1), np.repeat(uniform(np.random.default_rng(2), 4), 10, axis=0), 24)
_NAMES = st.integers(0, 25)


def model_search(model: dict[int, bytes], pdq: bytes, radius: int) -> list[tuple[int, int]]:
    asked = int.from_bytes(pdq)
    found = ((name, (int.from_bytes(value) ^ asked).bit_count()) for name, value in model.items())
    return sorted((each for each in found if each[1] <= radius), key=lambda each: (each[1], each[0]))


def test_ten_thousand_histories() -> None:
    chance = random.Random(20261128)
    pool = [each.tobytes() for each in _POOL]
    for _ in range(10_000):
        index, model = HammingIndex(), dict[int, bytes]()
        for _ in range(chance.randrange(3, 12)):
            name, value = chance.randrange(12), chance.choice(pool)
            action = chance.randrange(8)
            if action < 3:
                index.add(name, value)
                model[name] = value
            elif action < 5:
                index.remove(name)
                model.pop(name, None)
            elif action == 5:
                names = [chance.randrange(12) for _ in range(4)]
                values = [chance.choice(pool) for _ in names]
                index.add_many(names, np.frombuffer(b"".join(values), np.uint8).reshape(-1, 32))
                model.update(zip(names, values, strict=True))
            elif action == 6:
                radius = chance.choice((0, 10, 31, 60))
                assert index.search(value, radius) == model_search(model, value, radius)
            elif chance.random() < 0.2:
                index.compact()
            assert len(index) == len(model)
        value = chance.choice(pool)
        assert index.search(value) == model_search(model, value, 31)
        assert (index.ids().tolist(), 3 in index) == (sorted(model), 3 in model)


@pytest.fixture(scope="module", autouse=True)
def _start() -> Iterator[None]:
    """A folder with a segment that has tables; every history begins with a copy."""
    OnDisk.base = Path(tempfile.mkdtemp(prefix="mamori-histories-"))
    OnDisk.hashes = uniform(np.random.default_rng(3), 9000)
    HammingIndex.build(OnDisk.hashes, np.arange(1000, 10_000), OnDisk.base / "start").close()
    yield
    shutil.rmtree(OnDisk.base)


class OnDisk(RuleBasedStateMachine):
    """One writer and one reader of a folder; the reader is asked."""

    base: Path
    hashes: np.ndarray
    count = 0

    @initialize()
    def begin(self) -> None:
        type(self).count += 1
        self.path = self.base / str(self.count)
        shutil.copytree(self.base / "start", self.path)
        self.writer = HammingIndex.open(self.path, writable=True, verify=False)
        self.reader = HammingIndex.open(self.path, verify=False)
        self.model = dict(zip(range(1000, 10_000), self.hashes, strict=True))
        self.version = self.reader.version

    @rule(name=_NAMES, which=st.integers(0, len(_POOL) - 1))
    def add(self, name: int, which: int) -> None:
        self.writer.add(name, _POOL[which].tobytes())
        self.model[name] = _POOL[which]

    @rule(first=st.integers(0, 9000), count=st.integers(1, 400), seed=st.integers(0, 99))
    def add_many(self, first: int, count: int, seed: int) -> None:
        values = flipped(np.random.default_rng(seed), self.hashes[:count], 20)
        self.writer.add_many(np.arange(first, first + count), values)
        self.model.update(zip(range(first, first + count), values, strict=True))

    @rule(seed=st.integers(0, 9))
    def add_very_many(self, seed: int) -> None:
        values = uniform(np.random.default_rng(seed), 4500)
        self.writer.add_many(np.arange(20_000, 24_500), values)
        self.model.update(zip(range(20_000, 24_500), values, strict=True))

    @rule(first=st.integers(0, 10_000), count=st.integers(1, 300))
    def remove(self, first: int, count: int) -> None:
        self.writer.remove_many(np.arange(first, first + count))
        for name in range(first, first + count):
            self.model.pop(name, None)

    @rule(which=st.integers(0, len(_POOL) - 1), radius=st.sampled_from((0, 16, 31, 40)))
    def search(self, which: int, radius: int) -> None:
        self._agree(_POOL[which], radius)

    @rule(which=st.integers(0, 8999))
    def search_a_member(self, which: int) -> None:
        self._agree(self.hashes[which], 31)

    def _agree(self, value: np.ndarray, radius: int) -> None:
        ids = np.fromiter(self.model, np.uint32, len(self.model))
        values = np.array(list(self.model.values()), np.uint8).reshape(-1, 32)
        expected = brute(values, ids, value.tobytes(), radius)
        assert self.reader.search(value.tobytes(), radius) == expected
        assert self.writer.search(value.tobytes(), radius) == expected

    @rule()
    def compact(self) -> None:
        self.writer.compact()

    @rule()
    def another_reader(self) -> None:
        self.reader.close()
        self.reader = HammingIndex.open(self.path)

    @rule()
    def another_writer(self) -> None:
        self.writer.close()
        self.writer = HammingIndex.open(self.path, writable=True)

    @invariant()
    def same_size(self) -> None:
        if hasattr(self, "model"):
            assert len(self.reader) == len(self.model)
            assert self.version <= self.reader.version == self.writer.version
            self.version = self.reader.version

    def teardown(self) -> None:
        if hasattr(self, "model"):
            assert self.reader.ids().tolist() == sorted(self.model)
            self.writer.close()
            self.reader.close()
            shutil.rmtree(self.path)


OnDisk.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
test_histories_on_disk = OnDisk.TestCase
