"""The kernel's way of reading a URL: canonical text and expressions of what is plain, UNSURE of all the rest.

It has to write what `expressions` writes, byte for byte, or nothing. Plain is: http or https, "//", a host of ASCII
letters, digits, "-" and "_" in non-empty labels, none of them "xn--" and the last one not beginning with a digit, or
four decimal numbers; a port; a path without "." and ".." segments; no control character, no space. What WHATWG
percent-encodes in path and query the canonical form unescapes again, so that the encoding is left out altogether; that
the two end in the same text is what `python -m benchmarks.addresses --prove N` and the tests try.
"""

# ruff: noqa: PLR0917 - kernels take numbers by position

from __future__ import annotations

from mamori.engine.addresses.suffix_table import registrable_labels
from mamori.engine.matching.jit import inner
from mamori.engine.matching.words import load8, load32, store8, store32

UNSURE = -3
LONGEST = 2048  # bytes of a URL
HOST = 253

# A thread's memory, in bytes: the text, the decoded path and query, label starts, ends of paths, expressions.
TEXT = 0
DECODED = TEXT + 256 + 3 * LONGEST + 64
STARTS = DECODED + LONGEST + 64
PATHS = STARTS + 4 * 128
SPANS = PATHS + 4 * 8
SIZE = SPANS + 8 * 32

_SLASH, _BACKSLASH, _MARK, _HASH, _COLON, _DOT, _PERCENT = 0x2F, 0x5C, 0x3F, 0x23, 0x3A, 0x2E, 0x25
_ZERO, _NINE, _SPACE, _DELETE, _HYPHEN, _UNDERSCORE, _BRACKET = 0x30, 0x39, 0x20, 0x7F, 0x2D, 0x5F, 0x5B
_HTTP, _XN = 0x70747468, 0x2D2D6E78  # "http" and "xn--", the first byte lowest


@inner
def _digit(octet: int) -> int:
    """Value of a hexadecimal digit; -1 if it is none."""
    if _ZERO <= octet <= _NINE:
        return octet - _ZERO
    lower = octet | 32
    return lower - 87 if 97 <= lower <= 102 else -1


@inner
def _upper(value: int) -> int:
    return value + (_ZERO if value < 10 else 55)


@inner
def _dotted_decimal(text: int, end: int, starts: int, labels: int) -> bool:
    """Whether a host is four decimal numbers up to 255 without leading zeros: an IPv4 address as WHATWG writes it."""
    if labels != 4:
        return False
    for label in range(4):
        start = load32(starts, label)
        stop = load32(starts, label + 1) - 1 if label < 3 else end
        if stop - start > 3 or (load8(text, start) == _ZERO and stop - start > 1):
            return False
        value = 0
        for at in range(start, stop):
            octet = load8(text, at)
            if octet < _ZERO or octet > _NINE:
                return False
            value = 10 * value + octet - _ZERO
        if value > 255:
            return False
    return True


@inner
def _decoded(url: int, at: int, size: int, utf8: int, decoded: int) -> int:
    """Path and query up to the fragment, percent-unescaped until nothing is left; how many bytes, or UNSURE."""
    count, query, escapes = 0, False, False
    while at < size:
        octet = load8(url, at)
        at += 1
        if octet <= _SPACE or (octet > _DELETE and utf8 == 0):
            return UNSURE
        if octet == _HASH:
            break
        if octet == _PERCENT:
            escapes = True
        elif octet == _MARK:
            query = True
        elif octet == _BACKSLASH and not query:
            octet = _SLASH
        store8(decoded, count, octet)
        count += 1
        while escapes and count > 2 and load8(decoded, count - 3) == _PERCENT:
            high, low = _digit(load8(decoded, count - 2)), _digit(load8(decoded, count - 1))
            if high < 0 or low < 0:
                break
            octet = 16 * high + low
            if octet == _MARK and not query:
                return UNSURE
            count -= 2
            store8(decoded, count - 1, octet)
    return count


@inner
def _put(text: int, end: int, octet: int) -> int:
    """Write one byte, escaped where it has to be; where the text ends then."""
    if octet <= _SPACE or octet >= _DELETE or octet in (_HASH, _PERCENT):
        store8(text, end, _PERCENT)
        store8(text, end + 1, _upper(octet >> 4))
        store8(text, end + 2, _upper(octet & 15))
        return end + 3
    store8(text, end, octet)
    return end + 1


@inner
def _is_dots(text: int, start: int, end: int) -> bool:
    """Whether a segment is "." or ".."."""
    if end - start == 1:
        return load8(text, start) == _DOT
    return end - start == 2 and load8(text, start) == _DOT and load8(text, start + 1) == _DOT


@inner
def _ends_authority(octet: int) -> bool:
    return octet in (_SLASH, _MARK, _HASH, _BACKSLASH)


@inner
def _host(url: int, at: int, size: int, text: int, starts: int) -> tuple[int, int, int]:
    """Write the host in lower case: where it ends in `url` and in the text, and its labels; UNSURE first if it is not plain.

    Label starts go to `starts`. An IPv4 address has -4 labels: it has no suffixes.
    """
    end, labels, start = 0, 1, 0
    store32(starts, 0, 0)
    while at < size:
        octet = load8(url, at)
        if 65 <= octet <= 90:
            octet += 32
        elif octet == _DOT:
            if end == start or (end - start >= 4 and load32(text, start) == _XN):
                return UNSURE, 0, 0
            start = end + 1
            store32(starts, labels, start)
            labels += 1
        elif octet == _COLON or _ends_authority(octet):
            break
        elif not (97 <= octet <= 122 or _ZERO <= octet <= _NINE or octet in (_HYPHEN, _UNDERSCORE)):
            return UNSURE, 0, 0
        if end == HOST or labels > 127:
            return UNSURE, 0, 0
        store8(text, end, octet)
        end += 1
        at += 1
    if end == start or (end - start >= 4 and load32(text, start) == _XN):
        return UNSURE, 0, 0
    if _ZERO <= load8(text, start) <= _NINE:
        return (at if _dotted_decimal(text, end, starts, labels) else UNSURE), end, -labels
    return at, end, labels


@inner
def _port(url: int, at: int, size: int) -> int:
    """Where the port that may begin here ends, or UNSURE."""
    if at == size or load8(url, at) != _COLON:
        return at
    at += 1
    first, port = at, 0
    while at < size and _ZERO <= load8(url, at) <= _NINE:
        port = 10 * port + load8(url, at) - _ZERO
        at += 1
        if at - first > 5:
            return UNSURE
    return at if port <= 65535 and (at == size or _ends_authority(load8(url, at))) else UNSURE


@inner
def _path(decoded: int, count: int, text: int, end: int, paths: int) -> tuple[int, int, int]:
    """Write path and query behind the host: where they end, and prefixes of the path; UNSURE first for dot segments.

    Ends of the prefixes, which are shorter than the path, go to `paths`.
    """
    store8(text, end, _SLASH)
    end += 1
    segment = end
    store32(paths, 0, end)
    prefixes = 1
    at = 0
    while at < count:
        octet = load8(decoded, at)
        if octet == _MARK:
            break
        at += 1
        if octet != _SLASH:
            end = _put(text, end, octet)
        elif end > segment:
            if _is_dots(text, segment, end):
                return UNSURE, 0, 0
            store8(text, end, _SLASH)
            end += 1
            segment = end
            if prefixes < 4:
                store32(paths, prefixes, end)
                prefixes += 1
    if _is_dots(text, segment, end):
        return UNSURE, 0, 0
    path_end = end
    while at < count:
        end = _put(text, end, load8(decoded, at))
        at += 1
    if load32(paths, prefixes - 1) == path_end:
        prefixes -= 1
    return path_end, end, prefixes


@inner
def _span(spans: int, found: int, start: int, end: int) -> int:
    store32(spans, 2 * found, start)
    store32(spans, 2 * found + 1, end)
    return found + 1


@inner
def read_url(url: int, size: int, utf8: int, least: int, suffixes: int, work: int) -> int:
    """Number of expressions of a URL of `size` bytes, or UNSURE. They stand in SPANS as pairs of 32-bit offsets of TEXT.

    `utf8`: whether the bytes are known to be UTF-8. `least`: labels of the shortest host suffix, 0: those of the
    registrable domain by the table `suffixes`. `work`: a thread's memory of SIZE bytes.
    """
    while size > 0 and load8(url, size - 1) <= _SPACE:
        size -= 1
    while size > 0 and load8(url, 0) <= _SPACE:
        url += 1
        size -= 1
    if size < 8 or size > LONGEST or (load32(url, 0) | 0x20202020) != _HTTP:
        return UNSURE
    at = 5 if load8(url, 4) | 32 == 0x73 else 4
    if load8(url, at) != _COLON or load8(url, at + 1) != _SLASH or load8(url, at + 2) != _SLASH:
        return UNSURE
    text = work + TEXT
    at, host_end, labels = _host(url, at + 3, size, text, work + STARTS)
    if at < 0:
        return UNSURE
    at = _port(url, at, size)
    if at < 0:
        return UNSURE
    count = _decoded(url, at, size, utf8, work + DECODED)
    if count < 0:
        return UNSURE
    path_end, end, prefixes = _path(work + DECODED, count, text, host_end, work + PATHS)
    if path_end < 0:
        return UNSURE
    return _spans(host_end, labels, path_end, end, prefixes, text, least, suffixes, work)


@inner
def read_canonical(text: int, host_end: int, path_end: int, end: int, least: int, suffixes: int, work: int) -> int:
    """Number of expressions of a canonical URL, without its scheme, at `text`; the host has at most HOST bytes.

    They stand as `read_url` leaves them, but as offsets of `text`.
    """
    starts, paths = work + STARTS, work + PATHS
    labels, start = 1, 0
    store32(starts, 0, 0)
    for at in range(host_end):
        if load8(text, at) == _DOT:
            start = at + 1
            store32(starts, labels, start)
            labels += 1
    number = True
    for at in range(start, host_end):
        if not _ZERO <= load8(text, at) <= _NINE:
            number = False
            break
    if number or load8(text, 0) == _BRACKET:
        labels = -labels
    prefixes, at = 0, host_end
    while prefixes < 4 and at < path_end - 1:  # the path itself is no prefix
        if load8(text, at) == _SLASH:
            store32(paths, prefixes, at + 1)
            prefixes += 1
        at += 1
    return _spans(host_end, labels, path_end, end, prefixes, text, least, suffixes, work)


@inner
def _spans(
    host_end: int,
    labels: int,
    path_end: int,
    end: int,
    prefixes: int,
    text: int,
    least: int,
    suffixes: int,
    work: int,
) -> int:
    """Hosts times paths; `labels` is negative for an IP address."""
    starts, paths, spans = work + STARTS, work + PATHS, work + SPANS
    longest = 0  # labels of the longest host suffix
    if labels > 1:
        if least == 0:
            least = registrable_labels(suffixes, text, host_end, starts, labels)
        longest = min(labels - 1, least + 3) if least > 0 else 0
    labels = abs(labels)
    found, depth = 0, labels
    while depth > 0 and (depth >= least or depth == labels):
        start = load32(starts, labels - depth)
        if end > path_end:
            found = _span(spans, found, start, end)
        found = _span(spans, found, start, path_end)
        for prefix in range(prefixes):
            found = _span(spans, found, start, load32(paths, prefix))
        depth = longest if depth == labels else depth - 1
    return found
