"""Safe Browsing: canonical URLs, host-suffix and path-prefix expressions, and their SHA-256 hashes.

Source: "URLs and Hashing", developers.google.com/safe-browsing/reference/URLs.and.Hashing (v5) and
developers.google.com/safe-browsing/v4/urls-hashing (v4). Where that text begins ("assume that the client has parsed the
URL"), the WHATWG URL standard is meant here, by ada-url: a host that no browser would ask for is refused, not hashed.

The order of the steps is that of the text: parse; repeatedly percent-unescape path and query as one string; what then
stands before the first question mark is the path; resolve "/./" and "/../" in it; collapse runs of slashes in it;
percent-escape. Scheme, credentials, port and fragment are no part of an expression.

The two versions differ in the host suffixes only. v5: from the registrable domain by the public suffix list (both of
its sections: who publishes below github.io is not a neighbour of all others there), up to three labels longer. v4: the
last two to five labels, whatever they are, so that "co.jp" would be looked up too. In both, an IP address or a name
without such a suffix is looked up as it stands, and the whole host always is.

A hash says nothing about how it was meant. Expressions of a page and of a host look alike ("site.example/" is a front
page and is the whole domain), so `page_expression` and `host_expression` are kept apart, and an index keeps them apart.
"""

from __future__ import annotations

import hashlib
import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Literal

from ada_url import normalize_url

from mamori.engine.addresses.canonical import AddressError
from mamori.engine.addresses.suffixes import registrable_domain

Rule = Literal["v5", "v4"]
HOST_SUFFIXES = 4  # besides the whole host
PATH_PREFIXES = 4  # besides the whole path, with query and without
MOST = (HOST_SUFFIXES + 1) * (PATH_PREFIXES + 2)

_ENDS = "".join(map(chr, range(0x21)))  # what WHATWG strips: C0 controls and space
_REMOVED = {9: None, 10: None, 13: None}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BARE_PORT = re.compile(r"[^/\\?#@:\[]*\.[^/\\?#@:]*:[0-9]*(?:[/\\?#]|$)")
_DOTS = re.compile(r"\.{2,}")
_SLASHES = re.compile(rb"/{2,}")
_ESCAPED = re.compile(rb"[\x00-\x20\x7f-\xff#%]")
_ESCAPES = [b"%%%02X" % value for value in range(256)]
_SURROGATES = re.compile("[\ud800-\udfff]")
_HEX = {ord(digit): int(digit, 16) for digit in "0123456789abcdefABCDEF"}
_NAT64 = IPv6Network("64:ff9b::/96")
_PERCENT, _DOT_SEGMENTS = 0x25, (b".", b"..")


def safe_browsing_url(url: str | bytes) -> str:
    """The canonical URL of Safe Browsing, in ASCII: scheme, host, path and query.

    `url` is what a program would ask for: nothing in it is guessed or refanged (`canonicalize` reads what people type),
    but without a scheme it is read as http. Bytes are read as UTF-8; what is not UTF-8, and a lone surrogate in a text,
    become U+FFFD, as WHATWG has it. Of any length: the time taken grows with it linearly. Raises AddressError.
    """
    scheme, host, path, query = split_canonical(url)
    return f"{scheme}://{host}{path}{query}"


def expressions(url: str | bytes, rule: Rule = "v5") -> list[str]:
    """The 1 to 30 host-suffix and path-prefix expressions of a URL, without repetition.

    Hosts: the whole one, then suffixes from the longest to the shortest. Under each, paths: the whole one with its
    query, without it, then prefixes from "/" on. So the first expression is the page itself. Raises AddressError.
    """
    _, host, path, query = split_canonical(url)
    paths = [path + query, path] if query else [path]
    end = 0
    for _ in range(PATH_PREFIXES):
        end = path.find("/", end) + 1
        if end in {0, len(path)}:  # the whole path stands there already
            break
        paths.append(path[:end])
    return [name + each for name in host_suffixes(host, rule) for each in paths]


def expression_hashes(url: str | bytes, rule: Rule = "v5") -> list[bytes]:
    """SHA-256 (32 bytes) of each of `expressions`, in their order. Raises AddressError."""
    return [hashlib.sha256(each.encode("ascii")).digest() for each in expressions(url, rule)]


def page_expression(url: str | bytes) -> str:
    """What a listed page becomes: host, path and query, all of them whole. Raises AddressError.

    In `UrlIndex` it stands for this page alone. In a list for other clients of Safe Browsing it would not: there
    "site.example/" blocks the domain, "site.example/a/" all below it, and "site.example/a" its every query and the
    same path on names below the host. What `mamori.engine.formats` publishes leaves out pages that would cover others.
    """
    _, host, path, query = split_canonical(url)
    return host + path + query


def host_expression(host: str) -> str:
    """What a listed host becomes: "host/", which stands for every page on it and on names below it.

    `host` is a name or an IP address, an IPv6 address with or without brackets. Raises AddressError ("bad_host") for
    anything more than a host. Names more than three labels below the registrable domain, or five labels from the end
    by the v4 rule, stand for themselves only: clients look up no longer suffixes.
    """
    authority = f"[{host}]" if ":" in host and not host.startswith("[") else host
    if not host or re.search(r"[/\\?#@\x00-\x20]", host) or re.search(r":[0-9]*$", authority.rpartition("]")[2]):
        raise AddressError("bad_host" if host else "empty")
    return split_canonical(f"http://{authority}/")[1] + "/"


def host_suffixes(host: str, rule: Rule = "v5") -> list[str]:
    """The 1 to 5 hosts to look up for a canonical host: itself, then its suffixes from the longest to the shortest."""
    if host.startswith("[") or host.rpartition(".")[2].isdigit():  # WHATWG: such a host is an IPv4 address
        return [host]
    labels = host.split(".")
    if rule == "v4":
        least = 2
    else:
        registrable = registrable_domain(host)
        if registrable is None:
            return [host]
        least = registrable.count(".") + 1
    longest = min(len(labels) - 1, least + HOST_SUFFIXES - 1)
    return [host, *(".".join(labels[-count:]) for count in range(longest, least - 1, -1))]


def split_canonical(url: str | bytes) -> tuple[str, str, str, str]:
    """Scheme, host, path and query of the canonical URL; the query with its question mark. Raises AddressError."""
    href = _parsed(url)
    scheme, _, rest = href.partition("://")
    authority, _, tail = rest.partition("#")[0].partition("/")
    host = _host_of(authority)
    if "." in (host[0], host[-1]) or ".." in host:
        host = _DOTS.sub(".", host).strip(".")
        if not host:
            raise AddressError("no_host")
        host = _host_of(_normal(f"http://{host}/").split("/")[2])  # it may be an IPv4 address now
    if host.startswith("["):
        host = _ipv6(host)
    data = _unescaped(b"/" + tail.encode("ascii"))
    path, mark, query = data.partition(b"?")
    if b"/." in path:
        path = _resolved(path)
    path = _SLASHES.sub(b"/", path)
    return scheme, host, _escaped(path), _escaped(mark + query)


def _parsed(url: str | bytes) -> str:
    """The URL as ada-url serialises it."""
    if isinstance(url, bytes):
        url = url.decode("utf-8", "replace")
    text = url.strip(_ENDS)
    if not text:
        raise AddressError("empty")
    if "\t" in text or "\n" in text or "\r" in text:
        text = text.translate(_REMOVED)
    if text.startswith(("http://", "https://")):
        return _normal(text)
    found = _SCHEME.match(text)
    if found is None or _BARE_PORT.match(text):
        text = f"http://{text}"
    elif found.group(1).lower() not in {"http", "https"}:
        raise AddressError("bad_scheme")
    return _normal(text)


def _normal(text: str) -> str:
    try:
        return normalize_url(text)
    except ValueError as error:
        if _SURROGATES.search(text):
            return _normal(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
        raise AddressError("bad_host") from error


def _host_of(authority: str) -> str:
    host = authority.rpartition("@")[2]
    return host[: host.index("]") + 1] if host.startswith("[") else host.partition(":")[0]


def _ipv6(host: str) -> str:
    """Addresses that carry an IPv4 address are written as it."""
    address = IPv6Address(host[1:-1])
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv4Address(int(address) & 0xFFFFFFFF)) if address in _NAT64 else host


def _unescaped(data: bytes) -> bytes:
    """Percent-unescaped until nothing is left to unescape.

    No two escapes overlap, so that the order of unescaping does not matter: one way from left to right that looks back
    after each byte ends where repeated passes end, without their quadratic time.
    """
    if b"%" not in data:
        return data
    first, *parts = data.split(b"%")
    made = bytearray(first)
    for part in parts:
        made.append(_PERCENT)
        for at, value in enumerate(part):
            made.append(value)
            while len(made) > 2 and made[-3] == _PERCENT and made[-1] in _HEX and made[-2] in _HEX:
                made[-3:] = bytes((16 * _HEX[made[-2]] + _HEX[made[-1]],))
            if _PERCENT not in made[-2:]:  # no later byte can complete an escape here
                made += part[at + 1 :]
                break
    return bytes(made)


def _resolved(path: bytes) -> bytes:
    """Without "." and ".." segments. A segment may be empty; a path that ends in one of them ends in a slash."""
    segments = path[1:].split(b"/")
    kept: list[bytes] = []
    for segment in segments:
        if segment not in _DOT_SEGMENTS:
            kept.append(segment)
        elif segment == b".." and kept:
            kept.pop()
    if segments[-1] in _DOT_SEGMENTS:
        kept.append(b"")
    return b"/" + b"/".join(kept)


def _escaped(data: bytes) -> str:
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0][0]], data).decode("ascii")
