"""Readers go on while the index changes: threads of one process, and other processes."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from mamori.engine.matching import HammingIndex
from mamori.engine.matching.log import Log, Records
from tests.engine.matching.sets import uniform

ROOT = Path(__file__).resolve().parents[3]

READER = """
import sys
from mamori.engine.matching import HammingIndex
index = HammingIndex.open(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    value, name = line.split()
    print(int((int(name), 0) in index.search(bytes.fromhex(value))), len(index), flush=True)
"""


def test_another_process_sees_each_change_at_its_next_search(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    hashes = uniform(rng, 12_000)
    folder = tmp_path / "index"
    with HammingIndex.build(hashes, path=folder) as writer:
        env = {**os.environ, "PYTHONPATH": f"{ROOT}/src"}
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, folder], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert reader.stdin
        assert reader.stdout
        assert reader.stdout.readline() == "ready\n"

        def seen(name: int, value: bytes) -> tuple[bool, int]:
            assert reader.stdin
            assert reader.stdout
            reader.stdin.write(f"{value.hex()} {name}\n")
            reader.stdin.flush()
            there, size = reader.stdout.readline().split()
            return there == "1", int(size)

        stop = threading.Event()

        def compacting() -> None:
            while not stop.wait(0.02):
                writer.compact()

        background = threading.Thread(target=compacting)
        background.start()
        try:
            for i in range(150):
                name, value = 20_000 + i, uniform(rng, 1).tobytes()
                writer.add(name, value)
                assert seen(name, value) == (True, len(writer))
                if i % 3 == 0:
                    writer.remove(name)
                    assert seen(name, value) == (False, len(writer))
                if i % 10 == 0:
                    writer.add_many(np.arange(30_000 + 1000 * i, 30_800 + 1000 * i), uniform(rng, 800))
        finally:
            stop.set()
            background.join()
        assert writer.version == 150 + 50 + 15 * 800
        reader.stdin.close()
        assert reader.wait(20) == 0
        reader.stdout.close()


def test_threads_search_while_one_adds_removes_and_compacts(tmp_path: Path) -> None:
    """What was there all the time is found by every search; nothing else than what was ever there is."""
    rng = np.random.default_rng(2)
    hashes, more = uniform(rng, 10_000), uniform(rng, 12_000)
    stop, faults = threading.Event(), list[str]()
    with HammingIndex.build(hashes, path=tmp_path / "index") as writer, HammingIndex.open(tmp_path / "index") as reader:

        def searching(index: HammingIndex, seed: int) -> None:
            mine, rounds = np.random.default_rng(seed), 0
            while not stop.is_set() or rounds < 20:
                rounds += 1
                i = int(mine.integers(0, 5000))
                if index.search(hashes[i].tobytes()) != [(i, 0)]:
                    faults.append(f"{i} was there")
                k = int(mine.integers(0, 12_000)) | 1  # even ones stand under 9999 too, for a moment
                if index.search(more[k].tobytes()) not in ([], [(10_000 + k, 0)]):
                    faults.append(f"{k} was found where it is not")
                if rounds % 50 == 0 and index.search_many(hashes[:2200]).ids.tolist() != list(range(2200)):
                    faults.append("batch")

        threads = [
            threading.Thread(target=searching, args=(each, i)) for i, each in enumerate((writer, reader, reader))
        ]
        for each in threads:
            each.start()
        for begin in range(0, 12_000, 400):
            writer.add_many(np.arange(10_000 + begin, 10_400 + begin), more[begin : begin + 400])
            writer.remove_many(np.arange(5000 + begin // 4, 5100 + begin // 4))
            writer.add(9999, more[begin].tobytes())
            writer.remove(9999)
            if begin % 2000 == 0:
                writer.compact()
        stop.set()
        for each in threads:
            each.join()
        assert not faults
        expected = [*range(5000), *range(8000, 9999), *range(10_000, 22_000)]
        assert reader.ids().tolist() == writer.ids().tolist() == expected


def test_compaction_begins_by_itself(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("mamori.engine.matching.live._COMPACT_FROM", 5000)
    hashes = uniform(np.random.default_rng(3), 20_000)
    with HammingIndex.create(tmp_path / "index") as index, HammingIndex.open(tmp_path / "index") as reader:
        for begin in range(0, 20_000, 1000):
            index.add_many(np.arange(begin, begin + 1000), hashes[begin : begin + 1000])
            assert reader.search(hashes[begin + 999].tobytes()) == [(begin + 999, 0)]
        assert index._thread
        index._thread.join()
        assert any(path.name.startswith("segment-") for path in (tmp_path / "index").iterdir())
        assert len(reader) == 20_000


def test_what_is_written_while_the_log_is_read_is_no_damage(tmp_path: Path, monkeypatch) -> None:
    """A reader may see a later record and not the place of an earlier one as it is by then: it looks again."""
    hashes = uniform(np.random.default_rng(4), 3)
    torn, read = list[int](), Log._read

    def overtaken(self: Log, begin: int, end: int) -> Records:
        records = read(self, begin, end)
        if not torn:
            torn.append(len(records))
            records[1] = 0
        return records

    with HammingIndex.create(tmp_path / "index") as writer:
        for name, value in enumerate(hashes):
            writer.add(name, value.tobytes())
        monkeypatch.setattr(Log, "_read", overtaken)
        with HammingIndex.open(tmp_path / "index") as reader:
            assert torn[0] >= 3
            assert reader.ids().tolist() == [0, 1, 2]
            writer.add(3, hashes[0].tobytes())
            assert reader.search(hashes[0].tobytes()) == [(0, 0), (3, 0)]
