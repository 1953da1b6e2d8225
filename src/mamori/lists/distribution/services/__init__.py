"""The only writer of the distribution tables."""

from mamori.lists.distribution.services.asking import subscriber_servers
from mamori.lists.distribution.services.canaries import leak_trace
from mamori.lists.distribution.services.editions import edition_publish
from mamori.lists.distribution.services.folding import edition_fold, primary_heal, primary_require
from mamori.lists.distribution.services.following import status_write, subscriber_resolvers, taken_note, transfers_read
from mamori.lists.distribution.services.formats import formats_write
from mamori.lists.distribution.services.halting import rings_halt, rings_move, rings_release, rings_withdraw
from mamori.lists.distribution.services.keeping import copy_keep
from mamori.lists.distribution.services.kill import edition_withdraw, kill_lift, kill_switch
from mamori.lists.distribution.services.probing import canary_watch, probe_late, probe_run, seconds_until_free
from mamori.lists.distribution.services.restoring import edition_restore, list_heal
from mamori.lists.distribution.services.subscribers import (
    subscriber_add,
    subscriber_renew_key,
    subscriber_revoke,
    subscribers_apply,
)
from mamori.lists.distribution.services.tsig import tsig_key

__all__ = [
    "canary_watch",
    "copy_keep",
    "edition_fold",
    "edition_publish",
    "edition_restore",
    "edition_withdraw",
    "formats_write",
    "kill_lift",
    "kill_switch",
    "leak_trace",
    "list_heal",
    "primary_heal",
    "primary_require",
    "probe_late",
    "probe_run",
    "rings_halt",
    "rings_move",
    "rings_release",
    "rings_withdraw",
    "seconds_until_free",
    "status_write",
    "subscriber_add",
    "subscriber_renew_key",
    "subscriber_resolvers",
    "subscriber_revoke",
    "subscriber_servers",
    "subscribers_apply",
    "taken_note",
    "transfers_read",
    "tsig_key",
]
