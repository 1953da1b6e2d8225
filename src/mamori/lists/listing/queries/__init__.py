"""What other rooms and the pages read of the list."""

from mamori.lists.listing.queries.entries import (
    activation_of,
    entries_and_activations,
    entries_in_force,
    keys_in_use,
    list_entry,
    moments_of,
    person_keys,
    withdrawals_signed,
)
from mamori.lists.listing.queries.shown import (
    appeal_of,
    appeals,
    candidates,
    desk,
    entries,
    entries_of,
    entry_of,
    is_listed,
    is_refused_any,
    key_of,
    keys,
    timeline,
)

__all__ = [
    "activation_of",
    "appeal_of",
    "appeals",
    "candidates",
    "desk",
    "entries",
    "entries_and_activations",
    "entries_in_force",
    "entries_of",
    "entry_of",
    "is_listed",
    "is_refused_any",
    "key_of",
    "keys",
    "keys_in_use",
    "list_entry",
    "moments_of",
    "person_keys",
    "timeline",
    "withdrawals_signed",
]
