"""Regular expressions that match one text and nothing else, in what POSIX extended and Perl-compatible ones share."""

from __future__ import annotations

import re

_META = "\\.^$|?*+()[]{}"  # the backslash first
_RARE = re.compile(r"[^A-Za-z0-9.?/:=&%_-]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_SPACE = "(%20|[ ])"
_SAME = re.compile(rb"[A-Za-z0-9._~\x80-\xff-]")  # octets that mean the same escaped and not


def literal(text: str) -> str:
    """An expression that matches the text and nothing else."""
    for sign in _META if _RARE.search(text) else ".?":  # many times faster than a table of translation
        text = text.replace(sign, f"\\{sign}")
    return text


def decoded(tail: str) -> str | None:
    """An expression of a path and query for programs that decode escapes before they compare.

    Octets that are no UTF-8 come as surrogates (PEP 383). None where an escape stands for a sign that means another
    thing when it is not escaped: such a program cannot tell the two apart.
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
            return None
        last = found.end()
    out += literal(tail[last:]).encode()
    return out.decode("utf-8", "surrogateescape")
