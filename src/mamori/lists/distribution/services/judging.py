"""What the gate holds an edition against, and how its word is shown."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Min

from mamori.engine.editions import (
    ListInForce,
    PersonKey,
    Refusal,
    Rules,
    SignedStatement,
    content_refusals,
    signers,
)
from mamori.ground import clock
from mamori.lists.distribution import models
from mamori.lists.distribution.keys import EditionKeys
from mamori.lists.distribution.states import EditionState
from mamori.lists.listing import queries as listing
from mamori.lists.listing.case import content_rules, far_by_lists

BRAKE = timedelta(days=1)  # the window in which additions are counted
_ASKED = 5_000  # entries at once
Why = dict[str, list[dict[str, Any]]]  # by entry id


def rules(held: EditionKeys) -> Rules:
    """What the gate holds an edition against."""
    far = listing.reaching_far()
    return replace(
        content_rules(),
        keys=_counting(held),
        added_lately=_added_lately(),
        reaches_far=lambda entry: entry.entry_id in far or (entry.method == "dns" and bool(far_by_lists(entry.target))),
    )


def rightly_signed(endings: Iterable[SignedStatement], against: Rules) -> list[SignedStatement]:
    """Those of the endings that a key which counts has signed: what an edition carries, the next one believes."""
    return [ending for ending in endings if signers(ending.statement, ending.signatures, against.keys)]


_new_of: dict[UUID, int] = {}
"""By published edition of the last day: how many entries it added, as `_added_lately` counts them."""


def _added_lately() -> int:
    """Entries the editions of the last day added that no earlier edition had: what the kill switch took may come back.

    Not those whose targets went with other entries in the same edition: renewals.
    """
    lately = models.Edition.objects.filter(built_at__gt=clock.now() - BRAKE).exclude(state=EditionState.ABANDONED)
    states = dict(lately.values_list("id", "state"))
    counted = dict.fromkeys((edition for edition in states if edition not in _new_of), 0)
    added = models.EditionChange.objects.filter(change="added").exclude(edition__state=EditionState.ABANDONED)
    gone = models.EditionChange.objects.filter(change="removed", edition__in=counted)
    freed = set(gone.values_list("edition", "method", "target"))
    asked = added.filter(edition__in=counted).values_list("edition", "edition__version", "entry_id", "method", "target")
    rows = asked.iterator(_ASKED)  # of a list taken in whole a million
    while some := list(islice(rows, _ASKED)):  # apart: joined, each row's earlier ones were looked for in all rows
        earlier = added.filter(entry_id__in=[row[2] for row in some])
        first = dict(earlier.values_list("entry_id").annotate(Min("edition__version")))
        for edition, version, entry_id, method, target in some:
            counted[edition] += first[entry_id] == version and (edition, method, target) not in freed
    total = sum(counted.values()) + sum(_new_of[edition] for edition in states if edition in _new_of)
    _new_of.update((edition, new) for edition, new in counted.items() if states[edition] == EditionState.PUBLISHED)
    for edition in _new_of.keys() - states.keys():
        del _new_of[edition]
    return total


def _counting(keys: EditionKeys) -> dict[str, PersonKey]:
    """The keys that count today: vouched for by the root, and neither unconfirmed nor revoked here. And the rule's.

    Persons and roles are those of the root's list: the database can only take keys away.
    """
    vouched = keys.vouched().on(clock.now().date())
    in_use = listing.keys_in_use()
    return {number: key for number, key in vouched.items() if number in in_use} | keys.rule_person()


def against_newer_rules(listed: ListInForce) -> Why:
    """Entries in force that the present rules would refuse: they stay, and people review them."""
    against = content_rules()
    found = (
        (entry.entry_id, [shown(fault) for fault in content_refusals(entry, against)]) for entry in listed.entries()
    )
    return {entry_id: faults for entry_id, faults in found if faults}


def rules_digest() -> str:
    """SHA-256 (hex) over the names that entries are held against: other names, another digest."""
    against = content_rules()
    digest = hashlib.sha256()
    for names in (against.popular, against.protected_suffixes, against.shared_platforms):
        digest.update("\n".join([*sorted(names.names), "", *sorted(names.trees)]).encode() + b"\0")
    return digest.hexdigest()


def shown(refusal: Refusal) -> dict[str, Any]:
    return {
        "code": refusal.code,
        "params": dict(refusal.params),
        "message": refusal.message,
        "remedy": refusal.remedy,
    }
