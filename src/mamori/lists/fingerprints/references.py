"""A source's reference of an entry, which may be a digest itself, and what stands in its place once it is forgotten."""

import hashlib
import hmac

from django.conf import settings

FORGOTTEN = "forgotten:"


def forgotten(source_id: int, ref: str) -> str:
    """A keyed hash of the reference: it says of what comes again that it was withdrawn, and nothing else.

    The key comes from the pepper of tokens; with another pepper a forgotten entry is not known again.
    """
    key = hmac.digest(settings.TOKEN_PEPPER.encode(), b"fingerprints.source_ref", hashlib.sha256)
    return FORGOTTEN + hmac.new(key, f"{source_id}:{ref}".encode(), hashlib.sha256).hexdigest()


def references(source_id: int, ref: str) -> tuple[str, str]:
    """What an entry of this reference may be found under."""
    return ref, forgotten(source_id, ref)
