"""The base: folded anew beside the publisher, and kept as it is at the primary."""

import logging
from uuid import UUID

from django.conf import settings
from django.db import transaction

from mamori.engine.editions import CHANGES, LAST_RING, Delta, Refusal, fold, since_fold, write_delta
from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM
from mamori.ground.facts import announce
from mamori.lists.distribution import models, press, store
from mamori.lists.distribution.control import KnotError
from mamori.lists.distribution.facts import EditionRefused
from mamori.lists.distribution.keys import EditionKeys
from mamori.lists.distribution.locks import advisory_lock, advisory_lock_if_free
from mamori.lists.distribution.making import Told
from mamori.lists.distribution.roundtrip import RoundTripError
from mamori.lists.distribution.services import primary
from mamori.lists.distribution.services.editions import LOCK, edition_sign, release, resume
from mamori.lists.distribution.services.judging import shown
from mamori.lists.distribution.services.passing import digest_of, next_version
from mamori.lists.distribution.states import EditionState

log = logging.getLogger("mamori.list")
REFUSED = "REFUSED"
FOLDING = 7_261_104  # PostgreSQL advisory lock: one fold at a time, beside which the list is published as ever


def _log(step: str) -> None:
    log.info("%s", step)


def edition_fold(told: Told = _log) -> UUID | None:
    """Take the changes since the base into a new base, in files and zones. Returns the edition's id, None for nothing.

    What waits in a ring stays among the changes: a base holds what all subscribers have. The list stays as it is, and is
    published as ever meanwhile: what takes long (writing, handing over to the primary) is done beside the publisher, and
    what changed since then stands in the changes of the new edition. The hot zone keeps what it carries until no resolver
    can hold a former base any more. `told` hears of each step that is done.
    """
    if not press.configured():
        return None
    held = press.keys()
    with advisory_lock_if_free(FOLDING) as taken:
        row = press.in_force() if taken else None
        now = press.open_edition(held, row) if row else None
        if now is None or now.row.kill_id is not None:
            return None
        folded = now.listed.delta.for_ring(LAST_RING)
        if folded == Delta():
            return None
        written = store.Draft(press.folder(), "fold")
        try:
            digests = {name: written.write(name, each) for name, each in fold(now.base.files, folded).items()}
            base = press.open_base(written.place, digests)
            told(f"base files written: {len(base.listed)} entries")
            try:
                primary.judge_base(base, told)
            except RoundTripError as error:
                told(f"{REFUSED}: {error}. The base stays as it is")
                with advisory_lock(LOCK):
                    _refuse_base(base, error)
                return None
            if settings.KNOT_SOCKET:
                _make_hot_ready(held, now.row)
                primary.push_base(base, now.base)
                told("handed over to the primary")
            with advisory_lock(LOCK):
                return _rebased(held, now, folded, written, base)
        finally:
            written.drop()


def _make_hot_ready(held: EditionKeys, folded: models.Edition) -> None:
    """Have the hot zones carry what a base made of this edition's list needs, before the first resolver holds it. KnotError."""
    with advisory_lock(LOCK):
        folded.folded_at = clock.now()
        folded.save(update_fields=["folded_at"])
        if (row := press.in_force()) is not None:
            primary.push_hot(press.open_edition(held, row))


@transaction.atomic
def _refuse_base(base: press.Base, error: RoundTripError) -> None:
    """Tell the list desk that a rebuilt list does not go out, and why."""
    names, urls = base.listed.base_sizes
    row = models.Edition.objects.create(
        version=next_version(),
        state=EditionState.REFUSED,
        digest=digest_of(base.digests),
        refusals=[shown(Refusal("round_trip", {"what": str(error)})) | {"entry_id": ""}],
        built_at=clock.now(),
        names=names,
        urls=urls,
    )
    audit.record("distribution.refused", subject=row, actor=SYSTEM, version=row.version, reasons=1)
    announce(EditionRefused(row.id))


def _rebased(
    held: EditionKeys, then: press.Opened, folded: Delta, written: store.Draft, base: press.Base
) -> UUID | None:
    """Put the list as it is now on the base made of an earlier moment. None when the list was emptied since."""
    resume(held)
    row = press.in_force()
    now = press.open_edition(held, row) if row else None
    if now is None or now.row.kill_id is not None or now.row.base != then.row.base:
        return None
    version = next_version()
    draft = store.Draft(press.folder(), version)
    for name in base.digests:
        draft.link(name, written.place)
    changes = draft.write(CHANGES, [write_delta(since_fold(now.listed, folded))])
    signed = edition_sign(
        draft,
        version,
        {**base.digests, CHANGES: changes},
        held,
        base=version,
        base_of=then.row.version,
        rules=now.row.rules,
        names=now.row.names,
        urls=now.row.urls,
    )
    return release(held, draft, signed, {})


def primary_require() -> None:
    """Have the primary hold the list, which it did not when it was last seen. KnotError when it still does not."""
    if press.configured() and settings.KNOT_SOCKET and primary.problem():
        primary_heal()
        if left := primary.problem():
            raise KnotError(left)


def primary_heal() -> None:
    """Look whether the primary holds exactly the edition in force, and repair it. Never raises for a primary's fault.

    First the hot zones: with them alone no change waits. A base, which may take a minute, is brought beside the
    publisher, and not while a fold brings another one.
    """
    if not (press.configured() and settings.KNOT_SOCKET) or primary.is_fresh():
        return
    held = press.keys()
    with advisory_lock(LOCK):
        row = press.in_force()
        if row is not None:
            primary.heal_hot(press.open_edition(held, row), look=True)
    base_heal(held)


def base_heal(held: EditionKeys) -> None:
    """Have the primary hold the base of the edition in force; not while a fold brings another one."""
    with advisory_lock_if_free(FOLDING) as nobody_folds:
        row = press.in_force() if nobody_folds else None
        if row is not None:
            primary.heal_base(press.open_edition(held, row).base)
