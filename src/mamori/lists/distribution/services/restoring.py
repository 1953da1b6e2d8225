"""The signed list made from the database, when its files are lost."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from mamori.engine.editions import BASE_FILES, CHANGES, LAST_RING, Delta, Edition, gate, write_delta, write_files
from mamori.ground import audit
from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.lists.distribution import press, store
from mamori.lists.distribution.keys import EditionKeys
from mamori.lists.distribution.locks import advisory_lock
from mamori.lists.distribution.making import Told
from mamori.lists.distribution.roundtrip import RoundTripError
from mamori.lists.distribution.services import primary
from mamori.lists.distribution.services.editions import LOCK, edition_publish, edition_sign, release
from mamori.lists.distribution.services.judging import rules, rules_digest, shown
from mamori.lists.distribution.services.passing import next_version
from mamori.lists.distribution.services.rings import waiting_among
from mamori.lists.listing import queries as listing
from mamori.lists.listing import services as listing_services


def edition_restore(told: Told, *, above: int = 0) -> UUID:
    """Make a new edition of all that stood on the list, from the database. Returns its id.

    Every signature is verified anew; what the gate refuses is left out, named by `told`, and shown on the list desk.
    The database alone is no proof that a name got by with two signatures: what reaches far today needs the third one.
    Every engine judges what is made, as of any base.
    `above`: the highest number subscribers have seen, where the database came from an older backup than theirs.
    DomainError where the publisher's keys are not set up, the files are there, or an engine does not hold what was meant.
    """
    if not press.configured():
        raise DomainError("no_publisher", _("This machine does not publish: its keys and folder are not set up."))
    held = press.keys()
    with advisory_lock(LOCK):
        if not _is_lost(held):
            raise DomainError(
                "list_there", _("The list's files are there and as they were signed: nothing to restore.")
            )
        listing_services.withdrawals_sign(key=held.rule)
        found = listing.listed()
        told(f"{len(found.coming)} entries in the database; their signatures are verified")
        version = max(next_version(), above + 1)
        proposed = Edition(version, frozenset(found.coming), frozenset([*found.activations, *found.endings]))
        unbraked = replace(
            rules(held),
            max_added=len(proposed.entries),
            small_list=len(proposed.entries),
            added_lately=0,
        )
        why: dict[str, list[dict[str, object]]] = {}
        for refusal in gate(None, proposed, unbraked):
            told(f"left out: {refusal}")
            why.setdefault(refusal.entry_id, []).append(shown(refusal))
        edition = replace(proposed, entries=frozenset(entry for entry in proposed.entries if entry.entry_id not in why))
        waits = waiting_among(entry.entry_id for entry in edition.entries)
        whole = Delta(edition.entries, frozenset(), edition.statements, waits)
        base = whole.for_ring(LAST_RING)
        since = Delta(whole.added - base.added, frozenset(), whole.statements - base.statements, waits)
        draft = store.Draft(press.folder(), version)
        written = write_files(Edition(version, base.added, base.statements))
        files = {name: draft.write(name, [data]) for name, data in written.items()}
        files[CHANGES] = draft.write(CHANGES, [write_delta(since)])
        told("files written")
        try:
            primary.judge_base(press.open_base(draft.place, {name: files[name] for name in BASE_FILES}), told)
        except RoundTripError as error:
            draft.drop()
            raise DomainError(
                "round_trip",
                _("The list made from the database does not go out: %(why)s") % {"why": str(error)},
                remedy=_("“mamori doctor” says which judge is missing (MAMORI_LIST_JUDGES). Then restore again."),
            ) from error
        sizes = Counter(entry.method for entry in edition.entries)
        row = edition_sign(
            draft, version, files, held, base=version, rules=rules_digest(), names=sizes["dns"], urls=sizes["url"]
        )
        audit.record("distribution.restored_files", subject=row, actor=SYSTEM, version=version, left_out=len(why))
        listing_services.publication_told(went=why.keys(), refused={})
        release(held, draft, row, why)
        told(f"edition {version} is signed and in force")
    edition_publish()  # what waited meanwhile, an order of the kill switch too
    return row.id


def _is_lost(held: EditionKeys) -> bool:
    row = press.in_force()
    try:
        if row is not None:
            press.open_edition(held, row)
    except press.ListLost:
        return True
    return False
