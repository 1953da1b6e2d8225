"""Is what the kernels say what ada-url, Python and hashlib say? Asked of mutated URLs, by the suite and by benchmarks."""

import hashlib
import itertools
import random
from collections import Counter

from mamori.engine.addresses.canonical import AddressError
from mamori.engine.addresses.expressions import Rule, expressions
from mamori.engine.addresses.index import NOT_LISTED, UNREADABLE, UrlIndex, read_plain
from tests.engine.addresses.mutations import urls

_BATCH = 20_000


def sha256(expression: str) -> bytes:
    return hashlib.sha256(expression.encode("ascii")).digest()


def read(url: str | bytes, rule: Rule) -> list[str] | None:
    try:
        return expressions(url, rule)
    except AddressError:
        return None


def listed(found: list[str] | None, pages: set[str], prefixes: set[str]) -> str | int:
    """The expression that hits, with Python's own sets."""
    if found is None:
        return UNREADABLE
    for number, each in enumerate(found):
        if each in prefixes or (number == 0 and each in pages):
            return each
    return NOT_LISTED


def prove(count: int, random_seed: int, rule: Rule = "v5") -> Counter[str]:
    """Compare `count` URLs, as text and as bytes, alone and in batches; AssertionError at the first difference.

    Each batch has an index of its own, of what a tenth of its URLs are made of, so that many are listed.
    """
    counts: Counter[str] = Counter()
    random_ = random.Random(random_seed)
    source = urls(random_seed)
    while counts["urls"] < count:
        batch = list(itertools.islice(source, min(_BATCH, count - counts["urls"])))
        every = [read(url, rule) for url in batch]
        readable = [each for each in every if each]
        chosen = random_.sample(readable, len(readable) // 10)
        pages = {each[0] for each in chosen[::2]}
        prefixes = {random_.choice(each) for each in chosen[1::2]}
        index = UrlIndex(map(sha256, pages), map(sha256, prefixes), rule)
        row_of = {digest.tobytes(): row for row, digest in enumerate(index.hashes)}
        wanted = [listed(each, pages, prefixes) for each in every]
        rows = [each if isinstance(each, int) else row_of[sha256(each)] for each in wanted]
        for url, exact, row, got in zip(batch, every, rows, index.check_many(batch).tolist(), strict=True):
            assert got == row, (url, exact)
            if counts["urls"] % 8 == 0:
                assert index.row(url) == row, (url, exact)
            plain = read_plain(url, rule)
            assert plain is None or plain == exact, (url, plain, exact)
            counts["urls"] += 1
            counts["plain"] += plain is not None
            counts["refused"] += exact is None
            counts["listed"] += row >= 0
        compare_bytes(index, batch, random_, pages, prefixes)
    return counts


def compare_bytes(
    index: UrlIndex, batch: list[str], random_: random.Random, pages: set[str], prefixes: set[str]
) -> None:
    """Every eighth as a line of bytes, half of those with a byte that is no UTF-8 or whatever else a byte can be."""
    lines = []
    for url in batch[::8]:
        line = bytearray(url.encode("utf-8", "surrogatepass").replace(b"\n", b""))
        if random_.random() < 0.5:
            line.insert(random_.randint(0, len(line)), random_.choice((0x80, 0xC3, 0xE3, 0xFF, 0x0D, 0x25, 0x5C, 0x00)))
        lines.append(bytes(line))
    for some in (lines, [line for line in lines if is_utf8(line)]):
        rows = index.check_many(b"\n".join(some) + b"\n").tolist()
        for line, row in zip(some, rows, strict=True):
            exact = read(line, index.rule)
            hit = listed(exact, pages, prefixes)
            assert row == hit or (row >= 0 and index.hashes[row].tobytes() == sha256(str(hit))), (line, exact)
            plain = read_plain(line, index.rule)
            assert plain is None or plain == exact, (line, plain, exact)


def is_utf8(line: bytes) -> bool:
    return line.decode("utf-8", "ignore").encode() == line
