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

from mamori.engine.matching import HammingIndex, hamming
from tests.engine.matching.sets import brute, flipped, uniform

_POOL = flipped(np.random.default_rng(1), np.repeat(uniform(np.random.default_rng(2), 4), 10, axis=0), 24)
POOL = [each.tobytes() for each in _POOL]
_NAMES = st.integers(0, 25)


def model_search(model: dict[int, bytes], pdq: bytes, radius: int) -> list[tuple[int, int]]:
    asked = int.from_bytes(pdq)
    found = ((name, (int.from_bytes(value) ^ asked).bit_count()) for name, value in model.items())
    return sorted((each for each in found if each[1] <= radius), key=lambda each: (each[1], each[0]))


class History:
    """Some random changes and questions, the same ones to an index and to a dictionary."""

    def __init__(self, chance: random.Random, index: HammingIndex) -> None:
        self.chance, self.index, self.model = chance, index, dict[int, bytes]()

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step(self.chance.randrange(10))
            assert len(self.index) == len(self.model)
        value = self.chance.choice(POOL)
        assert self.index.search(value) == model_search(self.model, value, 31)
        assert (self.index.ids().tolist(), 3 in self.index) == (sorted(self.model), 3 in self.model)

    def step(self, action: int) -> None:
        name, value = self.chance.randrange(12), self.chance.choice(POOL)
        if action < 3:
            self.index.add(name, value)
            self.model[name] = value
        elif action < 5:
            self.index.remove(name)
            self.model.pop(name, None)
        elif action == 5:
            names = [self.chance.randrange(12) for _ in range(4)]
            values = [self.chance.choice(POOL) for _ in names]
            self.index.add_many(names, _array(values))
            self.model.update(zip(names, values, strict=True))
        elif action == 6:
            radius = self.chance.choice((0, 10, 31, 60))
            assert self.index.search(value, radius) == model_search(self.model, value, radius)
        elif action == 7:
            self.search_many(self.index)
        elif self.chance.random() < 0.2:
            self.now_and_then()

    def search_many(self, index: HammingIndex) -> None:
        asked = [self.chance.choice(POOL) for _ in range(self.chance.randrange(1, 6))]
        found = index.search_many(_array(asked), 31)
        for row, value in enumerate(asked):
            part = slice(int(found.offsets[row]), int(found.offsets[row + 1]))
            pairs = zip(found.ids[part].tolist(), found.distances[part].tolist(), strict=True)
            assert sorted(pairs) == sorted(model_search(self.model, value, 31))

    def now_and_then(self) -> None:
        self.index.compact()


class KeptHistory(History):
    """Of an index with a folder: log, manifest and segments; it is closed, opened, saved elsewhere and read beside."""

    def __init__(self, chance: random.Random, folder: Path) -> None:
        self.folder, self.places = folder, 0
        super().__init__(chance, HammingIndex.create(folder / "0"))

    def now_and_then(self) -> None:
        match self.chance.randrange(4):
            case 0:
                self.index.compact()
            case 1:
                self.index.close()
                self.index = HammingIndex.open(self.folder / str(self.places), writable=True)
            case 2:
                self.places += 1
                self.index.save(self.folder / str(self.places))
                self.index.close()
                self.index = HammingIndex.open(self.folder / str(self.places), writable=True)
            case 3:
                with HammingIndex.open(self.folder / str(self.places)) as reader:
                    self.search_many(reader)
                    assert reader.ids().tolist() == sorted(self.model)

    def step(self, action: int) -> None:
        if action > 7:
            self.now_and_then()
        else:
            super().step(action)


def _array(values: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, 32)


def test_seven_thousand_histories_in_memory() -> None:
    chance = random.Random(20261128)
    for _ in range(7000):
        History(chance, HammingIndex()).run(chance.randrange(3, 12))


@pytest.fixture
def memory_folder() -> Iterator[Path]:
    """A folder in memory where there is one: what is synchronised costs a disk seconds, and no history is cut off here."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="mamori-histories-", dir=memory if memory.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(("histories", "tables"), [(2400, False), (600, True)], ids=["compared", "with tables"])
def test_three_thousand_histories_in_a_folder(
    memory_folder: Path, monkeypatch: pytest.MonkeyPatch, histories: int, tables: bool
) -> None:
    """`tables`: they are made from a few rows on, in segments and of what was added."""
    if tables:
        monkeypatch.setattr(hamming, "TABLES_FROM", 4)
        monkeypatch.setattr(hamming, "_MIDDLE_FROM", 3)
    chance = random.Random(20261130)
    for number in range(histories):
        history = KeptHistory(chance, memory_folder / str(number))
        history.run(chance.randrange(3, 12))
        history.index.close()
        shutil.rmtree(history.folder)


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
