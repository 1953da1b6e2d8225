"""The log: what was added and removed since a segment was written. Appended to by one process, read by any.

Layout, little-endian. One page of 4,096 bytes: magic `MAMORIL1`, format and kind (32 bits each), number of the log and how
many records went before it (64 bits each), checksum of these 32 bytes; at byte 64 three words that change: the pulse,
which rises whenever there is something new, the count of committed records, and a number that rises with the manifest.
Then records of 64 bytes: one word with the operation (8 bits), the length of the value (8), the id (upper 32); the value
(32 bytes, zeros after its end); the record's number in the whole history; how many records were durable before its batch;
the checksum of these 56 bytes.

An addition is acknowledged after fdatasync. What a crash leaves behind the last whole record is cut by the next writer.
A broken record that a later one knows to have been durable is damage, not a torn tail, and the log is refused.
"""

from __future__ import annotations

import mmap
import os
import struct
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mamori.engine.files import sync_folder
from mamori.engine.matching.jit import address, kernel
from mamori.engine.matching.refusals import IndexRefused, damaged
from mamori.engine.matching.segment import KINDS
from mamori.engine.matching.words import checksum, checksum_of, load64, ordered, store64

MAGIC, FORMAT, PAGE, RECORD = b"MAMORIL1", 1, 4096, 64
ADD, REMOVE = 1, 2
_HEAD = struct.Struct("<8sIIQQ")
_GROW = 1 << 20  # bytes the file grows by: a synchronisation need not write its size each time
Records = NDArray[np.int64]  # (n, 8)


@kernel("int64(int64, int64, int64, int64, int64)")
def seal_records(records: int, count: int, seed: int, number: int, durable: int) -> int:
    """Write number, durable count and checksum into records."""
    for i in range(count):
        record = records + 64 * i
        store64(record, 5, number + i)
        store64(record, 6, durable)
        store64(record, 7, checksum_of(record, 56, seed))
    return count


@kernel("int64(int64, int64, int64, int64)")
def whole_records(records: int, count: int, seed: int, number: int) -> int:
    """How many records from the first on are whole and in order."""
    for i in range(count):
        record = records + 64 * i
        if load64(record, 5) != number + i or load64(record, 7) != checksum_of(record, 56, seed):
            return i
    return count


@kernel("int64(int64, int64, int64, int64, int64)")
def known_durable(records: int, begin: int, end: int, seed: int, number: int) -> int:
    """The largest count of durable records that a whole record in [begin, end) tells of."""
    most = 0
    for i in range(begin, end):
        record = records + 64 * i
        if load64(record, 5) == number + i and load64(record, 7) == checksum_of(record, 56, seed):
            most = max(most, load64(record, 6))
    return most


def compose(
    operation: int, ids: NDArray[np.uint32], values: NDArray[np.uint8] | None, lengths: int | NDArray[np.uint8]
) -> Records:
    """Records of one operation: (n,) ids, (n, 32) values or None, their lengths in bytes."""
    records = np.zeros((len(ids), 8), np.int64)
    records[:, 0] = (ids.astype(np.int64) << 32) | (np.asarray(lengths, np.int64) << 8) | operation
    if values is not None:
        records[:, 1:5] = np.ascontiguousarray(values).view(np.int64)
    return records


class Log:
    """One log file, opened for reading or, by the process that holds the lock, for appending."""

    def __init__(self, path: Path, kind: str, *, writable: bool = False) -> None:
        self.path = path
        self._file = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        try:
            size = os.fstat(self._file).st_size
            head = os.pread(self._file, PAGE, 0)
            if size < PAGE or not head.startswith(MAGIC):
                raise IndexRefused("not_an_index", f"{path} does not begin as a log")
            total, stated = _checksum(head[:32]), struct.unpack_from("<q", head, 32)[0]
            if total != stated:
                raise damaged(f"{path}, header", total, stated)
            _, form, found, self.number, self.base = _HEAD.unpack_from(head)
            if form != FORMAT or found != KINDS[kind]:
                raise IndexRefused("not_an_index", f"{path} is a log of another kind or format")
            protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
            self._page = mmap.mmap(self._file, PAGE, prot=protection)
        except BaseException:
            os.close(self._file)
            raise
        self.words = memoryview(self._page).cast("q")  # [8] pulse, [9] committed records, [10] changes of the manifest
        self.close = weakref.finalize(self, os.close, self._file)
        self._size = size
        self.count = 0  # records known to this process

    @classmethod
    def create(cls, path: Path, kind: str, number: int, base: int) -> None:
        """A new, empty log, durable."""
        head = _HEAD.pack(MAGIC, FORMAT, KINDS[kind], number, base)
        with path.open("xb") as file:
            file.write(head + struct.pack("<q", _checksum(head)))
            file.truncate(PAGE)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)

    def pulse(self) -> int:
        """The pulse; what is read after this call is at least as new."""
        return ordered.native(int(self.words[8]))

    def wake(self) -> None:
        """Tell readers to read the manifest again."""
        self.words[10] = (self.words[10] + 1) & (2**62 - 1)
        self._beat()

    def _beat(self) -> None:
        """Tell readers that there is something new: who sees the pulse sees what was written before it."""
        self.words[8] = ordered.native((self.words[8] + 1) & (2**62 - 1))
        ordered.native(0)

    def recover(self) -> Records:
        """All whole records. IndexRefused where one was lost that had been acknowledged."""
        size = os.fstat(self._file).st_size
        records = self._read(0, (size - PAGE) // RECORD)
        whole = whole_records.native(address(records), len(records), self.number, self.base)
        known = known_durable.native(address(records), whole, len(records), self.number, self.base) - self.base
        if known > whole:  # lost, or written while the first read had passed their place: then they stand there now
            records[whole:known] = self._read(whole, known)
            whole = whole_records.native(address(records), len(records), self.number, self.base)
        if known > whole:
            total = checksum.native(address(records) + RECORD * whole, 56, self.number)
            raise damaged(f"{self.path}, record {whole}", total, int(records[whole, 7]))
        self.count = whole
        return records[:whole]

    def cut(self) -> None:
        """Writer: remove what follows the last whole record, and publish the count."""
        end = PAGE + RECORD * self.count
        if os.fstat(self._file).st_size > end:
            os.truncate(self._file, end)
            os.fsync(self._file)
        self._size = end
        self.words[9] = self.count
        self.wake()

    def append(self, records: Records) -> None:
        """Writer: write records and make them durable; then they are committed."""
        count = len(records)
        seal_records.native(address(records), count, self.number, self.base + self.count, self.base + self.count)
        end = place = PAGE + RECORD * self.count
        try:
            if place + RECORD * count > self._size:
                size = -(-(place + RECORD * count) // _GROW) * _GROW
                os.posix_fallocate(self._file, 0, size)
                self._size = size
            rest = memoryview(records.data).cast("B")
            while rest:
                done = os.pwrite(self._file, rest, place)
                rest, place = rest[done:], place + done
            os.fdatasync(self._file)
        except BaseException:  # what was written of it must not follow the next record
            os.truncate(self._file, end)
            self._size = end
            raise
        self.count += count
        self.words[9] = self.count
        self._beat()

    def news(self) -> Records:
        """Reader: the records committed since the last call (or `recover`)."""
        committed = int(self.words[9])
        if committed <= self.count:
            return np.empty((0, 8), np.int64)
        records = self._read(self.count, committed)
        number = self.base + self.count
        whole = whole_records.native(address(records), len(records), self.number, number)
        if whole < len(records):
            total = checksum.native(address(records) + RECORD * whole, 56, self.number)
            raise damaged(f"{self.path}, record {self.count + whole}", total, int(records[whole, 7]))
        self.count = committed
        return records

    def records(self) -> Records:
        """All records known to this process."""
        return self._read(0, self.count)

    def _read(self, begin: int, end: int) -> Records:
        data = bytearray(RECORD * max(0, end - begin))
        view, got = memoryview(data), 0
        while got < len(data):
            more = os.preadv(self._file, [view[got:]], PAGE + RECORD * begin + got)
            if more == 0:
                break
            got += more
        return np.frombuffer(data, np.int64)[: got // RECORD * 8].reshape(-1, 8)


def _checksum(data: bytes) -> int:
    array = np.frombuffer(data, np.uint8)
    return checksum.native(address(array), len(array), 0)
