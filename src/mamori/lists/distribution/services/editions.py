"""Compile, gate, sign, write, publish. One publisher at a time; safe to run again after a crash at any point."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef

from mamori.engine.editions import (
    Edition,
    ListEntry,
    PersonKey,
    Refusal,
    Rules,
    SignedStatement,
    activation_statement,
    compile_rpz,
    content_refusals,
    gate,
    kill_statement,
    read_edition,
    set_digest,
    sign_edition,
    sign_statement,
)
from mamori.engine.editions.entries import write_files
from mamori.ground import audit, clock, states
from mamori.ground.actors import SYSTEM
from mamori.ground.facts import announce
from mamori.lists.distribution import models, store
from mamori.lists.distribution.facts import EditionPublished, EditionRefused
from mamori.lists.distribution.keys import MEMBERS, EditionKeys, load_keys
from mamori.lists.distribution.knot import Knot, KnotError
from mamori.lists.distribution.locks import advisory_lock
from mamori.lists.distribution.states import EDITION, EditionState
from mamori.lists.listing import queries as listing
from mamori.lists.listing import services as listing_services
from mamori.lists.listing.case import content_rules

LOCK = 7_261_101  # PostgreSQL advisory lock: one publisher at a time
LIFE = timedelta(days=7)  # how long the signatures of an edition hold
REFRESH = timedelta(days=1)
KEPT = 30  # editions whose files stay on disk
HEAL_EVERY = timedelta(seconds=30)
BRAKE = timedelta(days=1)  # the window in which additions are counted


@dataclass(frozen=True)
class _Base:
    """The list in force, and the one the next edition is judged against (the last not emptied by the kill switch).

    `kill_id`: the kill order under which the list in force is empty.
    """

    current: Edition | None
    judged: Edition | None
    kill_id: UUID | None = None


def configured() -> bool:
    """Whether this process can publish: it holds the keys and the folder."""
    return settings.EDITION_DIR is not None and settings.EDITION_KEY_DIR is not None


def _folder() -> Path:
    assert settings.EDITION_DIR is not None
    return settings.EDITION_DIR


def _keys() -> EditionKeys:
    assert settings.EDITION_KEY_DIR is not None
    return load_keys(settings.EDITION_KEY_DIR)


def edition_publish(*, refresh: bool = False) -> UUID | None:
    """Publish the list as it stands now. Returns the edition's id, None when nothing changed.

    New entries that the gate refuses are left out and named on the list desk; the rest is published.
    `refresh` signs anew although nothing changed. Raises KnotError when the primary does not take it: run it again.
    """
    if not configured():
        return None
    keys = _keys()
    with advisory_lock(LOCK):
        _resume()
        listing_services.withdrawals_sign(key=keys.rule)
        base = _base(keys)
        version = _next_version()
        kill = models.KillOrder.objects.filter(lifted_at=None).first()
        full, refused = _passing(base, _wanted(version, keys, kill), keys)
        if full is None or (_same(base, full, kill) and not refresh):
            with transaction.atomic():
                listing_services.publication_told(listed=_ids(base.current), refused=refused)
            return None
        return _publish(base, full, keys, kill, refused)


def primary_heal() -> None:
    """Look whether the primary holds exactly the edition in force, and repair it. Never raises for a primary's fault."""
    if not (configured() and settings.KNOT_SOCKET):
        return
    soon = clock.now() - HEAL_EVERY
    if models.KnotState.objects.filter(checked_at__gt=soon, problem="").count() == 2:
        return
    with advisory_lock(LOCK):
        row = models.Edition.objects.filter(state=EditionState.PUBLISHED).order_by("-version").first()
        if row is None:
            return
        edition = _read(_keys(), row)
        try:
            _sync(edition, killed=row.kill_id is not None)
        except KnotError as error:
            for zone in (settings.LIST_ZONE_NXDOMAIN, settings.LIST_ZONE_STOP):
                models.KnotState.objects.update_or_create(
                    zone=zone, defaults={"checked_at": clock.now(), "problem": str(error)[:200]}
                )


def rules(keys: EditionKeys) -> Rules:
    """What the gate holds an edition against."""
    return replace(content_rules(), keys=_counting(keys), added_lately=_added_lately())


def _added_lately() -> int:
    """Entries the editions of the last day added that no earlier edition had: what the kill switch took may come back."""
    added = models.EditionChange.objects.filter(change="added").exclude(edition__state=EditionState.ABANDONED)
    earlier = added.filter(entry_id=OuterRef("entry_id"), edition__version__lt=OuterRef("edition__version"))
    return added.filter(~Exists(earlier), edition__built_at__gt=clock.now() - BRAKE).count()


def _counting(keys: EditionKeys) -> dict[str, PersonKey]:
    """The keys that count today: vouched for by the root, and neither unconfirmed nor revoked here. And the rule's.

    Persons and roles are those of the root's list: the database can only take keys away.
    """
    vouched = keys.vouched().on(clock.now().date())
    in_use = listing.keys_in_use()
    return {number: key for number, key in vouched.items() if number in in_use} | keys.rule_person()


def _wanted(version: int, keys: EditionKeys, kill: models.KillOrder | None) -> Edition:
    """The edition the list body's decisions ask for. What expired today goes, though the sweep has not come yet."""
    entries, activations = listing.entries_and_activations()
    entries = [entry for entry in entries if entry.expires_on > clock.now().date()]
    statements = [*activations, *listing.withdrawals_signed()]
    if kill is None:
        return Edition(version, frozenset(entries), frozenset(statements))
    ending = _kill(version, keys, f"order:{kill.id}")
    return Edition(version, frozenset(), frozenset([*listing.withdrawals_signed(), ending]))


def _judged(base: _Base, proposed: Edition, keys: EditionKeys) -> tuple[Edition, list[Refusal]]:
    """The gate's word. A list whose every entry was rightly ended may be empty: the rule signs for that."""
    needed = {activation_statement(entry) for entry in proposed.entries}
    kept = frozenset(s for s in proposed.statements if not _activates(s) or s.statement in needed)
    proposed = replace(proposed, statements=kept)
    refusals = gate(base.judged, proposed, rules(keys))
    if [refusal.code for refusal in refusals] == ["empty"]:
        ending = _kill(proposed.version, keys, "all_entries_ended")
        proposed = replace(proposed, statements=proposed.statements | {ending})
        refusals = gate(base.judged, proposed, rules(keys))
    return proposed, refusals


def _passing(base: _Base, wanted: Edition, keys: EditionKeys) -> tuple[Edition | None, dict[str, list[dict[str, Any]]]]:
    """What of the wanted edition passes the gate, None for nothing; and entry id -> why it is refused.

    Left out: new entries that are refused themselves, then the youngest of too many, then all new ones. An entry in
    force that newer rules refuse stays: people review it.
    """
    before = base.judged.entries if base.judged else frozenset()
    edition, refusals = _judged(base, wanted, keys)
    why = _refuse(base, edition, refusals) if refusals else {}
    while refusals:
        new = edition.entries - before
        if not new:
            return None, why
        fewer = edition.entries & before | _fewer(new, refusals, rules(keys).room(len(before)))
        edition, refusals = _judged(base, replace(wanted, version=_next_version(), entries=fewer), keys)
    for passed in _ids(edition):
        why.pop(passed, None)
    against = content_rules()
    for entry in edition.entries & before:
        if faults := list(content_refusals(entry, against)):
            why[entry.entry_id] = [_shown(fault) for fault in faults]
    return edition, why


def _fewer(new: frozenset[ListEntry], refusals: list[Refusal], room: int) -> frozenset[ListEntry]:
    """Fewer of the new entries: without the refused ones, else without the youngest of too many, else none."""
    named = {refusal.entry_id for refusal in refusals}
    fewer = frozenset(entry for entry in new if entry.entry_id not in named)
    if len(fewer) < len(new):
        return fewer
    moments = listing.moments_of([UUID(entry.entry_id) for entry in new])
    oldest = sorted(new, key=lambda entry: (str(moments.get(UUID(entry.entry_id), ("",))[0]), entry.entry_id))
    return frozenset(oldest[:room]) if room < len(new) else frozenset()


def _shown(refusal: Refusal) -> dict[str, Any]:
    return {
        "code": refusal.code,
        "params": dict(refusal.params),
        "message": refusal.message,
        "remedy": refusal.remedy,
    }


def _refuse(base: _Base, edition: Edition, refusals: list[Refusal]) -> dict[str, list[dict[str, Any]]]:
    """Record a refused edition once; returns entry id -> why, for the list desk."""
    before = base.judged.entries if base.judged else frozenset()
    new = [entry.entry_id for entry in edition.entries - before]
    why: dict[str, list[dict[str, Any]]] = {}
    for refusal in refusals:
        for entry_id in [refusal.entry_id] if refusal.entry_id else new:
            why.setdefault(entry_id, []).append(_shown(refusal))
    digest = _digest(edition)
    last = models.Edition.objects.filter(state=EditionState.REFUSED).order_by("-version").first()
    if last is None or last.digest != digest or last.built_at.date() != clock.now().date():
        with transaction.atomic():
            row = models.Edition.objects.create(
                version=edition.version,
                state=EditionState.REFUSED,
                digest=digest,
                names=len(edition.names()),
                urls=len(edition.urls()),
                added=len(new),
                removed=len(before - edition.entries),
                refusals=[_shown(refusal) | {"entry_id": refusal.entry_id} for refusal in refusals[:200]],
                built_at=clock.now(),
            )
            audit.record("distribution.refused", subject=row, actor=SYSTEM, version=row.version, reasons=len(refusals))
            announce(EditionRefused(row.id))
    return why


def _publish(
    base: _Base,
    edition: Edition,
    keys: EditionKeys,
    kill: models.KillOrder | None,
    refused: Mapping[str, list[dict[str, Any]]],
) -> UUID:
    now = clock.now()
    before = base.current.entries if base.current else frozenset()
    files = sign_edition(
        edition, keys=keys.service, roots=keys.roots, version=edition.version, now=now, expires=now + LIFE
    )
    files[MEMBERS] = keys.members
    with transaction.atomic():
        row = models.Edition.objects.create(
            version=edition.version,
            state=EditionState.SIGNED,
            digest=_digest(edition),
            names=len(edition.names()),
            urls=len(edition.urls()),
            added=len(edition.entries - before),
            removed=len(before - edition.entries),
            kill=kill,
            built_at=now,
        )
        _changes(row, edition.entries - before, before - edition.entries, kill)
    folder = _folder()
    store.write(folder, edition.version, files)
    store.switch(folder, edition.version)
    _finish(row, edition, refused)
    store.prune(folder, {row.version, *_kept()})
    return row.id


def _changes(
    row: models.Edition,
    added: frozenset[ListEntry],
    removed: frozenset[ListEntry],
    kill: models.KillOrder | None,
) -> None:
    """Keep what the edition changed, and since when each change was decided."""
    moments = listing.moments_of([UUID(entry.entry_id) for entry in added | removed])
    lifted = models.KillOrder.objects.aggregate(at=Max("lifted_at"))["at"]

    def since(entry: ListEntry, *, came: bool) -> datetime:
        activated, ended = moments.get(UUID(entry.entry_id), (None, None))
        if came:
            return max(moment for moment in (activated, lifted, entry.activated_at) if moment)
        return ended or (kill.at if kill else row.built_at)

    models.EditionChange.objects.bulk_create(
        models.EditionChange(
            edition=row,
            entry_id=UUID(entry.entry_id),
            change="added" if came else "removed",
            method=entry.method,
            target=entry.target,
            since=since(entry, came=came),
        )
        for entries, came in ((added, True), (removed, False))
        for entry in entries
    )


def _finish(row: models.Edition, edition: Edition, refused: Mapping[str, list[dict[str, Any]]]) -> None:
    """Bring the edition to the primary and tell everybody. KnotError leaves it signed: `_resume` goes on here."""
    if settings.KNOT_SOCKET:
        _sync(edition, killed=row.kill_id is not None)
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
        listing_services.publication_told(listed=_ids(edition), refused=refused)
        announce(EditionPublished(row.id))


def _resume() -> None:
    """Go on with an edition whose publisher died: publish it if its files are current, else give it up."""
    for row in models.Edition.objects.filter(state=EditionState.SIGNED).order_by("version"):
        if store.current(_folder()) == row.version:
            _finish(row, _read(_keys(), row), {})
            continue
        with transaction.atomic():
            states.move(row, EditionState.ABANDONED, machine=EDITION, actor=SYSTEM, event="distribution.abandoned")


def _sync(edition: Edition, *, killed: bool) -> None:
    """Both zones hold exactly the edition's names and our canary; nothing at all under the kill switch."""
    names = frozenset() if killed else edition.names() | {settings.CANARY_NAME}
    knot = Knot(settings.KNOT_SOCKET)
    for zone, records in (
        (settings.LIST_ZONE_NXDOMAIN, compile_rpz(names, "nxdomain")),
        (settings.LIST_ZONE_STOP, compile_rpz(names, "stop", settings.STOP_PAGE_HOST)),
    ):
        last = models.KnotState.objects.filter(zone=zone).values_list("serial", flat=True).first() or 0
        synced = knot.sync(zone, records, after=last)
        models.KnotState.objects.update_or_create(
            zone=zone,
            defaults={
                "checked_at": clock.now(),
                "records": len(records),
                "digest": set_digest(records),
                "problem": "",
                "serial": synced.serial,
                **({"healed_at": clock.now()} if synced.changes.add or synced.changes.remove else {}),
            },
        )


def _base(keys: EditionKeys) -> _Base:
    rows = models.Edition.objects.filter(state=EditionState.PUBLISHED).order_by("-version")
    last = rows.first()
    if last is None:
        return _Base(None, None)
    current = _read(keys, last)
    judged = last if last.kill_id is None else rows.filter(kill=None).first()
    before = current if judged == last else (_read(keys, judged) if judged else None)
    return _Base(current, before, last.kill_id)


def _read(keys: EditionKeys, row: models.Edition) -> Edition:
    """An edition of ours, verified as a subscriber of the first hour would at the time it was signed."""
    return read_edition(store.read(_folder(), row.version), keys.roots[0], row.built_at)


def _next_version() -> int:
    return int(models.Edition.objects.aggregate(last=Max("version"))["last"] or 0) + 1


def _kept() -> list[int]:
    rows = models.Edition.objects.filter(state=EditionState.PUBLISHED).order_by("-version")
    judged = rows.filter(kill=None).values_list("version", flat=True)[:1]
    return [*rows.values_list("version", flat=True)[:KEPT], *judged]


def _kill(version: int, keys: EditionKeys, reason: str) -> SignedStatement:
    statement = kill_statement(version, reason=reason)
    return SignedStatement(statement, frozenset({sign_statement(statement, keys.rule)}))


def _activates(signed: SignedStatement) -> bool:
    return b'"action":"activate"' in signed.statement


def _lasting(edition: Edition) -> frozenset[SignedStatement]:
    return frozenset(s for s in edition.statements if b'"action":"kill"' not in s.statement)


def _same(base: _Base, proposed: Edition, kill: models.KillOrder | None) -> bool:
    """Whether the list in force says the same, under the same kill order: that one empties the canary's place too."""
    now = base.current
    if now is None or base.kill_id != (kill.id if kill else None):
        return False
    return now.entries == proposed.entries and _lasting(now) == _lasting(proposed)


def _digest(edition: Edition) -> str:
    lasting = replace(edition, statements=_lasting(edition))
    return hashlib.sha256(b"".join(write_files(lasting).values())).hexdigest()


def _ids(edition: Edition | None) -> set[str]:
    return {entry.entry_id for entry in edition.entries} if edition else set()
