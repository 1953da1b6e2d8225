"""Commit every edition to the log, show it there, open to an auditor what was drawn by lot.

A base is read through once (a million entries in seconds); an edition on it costs what changed since. The publisher
waits for none of it.
"""

import secrets
from collections.abc import Callable, Iterator
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.engine.editions import EditionRefused, ListEntry, activation_statement
from mamori.engine.editions.entries import ACTIVATIONS, entry_key, statement_line
from mamori.engine.editions.listed import lines_of
from mamori.engine.transparency import openings
from mamori.engine.transparency.merkle import Tree
from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM
from mamori.ground.audit.proofs import shown_in_log
from mamori.ground.errors import DomainError
from mamori.lists.distribution import press
from mamori.lists.distribution.keys import MEMBERS
from mamori.lists.distribution.models import Edition
from mamori.lists.distribution.states import EditionState
from mamori.lists.openness.models import Commitment, CommittedBase

Progress = Callable[[int, int], None]
_SUBJECT = "openness.commitment"


@transaction.atomic
def edition_commit(edition_id: UUID) -> None:
    """Commit a published edition's entries and write it into the log. Safe to run twice."""
    # Not against rows that point to the edition: reading a long base takes seconds, and the prober writes meanwhile.
    locked = Edition.objects.select_for_update(no_key=True)
    row = locked.filter(id=edition_id, state=EditionState.PUBLISHED).first()
    if row is None or not press.configured() or Commitment.objects.filter(version=row.version).exists():
        return
    opened = press.open_edition(press.keys(), row)
    base = _base(opened)
    seed = secrets.token_bytes(32)
    peaks = bytes(base.peaks)
    tree = Tree(base.entries, [peaks[at : at + 32] for at in range(0, len(peaks), 32)])
    for content in _changes(opened):
        tree.append(openings.leaf(openings.salt(seed, tree.size), content))
    root = tree.root().hex()
    commitment = Commitment.objects.create(
        version=row.version, base=base, seed=seed, root=root, committed_at=clock.now()
    )
    said = _said(row, opened, base.entries, root)
    if not said.is_balanced:
        raise ValueError(f"edition {row.version} has other counts than entries")
    audit.record(openings.EVENT, subject=commitment, actor=SYSTEM, **said.codes())


def _said(row: Edition, opened: press.Opened, base_entries: int, root: str) -> openings.Commitment:
    delta = opened.listed.delta
    return openings.Commitment(
        version=row.version,
        digest=row.digest,
        root=root,
        base=row.base,
        base_entries=base_entries,
        added=len(delta.added),
        removed=len(delta.removed),
        names=row.names,
        urls=row.urls,
        killed=row.kill_id is not None,
    )


def _base(opened: press.Opened) -> CommittedBase:
    """The commitments to the base's entries; made when there are none yet."""
    found = CommittedBase.objects.filter(version=opened.row.base).first()
    if found is not None:
        return found
    seed, tree = secrets.token_bytes(32), Tree()
    for index, line in enumerate(_lines(opened)):
        tree.append(openings.leaf(openings.salt(seed, index), line))
    if tree.size != sum(opened.listed.base_sizes):
        raise ValueError(f"the base of edition {opened.row.version} has other entries than activations")
    return CommittedBase.objects.create(
        version=opened.row.base, seed=seed, entries=tree.size, peaks=b"".join(tree.peaks())
    )


def _lines(opened: press.Opened) -> Iterator[bytes]:
    """The signed activation of each entry of the base: one line for each, in the order of their ids."""
    return (line.removesuffix(b"\n") for line in lines_of(opened.base.files[ACTIVATIONS]))


def _changes(opened: press.Opened) -> Iterator[bytes]:
    """What is committed of the changes since the base: entries that came, then entries that went."""
    delta = opened.listed.delta
    activations = {signed.statement: signed for signed in delta.statements if signed.action == "activate"}

    def order(entry: ListEntry) -> tuple[object, ...]:
        return (entry.method, *entry_key(entry))

    for entry in sorted(delta.added, key=order):
        yield statement_line(activations[activation_statement(entry)])
    for entry in sorted(delta.removed, key=order):
        told = opened.listed.statements_of(entry.entry_id)
        yield openings.removed_content(entry, (one.statement for one in told if one.action == "withdraw"))


def editions_prove() -> int:
    """Show committed editions in the log, once a witness cosigned it. Runs as a sweep. Returns how many."""
    waiting = Commitment.objects.filter(proof="").order_by("version").values_list("version", flat=True)[:1000]
    done = 0
    for shown in shown_in_log(openings.EVENT, _SUBJECT, [str(version) for version in waiting]):
        text = openings.write_log_proof(shown.row, shown.checkpoint, shown.proof)
        done += Commitment.objects.filter(version=int(shown.subject), proof="").update(proof=text)
    return done


def proof_of(version: int) -> str:
    """The file that shows an edition in the log. DomainError while there is none."""
    found = Commitment.objects.filter(version=version).first()
    if found is None:
        raise DomainError("not_committed", _("This edition was not committed to the log."), status=404)
    if not found.proof:
        raise DomainError(
            "not_witnessed",
            _("The witness has not co-signed the log since this edition."),
            remedy=_("Try again in a minute."),
            status=409,
        )
    return found.proof


def challenge_answer(text: str, progress: Progress | None = None) -> str:
    """Open what an auditor drew, and log that it was opened. DomainError when it cannot be.

    `progress(entries read, entries in all)`: told each 10,000 entries.
    """
    try:
        challenge = openings.Challenge.parse(text)
    except openings.OpennessError as error:
        raise DomainError("no_challenge", _("This file is no auditor's challenge."), status=422) from error
    row = Edition.objects.filter(version=challenge.version, state=EditionState.PUBLISHED).first()
    held = Commitment.objects.select_related("base").filter(version=challenge.version, root=challenge.root).first()
    if row is None or held is None:
        raise DomainError("not_committed", _("This edition was not committed to the log."), status=404)
    try:
        opened = press.open_edition(press.keys(), row)
        members = (press.folder() / str(row.version) / MEMBERS).read_bytes()
    except (EditionRefused, OSError) as error:
        raise DomainError(
            "edition_gone",
            _("The files of this edition are no longer kept."),
            remedy=_("Ask the auditor to draw from one of the last thirty editions."),
            status=410,
        ) from error
    tree, total = Tree(), held.base.entries
    kept: dict[int, tuple[bytes, bytes]] = {}
    wanted, named = set(challenge.indices), [f'\\"entry_id\\":\\"{number}\\"'.encode() for number in challenge.entries]

    def add(seed: bytes, content: bytes) -> None:
        index = tree.size
        salted = openings.salt(seed, index)
        tree.append(openings.leaf(salted, content))
        if index in wanted or any(name in content for name in named):
            kept[index] = salted, content

    seed = bytes(held.base.seed)
    for number, line in enumerate(_lines(opened), 1):
        add(seed, line)
        if progress is not None and number % 10_000 == 0:
            progress(number, total)
    for content in _changes(opened):
        add(bytes(held.seed), content)
    if tree.root().hex() != held.root:
        raise DomainError("edition_altered", _("The files of this edition are not what was committed."), status=409)
    audit.record(
        "openness.challenge_answered", subject=held, actor=SYSTEM, drawn=len(wanted), named=len(named), root=held.root
    )
    shown = (
        openings.Opening(index, salted, content, tuple(tree.inclusion_proof(index)))
        for index, (salted, content) in sorted(kept.items())
    )
    return openings.write_answer(row.version, members, shown)
