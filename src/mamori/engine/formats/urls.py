"""Lists of single pages (method url) as regular expressions that match one page and nothing beside it.

The path lists of e2guardian (bannedurllist) and ufdbGuard (urls) match everything below a path as well, which two
persons never decided on: both programs get expressions instead. The syntax written is what POSIX extended (Squid,
ufdbGuard) and Perl-compatible expressions (e2guardian) have in common. Sources: Squid's squid.conf documentation
(acl url_regex), the comments of e2guardian's own bannedregexpurllist, ufdbGuard's Reference Manual (expressionlist).
"""

from __future__ import annotations

from mamori.engine.formats.listing import Listing, Place, Written, place_of
from mamori.engine.formats.names import header

# The longest line all three programs read whole: Squid cuts a line after 2,047 octets, and half an expression would
# match other pages.
MAX_PATTERN = 2000
_META = "\\.^$|?*+()[]{}"  # the backslash first
_PAGES = (
    "Mamori: single pages to be blocked, one expression each; no other page of a site is meant.",
    "Mamori: 遮断する個別ページの一覧です。同じサイトの他のページは対象ではありません。",
)


def literal(text: str) -> str:
    """An expression that matches the text and nothing else."""
    for sign in _META:  # many times faster than a table of translation
        text = text.replace(sign, f"\\{sign}")
    return text


def pattern(place: Place) -> str:
    """The expression of one page. The scheme is not told apart; the port is, and the scheme's own may stand there."""
    _scheme, host, number, tail = place
    port = "(:80|:443)?" if number is None else f":{number}"
    dot = "" if host[0] == "[" else r"\.?"  # a browser may be given the name with its last dot
    return f"^https?://{literal(host)}{dot}{port}{literal(tail)}$"


def expressions(listing: Listing) -> Written:
    """One expression a line. Case counts, but e2guardian and ufdbGuard do not tell it apart."""
    found = [pattern(place_of(url)) for url in listing.urls]
    fit = [each for each in found if len(each) <= MAX_PATTERN]
    long = len(found) - len(fit)
    data = header("#", _PAGES) + "".join(f"{each}\n" for each in dict.fromkeys(fit))
    return Written(data.encode(), {"over_long": long} if long else {})
