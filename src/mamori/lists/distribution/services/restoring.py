"""The signed list brought back when its files are lost: from the copy in the database, or made anew of its rows."""

import logging
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.engine.editions import (
    BASE_FILES,
    CHANGES,
    LAST_RING,
    Delta,
    Edition,
    EditionRefused,
    FileDigest,
    ListEntry,
    Refusal,
    Rest,
    Rules,
    activation_statement,
    gate,
    merged,
    write_delta,
    write_files,
)
from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM
from mamori.ground.bulk import insert_rows
from mamori.ground.errors import DomainError
from mamori.lists.distribution import models, press, store
from mamori.lists.distribution.keys import EditionKeys
from mamori.lists.distribution.locks import advisory_lock, advisory_lock_if_free
from mamori.lists.distribution.making import Told
from mamori.lists.distribution.roundtrip import RoundTripError
from mamori.lists.distribution.services import primary
from mamori.lists.distribution.services.editions import (
    CHANGE_COLUMNS,
    LOCK,
    edition_publish,
    edition_sign,
    release,
    standing,
)
from mamori.lists.distribution.services.folding import base_heal
from mamori.lists.distribution.services.judging import Why, rightly_signed, rules, rules_digest, shown
from mamori.lists.distribution.services.keeping import copy_kept, copy_open
from mamori.lists.distribution.services.passing import changes_with, kill_word, next_version
from mamori.lists.distribution.services.rings import waiting_among
from mamori.lists.distribution.states import EditionState
from mamori.lists.listing import queries as listing
from mamori.lists.listing import services as listing_services

log = logging.getLogger("mamori.list")
NAMES, URLS, ACTIVATIONS, ENDINGS = BASE_FILES
RESTORING = 7_261_105  # PostgreSQL advisory lock: one at a time
AT_ONCE = 10_000  # entries read, verified and written
TELL_EACH = 10 * AT_ONCE
LEAP = 100_000  # numbers passed over when no link says which edition was the last: the database may be of yesterday
AGAIN = timedelta(hours=1)
Left = list[tuple[ListEntry, list[dict[str, Any]]]]  # entries, each with the reasons why
_tried: dict[UUID, datetime] = {}
"""By the edition of a copy that cannot be used: when that was found."""


def list_heal() -> UUID | None:
    """Bring a list whose files are gone back from its copy, by itself. Returns the edition's id, None for nothing to do.

    Not what was altered, not while the kill switch is on, and not twice within an hour: what loses the files again, as a
    second worker with another folder, is for a person to find. The folder says that they are gone, not the database.
    """
    if not press.configured() or not press.is_gone() or models.KillOrder.objects.filter(lifted_at=None).exists():
        return None
    lately = clock.now() - AGAIN
    if models.Edition.objects.filter(restored=True, state=EditionState.PUBLISHED, built_at__gt=lately).exists():
        return None
    held = press.keys()
    with advisory_lock_if_free(RESTORING) as taken:
        copied = copy_kept(held) if taken and press.is_gone() else None
        if copied is None or _tried.get(copied.id, lately) > lately:
            return None
        row = _from_copy(held, copied, 0, log.warning)
        if row is None:
            _tried[copied.id] = clock.now()
            return None
    return _go_on(held, row)


def edition_restore(told: Told, *, above: int = 0) -> UUID:
    """Bring the list back. Returns the id of the edition that does it.

    From the copy of its files, verified as they were signed, and what the database says of the time since; without a copy
    that can be used, anew: every signature is verified and every engine judges what is made, as of any base.
    What the gate refuses is left out, named by `told`, and shown on the list desk. The database alone is no proof that a
    name got by with two signatures: what reaches far today needs the third one.
    `above`: the highest number subscribers have seen, where the database came from an older backup than theirs.
    DomainError where the publisher's keys are not set up, the files are there, or an engine does not hold what was meant.
    """
    if not press.configured():
        raise DomainError("no_publisher", _("This machine does not publish: its keys and folder are not set up."))
    held = press.keys()
    with advisory_lock(RESTORING):
        if not _is_lost(held):
            raise DomainError(
                "list_there", _("The list's files are there and as they were signed: nothing to restore.")
            )
        copied = copy_kept(held)
        row = (_from_copy(held, copied, above, told) if copied else None) or _anew(held, above, told)
        told(f"edition {row.version} is signed and in force")
    return _go_on(held, row)


def _is_lost(held: EditionKeys) -> bool:
    row = press.in_force()
    try:
        if row is not None:
            press.open_edition(held, row)
    except press.ListLost:
        return True
    return False


def _number(above: int) -> int:
    leap = LEAP if store.current(press.folder()) is None else 0
    return max(next_version() + leap, above + 1)


def _go_on(held: EditionKeys, row: models.Edition) -> UUID:
    """What waited meanwhile is published, an order of the kill switch too; and the primary holds it."""
    edition_publish()
    if settings.KNOT_SOCKET:
        base_heal(held)
    return row.id


def _from_copy(held: EditionKeys, copied: models.Edition, above: int, told: Told) -> models.Edition | None:
    """The copy, with what changed since by the database. None where it cannot be used."""
    said = f"the copy of edition {copied.version}, signed on {copied.built_at:%Y-%m-%d at %H:%M} UTC,"
    written = store.Draft(press.folder(), "copy")
    try:
        then = copy_open(held, copied, written)
        told(f"{said} is as it was signed: {len(then.listed)} entries")
        with advisory_lock(LOCK):
            last = press.in_force()
            if last is None or last.base != copied.base:  # resolvers hold another base, for which the hot zone was made
                told(f"{said} is not used: a new base was made since")
                return None
            version = _number(above)
            delta, left = _since(then, held, version, told)
            draft = store.Draft(press.folder(), version)
            for name in then.base.digests:
                draft.link(name, written.place)
            files = {**then.base.digests, CHANGES: draft.write(CHANGES, [write_delta(delta)])}
            sizes = then.base.with_changes(version, delta).sizes
            return _out(held, draft, version, files, left, sizes=sizes, base=copied.base, rules=copied.rules)
    except EditionRefused as error:
        told(f"{said} is not used: {error}")
        return None
    finally:
        written.drop()


def _since(then: press.Opened, held: EditionKeys, version: int, told: Told) -> tuple[Delta, Left]:
    """The changes on the copy's base, those since the copy among them; and what is left out.

    What goes without a signed ending, which no edition may, stays.
    """
    listing_services.withdrawals_sign(key=held.rule)
    listed, noted = then.listed, listing.noted_as_listed()
    there = set(listed.ids())
    going = frozenset(standing(listed, listing.targets_of(there - noted)))
    found = listing.signed_of(noted - there)
    coming = frozenset(found.coming)
    against, why = _unbraked(held), Why()
    endings = rightly_signed(listing.endings_of(set(listing.ended()).difference(listed.ended())), against)
    told(f"since then {len(coming)} entries came and {len(going)} went; their signatures are verified")
    statements = {*found.activations, *endings}
    for entry in (*coming, *going):
        statements.update(signed for signed in listed.statements_of(entry.entry_id) if signed.action == "withdraw")
    while refusals := list(_refused(then, Edition(version, coming, frozenset(statements)), going, against)):
        if [refusal.code for refusal in refusals] == ["empty"]:
            statements.add(kill_word(version, held, "all_entries_ended"))
            continue
        _note(refusals, why, told)
        named = {refusal.entry_id for refusal in refusals}
        if "" in named:  # refused as a whole
            raise EditionRefused("altered")
        coming = frozenset(entry for entry in coming if entry.entry_id not in named)
        going = frozenset(entry for entry in going if entry.entry_id not in named)
    waits = waiting_among(entry.entry_id for entry in listed.delta.added - going | coming)
    needed = {activation_statement(entry) for entry in coming}
    told_of = (s for s in statements if s.action != "activate" or s.statement in needed)
    left = [(entry, why[entry.entry_id]) for entry in found.coming if entry.entry_id in why]
    return changes_with(listed, coming, going, told_of, waits), left


def _refused(then: press.Opened, proposed: Edition, going: frozenset[ListEntry], against: Rules) -> list[Refusal]:
    gone = {entry.entry_id for entry in going}
    signed = (signed for entry in going for signed in then.listed.statements_of(entry.entry_id))

    def is_taken(entry: ListEntry) -> bool:
        other = then.listed.find(entry.method, entry.target)
        return other is not None and other.entry_id not in gone

    previous = Edition(then.row.version, going, frozenset(signed))
    return gate(previous, proposed, against, Rest(len(then.listed) - len(going), is_taken))


def _anew(held: EditionKeys, above: int, told: Told) -> models.Edition:
    """All that is noted to stand on the list, from rows: so many at a time that no list is too long for the machine."""
    with advisory_lock(LOCK):
        return _made_anew(held, _number(above), told)


def _made_anew(held: EditionKeys, version: int, told: Told) -> models.Edition:
    listing_services.withdrawals_sign(key=held.rule)
    ids, ended = sorted(listing.noted_as_listed()), listing.ended()
    told(f"{len(ids)} entries in the database; their signatures are verified")
    made = _Made(version, waiting_among(ids), _unbraked(held), listing.listed_twice())
    draft = store.Draft(press.folder(), version)

    def judged() -> Iterator[bytes]:
        for number, some in enumerate(_in_parts(ids), 1):
            yield made.judged(some, told)
            if number * AT_ONCE % TELL_EACH == 0:
                told(f"{number * AT_ONCE} of {len(ids)} verified")

    files = {ACTIVATIONS: draft.write(ACTIVATIONS, judged())}
    files[ENDINGS] = draft.write(ENDINGS, (_endings(some, made.against) for some in _in_parts(ended)))
    files |= {name: draft.write(name, merged(name, made.runs[name])) for name in (NAMES, URLS)}
    files[CHANGES] = draft.write(CHANGES, [write_delta(made.since)])
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
    sizes = made.sizes["dns"], made.sizes["url"]
    return _out(held, draft, version, files, made.left, sizes=sizes, base=version, rules=rules_digest())


@dataclass
class _Made:
    """A list made anew so far. `runs`: of two base files, pieces each in its order; `since`: what waits in a ring."""

    version: int
    waits: Mapping[str, int]
    against: Rules
    twice: Collection[tuple[str, str]]
    runs: dict[str, list[bytes]] = field(default_factory=lambda: {NAMES: [], URLS: []})
    since: Delta = field(default_factory=Delta)
    sizes: Counter[str] = field(default_factory=Counter)
    left: Left = field(default_factory=list)

    def judged(self, ids: Sequence[str], told: Told) -> bytes:
        """Take in of these entries what the gate lets pass. Returns the lines of their activations."""
        why = Why()
        found = listing.signed_of(ids)
        proposed = Edition(self.version, frozenset(found.coming), frozenset([*found.activations, *found.endings]))
        rest = Rest(takes=lambda entry: (entry.method, entry.target) in self.twice)
        _note(gate(None, proposed, self.against, rest), why, told)
        self.left += [(entry, why[entry.entry_id]) for entry in found.coming if entry.entry_id in why]
        entries = frozenset(entry for entry in proposed.entries if entry.entry_id not in why)
        needed = {activation_statement(entry) for entry in entries}
        signed = frozenset(signed for signed in found.activations if signed.statement in needed)
        waits = {entry.entry_id: self.waits[entry.entry_id] for entry in entries if entry.entry_id in self.waits}
        base = Delta(entries, statements=signed, waits=waits).for_ring(LAST_RING)
        self.since = Delta(
            self.since.added | (entries - base.added),
            statements=self.since.statements | (signed - base.statements),
            waits={**self.since.waits, **waits},
        )
        self.sizes.update(entry.method for entry in entries)
        files = write_files(Edition(self.version, base.added, base.statements))
        for name, pieces in self.runs.items():
            pieces.append(files[name])
        return files[ACTIVATIONS]


def _endings(ids: Sequence[str], against: Rules) -> bytes:
    """The lines of the endings of these entries."""
    signed = rightly_signed(listing.endings_of(ids), against)
    return write_files(Edition(0, frozenset(), frozenset(signed)))[ENDINGS]


def _in_parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE))


def _unbraked(held: EditionKeys) -> Rules:
    """What the gate holds entries against; no brake holds back what stood on the list."""
    return replace(rules(held), max_added=sys.maxsize, small_list=sys.maxsize, added_lately=0)


def _note(refusals: Iterable[Refusal], why: Why, told: Told) -> None:
    for refusal in refusals:
        if refusal.code == "unsigned_removal":
            told(f"stays: {refusal}")
        else:
            told(f"left out: {refusal}")
            why.setdefault(refusal.entry_id, []).append(shown(refusal))


def _out(
    held: EditionKeys,
    draft: store.Draft,
    version: int,
    files: Mapping[str, FileDigest],
    left: Left,
    *,
    sizes: tuple[int, int],
    **about: Any,
) -> models.Edition:
    """Sign what was made, note what is left out, and let it go out."""
    names, urls = sizes
    with transaction.atomic():
        row = edition_sign(
            draft, version, files, held, restored=True, names=names, urls=urls, removed=len(left), **about
        )
        changes = [
            (row.id, entry.entry_id, "removed", entry.method, entry.target, row.built_at, LAST_RING)
            for entry, _reasons in left
        ]
        insert_rows("distribution_editionchange", CHANGE_COLUMNS, changes)
        audit.record("distribution.restored_files", subject=row, actor=SYSTEM, version=version, left_out=len(left))
    release(held, draft, row, {entry.entry_id: reasons for entry, reasons in left})
    return row
