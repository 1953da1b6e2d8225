"""Names fit for a DNS list. One bad record can void a whole response policy zone, so the rules are strict."""

from __future__ import annotations

import re
from typing import ClassVar

from ada_url import URL, HostType

from mamori.engine.addresses.labels import MAX_LABEL, unicode_label, wire_octets
from mamori.engine.addresses.scripts import mixed_script
from mamori.engine.addresses.suffixes import above_public_suffix, public_suffix, touches_public_suffix
from mamori.engine.refused import Refused

# Octets on the wire kept free for the zone's own name, so that `*.name.zone` always fits into 255.
ZONE_OCTETS = 40
_MAX_OCTETS = 255
_WILDCARD_OCTETS = 2
_MAX_PLAIN = _MAX_OCTETS - ZONE_OCTETS - _WILDCARD_OCTETS - 1  # characters, as judged_name counts octets
_PLAIN = re.compile(
    r"(?!(?:[^.]*\.)*(?:rpz-|xn--))(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z]{0,61}[a-z])?"
)
_LDH_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


class NameRefused(Refused):
    """A name that must not stand on a DNS list."""

    reasons: ClassVar[dict[str, tuple[str, str]]] = {
        "empty": ("The name is empty.", "Give the host name of the site."),
        "control_characters": (
            "The name holds a line break or another control character; in a zone it could add or drop records.",
            "Give one host name on one line.",
        ),
        "directive": (
            "The name starts with a dollar sign; zone files read that as a command such as $GENERATE or $ORIGIN.",
            "Give a plain host name.",
        ),
        "wildcard": (
            "The name holds an asterisk.",
            "Give the plain name; everything below it is blocked with it anyway.",
        ),
        "rpz_trigger": (
            "The name uses a label reserved for response policy triggers (rpz-...), which can block whole networks.",
            "List the host name of the site, never an address range.",
        ),
        "trailing_dot": (
            "The name ends in a dot; resolvers would silently drop the entry.",
            "Leave the last dot out.",
        ),
        "not_canonical": (
            "The name is not in its canonical form (lower case, valid xn-- form).",
            "Take the host from the canonical address.",
        ),
        "non_ldh": (
            "The name holds something else than letters, digits and inner hyphens, or an empty label.",
            "Use the xn-- form for other scripts. A name with an underscore can only go on the URL list.",
        ),
        "over_long": (
            "The name is too long: a label has more than 63 octets, or the name does not fit into the list's zone.",
            "List a shorter name above it if the legal tests hold for that name, or use the URL list.",
        ),
        "ip_literal": (
            "This is an IP address. Many unrelated sites can share one address.",
            "List the host names of the sites.",
        ),
        "single_label": (
            "A name with one label would block a whole top-level domain.",
            "Give the full host name.",
        ),
        "public_suffix": (
            "This is a public suffix: unrelated people hold the names below it.",
            "List the single site below it.",
        ),
        "above_public_suffix": (
            "Public suffixes lie below this name: unrelated people hold sites there.",
            "List the single site.",
        ),
        "mixed_script": (
            "A label mixes scripts that no language writes together; it may imitate another name.",
            "Check the name letter by letter. If it is really meant, use the URL list.",
        ),
    }


def _looks_like_ip(host: str) -> bool:
    if re.fullmatch(r"\[.*\]|[0-9a-fA-F.]*:[0-9a-fA-F.:]*", host):
        return True
    try:
        return URL(f"http://{host}/").host_type != HostType.DEFAULT
    except ValueError:  # WHATWG: a last label that is a number makes the host an (invalid) IPv4 address
        return re.fullmatch(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)", host) is not None


def _shape(host: str) -> str | None:
    """Code of the first fault in the characters of ``host``."""
    if not host:
        return "empty"
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in host):
        return "control_characters"
    if host.startswith("$"):
        return "directive"
    if "*" in host:
        return "wildcard"
    lowered = host.lower()
    if any(label.startswith("rpz-") for label in lowered.split(".")):
        return "rpz_trigger"
    if host.endswith("."):
        return "trailing_dot"
    if _looks_like_ip(host):
        return "ip_literal"
    labels = host.split(".")
    if not all(_LDH_LABEL.fullmatch(label.lower()) for label in labels) or not host.isascii():
        return "non_ldh"
    if any(len(label) > MAX_LABEL for label in labels):
        return "over_long"
    return None if host == lowered else "not_canonical"


def listable_name(host: str) -> str:
    """Return ``host`` unchanged when it may stand on a DNS list; raise NameRefused otherwise."""
    if _PLAIN.fullmatch(host) and len(host) <= _MAX_PLAIN and not touches_public_suffix(host):
        return host  # the common case, in a tenth of the time; a test holds it against the rules below
    return judged_name(host)


def judged_name(host: str) -> str:
    """As `listable_name`, rule by rule."""
    if code := _shape(host):
        raise NameRefused(code)
    if _WILDCARD_OCTETS + wire_octets(host) - 1 + ZONE_OCTETS > _MAX_OCTETS:
        raise NameRefused("over_long")
    labels = host.split(".")
    if len(labels) < 2:
        raise NameRefused("single_label")
    for label in labels:
        text = unicode_label(label)
        if text is None:
            raise NameRefused("not_canonical")
        if mixed_script(text):
            raise NameRefused("mixed_script")
    if public_suffix(host) == host:
        raise NameRefused("public_suffix")
    if above_public_suffix(host):
        raise NameRefused("above_public_suffix")
    return host
