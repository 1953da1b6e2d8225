"""Project VIC's VICS 2.0 and 1.3 (and CAID 1.2) JSON, read as a stream: a list of millions of records is never held whole.

Shape: `{"@odata.context" | "odata.metadata": "…#Media", "value": [{…}, …]}`; a case export ends in `#Cases` and holds a
`Media` list in each case. After sepinf-inc/IPED, HashDBTool.java.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

CHUNK = 1 << 20
MOST_RECORD = 4 << 20  # characters of one record
MOST_HEAD = 1 << 16  # characters before the first list
_VALUE = re.compile(r'"value"\s*:\s*\[')
_MEDIA = re.compile(r'"Media"\s*:\s*\[')
_CASES = re.compile(r'"(?:@odata\.context|odata\.metadata)"\s*:\s*"[^"]*#Cases"')
_SPACE = re.compile(r"[\s,]*")
_TOKEN = re.compile(r'["\\{}\[\]]')
_RECORD = re.compile(r',\s*(?=\{\s*"(?:MediaID|MD5|Category)")')
_NEXT = re.compile(r"\}\s*,\s*(?=\{)")


class NotVics(ValueError):
    """The file holds no list of media."""


class Reader:
    """Text read in pieces; elements of its lists decoded one by one, a broken one passed over.

    `whole`: after the last element, whether each list that was read came to its own end. False for a file that was cut off.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        first = stream.read(CHUNK)
        name = "utf-16" if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        self._decoder = codecs.getincrementaldecoder(name)("replace")
        self._text = self._decoder.decode(first, final=not first)
        self._at = 0
        self._ended = not first
        self._json = json.JSONDecoder().raw_decode
        self.whole = True

    def elements(self) -> Iterator[Any]:
        """Each element of the list, or of the lists of all cases; None for one that is no JSON. NotVics."""
        opened = self._find(_VALUE, MOST_HEAD)
        if opened is None:
            raise NotVics
        cases = _CASES.search(self._text, 0, opened) is not None
        self._at = opened
        if not cases:
            yield from self._list()
            return
        while (media := self._find(_MEDIA, None)) is not None:
            self._at = media
            yield from self._list()

    def _list(self) -> Iterator[Any]:
        while True:
            self._skip()
            if self._at >= len(self._text):
                self.whole = False
                return
            if self._text[self._at] == "]":
                return
            yield self._element()

    def _element(self) -> Any:
        """The element here. A piece of the file may end within it: then more is read."""
        while True:
            try:
                found, end = self._json(self._text, self._at)
            except (ValueError, RecursionError):
                closed = self._end()
                if closed is None and not self._ended and len(self._text) - self._at < MOST_RECORD:
                    self._more()
                    continue
                self._at = closed if closed is not None else self._next_start()
                return None
            if end == len(self._text) and not self._ended:  # a number may go on in the next piece
                self._more()
                continue
            self._at = end
            return found

    def _end(self) -> int | None:
        """Where the brackets that open here are closed; None when they are not, in what was read.

        Brackets that do not fit each other tell nothing: then it is where the next record seems to begin.
        """
        opened: list[str] = []
        quoted, escaped = False, -1
        for token in _TOKEN.finditer(self._text, self._at):
            at, sign = token.start(), token.group()
            if quoted:
                if sign == "\\" and at != escaped:
                    escaped = at + 1
                elif sign == '"' and at != escaped:
                    quoted = False
            elif sign == '"':
                quoted = True
            elif sign in "{[":
                opened.append(sign)
            elif sign in "}]":
                if not opened:  # the list's own end is left for the list
                    return at if sign == "]" else at + 1
                if opened.pop() + sign not in {"{}", "[]"}:
                    return self._next_start()
                if not opened:
                    return at + 1
        return None

    def _next_start(self) -> int:
        """Where the next element seems to begin, when the brackets of a broken one tell nothing; else the end."""
        found = _RECORD.search(self._text, self._at + 1) or _NEXT.search(self._text, self._at)
        return found.end() if found else len(self._text)

    def _find(self, pattern: re.Pattern[str], most: int | None) -> int | None:
        """The place behind the next match, None when there is none (within `most` characters)."""
        while True:
            if found := pattern.search(self._text, self._at):
                return found.end()
            if self._ended or (most is not None and len(self._text) > most):
                return None
            if most is None:
                self._at = max(self._at, len(self._text) - 64)
            self._more()

    def _skip(self) -> None:
        while True:
            spaces = _SPACE.match(self._text, self._at)
            self._at = spaces.end() if spaces else self._at
            if self._at < len(self._text) or self._ended:
                return
            self._more()

    def _more(self) -> None:
        read = self._stream.read(CHUNK)
        self._ended = not read
        self._text = self._text[self._at :] + self._decoder.decode(read, final=not read)
        self._at = 0
