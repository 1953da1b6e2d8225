"""Hash-prefix lists as Safe Browsing clients take them: version 5 of its protocol, and version 4 for clients in the field."""

from mamori.engine.hashlists.digests import digest, joined, with_prefix
from mamori.engine.hashlists.updates import Net, Update, changes, checksum, full_update, partial_update
from mamori.engine.hashlists.wire import MessageRefused

__all__ = [
    "MessageRefused",
    "Net",
    "Update",
    "changes",
    "checksum",
    "digest",
    "full_update",
    "joined",
    "partial_update",
    "with_prefix",
]
