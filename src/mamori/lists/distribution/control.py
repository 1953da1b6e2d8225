"""The control protocol of Knot DNS, with many commands on one connection: `knotc` opens one for each (ADR 25).

An exchange and its units are those of libknot's documentation ("Control module", protocol overview). On the wire a unit
is an octet for its type (END 0, DATA 1, EXTRA 2, BLOCK 3) and, of data, sections: 16 + the section's number, the length
(16 bits, big-endian), the text. The server answers each block with units of its own and the end of a block.
"""

import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

_END, _DATA, _EXTRA, _BLOCK = b"\x00", 1, 2, b"\x03"
_FIRST = 16
_SECTIONS = ("command", "flags", "error", "section", "item", "id", "zone", "owner", "ttl", "type", "data", "filters")
_NUMBERS = {name: bytes([_FIRST + number]) for number, name in enumerate(_SECTIONS)}
_RECEIVED = 1 << 18  # octets at a time
_AT_ONCE = 500  # blocks that are sent before their answers are read: these fit into the socket's buffer
Answer = dict[str, str]
"""Section -> text of one unit of data, without the sections that are empty."""


class KnotError(Exception):
    """The primary refused a command or does not answer, or a record is not fit for it."""


def unit(command: str, **sections: str) -> bytes:
    """One unit of data, without a command as in an answer where that is empty. Errors as of `section`."""
    named = {"command": command, **sections} if command else sections
    return bytes([_DATA]) + b"".join(section(*each) for each in named.items())


def section(name: str, text: str) -> bytes:
    """A section of a unit as it stands on the wire. KeyError for one nobody knows, OverflowError above 65,535 octets."""
    data = text.encode()
    return _NUMBERS[name] + len(data).to_bytes(2) + data


class Control:
    """One connection. Knot 3.2 serves one at a time: short ones keep nobody waiting."""

    def __init__(self, path: str, seconds: float) -> None:
        """`seconds`: how long Knot may be silent. KnotError when nobody listens."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(seconds)
        self._got, self._at = b"", 0
        self._is_answering = False
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise _silent() from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with suppress(OSError):
                self._socket.sendall(_END)
        self._socket.close()

    def together(self, units: Iterable[bytes]) -> list[Answer]:
        """Units of one and the same command. All answers, errors among them."""
        self.ask(b"".join(units))
        return list(iter(self.take, None))

    def each(self, units: Iterable[bytes]) -> list[Answer]:
        """Units of any commands, one after another. All answers, errors among them."""
        found = list[Answer]()
        for _number in self._one_by_one(list(units)):
            found += iter(self.take, None)
        return found

    def answered_otherwise(
        self, units: Sequence[bytes], expected: Sequence[bytes]
    ) -> Iterator[tuple[int, list[Answer]]]:
        """Of units of any commands those that are not answered by just what is expected (b"": nothing is): their numbers, and
        what is answered besides it.
        """
        for number in self._one_by_one(units):
            is_so = expected[number] != b"" and self.skip(expected[number])
            others = list(iter(self.take, None))
            if others or not is_so:
                yield number, others

    def _one_by_one(self, units: Sequence[bytes]) -> Iterator[int]:
        """Send units, and let the answers to each be taken by its number."""
        for at in range(0, len(units), _AT_ONCE):
            piece = units[at : at + _AT_ONCE]
            self.ask(_BLOCK.join(piece))
            for number in range(at, at + len(piece)):
                self._is_answering = True
                yield number

    def ask(self, data: bytes) -> None:
        """Send units, and the end of their block; the answers are taken by `skip` and `take`."""
        try:
            self._socket.sendall(data + _BLOCK)
        except OSError as error:
            raise _silent() from error
        self._is_answering = True

    def skip(self, expected: bytes) -> bool:
        """Pass the next answer over if it is this one."""
        while self._is_answering and not self._got.startswith(expected, self._at):
            if not expected.startswith(self._got[self._at : self._at + len(expected)]):
                return False
            self._receive()
        self._at += len(expected) if self._is_answering else 0
        return self._is_answering

    def take(self) -> Answer | None:
        """The next answer; None at the end of the block. KnotError for what is no answer."""
        if not self._is_answering:
            return None
        kind = self._octet(0)
        if kind == _BLOCK[0]:
            self._at += 1
            self._is_answering = False
            return None
        if kind not in (_DATA, _EXTRA):
            raise KnotError("cannot read what the primary says")
        answer: Answer = {}
        offset = 1
        while (code := self._octet(offset)) >= _FIRST:
            size = int.from_bytes(self._octets(offset + 1, offset + 3))
            if code - _FIRST >= len(_SECTIONS):
                raise KnotError("cannot read what the primary says")
            text = self._octets(offset + 3, offset + 3 + size)
            answer[_SECTIONS[code - _FIRST]] = text.decode(errors="replace")
            offset += 3 + size
        self._at += offset
        return answer

    def _octet(self, offset: int) -> int:
        while self._at + offset >= len(self._got):
            self._receive()
        return self._got[self._at + offset]

    def _octets(self, first: int, last: int) -> bytes:
        while self._at + last > len(self._got):
            self._receive()
        return self._got[self._at + first : self._at + last]

    def _receive(self) -> None:
        try:
            more = self._socket.recv(_RECEIVED)
        except OSError as error:
            raise _silent() from error
        if not more:
            raise _silent()
        self._got, self._at = self._got[self._at :] + more, 0


def _silent() -> KnotError:
    return KnotError("the primary does not answer")
