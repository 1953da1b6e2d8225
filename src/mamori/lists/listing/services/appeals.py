"""Complaints about an address, listed or not. Control of the domain is proved first; somebody uninvolved decides."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import AddressError, canonicalize
from mamori.ground import audit, clock, states
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.sealed.services import open_text, seal_texts
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.intake.gate import Spent
from mamori.hotline.intake.services.one_use import spend
from mamori.lists.listing.models import Appeal, Entry
from mamori.lists.listing.permissions import OPEN_SEALED, REVIEW
from mamori.lists.listing.services.endings import end_in_force
from mamori.lists.listing.services.moves import move
from mamori.lists.listing.services.reviews import review_open, suspend
from mamori.lists.listing.states import APPEAL, IN_FORCE, AppealState, End, EntryState, Method, Proof

MOST_TEXT = 5000
LABEL = "_mamori-appeal"
FILE = "/.well-known/mamori-appeal.txt"


@dataclass(frozen=True)
class AppealReceipt:
    """What the complainant is told, listed or not: a reference, and the token to publish under the host."""

    code: str
    token: str
    host: str


@transaction.atomic
def appeal_open(*, address: str, text: str, contact: str, spent: Spent | None = None) -> AppealReceipt:
    """Take a complaint from anybody. Text and contact are sealed, the time is kept to the hour, no device is known.

    `spent`: the public form's proof of work or turn in the queue, used up here.
    """
    if spent is not None:
        spend(spent)
    try:
        place = canonicalize(address)
    except AddressError as error:
        raise DomainError(f"address_{error.code}", _(error.message), remedy=_(error.remedy), status=422) from error
    key, sealed = seal_texts({"text": text[:MOST_TEXT], "contact": contact[:300]})
    appeal = Appeal.objects.create(
        code="-".join(f"{secrets.randbelow(10_000):04}" for _part in range(3)),
        token=secrets.token_hex(16),
        url=place.url,
        host=place.host,
        seal_key=key,
        text=sealed["text"],
        contact=sealed["contact"],
        received_hour=clock.this_hour(),
    )
    return AppealReceipt(appeal.code, appeal.token, appeal.host)


@transaction.atomic
def appeals_match() -> int:
    """Find whether open complaints are about an entry. Runs as a sweep: the public face can read no entry.

    One that is about none is compared again each time: an entry may come into force after it. Returns how many are new.
    """
    waiting = Appeal.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        entry=None, state=AppealState.RECEIVED
    )
    done = 0
    for appeal in waiting.order_by(F("matched_at").asc(nulls_first=True))[:200]:
        new, appeal.matched_at = appeal.matched_at is None, clock.now()
        entry = next(iter(entries_about(appeal)), None)
        if entry is not None:
            appeal.entry, appeal.proposer_id, appeal.activator_id = entry, entry.proposer_id, entry.activator_id
        appeal.save(update_fields=["matched_at", "entry", "proposer", "activator"])
        if new or entry is not None:
            audit.record("listing.appeal_matched", subject=appeal, actor=SYSTEM, entry=appeal.entry_id)
        if entry is not None and appeal.proof:
            _question(appeal)
        done += new
    return done


@transaction.atomic
def appeal_prove(*, actor: Actor, appeal_id: UUID, proof: Proof) -> None:
    """Record what a member saw of the complainant's control of the domain. DNS is looked up by the worker alone."""
    appeal = _locked(appeal_id, actor)
    _require_uninvolved(actor, appeal)
    if proof == Proof.DNS:
        raise DomainError(
            "looked_up_by_rule",
            _("Only the worker looks into DNS, for every complaint alike."),
            remedy=_("Wait for it, or attest how control was shown."),
        )
    if not appeal.proof:
        prove(appeal, proof, actor)


def prove(appeal: Appeal, proof: Proof, actor: Actor) -> None:
    """Control is shown: from now on the entries are questioned, and are not renewed. `appeal` is locked."""
    appeal.proof, appeal.proved_at = str(proof), clock.now()
    appeal.save(update_fields=["proof", "proved_at"])
    audit.record("listing.appeal_proved", subject=appeal, actor=actor, proof=proof)
    _question(appeal)


def _question(appeal: Appeal) -> None:
    for entry in _locked_about(appeal):
        if entry.state in (EntryState.ACTIVE, EntryState.UPHELD):
            move(entry, EntryState.APPEALED, actor=SYSTEM)


@transaction.atomic
def appeal_accept(*, actor: Actor, appeal_id: UUID) -> None:
    """Triage: control is proved and an entry is concerned, so it goes to review. Nothing is lifted by that."""
    appeal = _locked(appeal_id, actor)
    if not appeal.proof or appeal.entry_id is None:
        raise DomainError(
            "not_proved",
            _("A review needs an entry in force and proof that the complainant controls the domain."),
            remedy=_("Record the proof first, or reject the complaint."),
        )
    _require_uninvolved(actor, appeal)
    appeal.triaged_at = clock.now()
    _move(appeal, AppealState.IN_REVIEW, actor, "triaged_at")
    for entry in _locked_about(appeal):
        if entry.state != EntryState.IN_REVIEW:
            review_open(entry, "appeal", actor=actor if entry.state == EntryState.APPEALED else SYSTEM)


@transaction.atomic
def appeal_decide(*, actor: Actor, appeal_id: UUID, outcome: AppealState, reason: str) -> None:
    """Decide a complaint under review: upheld, suspended or removed. Only by somebody who had no part in the entry."""
    if outcome not in (AppealState.UPHELD, AppealState.SUSPENDED, AppealState.REMOVED):
        raise DomainError("bad_outcome", _("Choose, and say why."), status=422)
    appeal = _locked(appeal_id, actor)
    _close(appeal, outcome, actor, reason)
    for entry in _locked_about(appeal):
        if outcome == AppealState.REMOVED:
            end_in_force(entry, End.APPEAL, actor=actor)
        elif outcome == AppealState.SUSPENDED:
            if entry.state != EntryState.IN_REVIEW:
                review_open(entry, "appeal", actor=SYSTEM)
            suspend(entry, End.APPEAL, actor=actor)
        else:
            _keep(entry, actor, "appeal")


@transaction.atomic
def appeal_reject(*, actor: Actor, appeal_id: UUID, reason: str) -> None:
    """Close a complaint that concerns no entry, whose control is not proved, or that is no complaint."""
    appeal = _locked(appeal_id, actor)
    _close(appeal, AppealState.REJECTED, actor, reason)
    for entry in _locked_about(appeal):
        _keep(entry, actor, "rejected")


@transaction.atomic
def appeal_answer(*, actor: Actor, appeal_id: UUID) -> None:
    """A member told the complainant the outcome, by the contact that was given. Safe to say again."""
    appeal = _locked(appeal_id, actor)
    if appeal.decided_at is None:
        raise DomainError("not_decided", _("This complaint is not decided yet."))
    if appeal.answered_at is None:
        appeal.answered_at, appeal.answered_by_id = clock.now(), actor.id
        appeal.save(update_fields=["answered_at", "answered_by"])
        audit.record("listing.appeal_answered", subject=appeal, actor=actor)


@transaction.atomic
def appeal_read(*, actor: Actor, appeal_id: UUID) -> tuple[str, str]:
    """Open the sealed text and contact; the log keeps that it was read."""
    actor.require(OPEN_SEALED)
    appeal = Appeal.objects.filter(id=appeal_id).first()
    if appeal is None:
        raise NotFound
    audit.record("listing.appeal_read", subject=appeal, actor=actor)
    return (
        open_text(appeal.seal_key, "text", bytes(appeal.text)),
        open_text(appeal.seal_key, "contact", bytes(appeal.contact)),
    )


def _locked(appeal_id: UUID, actor: Actor) -> Appeal:
    actor.require(REVIEW)
    appeal = Appeal.objects.select_for_update().filter(id=appeal_id).first()
    if appeal is None:
        raise NotFound
    return appeal


def _require_uninvolved(actor: Actor, appeal: Appeal) -> None:
    if is_involved(actor, appeal):
        raise DomainError(
            "involved",
            _("You signed this entry, assessed its content or reviewed it: somebody uninvolved decides."),
            remedy=_("Ask a colleague who had no part in it."),
        )


def _close(appeal: Appeal, outcome: AppealState, actor: Actor, reason: str) -> None:
    _require_uninvolved(actor, appeal)
    if not reason.strip():
        raise DomainError("reason_missing", _("A decision needs its reason."), status=422)
    appeal.decided_by_id, appeal.decided_at, appeal.decision_reason = actor.id, clock.now(), reason.strip()[:300]
    _move(appeal, outcome, actor, "decided_by", "decided_at", "decision_reason")


def _keep(entry: Entry, actor: Actor, code: str) -> None:
    """The entry stays. With its last open complaint it is questioned no more."""
    others = Appeal.objects.filter(state__in=[AppealState.RECEIVED, AppealState.IN_REVIEW]).exclude(proof="")
    if any(entry in entries_about(appeal) for appeal in others.filter(_of_host(entry))):
        return
    if entry.state == EntryState.APPEALED:
        move(entry, EntryState.ACTIVE, actor=actor, code=code)
    elif entry.state == EntryState.IN_REVIEW and entry.review_reason == "appeal":
        move(entry, EntryState.UPHELD, actor=actor, code=code)


def _of_host(entry: Entry) -> Q:
    """Complaints that may be about the entry, by their host."""
    if entry.method == Method.DNS:
        return Q(host=entry.target) | Q(host__endswith=f".{entry.target}")
    return Q(host=canonicalize(entry.target).host)


def _move(appeal: Appeal, to: AppealState, actor: Actor, *changed: str) -> None:
    states.move(appeal, to, machine=APPEAL, actor=actor, event="listing.appeal_moved", changed=changed)


def entries_about(appeal: Appeal) -> QuerySet[Entry]:
    """The entries in force that block the address, the longest in force first.

    Its host or a domain above, and the very page; where that page was never listed, all pages of its host.
    """
    labels = appeal.host.split(".")
    names = [".".join(labels[at:]) for at in range(len(labels) - 1)]
    pages = Q(target__startswith=f"https://{appeal.host}/") | Q(target__startswith=f"http://{appeal.host}/")
    if Entry.objects.filter(method=Method.URL, target=appeal.url, activated_at__isnull=False).exists():
        pages = Q(target=appeal.url)
    blocks = Q(method=Method.DNS, target__in=names) | (Q(method=Method.URL) & pages)
    return Entry.objects.filter(blocks, state__in=IN_FORCE).order_by("activated_at", "id")


def is_involved(actor: Actor, appeal: Appeal) -> bool:
    """Whether the actor had a part in an entry that the complaint is about, now or when it came.

    Who signed it, assessed its content as an analyst, or gave an opinion in a review of it.
    """
    if actor.id is None:
        return False
    about = Entry.objects.filter(Q(id__in=entries_about(appeal).values("id")) | Q(id=appeal.entry_id))
    signed = Q(proposer_id=actor.id) | Q(activator_id=actor.id) | Q(third_id=actor.id)
    return (
        actor.id in (appeal.proposer_id, appeal.activator_id)
        or about.filter(signed | Q(opinions__person_id=actor.id)).exists()
        or assessment.has_assessed(actor.id, about.values_list("content_id", flat=True))
    )


def _locked_about(appeal: Appeal) -> list[Entry]:
    return list(entries_about(appeal).select_for_update())
