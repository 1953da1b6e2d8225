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

from collections import Counter
from collections.abc import Callable, Iterator

from mamori.engine.formats.listing import Listing, Page, Written, encoded
from mamori.engine.formats.names import header

# The longest line all three programs read whole: Squid cuts a line after 2,047 octets, and half an expression would
# match other pages.
MAX_PATTERN = 2000
_PAGES = (
    "Mamori: single pages to be blocked, one expression each; no other page of a site is meant.",
    "Mamori: 遮断する個別ページの一覧です。同じサイトの他のページは対象ではありません。",
)


class NotToldApart(ValueError):
    """A page this program cannot tell from another one. ``code``: why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def squid_pattern(page: Page) -> str:
    """The scheme is not told apart, the port is; Squid itself drops the scheme's own port and a name's last dot."""
    host, port, tail = page
    return f"^https?://{host}{'' if port is None else f':{port}'}{tail}$"


def ufdbguard_pattern(page: Page) -> str:
    """The scheme and its own port are allowed to stand there; another port is told apart."""
    host, port, tail = page
    _refuse_repeated_slash(tail)
    return f"^(https?://)?{host}{'(:80|:443)?' if port is None else f':{port}'}{tail}$"


def e2guardian_pattern(page: Page) -> str:
    """Neither scheme nor port nor a path's last slash."""
    host, port, tail = page
    if port is not None:
        raise NotToldApart("port")
    _refuse_repeated_slash(tail)
    slash = "?" if tail.endswith("/") and "\\?" not in tail else ""  # may stand there, or not
    return f"^{host}{tail}{slash}$"


def _refuse_repeated_slash(tail: str) -> None:
    if "//" in tail and "//" in tail.partition("\\?")[0]:
        raise NotToldApart("repeated_slash")


def _written(listing: Listing, pattern: Callable[[Page], str]) -> Written:
    """One expression a line; pages that cannot be told apart are left out."""
    left_out: Counter[str] = Counter()

    def lines() -> Iterator[str]:
        yield header("#", _PAGES)
        for page in listing.pages:
            if page is None:
                left_out["escape"] += 1
                continue
            try:
                line = pattern(page)
            except NotToldApart as error:
                left_out[error.code] += 1
                continue
            if len(line) > MAX_PATTERN // 4 and len(encoded([line])) > MAX_PATTERN:
                left_out["over_long"] += 1
            else:
                yield f"{line}\n"

    return Written(encoded(lines()), left_out)


def squid(listing: Listing) -> Written:
    """A file for acl url_regex, without -i."""
    return _written(listing, squid_pattern)


def e2guardian(listing: Listing) -> Written:
    """A bannedregexpurllist."""
    return _written(listing, e2guardian_pattern)


def ufdbguard(listing: Listing) -> Written:
    """An expressionlist."""
    return _written(listing, ufdbguard_pattern)
