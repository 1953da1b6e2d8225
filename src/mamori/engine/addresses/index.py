"""UrlIndex: URLs against a list of pages and hosts, by the hashes of their Safe Browsing expressions."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mamori.engine.addresses import look_up, reading
from mamori.engine.addresses.canonical import AddressError
from mamori.engine.addresses.expressions import Rule, expression_hashes, split_canonical
from mamori.engine.addresses.suffix_table import suffix_table
from mamori.engine.matching.jit import address

Hashes = NDArray[np.uint8]
NOT_LISTED, UNREADABLE = -1, -2
_LEAST = {"v5": 0, "v4": 2}  # labels of the shortest host suffix; 0: those of the registrable domain
_CHUNK = 8192  # URLs handed to a kernel at a time
_FILTER_PER_ROW = 16  # bits, at least
_DOTS = 126  # of a host the kernels read


class Memory(threading.local):
    """A thread's own memory of the kernels."""

    def __init__(self) -> None:
        self.octets = np.zeros(look_up.SIZE, np.uint8)
        self.address = address(self.octets)
        self.url = memoryview(self.octets.data)[look_up.URL : look_up.URL + reading.LONGEST]
        # A row; begin and end of a URL; those of a canonical one, and the ends of its host and path.
        self._numbers = np.zeros(8, np.int64)
        numbers, at = memoryview(self._numbers.data), address(self._numbers)
        self.first_row, self.size, self.canonical = numbers[:1], numbers[1:3], numbers[3:7]
        self.rows_at, self.bounds_at, self.canonical_at = at, at + 8, at + 24
        self.url_at = self.address + look_up.URL


_MEMORY = Memory()


class UrlIndex:
    """Listed pages and prefixes, each the SHA-256 of an expression; immutable, and free to be used by many threads.

    A *page* (`page_expression`) is found by a URL with the same host, path and query only: never by another name below
    the host, another query, or what lies below the path. A *prefix* (`host_expression`, or an entry of a list in Safe
    Browsing form) is found by every URL that has it among its expressions, as the standard has it. So a decision on
    one page cannot become the block of a domain, whatever the page: "site.example/" as a page is the front page.

    1,000,000 hashes take 40 MB. Kernels are compiled when the first index of a machine is made (half a minute, once).
    """

    def __init__(
        self, pages: Hashes | Iterable[bytes] = (), prefixes: Hashes | Iterable[bytes] = (), rule: Rule = "v5"
    ) -> None:
        """Build from (n, 32) bytes, or n times 32 bytes, in any order; one that stands twice is kept once.

        `rule`: which host suffixes are looked up, see `expressions`. ValueError for hashes of another length.
        """
        given = [_hashes(pages), _hashes(prefixes)]
        scopes = np.repeat(np.array([look_up.PAGE, look_up.PREFIX], np.uint8), [len(each) for each in given])
        self.rule: Rule = rule
        self.hashes, self.scopes = _sorted(np.concatenate(given), scopes)
        first = np.ascontiguousarray(self.hashes[:, :4]).view(">u4").reshape(-1).astype(np.uint32)
        table_bits = min(28, max(8, len(first).bit_length()))
        filter_bits = min(32, max(10, (_FILTER_PER_ROW * len(first) - 1).bit_length()))
        self._begins = np.searchsorted(
            first >> np.uint32(32 - table_bits), np.arange((1 << table_bits) + 1, dtype=np.uint32)
        ).astype(np.uint32)
        self._filter = np.zeros(1 << filter_bits - 3, np.uint8)
        bits = first >> np.uint32(32 - filter_bits)
        np.bitwise_or.at(self._filter, bits >> np.uint32(3), (1 << (bits & np.uint32(7))).astype(np.uint8))
        suffixes, self._suffixes = suffix_table()
        self._view = np.zeros(look_up.WORDS, np.int64)
        self._view[:] = [
            *(address(each) for each in (self.hashes, self.scopes, self._begins, self._filter)),
            *(suffixes, table_bits, filter_bits, _LEAST[rule]),
        ]
        self.hashes.flags.writeable = self.scopes.flags.writeable = False
        self._view_address, self._table_bits = address(self._view), table_bits
        self._memory = _MEMORY
        self._look_up = look_up.look_up.native

    def __len__(self) -> int:
        """Different hashes."""
        return len(self.hashes)

    @property
    def nbytes(self) -> int:
        """Bytes of memory of this index, without the table of public suffixes, which all share."""
        return sum(each.nbytes for each in (self.hashes, self.scopes, self._begins, self._filter, self._view))

    def check(self, url: str | bytes) -> bytes | None:
        """The hash of the first of its `expressions` that is listed; None where none is, or it is no http(s) URL."""
        row = self.row(url)
        return self.hashes[row].tobytes() if row >= 0 else None

    def row(self, url: str | bytes) -> int:
        """Where in `hashes` the first listed expression stands; NOT_LISTED, or UNREADABLE for what is no http(s) URL."""
        try:
            octets = url.encode() if isinstance(url, str) else url
            size = len(octets)
            mine = self._memory
            mine.url[:size] = octets
        except ValueError:  # a lone surrogate, or longer than what the kernel reads
            return self._exact(url)
        mine.size[1] = size
        form = look_up.UTF8 if isinstance(url, str) else look_up.BYTES
        self._look_up(self._view_address, mine.url_at, mine.bounds_at, 1, form, mine.rows_at, mine.address)
        row = mine.first_row[0]
        return self._exact(url) if row == look_up.UNSURE else row

    def check_many(self, urls: Sequence[str] | bytes) -> NDArray[np.int64]:
        """`row` of each URL: (n,) numbers. In bytes, each line ended or separated by a line feed is a URL."""
        if isinstance(urls, bytes):
            return self._lines(urls)
        try:
            joined = "\n".join(urls).encode()
        except UnicodeEncodeError:
            joined = b""
        if joined.count(b"\n") != len(urls) - 1:  # surrogates, a line feed inside a URL: those go the exact way
            joined = b"\n".join(_one_line(url) for url in urls)
        return self._lines(joined + b"\n" if urls else b"", urls)

    def _lines(self, text: bytes, urls: Sequence[str] | None = None) -> NDArray[np.int64]:
        octets = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(octets == 10)
        if len(text) and text[-1] != 10:
            ends = np.append(ends, len(text))
        bounds = np.empty((len(ends), 2), np.int64)
        bounds[:, 1] = ends
        bounds[:1, 0], bounds[1:, 0] = 0, ends[:-1] + 1
        rows = np.empty(len(ends), np.int64)
        form = look_up.UTF8 if urls is not None or _is_utf8(text) else look_up.BYTES
        unsure = 0
        for at in range(0, len(ends), _CHUNK):
            count = min(_CHUNK, len(ends) - at)
            places = address(octets), address(bounds) + 16 * at, count, form, address(rows) + 8 * at
            unsure += self._look_up(self._view_address, *places, self._memory.address)
        if unsure:
            for at in np.flatnonzero(rows == look_up.UNSURE).tolist():
                rows[at] = self._exact(text[bounds[at, 0] : bounds[at, 1]] if urls is None else urls[at])
        return rows

    def _exact(self, url: str | bytes) -> int:
        """The row of a URL the kernel is not sure about: ada-url and Python write the canonical form."""
        try:
            _, host, path, query = split_canonical(url)
        except AddressError:
            return UNREADABLE
        text = f"{host}{path}{query}".encode("ascii")
        end = len(text)
        if len(host) > reading.HOST or host.count(".") > _DOTS or end > look_up.LONGEST:
            return self._by_hashes(expression_hashes(url, self.rule))
        mine = self._memory
        mine.url[:end] = text
        bounds = mine.canonical
        bounds[1], bounds[2], bounds[3] = end, len(host), len(host) + len(path)
        form = look_up.CANONICAL
        self._look_up(self._view_address, mine.url_at, mine.canonical_at, 1, form, mine.rows_at, mine.address)
        return mine.first_row[0]

    def _by_hashes(self, hashes: list[bytes]) -> int:
        """The row of the first hash that is listed, that of the page being the first; without kernels."""
        for number, digest in enumerate(hashes):
            bucket = int.from_bytes(digest[:4]) >> 32 - self._table_bits
            for row in range(self._begins[bucket], self._begins[bucket + 1]):
                scope = int(self.scopes[row])
                if self.hashes[row].tobytes() == digest and (scope & look_up.PREFIX or number == 0):
                    return row
        return NOT_LISTED


def read_plain(url: str | bytes, rule: Rule = "v5") -> list[str] | None:
    """What the kernel makes of a URL: its `expressions`; None where it leaves them to the exact way. For proofs."""
    try:
        octets = url.encode() if isinstance(url, str) else url
    except UnicodeEncodeError:
        return None
    if len(octets) > reading.LONGEST:
        return None
    mine = _MEMORY
    mine.url[: len(octets)] = octets
    utf8 = int(isinstance(url, str) or _is_utf8(url))
    suffixes, _keep = suffix_table()
    count = look_up.read_plain.native(mine.url_at, len(octets), utf8, _LEAST[rule], suffixes, mine.address)
    if count < 0:
        return None
    spans = mine.octets[reading.SPANS : reading.SPANS + 8 * count].view(np.uint32).reshape(-1, 2).tolist()
    return [mine.octets[begin:end].tobytes().decode("ascii") for begin, end in spans]


def _one_line(url: str) -> bytes:
    """The bytes of a URL; none, which the kernel is not sure about, where they would not be one line of UTF-8."""
    try:
        octets = url.encode()
    except UnicodeEncodeError:
        return b""
    return b"" if b"\n" in octets else octets


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _hashes(given: Hashes | Iterable[bytes]) -> Hashes:
    """(n, 32) bytes."""
    if isinstance(given, np.ndarray):
        if given.ndim != 2 or given.shape[1] != 32 or given.dtype != np.uint8:
            raise ValueError("hashes are (n, 32) unsigned bytes")
        return given
    every = list(given)
    if any(len(each) != 32 for each in every):
        raise ValueError("a hash has 32 bytes")
    return np.frombuffer(b"".join(every), np.uint8).reshape(-1, 32)


def _sorted(hashes: Hashes, scopes: NDArray[np.uint8]) -> tuple[Hashes, NDArray[np.uint8]]:
    """In order of their bytes, each once, with all its scopes."""
    words: NDArray[Any] = np.ascontiguousarray(hashes).view(">u8")
    order = np.lexsort((words[:, 3], words[:, 2], words[:, 1], words[:, 0]))
    hashes, scopes = hashes[order], scopes[order]
    if not len(hashes):
        return np.zeros((0, 32), np.uint8), scopes
    new = np.concatenate(([True], np.any(hashes[1:] != hashes[:-1], axis=1)))
    return hashes[new], np.bitwise_or.reduceat(scopes, np.flatnonzero(new))
