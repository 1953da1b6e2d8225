"""The one canonical form of an address: WHATWG URL by ada-url, UTS 46 hosts, no fragment, no credentials."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from ada_url import URL, HostType

from mamori.engine.addresses.labels import MAX_LABEL, MAX_NAME, unicode_label
from mamori.engine.addresses.suffixes import public_suffix, registrable_domain
from mamori.engine.refused import Refused

MAX_LENGTH = 8192
HostKind = Literal["name", "ipv4", "ipv6"]

_KINDS: dict[HostType, HostKind] = {HostType.DEFAULT: "name", HostType.IPV4: "ipv4", HostType.IPV6: "ipv6"}
_PORTS = {"http": 80, "https": 443}
# Full-width ASCII as a Japanese input method types it.
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {0x3002: 0x2E}
_FIRST_DELIMITER = re.compile(r"[:/\\?#：／＼？＃]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?:\[:\]|:|\[://\])")
_DEFANGED = {"hxxp": "http", "hxxps": "https", "http": "http", "https": "https"}
_DEFANGED_DOT = re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)", re.IGNORECASE)
# C0 and C1 controls, line separators, bidirectional controls and lone surrogates.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_AUTHORITY_END = re.compile(r"[/\\?#]")
_BARE_PORT = re.compile(r"[^/\\?#@:\[]*\.[^/\\?#@:]*:[0-9]*(?:[/\\?#]|$)")


class AddressError(Refused):
    """A text that cannot be read as an http or https address."""

    reasons: ClassVar[dict[str, tuple[str, str]]] = {
        "empty": ("No address was given.", "Copy the address from the browser's address bar."),
        "too_long": ("The address is longer than 8,192 characters.", "Give the address up to the question mark."),
        "control_characters": (
            "The address holds a line break or another invisible character.",
            "Give one address on one line.",
        ),
        "bad_scheme": (
            "Only addresses beginning with http:// or https:// can be taken.",
            "Give the address of the web page.",
        ),
        "no_host": (
            "The text holds no host name.",
            "Give the whole address, for example https://site.example/page.",
        ),
        "email_address": (
            "This looks like an e-mail address.",
            "Give the address of the web page.",
        ),
        "bad_host": (
            "The host name in the address is not valid.",
            "Compare it with the browser's address bar, letter by letter.",
        ),
    }


@dataclass(frozen=True, slots=True)
class Address:
    """An address in canonical form.

    ``host`` is an A-label name, an IPv4 address, or an IPv6 address without brackets; ``port`` is the effective one;
    ``query`` comes without the question mark; ``digest`` is the SHA-256 of ``url`` in hex.
    """

    url: str
    scheme: str
    host: str
    host_kind: HostKind
    port: int
    path: str
    query: str
    registrable: str | None
    public_suffix: str | None
    digest: str


def canonicalize(text: str) -> Address:
    """Read ``text`` as a person typed or pasted it.

    Accepts defanged scheme and host (hxxp, [.]), a bare ``host/path`` (read as https), full-width typing and white
    space around. User name and password are dropped: they are no part of the place and may be somebody's secret.
    The path is never refanged: ``[.]`` is legal there. Raises AddressError.
    """
    url = _parse(_prepare(text))
    url.username = ""
    url.password = ""
    url.hash = ""
    kind = _KINDS[url.host_type]
    host = url.hostname
    if kind == "name":
        host = host.removesuffix(".")
        _check_labels(host)
        url.hostname = host
        kind = _KINDS[url.host_type]
    if url.hostname != host:
        raise AddressError("bad_host")
    href = url.href
    if len(href) > MAX_LENGTH:
        raise AddressError("too_long")
    scheme = url.protocol.rstrip(":")
    named = kind == "name"
    return Address(
        url=href,
        scheme=scheme,
        host=host.strip("[]"),
        host_kind=kind,
        port=int(url.port) if url.port else _PORTS[scheme],
        path=url.pathname,
        query=url.search.removeprefix("?"),
        registrable=registrable_domain(host) if named else None,
        public_suffix=public_suffix(host) if named else None,
        digest=hashlib.sha256(href.encode("ascii")).hexdigest(),
    )


def defang(url: str) -> str:
    """Write a canonical URL so that no program makes a link of it: hxxps://site[.]example/page."""
    address = canonicalize(url)
    scheme, _, rest = address.url.partition("://")
    end = _AUTHORITY_END.search(rest)
    at = end.start() if end else len(rest)
    return f"{scheme.replace('tt', 'xx')}://{rest[:at].replace('.', '[.]')}{rest[at:]}"


def _prepare(text: str) -> str:
    """Turn typed or defanged text into something a WHATWG parser reads."""
    text = text.strip().strip("\ufeff\u200b\u2060").strip()
    if not text:
        raise AddressError("empty")
    if len(text) > MAX_LENGTH:
        raise AddressError("too_long")
    delimiter = _FIRST_DELIMITER.search(text)
    if delimiter and not delimiter.group().isascii():
        text = text.translate(_NARROW)
    if _INVISIBLE.search(text):
        raise AddressError("control_characters")
    scheme, rest = _split_scheme(text)
    end = _AUTHORITY_END.search(rest)
    at = end.start() if end else len(rest)
    authority = _DEFANGED_DOT.sub(".", rest[:at])
    if not authority:
        raise AddressError("no_host")
    return f"{scheme}://{authority}{rest[at:]}"


def _split_scheme(text: str) -> tuple[str, str]:
    """Scheme and what follows its slashes."""
    found = _SCHEME.match(text)
    if found and not _BARE_PORT.match(_DEFANGED_DOT.sub(".", text)):
        scheme = _DEFANGED.get(found.group(1).lower())
        if scheme is None:
            raise AddressError("bad_scheme")
        return scheme, text[found.end() :].lstrip("/\\")
    if text.startswith("//"):
        return "https", text.lstrip("/\\")
    end = _AUTHORITY_END.search(text)
    authority = text[: end.start()] if end else text
    if "@" in authority:
        raise AddressError("email_address")
    if not re.search(r"[.。．｡]|^\[", authority):  # the dots of UTS 46
        raise AddressError("no_host")
    return "https", text


def _parse(text: str) -> URL:
    try:
        return URL(text)
    except ValueError as error:
        rest = text.partition("://")[2]
        end = _AUTHORITY_END.search(rest)
        authority = rest[: end.start()] if end else rest
        raise AddressError("bad_host" if authority.strip("@:") else "no_host") from error


def _check_labels(host: str) -> None:
    """Refuse hosts that no resolver could look up, and A-labels that UTS 46 would not write."""
    labels = host.split(".")
    if len(host) > MAX_NAME or any(not label or len(label) > MAX_LABEL for label in labels):
        raise AddressError("bad_host")
    if any(unicode_label(label) is None for label in labels):
        raise AddressError("bad_host")
