"""Lists of single pages (method url) as regular expressions that match one page and nothing beside it.

The path lists of e2guardian (bannedurllist) and ufdbGuard (urls) match everything below a path as well, which two
persons never decided on: both programs get expressions instead. Each program compares another writing of the address
it was asked for, as tests/engine/formats/test_real_programs.py shows; what two pages share in that writing, no
expression can tell apart, so such a page is left out and counted:

    Squid        with the scheme, escapes decoded
    ufdbGuard    without the scheme (tested with squidGuard, whose files these are), escapes decoded except of a space,
                 repeated slashes joined, case not told apart
    e2guardian   the same, without the port and a path's last slash too

The syntax is what POSIX extended and Perl-compatible expressions have in common. Sources: Squid's squid.conf
documentation (acl url_regex), the comments of e2guardian's own bannedregexpurllist, ufdbGuard's Reference Manual
(expressionlist).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from mamori.engine.formats.listing import Listing, Place, Written, place_of
from mamori.engine.formats.names import header

# The longest line all three programs read whole: Squid cuts a line after 2,047 octets, and half an expression would
# match other pages.
MAX_PATTERN = 2000
_META = "\\.^$|?*+()[]{}"  # the backslash first
_RARE = re.compile(r"[^A-Za-z0-9.?/:=&%_-]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_SPACE = "(%20|[ ])"
_SAME = re.compile(rb"[A-Za-z0-9._~\x80-\xff-]")  # octets that mean the same escaped and not
_PAGES = (
    "Mamori: single pages to be blocked, one expression each; no other page of a site is meant.",
    "Mamori: 遮断する個別ページの一覧です。同じサイトの他のページは対象ではありません。",
)


class NotToldApart(ValueError):
    """A page this program cannot tell from another one. ``code``: why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def literal(text: str) -> str:
    """An expression that matches the text and nothing else."""
    for sign in _META if _RARE.search(text) else ".?":  # many times faster than a table of translation
        text = text.replace(sign, f"\\{sign}")
    return text


def decoded(tail: str) -> str:
    """An expression of a path and query for programs that decode escapes before they compare.

    Octets that are no UTF-8 come as surrogates (PEP 383). NotToldApart for an escape of a sign that means another
    thing when it is not escaped.
    """
    if "%" not in tail:
        return literal(tail)
    out = bytearray()
    last = 0
    for found in _ESCAPE.finditer(tail):
        octet = bytes.fromhex(found[1] or "")
        out += literal(tail[last : found.start()]).encode()
        if octet == b" ":
            out += _SPACE.encode()
        elif _SAME.fullmatch(octet):
            out += literal(octet.decode()).encode() if octet.isascii() else octet
        else:
            raise NotToldApart("escape")
        last = found.end()
    out += literal(tail[last:]).encode()
    return out.decode("utf-8", "surrogateescape")


def squid_pattern(place: Place) -> str:
    """The scheme is not told apart, the port is; Squid itself drops the scheme's own port and a name's last dot."""
    _scheme, host, port, tail = place
    return f"^https?://{literal(host)}{'' if port is None else f':{port}'}{decoded(tail)}$"


def ufdbguard_pattern(place: Place) -> str:
    """The scheme and its own port are allowed to stand there; another port is told apart."""
    _scheme, host, port, tail = place
    if "//" in tail and "//" in place.path:
        raise NotToldApart("repeated_slash")
    return f"^(https?://)?{literal(host)}{'(:80|:443)?' if port is None else f':{port}'}{decoded(tail)}$"


def e2guardian_pattern(place: Place) -> str:
    """Neither scheme nor port nor a path's last slash."""
    _scheme, host, port, tail = place
    if port is not None:
        raise NotToldApart("port")
    if "//" in tail and "//" in place.path:
        raise NotToldApart("repeated_slash")
    slash = "/?" if tail.endswith("/") and "?" not in tail else ""
    return f"^{literal(host)}{decoded(tail[:-1] if slash else tail)}{slash}$"


def _written(listing: Listing, pattern: Callable[[Place], str]) -> Written:
    """One expression a line; pages that cannot be told apart are left out."""
    left_out: Counter[str] = Counter()
    lines: dict[str, None] = {}
    for url in listing.urls:
        try:
            line = pattern(place_of(url))
        except NotToldApart as error:
            left_out[error.code] += 1
            continue
        if len(line) > MAX_PATTERN // 4 and len(line.encode("utf-8", "surrogateescape")) > MAX_PATTERN:
            left_out["over_long"] += 1
        else:
            lines[line] = None
    text = header("#", _PAGES) + "".join(f"{line}\n" for line in lines)
    return Written(text.encode("utf-8", "surrogateescape"), left_out)


def squid(listing: Listing) -> Written:
    """A file for acl url_regex, without -i."""
    return _written(listing, squid_pattern)


def e2guardian(listing: Listing) -> Written:
    """A bannedregexpurllist."""
    return _written(listing, e2guardian_pattern)


def ufdbguard(listing: Listing) -> Written:
    """An expressionlist."""
    return _written(listing, ufdbguard_pattern)
