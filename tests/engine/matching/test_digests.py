"""Digests by equality."""

import hashlib
import random
import shutil
from pathlib import Path

import pytest

from mamori.engine.matching import DigestIndex, IndexRefused

ALGORITHMS = (hashlib.md5, hashlib.sha1, hashlib.sha256)


def digest(i: int) -> bytes:
    return ALGORITHMS[i % 3](str(i).encode()).digest()


def test_build_search_and_change(tmp_path: Path) -> None:
    digests = [digest(i) for i in range(3000)]
    digests[2997] = digests[0]
    digests += [bytes(16), bytes(20), bytes(32), digests[0] + bytes(4), digests[0] + bytes(16)]
    with DigestIndex.build(digests, path=tmp_path / "index") as index, DigestIndex.open(tmp_path / "index") as reader:
        for i, value in enumerate(digests):
            assert reader.search(value) == ([0, 2997] if i in {0, 2997} else [i])
        index.add(9000, digests[0])
        index.remove(0)
        assert reader.search(digests[0]) == [2997, 9000]
        index.add(9000, digest(77_777))
        assert reader.search_many([digests[0], digest(77_777), digest(99_999)]) == [[2997], [9000], []]
        before = reader.ids().tolist()
        index.compact()
        assert reader.search_many([digests[0], digest(77_777), digest(99_999)]) == [[2997], [9000], []]
        assert reader.ids().tolist() == before
    with DigestIndex.open(tmp_path / "index") as again:
        assert again.ids().tolist() == before


def test_many_ids_of_one_digest() -> None:
    index = DigestIndex.build([digest(1)] * 2500, list(range(5, 2505)))
    index.add_many(list(range(3000, 3700)), [digest(1)] * 700)
    assert index.search(digest(1)) == [*range(5, 2505), *range(3000, 3700)]


def test_histories_equal_a_dictionary(tmp_path: Path) -> None:
    chance = random.Random(5)
    for number in range(15):
        model: dict[int, bytes] = {}
        folder = tmp_path / str(number)
        index, reader = DigestIndex.create(folder), DigestIndex.open(folder)
        for _ in range(60):
            name, value, action = chance.randrange(20), digest(chance.randrange(12)), chance.randrange(6)
            if action < 3:
                index.add(name, value)
                model[name] = value
            elif action == 3:
                index.remove(name)
                model.pop(name, None)
            elif action == 4 and chance.random() < 0.2:
                index.compact()
            elif chance.random() < 0.1:
                index.close()
                index = DigestIndex.open(folder, writable=True)
            expected = sorted(each for each, held in model.items() if held == value)
            assert index.search(value) == reader.search(value) == expected
        assert reader.ids().tolist() == sorted(model)
        index.close()


def test_misuse_is_refused() -> None:
    index = DigestIndex()
    for value in (b"", b"short", bytes(33), bytes(300)):
        with pytest.raises(ValueError):
            index.add(1, value)
        with pytest.raises(ValueError):
            index.search(value)
    with pytest.raises(ValueError):
        index.add_many([1], [])
    with pytest.raises(ValueError):
        DigestIndex.build([digest(1), digest(2)], [7, 7])
    assert len(index) == 0


def test_fuzzed_files(tmp_path: Path) -> None:
    DigestIndex.build([digest(i) for i in range(500)], path=tmp_path / "start").close()
    chance, refused = random.Random(6), 0
    for _ in range(150):
        folder = Path(shutil.copytree(tmp_path / "start", tmp_path / "copy"))
        path = folder / "segment-1"
        data = bytearray(path.read_bytes())
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        try:
            with DigestIndex.open(folder) as index:
                assert index.search(digest(7)) == [7]
        except IndexRefused:
            refused += 1
        with (
            DigestIndex.open(folder, verify=False)
            if path.stat().st_size == len(data) and _whole(path)
            else DigestIndex() as index
        ):
            index.search_many([digest(i) for i in range(0, 500, 9)])
        shutil.rmtree(folder)
    assert refused > 75


def _whole(path: Path) -> bool:
    try:
        DigestIndex.open(path.parent, verify=False).close()
    except IndexRefused:
        return False
    return True
