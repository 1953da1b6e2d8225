"""Compile, gate, sign, write, publish. One publisher at a time; safe to run again after a crash at any point.

Only what changed since the last edition is read, judged and written: the base files of an edition are those of the
last fold, and the changes since stand in a file of their own.
"""

import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from mamori.engine.editions import (
    BASE_FILES,
    CHANGES,
    LAST_RING,
    Edition,
    FileDigest,
    ListEntry,
    ListInForce,
    Method,
    activation_statement,
    sign_files,
    write_delta,
)
from mamori.ground import clock, states
from mamori.ground.actors import SYSTEM
from mamori.ground.bulk import insert_rows
from mamori.ground.facts import announce
from mamori.lists.distribution import models, press, store
from mamori.lists.distribution.facts import EditionPublished
from mamori.lists.distribution.keys import MEMBERS, EditionKeys
from mamori.lists.distribution.locks import advisory_lock
from mamori.lists.distribution.services import primary, rings
from mamori.lists.distribution.services.following import offer_note
from mamori.lists.distribution.services.judging import Why, against_newer_rules, rightly_signed, rules, rules_digest
from mamori.lists.distribution.services.passing import (
    NOTHING,
    Case,
    changes_with,
    counts,
    digest_of,
    formers_of,
    kill_word,
    next_version,
    passing,
)
from mamori.lists.distribution.states import EDITION, EditionState
from mamori.lists.listing import queries as listing
from mamori.lists.listing import services as listing_services

LOCK = 7_261_101  # PostgreSQL advisory lock: one publisher at a time
LIFE = timedelta(days=7)  # how long the signatures of an edition hold
REFRESH = timedelta(days=1)
KEPT = 30  # editions whose files stay on disk, however old
KEPT_FOR = timedelta(days=30)  # how long those of all others do
KEPT_AT_MOST = 2_000
CHANGE_COLUMNS = "edition_id, entry_id, change, method, target, since, ring"
_SOON, _USUALLY = 0.0002, 0.005  # seconds
Targets = dict[str, tuple[Method, str]]  # by entry id


def edition_publish(*, refresh: bool = False, moving: bool = False) -> UUID | None:
    """Publish the list as it stands now. Returns the edition's id, None when nothing changed.

    New entries that the gate refuses are left out and named on the list desk; the rest is published. A renewal comes and what
    it renews goes in one edition, or neither.
    `refresh` signs anew although nothing changed. `moving` lets what waited long enough reach its next ring. A primary
    that does not take it is an alarm, and is healed later: subscribers of files have the edition all the same.
    DomainError("list_lost") when the last edition's files are not there, or not as they were signed; an order of the kill
    switch reaches resolvers even then.
    """
    if not press.configured():
        return None
    held, judged_by = press.keys(), rules_digest()
    try:
        with _going_first():
            return _next(held, judged_by, refresh=refresh, moving=moving)
    except press.ListLost:
        if settings.KNOT_SOCKET and models.KillOrder.objects.filter(lifted_at=None).exists():
            primary.lift_all()
        raise


@contextmanager
def _going_first() -> Iterator[None]:
    """Other threads of this process, as a fold, let the publisher in sooner than after Python's 5 ms, which it would wait at
    each of some hundred questions to the database. And no search for cycles goes through all the changes since the fold.
    """
    gc.disable()
    sys.setswitchinterval(_SOON)
    try:
        yield
    finally:
        sys.setswitchinterval(_USUALLY)
        gc.enable()


def _next(held: EditionKeys, judged_by: str, *, refresh: bool, moving: bool) -> UUID | None:
    against, astray = _looked_through(held, judged_by, notes=refresh)
    with advisory_lock(LOCK):
        resume(held)
        listing_services.withdrawals_sign(key=held.rule)
        if astray:
            _put_notes_right(held, astray)
        case = _case(held, moving=moving)
        edition, refused = passing(case)
        all_judged = case.now is None or case.now.row.rules != judged_by
        if all_judged:
            refused |= against
        changes = case.going or case.endings or case.moves or all_judged or case.is_other_order
        nothing = case.now is not None and not changes
        if edition is None or (nothing and not edition.entries and not refresh):
            listing_services.publication_told(refused=refused, all_judged=all_judged)
            return None
        return _publish(case, edition, refused, judged_by, all_judged=all_judged)


def _case(held: EditionKeys, *, moving: bool) -> Case:
    row = press.in_force()
    now = press.open_edition(held, row) if row else None
    listed = now.listed if now else NOTHING
    kill = models.KillOrder.objects.filter(lifted_at=None).first()
    found = listing.pending()
    there = {entry for entry in found.coming if listed.find(entry.method, entry.target) == entry}
    going = frozenset(standing(listed, found.going))
    went = found.going.keys() - {entry.entry_id for entry in going}
    if there or went:  # the notes of a publisher that died after an edition was out are made up for
        listing_services.publication_told(came=[entry.entry_id for entry in there], went=went, refused={})
    coming = frozenset(found.coming) - there if kill is None else frozenset[ListEntry]()
    formers = formers_of(listed, coming, going, held)
    needed = {activation_statement(entry) for entry in coming}
    against = rules(held)
    endings = frozenset(rightly_signed(found.endings, against))
    statements = {signed for signed in found.activations if signed.statement in needed} | endings
    for entry in (*coming, *going, *(former for former, _ending in formers.values())):
        statements |= {signed for signed in listed.statements_of(entry.entry_id) if signed.action == "withdraw"}
    version = next_version()
    if kill is not None:
        statements.add(kill_word(version, held, f"order:{kill.id}"))
    proposed = Edition(version, coming, frozenset(statements))
    moves = rings.moves_due(listed.delta.waits) if moving and kill is None else {}
    return Case(now, kill, proposed, going, formers, endings, held, against, moves, found.moments)


def _looked_through(held: EditionKeys, judged_by: str, *, notes: bool) -> tuple[Why, Targets]:
    """What only reading the whole list tells. It takes long, so it is done beside the publisher.

    Entries in force that the present rules would refuse, where these are newer than the edition. With `notes` the
    entries of which the database notes otherwise than the signed list says whether they are listed, whoever changed it.
    """
    row = press.in_force()
    if row is None or not (notes or row.rules != judged_by):
        return {}, {}
    listed = press.open_edition(held, row).listed
    against = against_newer_rules(listed) if row.rules != judged_by else {}
    wrong = set(listed.ids()) ^ listing.noted_as_listed() if notes else set[str]()
    astray = listing.targets_of(wrong)
    if wrong:
        astray |= {each.entry_id: (each.method, each.target) for each in listed.entries() if each.entry_id in wrong}
    return against, astray


def _put_notes_right(held: EditionKeys, astray: Targets) -> None:
    """Note of these entries what the signed list says by now."""
    row = press.in_force()
    listed = press.open_edition(held, row).listed if row else NOTHING
    found = {entry_id: listed.find(method, target) for entry_id, (method, target) in astray.items()}
    came = {entry_id for entry_id, entry in found.items() if entry is not None and entry.entry_id == entry_id}
    listing_services.publication_told(came=came, went=found.keys() - came, refused={})


def standing(listed: ListInForce, going: Mapping[str, tuple[Method, str]]) -> Iterator[ListEntry]:
    """The entries of the signed list that have these ids. Where the database names another target, the list is right."""
    missing = set()
    for entry_id, (method, target) in going.items():
        entry = listed.find(method, target)
        if entry is not None and entry.entry_id == entry_id:
            yield entry
        else:
            missing.add(entry_id)
    if missing:
        yield from (entry for entry in listed.entries() if entry.entry_id in missing)


def _publish(case: Case, edition: Edition, refused: Why, judged_by: str, *, all_judged: bool) -> UUID:
    waits, gone = case.waits(edition.entries), case.gone(edition.entries)
    delta = changes_with(case.listed, edition.entries, gone, edition.statements, waits)
    version = edition.version
    draft = store.Draft(press.folder(), version)
    if case.now is None:
        base = {name: draft.write(name, [b""]) for name in BASE_FILES}
    else:
        base = dict(case.now.base.digests)
        for name in base:
            draft.link(name, press.folder() / str(case.now.row.version))
    files = base | {CHANGES: draft.write(CHANGES, [write_delta(delta)])}
    press.remember(files[CHANGES], delta)
    with transaction.atomic():
        row = edition_sign(
            draft,
            version,
            files,
            case.held,
            base=case.now.row.base if case.now else version,
            rules=judged_by,
            kill=case.kill,
            **counts(case, edition.entries),
        )
        _changes(row, case, edition.entries, waits)
    return release(case.held, draft, row, refused, all_judged=all_judged)


def edition_sign(
    draft: store.Draft, version: int, files: Mapping[str, FileDigest], held: EditionKeys, **fields: Any
) -> models.Edition:
    """Sign an edition's files and note it. Not current yet."""
    now = clock.now()
    signatures = sign_files(
        version, files, keys=held.service, roots=held.roots, version=version, now=now, expires=now + LIFE
    )
    for name, data in {**signatures, MEMBERS: held.members}.items():
        draft.write(name, [data])
    return models.Edition.objects.create(
        version=version, state=EditionState.SIGNED, digest=digest_of(files), built_at=now, **fields
    )


def release(
    held: EditionKeys, draft: store.Draft, row: models.Edition, refused: Why, *, all_judged: bool = False
) -> UUID:
    """Make a signed edition the current one, and tell the primary and everybody."""
    draft.make_current()
    _finish(held, row, refused, all_judged=all_judged)
    store.prune(press.folder(), {row.version, *_kept()})
    return row.id


def _changes(row: models.Edition, case: Case, added: frozenset[ListEntry], waits: Mapping[str, int]) -> None:
    """Keep what the edition changed, up to which ring, and since when each change was decided."""
    removed, waited = case.gone(added), case.listed.delta.waits
    moved = {entry for entry in case.listed.delta.added - removed if entry.entry_id in case.moves}
    lifted = models.KillOrder.objects.aggregate(at=Max("lifted_at"))["at"]

    def since(entry: ListEntry, *, came: bool) -> datetime:
        activated, ended = case.moments.get(entry.entry_id, (None, None))
        if came:
            return max(moment for moment in (activated, lifted, entry.activated_at) if moment)
        return ended or (case.kill.at if case.kill else row.built_at)

    rows = [(entry, "added", waits, since(entry, came=True)) for entry in added]
    rows += [(entry, "moved", waits, row.built_at) for entry in moved]
    rows += [(entry, "removed", waited, since(entry, came=False)) for entry in removed]
    insert_rows(
        "distribution_editionchange",
        CHANGE_COLUMNS,
        [
            (row.id, entry.entry_id, change, entry.method, entry.target, at, up_to.get(entry.entry_id, LAST_RING))
            for entry, change, up_to, at in rows
        ],
    )


def _finish(held: EditionKeys, row: models.Edition, refused: Why, *, all_judged: bool = False) -> None:
    """Bring the edition to the primary and tell everybody. After a crash `resume` goes on here."""
    opened = press.open_edition(held, row)
    offer_note(row, "", row.version)
    if settings.KNOT_SOCKET:
        primary.heal_hot(opened)
        if row.base == row.version:
            primary.heal_base(opened.base)
    changed: dict[str, list[str]] = {"added": [], "removed": []}
    for change, entry_id in row.changes.exclude(change="moved").values_list("change", "entry_id"):
        changed[change].append(str(entry_id))
    with transaction.atomic():
        row = models.Edition.objects.select_for_update().get(id=row.id)
        row.published_at = clock.now()
        states.move(
            row,
            EditionState.PUBLISHED,
            machine=EDITION,
            actor=SYSTEM,
            event="distribution.published",
            changed=("published_at",),
            version=row.version,
            added=row.added,
            removed=row.removed,
        )
        rings.waiting_note(row, opened.listed.delta.waits)
        listing_services.publication_told(
            came=changed["added"],
            went=changed["removed"],
            endings=[s for s in opened.listed.delta.statements if s.action == "withdraw"],
            refused=refused,
            all_judged=all_judged,
        )
        announce(EditionPublished(row.id))


def resume(held: EditionKeys) -> None:
    """Go on with an edition whose publisher died: publish it if its files are current, else give it up."""
    for row in models.Edition.objects.filter(state=EditionState.SIGNED).order_by("version"):
        if store.current(press.folder()) == row.version:
            _finish(held, row, {})
            continue
        with transaction.atomic():
            states.move(row, EditionState.ABANDONED, machine=EDITION, actor=SYSTEM, event="distribution.abandoned")


def _kept() -> list[int]:
    """The editions auditors may ask about, and at least the last ones."""
    rows = models.Edition.objects.filter(state=EditionState.PUBLISHED).order_by("-version")
    lately = rows.filter(built_at__gt=clock.now() - KEPT_FOR)
    return [*rows.values_list("version", flat=True)[:KEPT], *lately.values_list("version", flat=True)[:KEPT_AT_MOST]]
