"""The only writer of the listing tables."""

from mamori.lists.listing.services.appeals import (
    appeal_accept,
    appeal_answer,
    appeal_decide,
    appeal_open,
    appeal_prove,
    appeal_read,
    appeal_reject,
    appeals_match,
)
from mamori.lists.listing.services.control import control_look, control_look_all
from mamori.lists.listing.services.endings import (
    content_dropped,
    content_gone,
    entries_expire,
    entries_withdraw,
    entry_withdraw,
    publication_told,
    withdrawals_sign,
)
from mamori.lists.listing.services.entries import candidate_open, entry_activate, entry_propose, entry_sign, look_ask
from mamori.lists.listing.services.keys import key_confirm, key_register, key_revoke
from mamori.lists.listing.services.reviews import content_held, entry_review, held_review

__all__ = [
    "appeal_accept",
    "appeal_answer",
    "appeal_decide",
    "appeal_open",
    "appeal_prove",
    "appeal_read",
    "appeal_reject",
    "appeals_match",
    "candidate_open",
    "content_dropped",
    "content_gone",
    "content_held",
    "control_look",
    "control_look_all",
    "entries_expire",
    "entries_withdraw",
    "entry_activate",
    "entry_propose",
    "entry_review",
    "entry_sign",
    "entry_withdraw",
    "held_review",
    "key_confirm",
    "key_register",
    "key_revoke",
    "look_ask",
    "publication_told",
    "withdrawals_sign",
]
