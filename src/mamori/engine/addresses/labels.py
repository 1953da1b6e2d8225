"""Host labels: U-form of an A-label, octets on the wire."""

from __future__ import annotations

from ada_url import idna_to_ascii

MAX_LABEL = 63
MAX_NAME = 253


def unicode_label(label: str) -> str | None:
    """The U-form of ``label``; None when it is an A-label that UTS 46 would never write."""
    if not label.startswith("xn--"):
        return label
    try:
        text = label[4:].encode("ascii").decode("punycode")
        back = idna_to_ascii(text).decode("ascii")
    except ValueError:  # covers UnicodeError; surrogates cannot be encoded
        return None
    return text if back == label else None


def wire_octets(name: str) -> int:
    """Octets of an absolute name on the wire: a length octet per label, and the root."""
    return len(name) + 2
