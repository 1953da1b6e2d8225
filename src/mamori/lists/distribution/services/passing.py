"""What the next edition would change, and how much of it passes the gate."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from mamori.engine.editions import (
    BASE_FILES,
    LAST_RING,
    Delta,
    Edition,
    FileDigest,
    ListEntry,
    ListInForce,
    Refusal,
    Rest,
    Rules,
    SignedStatement,
    activation_statement,
    edition_digest,
    gate,
    kill_statement,
    sign_statement,
    sign_statements,
    withdrawal_statement,
    write_files,
)
from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM
from mamori.ground.facts import announce
from mamori.lists.distribution import models, press, store
from mamori.lists.distribution.facts import EditionRefused
from mamori.lists.distribution.keys import EditionKeys
from mamori.lists.distribution.services import rings
from mamori.lists.distribution.services.judging import Why, shown
from mamori.lists.distribution.states import EditionState
from mamori.lists.listing import queries as listing

NOTHING = ListInForce(0, dict.fromkeys(BASE_FILES, b""), Delta())
Formers = dict[str, tuple[ListEntry, SignedStatement]]  # by the renewal's id


@dataclass(frozen=True)
class Case:
    """What the next edition would change, before the gate. `now`: the edition in force, None before the first.

    `proposed` shows only what comes, and every statement about that and about what goes. `going`: what goes in any case.
    `formers`: id of an entry that comes -> the one it renews, and that one's signed ending; it goes with the edition that
    takes the renewal. `moves`: entry id -> the ring that a waiting entry reaches. `moments`: entry id -> when it was
    activated and when it ended.
    """

    now: press.Opened | None
    kill: models.KillOrder | None
    proposed: Edition
    going: frozenset[ListEntry]
    formers: Formers
    endings: frozenset[SignedStatement]
    held: EditionKeys
    rules: Rules
    moves: Mapping[str, int]
    moments: Mapping[str, tuple[datetime | None, datetime | None]]

    @property
    def listed(self) -> ListInForce:
        return self.now.listed if self.now else NOTHING

    def replaced(self, coming: Iterable[ListEntry]) -> Formers:
        """What goes because these come."""
        return {entry.entry_id: self.formers[entry.entry_id] for entry in coming if entry.entry_id in self.formers}

    def gone(self, coming: Iterable[ListEntry]) -> frozenset[ListEntry]:
        """What goes when these come."""
        return self.going.union(former for former, _ending in self.replaced(coming).values())

    def staying(self, coming: Iterable[ListEntry]) -> frozenset[ListEntry]:
        """Those of them whose targets the list has already: they block nothing more."""
        return frozenset(entry for entry in coming if self.listed.find(entry.method, entry.target) is not None)

    def waits(self, coming: frozenset[ListEntry]) -> dict[str, int]:
        """What waits by the next edition: entry id -> the last ring that has it."""
        stays = {**self.listed.delta.waits, **self.moves}
        for entry in self.gone(coming):
            stays.pop(entry.entry_id, None)
        return {each: ring for each, ring in stays.items() if ring < LAST_RING} | rings.waits_of(self.listed, coming)

    @property
    def is_other_order(self) -> bool:
        """Whether the list was emptied, or came back."""
        return (self.now.row.kill_id if self.now else None) != (self.kill.id if self.kill else None)


def formers_of(
    listed: ListInForce, coming: frozenset[ListEntry], going: frozenset[ListEntry], held: EditionKeys
) -> Formers:
    """What the entries that come would renew: those of the signed list with the same targets. Their endings are signed here."""
    found = {}
    for entry in coming:
        former = listed.find(entry.method, entry.target)
        if former is not None and former not in going and former.entry_id != entry.entry_id:
            found[entry.entry_id] = former
    now = clock.now()
    told = [withdrawal_statement(former.entry_id, withdrawn_at=now, reason="renewed") for former in found.values()]
    signed = zip(found.items(), told, sign_statements(told, held.rule), strict=True)
    return {each: (former, SignedStatement(words, frozenset({by}))) for (each, former), words, by in signed}


def passing(case: Case) -> tuple[Edition | None, Why]:
    """What passes the gate, None for nothing; and entry id -> why it is refused.

    Left out: new entries that are refused themselves, then the last of too many, then all new ones.
    """
    edition, refusals = _judged(case, case.proposed)
    why = _refuse(case, edition, refusals) if refusals else {}
    while refusals:
        if not edition.entries:
            return None, why
        fewer = _fewer(case, edition.entries, refusals)
        edition, refusals = _judged(case, replace(case.proposed, version=next_version(), entries=fewer))
    for entry in edition.entries:
        why.pop(entry.entry_id, None)
    return edition, why


def _judged(case: Case, proposed: Edition) -> tuple[Edition, list[Refusal]]:
    """The gate's word. A list whose every entry was rightly ended may be empty: the rule signs for that."""
    listed, gone = case.listed, case.gone(proposed.entries)
    gone_ids = {entry.entry_id for entry in gone}
    needed = {activation_statement(entry) for entry in proposed.entries}
    kept = {s for s in proposed.statements if s.action != "activate" or s.statement in needed}
    kept.update(ending for _former, ending in case.replaced(proposed.entries).values())
    proposed = replace(proposed, statements=frozenset(kept))
    previous = None
    if case.now is not None:
        signed = (s for entry in gone for s in listed.statements_of(entry.entry_id))
        previous = Edition(case.now.row.version, gone, frozenset(signed))

    def is_taken(entry: ListEntry) -> bool:
        other = listed.find(entry.method, entry.target)
        return other is not None and other.entry_id not in gone_ids

    rest = Rest(len(listed) - len(gone), is_taken)
    refusals = gate(previous, proposed, case.rules, rest)
    if [refusal.code for refusal in refusals] == ["empty"]:
        ending = kill_word(proposed.version, case.held, "all_entries_ended")
        proposed = replace(proposed, statements=proposed.statements | {ending})
        refusals = gate(previous, proposed, case.rules, rest)
    return proposed, refusals


def _fewer(case: Case, new: frozenset[ListEntry], refusals: list[Refusal]) -> frozenset[ListEntry]:
    """Fewer of the new entries: without the refused ones, else without the last of too many, else none. Of a flood none.

    Urgent ones come first, then the oldest. Neither brake nor flood holds back what stays blocked by it, as a renewal.
    """
    staying = case.staying(new)
    more = new - staying
    if more and any(refusal.code == "flood" for refusal in refusals):
        return staying
    named = {refusal.entry_id for refusal in refusals}
    fewer = frozenset(entry for entry in new if entry.entry_id not in named)
    if len(fewer) < len(new):
        return fewer
    room = case.rules.room(len(case.listed))
    if room >= len(more):
        return frozenset()
    urgent = listing.urgent(entry.entry_id for entry in more)

    def place(entry: ListEntry) -> tuple[bool, str, str]:
        return entry.entry_id not in urgent, str(case.moments[entry.entry_id][0]), entry.entry_id

    return staying.union(sorted(more, key=place)[:room])


def _refuse(case: Case, edition: Edition, refusals: list[Refusal]) -> Why:
    """Record a refused edition once; returns entry id -> why, for the list desk."""
    why: Why = {}
    for refusal in refusals:
        for entry_id in [refusal.entry_id] if refusal.entry_id else [entry.entry_id for entry in edition.entries]:
            why.setdefault(entry_id, []).append(shown(refusal))
    activations = frozenset(signed for signed in edition.statements if signed.action == "activate")
    proposed = write_files(replace(edition, statements=activations))
    digest = digest_of({name: FileDigest.of(data) for name, data in proposed.items()})
    last = models.Edition.objects.filter(state=EditionState.REFUSED).order_by("-version").first()
    if last is None or last.digest != digest or last.built_at.date() != clock.now().date():
        with transaction.atomic():
            row = models.Edition.objects.create(
                version=edition.version,
                base=edition.version,
                state=EditionState.REFUSED,
                digest=digest,
                refusals=[shown(refusal) | {"entry_id": refusal.entry_id} for refusal in refusals[:200]],
                built_at=clock.now(),
                **counts(case, edition.entries),
            )
            audit.record("distribution.refused", subject=row, actor=SYSTEM, version=row.version, reasons=len(refusals))
            announce(EditionRefused(row.id))
    return why


def changes_with(
    listed: ListInForce,
    coming: frozenset[ListEntry],
    gone: frozenset[ListEntry],
    statements: Iterable[SignedStatement],
    waits: Mapping[str, int],
) -> Delta:
    """The changes since the base with what comes, goes and was signed now. Of what goes only the endings are kept."""
    news = frozenset(s for s in statements if s not in listed.statements_of(s.entry_id))
    delta = listed.delta.lasting().then(Delta(coming, gone, news, waits))
    over = (s for entry in gone for s in listed.statements_of(entry.entry_id) if s.action == "activate")
    return replace(delta, statements=delta.statements.difference(over))


def counts(case: Case, coming: frozenset[ListEntry]) -> dict[str, int]:
    """How long the list is with this edition, and how much that changes. Under the kill switch it is empty.

    A target that goes with one entry and comes with another is neither added nor removed.
    """
    gone, both = case.gone(coming), len(case.staying(coming))
    stays, comes = case.listed.sizes, Counter(entry.method for entry in coming)
    goes = Counter(entry.method for entry in gone)
    names, urls = stays[0] - goes["dns"] + comes["dns"], stays[1] - goes["url"] + comes["url"]
    was_empty = case.now is None or case.now.row.kill_id is not None
    if case.kill is not None:
        return {"names": 0, "urls": 0, "added": 0, "removed": 0 if was_empty else len(case.listed)}
    if was_empty:
        return {"names": names, "urls": urls, "added": names + urls, "removed": 0}
    return {"names": names, "urls": urls, "added": len(coming) - both, "removed": len(gone) - both}


def next_version() -> int:
    """Above every number there is: in the database, and on disk, should the database have come from an older backup."""
    noted = models.Edition.objects.aggregate(last=Max("version"))["last"] or 0
    return max(int(noted), store.current(press.folder()) or 0) + 1


def kill_word(version: int, held: EditionKeys, reason: str) -> SignedStatement:
    statement = kill_statement(version, reason=reason)
    return SignedStatement(statement, frozenset({sign_statement(statement, held.rule)}))


def digest_of(files: Mapping[str, FileDigest]) -> str:
    return edition_digest({name: digest.sha256 for name, digest in files.items()})
