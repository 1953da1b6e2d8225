"""Propose, sign, activate: two persons, each with a key of their own."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import NameRefused, listable_name
from mamori.engine.editions import Signature, activation_statement, content_refusals, verify_activation
from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.facts import announce
from mamori.ground.states import require_state
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.checks import queries as checks
from mamori.hotline.checks.services import check_now
from mamori.lists.listing.case import content_rules, far_of, reach_of, require_listable, targets
from mamori.lists.listing.facts import EntryActivated
from mamori.lists.listing.models import Approval, Candidate, Entry, EntryEvent, SigningKey
from mamori.lists.listing.permissions import ACTIVATE, PROPOSE
from mamori.lists.listing.queries.entries import list_entry, person_keys
from mamori.lists.listing.services.moves import locked, move, of_targets
from mamori.lists.listing.states import BEFORE, IN_FORCE, LIVES, TESTS, EntryState, Method, Reason

Answers = Mapping[str, Mapping[str, Any]]


def look_ask(*, content_id: UUID) -> None:
    """Have the hotline look again where nobody saw it online lately. Kept, whatever becomes of the entry."""
    if not checks.is_surely_online(content_id, clock.now()):
        with suppress(NotFound):  # not watched: it was found not to be illegal
            check_now(actor=SYSTEM, content_id=content_id)


@transaction.atomic
def entry_propose(
    *,
    actor: Actor,
    content_id: UUID,
    method: Method,
    reason: Reason,
    answers: Answers,
    target: str = "",
    days: int = 90,
) -> Entry:
    """Propose a listing. `answers`: test -> {"yes": bool, "reason": str}; a DNS `target` may be the domain above.

    When the same target is in force by the same method, this renews it: once activated it takes its place with the next
    edition that the gate lets it into.
    """
    actor.require(PROPOSE)
    assert actor.id is not None
    address = assessment.content_address(content_id)
    require_listable(content_id, reason, actor.id)
    if days not in LIVES:
        raise DomainError("bad_expiry", _("An entry holds for 30, 90 or 180 days."), status=422)
    target = _check_name(content_id, target or address.host, targets(address)) if method == Method.DNS else address.url
    kept = _check_answers(method, answers)
    digest = hashlib.sha256(target.encode()).hexdigest()
    same = Entry.objects.select_for_update().filter(method=method, target_digest=digest)
    if same.filter(state__in=BEFORE).exists():
        raise DomainError(
            "proposed_already",
            _("This is proposed already."),
            remedy=_("Open the entry on the list desk and go on there."),
        )
    formers = list(same.filter(state__in=IN_FORCE).order_by("yields", "-activated_at"))
    _require_unquestioned(formers)
    now = clock.now()
    entry = Entry(
        content_id=content_id,
        method=str(method),
        target=target,
        target_digest=digest,
        reason=str(reason),
        answers=kept,
        stated_at=now.replace(microsecond=0),
        expires_on=now.date() + timedelta(days=days),
        renews=formers[0] if formers else None,
        proposer_id=actor.id,
        proposed_at=now,
        far=[str(why) for why in far_of(method, target)],
    )
    _require_fit(entry)
    entry.save(force_insert=True)
    EntryEvent.objects.create(entry=entry, at=now, now=entry.state, actor_kind=actor.kind)
    Candidate.objects.filter(content_id=content_id, closed_at=None).update(closed_at=now)
    audit.record("listing.proposed", subject=entry, actor=actor, content=content_id, method=method, reason=reason)
    return entry


@transaction.atomic
def entry_sign(*, actor: Actor, entry_id: UUID, signature: str) -> None:
    """The proposer signs the statement (base64 of 64 bytes): the entry goes to a second person."""
    actor.require(PROPOSE)
    entry = locked(entry_id)
    if actor.id != entry.proposer_id:
        raise DomainError(
            "not_proposer", _("The person who proposed the entry signs it."), remedy=_("Ask the proposer to sign.")
        )
    move(entry, EntryState.PENDING_ACTIVATION, actor=actor)
    _approve(entry, "propose", actor, signature)


@transaction.atomic
def entry_activate(*, actor: Actor, entry_id: UUID, signature: str) -> None:
    """A second person signs the same statement (base64 of 64 bytes): the entry is in force with the next edition.

    One that reaches far goes to a third person first, who signs it in the same way.
    """
    actor.require(ACTIVATE)
    assert actor.id is not None
    entry = locked(entry_id)
    is_third = entry.state == EntryState.PENDING_THIRD
    if not is_third:
        require_state(entry.state, EntryState.PENDING_ACTIVATION)
    elif actor.id == entry.activator_id:
        raise DomainError(
            "third_person_needed",
            _("A third person must sign this: you signed it already."),
            remedy=_("Ask another list approver."),
        )
    signed_by = [entry.proposer_id, *([entry.activator_id] if entry.activator_id else [])]
    require_listable(entry.content_id, entry.reason, actor.id, *signed_by)
    if entry.expires_on <= clock.now().date():
        raise DomainError("expired", _("This proposal has expired."), remedy=_("Propose the entry again."))
    _require_fit(entry)
    entry.activated_at = clock.now()
    entry.far = sorted({*entry.far, *far_of(entry.method, entry.target)})
    if is_third:
        entry.third_id = actor.id
    else:
        entry.activator_id = actor.id
    if entry.far and not is_third:
        changed = ("activator", "activated_at", "far")
        move(entry, EntryState.PENDING_THIRD, actor=actor, first_person=entry.proposer_id, changed=changed)
        _approve(entry, "activate", actor, signature)
        return
    formers = Entry.objects.select_for_update().filter(of_targets([entry]), state__in=IN_FORCE)
    _require_unquestioned(formers)
    formers.update(yields=True)  # until an edition has this one: the target is blocked meanwhile
    move(
        entry,
        EntryState.ACTIVE,
        actor=actor,
        first_person=entry.proposer_id,
        changed=("activator", "activated_at", "third", "far"),
    )
    _approve(entry, "third" if is_third else "activate", actor, signature)
    announce(EntryActivated(entry.id))


@transaction.atomic
def candidate_open(*, content_id: UUID, why: str) -> None:
    """The list body may consider this content: removal is too slow, or it came back. Safe to run twice."""
    candidate, new = Candidate.objects.select_for_update().get_or_create(
        content_id=content_id, defaults={"why": why, "since": clock.now()}
    )
    if not new and candidate.closed_at is not None:
        candidate.why, candidate.since, candidate.closed_at = why, clock.now(), None
        candidate.save(update_fields=["why", "since", "closed_at"])


def _require_unquestioned(formers: Iterable[Entry]) -> None:
    """What is complained about or under review is decided first: a renewal would take it away from that."""
    if any(former.state in (EntryState.APPEALED, EntryState.IN_REVIEW) for former in formers):
        raise DomainError(
            "under_review",
            _("This entry is questioned: it is not renewed before that is decided."),
            remedy=_("Wait for the decision on the list desk."),
        )


def _require_fit(entry: Entry) -> None:
    """What the gate would refuse of the entry itself is told to people at once."""
    for refusal in content_refusals(list_entry(entry), content_rules()):
        message, remedy = gettext(refusal.message) % refusal.params, gettext(refusal.remedy)
        raise DomainError(refusal.code, message, remedy=remedy, status=422)


def _check_name(content_id: UUID, name: str, allowed: list[str]) -> str:
    """The name when it may stand on the DNS list, else DomainError that points to the URL list."""
    instead = _("Propose the single page for the URL list.")
    if name not in allowed:
        raise DomainError(
            "not_its_name", _("A DNS entry names the content's own host or domain."), remedy=instead, status=422
        )
    try:
        listable_name(name)
    except NameRefused as error:
        raise DomainError(f"name_{error.code}", _(error.message), remedy=_(error.remedy), status=422) from error
    if reach_of(content_id, name).refused:
        raise DomainError(
            "too_broad",
            _("Blocking this name would hit unrelated sites: it is a popular, shared or protected name."),
            remedy=instead,
            status=422,
        )
    return name


def _check_answers(method: Method, answers: Answers) -> dict[str, dict[str, Any]]:
    kept: dict[str, dict[str, Any]] = {}
    for test in TESTS[method]:
        answer = answers.get(test, {})
        reason = str(answer.get("reason", "")).strip()
        if len(reason) < 10:
            raise DomainError(
                "reason_missing",
                _("Each test needs its reasons."),
                remedy=_("Write at least one sentence."),
                status=422,
            )
        kept[str(test)] = {"yes": answer.get("yes") is True, "reason": reason[:2000]}
    if not all(answer["yes"] for answer in kept.values()):
        if method == Method.DNS:
            raise DomainError(
                "test_failed",
                _("A name goes on the DNS list only when all four tests are met."),
                remedy=_("Propose the single page for the URL list."),
                status=422,
            )
        raise DomainError(
            "other_means",
            _("While there are other means, nothing is listed."),
            remedy=_("Leave it to the hotline's notices."),
            status=422,
        )
    return kept


def _approve(entry: Entry, step: str, actor: Actor, signature: str) -> None:
    """Verify the actor's signature under the entry's statement and keep it."""
    assert actor.id is not None
    statement = activation_statement(list_entry(entry))
    keys = person_keys(actor.id)
    if not keys:
        raise DomainError(
            "no_key",
            _("You have no confirmed signing key."),
            remedy=_("Register your public key and have a colleague confirm it."),
        )
    try:
        value = base64.b64decode("".join(signature.split()), validate=True)
    except (ValueError, binascii.Error):
        value = b""
    for key in keys:
        if verify_activation(statement, [Signature(key, value)], keys):
            Approval.objects.create(
                entry=entry,
                step=step,
                person_id=actor.id,
                key=SigningKey.objects.get(id=key),
                statement=statement.decode(),
                signature=value,
                at=clock.now(),
            )
            return
    raise DomainError(
        "bad_signature",
        _("The signature is not one of your key under this statement."),
        remedy=_("Sign the statement shown on the page, byte for byte, with the key you registered."),
        status=422,
    )
