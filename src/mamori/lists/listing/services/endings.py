"""How entries end: one person or a rule, at once."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from mamori.engine.editions import SignedStatement, sign_statements, withdrawal_statement
from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM, Actor, Role
from mamori.ground.bulk import insert_rows
from mamori.ground.errors import DomainError
from mamori.ground.facts import announce
from mamori.lists.listing.facts import EntryWithdrawn
from mamori.lists.listing.models import Candidate, Entry, Withdrawal
from mamori.lists.listing.permissions import WITHDRAW
from mamori.lists.listing.queries.entries import untold
from mamori.lists.listing.services.moves import locked, move, move_many, of_targets
from mamori.lists.listing.services.reviews import review_open
from mamori.lists.listing.states import BEFORE, IN_FORCE, End, EntryState

_ENDED = ("ended_at", "end")


def end_in_force(entry: Entry, end: End, *, actor: Actor, announced: bool = True) -> None:
    """Take a locked entry off the list with the next edition."""
    entry.ended_at, entry.end = clock.now(), str(end)
    move(entry, EntryState.PENDING_REMOVAL, actor=actor, code=str(end), changed=_ENDED)
    if announced:
        announce(EntryWithdrawn(entry.id))


def end_proposal(entry: Entry, end: End, *, actor: Actor) -> None:
    """Give up a locked entry that was never in force."""
    entry.ended_at, entry.end = clock.now(), str(end)
    move(entry, EntryState.REMOVED, actor=actor, code=str(end), changed=_ENDED)


@transaction.atomic
def entry_withdraw(*, actor: Actor, entry_id: UUID) -> None:
    """One person takes an entry off the list, or gives a proposal up. At once; nobody needs to agree.

    With it goes its renewal that no edition has yet, or what it renews: the target is off the list.
    """
    actor.require(WITHDRAW)
    entry = locked(entry_id)
    end = _by_person(actor)
    if entry.state in BEFORE:
        end_proposal(entry, end, actor=actor)
    elif entry.state == EntryState.SUSPENDED:
        move(entry, EntryState.REMOVED, actor=actor, code=str(end))
    elif entry.state in IN_FORCE:
        for each in _in_force(of_targets([entry])):
            end_in_force(each, end, actor=actor)
    else:
        raise DomainError("ended_already", _("This entry has ended already."))


@transaction.atomic
def entries_withdraw(*, actor: Actor, entry_ids: Collection[UUID]) -> int:
    """As `entry_withdraw`, many that are in force. Returns how many; what ended already stays so."""
    actor.require(WITHDRAW)
    entries = list(_in_force(of_targets(Entry.objects.filter(id__in=entry_ids, state__in=IN_FORCE))))
    end = str(_by_person(actor))
    ended = {"ended_at": clock.now(), "end": end}
    move_many(entries, EntryState.PENDING_REMOVAL, actor=actor, code=end, changed=ended)
    announce(*(EntryWithdrawn(entry.id) for entry in entries))
    return len(entries)


@transaction.atomic
def content_gone(*, content_id: UUID) -> None:
    """Three agreeing negative checks: what is listed goes at once, proposals are given up. Safe to run twice."""
    for entry in _of(content_id):
        if entry.state in BEFORE:
            end_proposal(entry, End.GONE, actor=SYSTEM)
            continue
        move(entry, EntryState.RECHECK_FAILED, actor=SYSTEM)
        end_in_force(entry, End.GONE, actor=SYSTEM)
    _close_candidate(content_id)


@transaction.atomic
def content_dropped(*, content_id: UUID, end: End) -> None:
    """The decision no longer stands (dismissed or reopened): nothing of it stays listed. Safe to run twice."""
    for entry in _of(content_id):
        if entry.state in BEFORE:
            end_proposal(entry, end, actor=SYSTEM)
        else:
            end_in_force(entry, end, actor=SYSTEM)
    _close_candidate(content_id)


@transaction.atomic
def entries_expire() -> int:
    """Entries whose last day is over go; so do proposals nobody activated."""
    due = Entry.objects.select_for_update(skip_locked=True).filter(
        expires_on__lte=clock.now().date(), state__in=[*IN_FORCE, *BEFORE]
    )
    done = 0
    for entry in due[:500]:
        if entry.state in BEFORE:
            end_proposal(entry, End.EXPIRED, actor=SYSTEM)
        else:
            end_in_force(entry, End.EXPIRED, actor=SYSTEM)
        done += 1
    return done


@transaction.atomic
def withdrawals_sign(*, key: Ed25519PrivateKey) -> int:
    """Sign, with the rule's key, every ending of what was in force that has no statement. Called before an edition."""
    ended = {row[0]: row for row in untold().select_for_update().values_list("id", "ended_at", "end")}
    for signed in Withdrawal.objects.filter(entry__in=[*ended]).values_list("entry", flat=True):
        del ended[signed]
    statements: dict[UUID, bytes] = {}
    for entry_id, at, end in ended.values():
        assert at is not None
        statements[entry_id] = withdrawal_statement(str(entry_id), withdrawn_at=at, reason=end)
    if not statements:
        return 0
    signatures = sign_statements([*statements.values()], key)
    both = zip(statements.items(), signatures, strict=True)
    _keep_withdrawals({each: SignedStatement(words, frozenset({by})) for (each, words), by in both})
    return len(statements)


def _keep_withdrawals(signed: Mapping[UUID, SignedStatement]) -> None:
    """By entry. Each is signed by the rule's key alone."""
    now = clock.now()
    rows = [
        (each, said.statement.decode(), by.key_id, by.value, now)
        for each, said in signed.items()
        for by in said.signatures
    ]
    if not rows:
        return
    insert_rows("listing_withdrawal", "entry_id, statement, key_id, signature, at", rows)
    subjects = [(f"listing.entry:{entry_id}", {"key": number}) for entry_id, _statement, number, *_rest in rows]
    audit.record_many("listing.withdrawal_signed", subjects=subjects, actor=SYSTEM)


@transaction.atomic
def publication_told(
    *,
    came: Collection[str] = (),
    went: Collection[str] = (),
    endings: Collection[SignedStatement] = (),
    refused: Mapping[str, list[dict[str, Any]]],
    all_judged: bool = False,
) -> None:
    """What became of the list, by entry ids: what came and went with the edition in force; and which endings it tells.

    What a renewal took the place of is over with that, and its ending kept as the publisher signed it.
    `refused`: entry id -> why it is refused. An entry in force that newer rules refuse goes to two-person review;
    `all_judged`: what is in force was judged anew too, so that a former reason of such an entry is over.
    """
    Entry.objects.filter(id__in=came).update(listed=True)
    Entry.objects.filter(id__in=went).update(listed=False)
    told = {signed.entry_id: signed for signed in endings}
    _end_renewed(told)
    news = [entry_id for entry_id in untold().values_list("id", flat=True) if str(entry_id) in told]
    Entry.objects.filter(id__in=news).update(ending_told=True)
    gone = Entry.objects.select_for_update().filter(state=EntryState.PENDING_REMOVAL, listed=False)
    move_many(list(gone), EntryState.REMOVED, actor=SYSTEM)
    former = ~Q(refused=[]) if all_judged else ~Q(refused=[]) & (Q(listed=False) | Q(id__in=came))
    for entry in Entry.objects.select_for_update().filter(Q(id__in=list(refused)) | former, state__in=IN_FORCE):
        reasons = refused.get(str(entry.id), [])
        if entry.refused != reasons:
            entry.refused = reasons
            entry.save(update_fields=["refused"])
            if reasons and entry.listed and entry.state in (EntryState.ACTIVE, EntryState.UPHELD):
                review_open(entry, "rules", actor=SYSTEM)


def _end_renewed(told: Mapping[str, SignedStatement]) -> None:
    """End what yielded to a renewal and is not listed any more, or never was. Its own expiry is another end."""
    today = clock.now().date()
    entries = list(_in_force(Q(yields=True, listed=False, expires_on__gt=today)))
    ended = {"ended_at": clock.now(), "end": str(End.RENEWED)}
    move_many(entries, EntryState.PENDING_REMOVAL, actor=SYSTEM, code=str(End.RENEWED), changed=ended)
    _keep_withdrawals({entry.id: told[str(entry.id)] for entry in entries if str(entry.id) in told})


def _by_person(actor: Actor) -> End:
    return End.OVERSIGHT if Role.AUDITOR in actor.roles else End.WITHDRAWN


def _in_force(which: Q) -> QuerySet[Entry]:
    return Entry.objects.select_for_update().filter(which, state__in=IN_FORCE)


def _of(content_id: UUID) -> Iterable[Entry]:
    return Entry.objects.select_for_update().filter(content_id=content_id, state__in=[*BEFORE, *IN_FORCE])


def _close_candidate(content_id: UUID) -> None:
    Candidate.objects.filter(content_id=content_id, closed_at=None).update(closed_at=clock.now())
