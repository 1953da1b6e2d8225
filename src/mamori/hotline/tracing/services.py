"""The only writer of this room's tables."""

import contextlib
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from pyrage import RecipientError, x25519

from mamori.ground import audit, clock, jobs, states
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.ground.facts import announce
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.assessment.services import content_traced
from mamori.hotline.tracing import queries
from mamori.hotline.tracing.ballot import Ballot, Finding, Named, collect, conclude
from mamori.hotline.tracing.facts import ContactApproved, HostChanged, HostTraced
from mamori.hotline.tracing.models import Contact, HostAddress, Rung, Trace, Vote
from mamori.hotline.tracing.permissions import APPROVE, CONFIRM
from mamori.hotline.tracing.queries import CACHE_LIFE
from mamori.hotline.tracing.sources import sources
from mamori.hotline.tracing.sources.answers import SourceError
from mamori.hotline.tracing.sources.mails import mail_or_nothing
from mamori.hotline.tracing.states import TRACE, Method, Outcome, TraceState

RETRY_AFTER = timedelta(minutes=15)
RETRY_BATCH = 200


def trace_run(*, actor: Actor, content_id: UUID, fresh: bool = False, ask_name: bool = False) -> None:
    """Trace the host of a content item. An answer younger than 12 hours is not asked for again unless `fresh`.

    `ask_name`: the DNS is asked in any case, see `name_ask`. The sources are asked outside any transaction. Safe to run
    twice.
    """
    actor.require(CONFIRM)
    trace = _trace(content_id)
    address = assessment.content_address(content_id)
    now = clock.now()
    ballots = collect(
        address.host,
        address.registrable,
        ask=sources(),
        remembered=lambda method, subject: (
            None if fresh or (ask_name and method == Method.DNS) else _remembered(method, subject)
        ),
        now=now,
    )
    _record(trace.id, ballots, actor=actor)


def name_ask(*, content_id: UUID) -> None:
    """A known item was reported again: ask the DNS for its host just as for an item nobody knew.

    Who runs the name server of a host, and reports it to see whether a question comes, learns nothing then. The answer
    is kept where the last is old; else nothing is.
    """
    host = assessment.content_address(content_id).host
    if _remembered(Method.DNS, host) is None:
        trace_run(actor=SYSTEM, content_id=content_id, ask_name=True)
        return
    with contextlib.suppress(SourceError):
        sources().resolver.addresses(host)


def trace_fresh(*, actor: Actor, content_id: UUID) -> None:
    """Trace again now, asking every source: before a notice goes out."""
    trace_run(actor=actor, content_id=content_id, fresh=True)


@transaction.atomic
def trace_again(*, actor: Actor, content_id: UUID) -> None:
    """A member asks for a fresh trace: it runs as a job."""
    actor.require(CONFIRM)
    if not Trace.objects.filter(content_id=content_id).exists():
        raise NotFound
    jobs.defer("tracing.run", content_id=str(content_id), fresh=True)
    audit.record("tracing.asked_again", subject=f"content:{content_id}", actor=actor)


@transaction.atomic
def trace_confirm(*, actor: Actor, content_id: UUID, contact_id: UUID) -> None:
    """An analyst confirms the host and chooses its contact, which is approved with it."""
    contact = Contact.objects.select_for_update().filter(id=contact_id, replaced_by=None).first()
    if contact is None:
        raise NotFound
    _confirm(content_id, contact, actor)


@transaction.atomic
def trace_contact_enter(*, actor: Actor, content_id: UUID, mail: str, organisation: str) -> UUID:
    """An analyst knows whom to write to about this content, whatever the sources name. Returns the contact's id.

    The contact is approved, and the host confirmed, by the same act.
    """
    actor.require(CONFIRM)
    contact = _contact_by_person(mail, organisation)
    _confirm(content_id, contact, actor)
    return contact.id


def _confirm(content_id: UUID, contact: Contact, actor: Actor) -> None:
    trace = Trace.objects.select_for_update().filter(content_id=content_id).first()
    if trace is None:
        raise NotFound
    _require_person(actor)
    trace.contact, trace.confirmed_at, trace.confirmed_by_id = contact, clock.now(), actor.id
    states.move(
        trace,
        TraceState.CONFIRMED,
        machine=TRACE,
        actor=actor,
        event="tracing.confirmed",
        changed=("contact", "confirmed_at", "confirmed_by"),
        contact=contact.id,
    )
    if contact.approved_at is None:
        _approve(contact, actor)
    announce(HostTraced(trace.content_id))


@transaction.atomic
def traces_retry() -> None:
    """Run traces again whose sources could not be asked: each quarter of an hour, for three days, or while it is needed."""
    now = clock.now()
    due = Trace.objects.filter(queries.is_asked_again(now), run_at__lt=now - RETRY_AFTER)
    ids = list(due.order_by("run_at").values_list("id", "content_id")[:RETRY_BATCH])
    Trace.objects.filter(id__in=[i for i, _content in ids]).update(run_at=now)
    jobs.defer_many("tracing.run", [{"content_id": str(content)} for _id, content in ids])


@transaction.atomic
def contact_needed(*, actor: Actor, content_id: UUID, urgent: bool = False) -> None:
    """A notice about this content is to go: its host's contact needs approval. Safe to call again."""
    actor.require(CONFIRM)
    trace = Trace.objects.select_for_update().get(id=_trace(content_id).id)
    trace.needed_at = trace.needed_at or clock.now()
    trace.urgent_at = trace.urgent_at or (clock.now() if urgent else None)
    trace.save(update_fields=["needed_at", "urgent_at"])
    if trace.contact_id is not None:
        contact_request(actor=actor, contact_id=trace.contact_id, urgent=urgent)


@transaction.atomic
def contact_unneeded(*, content_id: UUID) -> None:
    """No notice about this content is to go any more: nobody need settle its host. Safe to call again."""
    Trace.objects.filter(content_id=content_id).update(needed_at=None, urgent_at=None)


@transaction.atomic
def contact_request(*, actor: Actor, contact_id: UUID, urgent: bool = False) -> None:
    """Start the clock of a contact's approval, unless it runs or is over. Safe to call again."""
    actor.require(CONFIRM)
    contact = Contact.objects.select_for_update().get(id=contact_id)
    if contact.approved_at is not None or contact.replaced_by_id is not None:
        return
    if contact.needed_at is None:
        contact.needed_at = clock.now()
        audit.record("tracing.contact_needed", subject=contact, actor=actor, urgent=urgent)
    if urgent and contact.urgent_at is None:
        contact.urgent_at = clock.now()
    contact.save(update_fields=["needed_at", "urgent_at"])


@transaction.atomic
def contact_approve(*, actor: Actor, contact_id: UUID) -> None:
    """Approve a contact for its first notice."""
    actor.require(APPROVE)
    contact = _contact_locked(contact_id)
    if contact.approved_at is not None:
        raise DomainError("contact_approved", _("This contact was already approved."))
    _approve(contact, actor)


@transaction.atomic
def contact_replace(*, actor: Actor, contact_id: UUID, mail: str, organisation: str) -> UUID:
    """Put another contact, approved by the same act, in the place of this one. Returns its id."""
    actor.require(APPROVE)
    _require_person(actor)
    old = _contact_locked(contact_id)
    new = _contact_by_person(mail, organisation)
    if new.id == old.id:
        raise DomainError("same_contact", _("This is the same mail address."), status=422)
    Contact.objects.filter(replaced_by=old).update(replaced_by=new)
    old.replaced_by = new
    old.save(update_fields=["replaced_by"])
    audit.record("tracing.contact_replaced", subject=old, actor=actor, by=new.id)
    if new.approved_at is None:
        _approve(new, actor)
    return new.id


@transaction.atomic
def contact_register_key(*, actor: Actor, contact_id: UUID, age_key: str) -> None:
    """Keep a contact's public age key ("age1…"): attachments to it are encrypted. An empty one takes it away."""
    actor.require(APPROVE)
    contact = _contact_locked(contact_id)
    key = age_key.strip()
    if key:
        try:
            x25519.Recipient.from_str(key)
        except RecipientError as error:
            raise DomainError(
                "bad_age_key",
                _("This is not a public age key."),
                remedy=_("It begins with age1 and has 62 characters."),
                status=422,
            ) from error
    contact.age_key = key
    contact.save(update_fields=["age_key"])
    audit.record("tracing.key_registered", subject=contact, actor=actor, registered=bool(key))


def _contact_by_person(mail: str, organisation: str) -> Contact:
    """The contact a person names, locked. DomainError for what is no mail address."""
    clean = mail_or_nothing(mail)
    if not clean:
        raise DomainError("bad_mail", _("This is not a mail address."), status=422)
    contact, _made = Contact.objects.select_for_update().get_or_create(
        mail=clean, defaults={"organisation": organisation[:200], "source": "person", "found_at": clock.now()}
    )
    if contact.replaced_by_id is not None:
        raise DomainError(
            "contact_replaced",
            _("That mail address was itself replaced by another."),
            remedy=_("Enter the one that took its place."),
            status=422,
        )
    return contact


def _trace(content_id: UUID) -> Trace:
    trace = Trace.objects.filter(content_id=content_id).first()
    if trace is None:
        host = assessment.content_address(content_id).host
        trace, _made = Trace.objects.get_or_create(
            content_id=content_id, defaults={"host": host, "opened_at": clock.now()}
        )
    return trace


def _remembered(method: Method, subject: str) -> Ballot | None:
    if method in {Method.ROUTE, Method.RFC2142}:
        return None  # told from a file and by rule: nobody has to be asked
    vote = (
        Vote.objects.filter(subject=subject, method=method, at__gt=clock.now() - CACHE_LIFE)
        .exclude(outcome=Outcome.FAILED)
        .order_by("-at")
        .first()
    )
    if vote is None:
        return None
    return Ballot(method, subject, Outcome(vote.outcome), vote.at, vote.registry, vote.data)


@transaction.atomic
def _record(trace_id: UUID, ballots: list[Ballot], *, actor: Actor) -> None:
    trace = Trace.objects.select_for_update().get(id=trace_id)
    finding = conclude(ballots)
    trace.run, trace.run_at, trace.failed = trace.run + 1, clock.now(), finding.failed
    Vote.objects.bulk_create(
        Vote(
            trace=trace,
            run=trace.run,
            method=b.method,
            subject=b.subject,
            outcome=b.outcome,
            at=b.at,
            registry=b.registry[:120],
            data=b.data,
        )
        for b in ballots
    )
    trace.save(update_fields=["run", "run_at", "failed"])
    audit.record("tracing.ran", subject=trace, actor=actor, run=trace.run, failed=finding.failed)
    if finding.state != TraceState.UNRESOLVED:
        _apply(trace, finding)
    elif finding.addresses:
        _apply_nameless(trace, finding)
    content_traced(actor=SYSTEM, content_id=trace.content_id)


def _apply(trace: Trace, finding: Finding) -> None:
    """Take over a finding. An earlier one that says something else is a change."""
    moved = _differs(trace, finding)
    contacts = [_contact_for(named) for named in finding.contacts]
    fields = ("addresses", "asns", "as_name", "country", "registrar", "candidates", "contact")
    keep_contact = trace.contact_id is not None and not finding.sure_contacts
    if moved:
        _changed(trace)
    _where(trace, finding)
    if trace.state != TraceState.CONFIRMED and not keep_contact:
        trace.contact = contacts[0]
    if finding.sure_contacts:
        trace.candidates = finding.mails
    if trace.state in {TraceState.CONFIRMED, finding.state}:
        trace.save(update_fields=fields)
    else:
        _move(trace, finding.state, f"tracing.{finding.state}", fields)
        if finding.state == TraceState.TRACED:
            announce(HostTraced(trace.content_id))
    _rungs(trace, finding)
    _seen_on(trace)
    if trace.needed_at is not None and trace.contact_id is not None:
        contact_request(actor=SYSTEM, contact_id=trace.contact_id, urgent=trace.urgent_at is not None)


def _apply_nameless(trace: Trace, finding: Finding) -> None:
    """Take over where the host is, when no source names whom to write to. Who was found before stays, unless it moved."""
    open_states = {TraceState.UNRESOLVED, TraceState.CHANGED}
    if trace.state not in open_states:
        away = not set(trace.addresses) & set(finding.addresses)
        if not (away and finding.sure_asns and trace.asns and trace.asns != finding.asns):
            return
        trace.contact, trace.candidates = None, []
        _changed(trace, "contact", "candidates")
    _where(trace, finding)
    trace.save(update_fields=["addresses", "asns", "as_name", "country", "registrar"])
    _rungs(trace, finding)
    _seen_on(trace)


def _changed(trace: Trace, *fields: str) -> None:
    trace.changed_at, trace.confirmed_at, trace.confirmed_by = clock.now(), None, None
    _move(trace, TraceState.CHANGED, "tracing.changed", ("changed_at", "confirmed_at", "confirmed_by", *fields))
    announce(HostChanged(trace.content_id))


def _where(trace: Trace, finding: Finding) -> None:
    trace.addresses, trace.country, trace.registrar = finding.addresses, finding.country, finding.registrar
    if finding.sure_asns or not trace.asns:
        trace.asns, trace.as_name = finding.asns, finding.as_name[:120]


def _seen_on(trace: Trace) -> None:
    now = clock.now()
    HostAddress.objects.bulk_create(
        [HostAddress(ip=ip, host=trace.host, seen_at=now) for ip in trace.addresses],
        update_conflicts=True,
        unique_fields=["ip", "host"],
        update_fields=["seen_at"],
    )


def _differs(trace: Trace, finding: Finding) -> bool:
    """Another AS, other named contacts, or not one address in common. A round robin within one network is no change."""
    if trace.state == TraceState.UNRESOLVED or not trace.addresses:
        return False
    return (
        (finding.sure_asns and bool(trace.asns) and trace.asns != finding.asns)
        or (finding.sure_contacts and bool(trace.candidates) and trace.candidates != finding.mails)
        or not set(trace.addresses) & set(finding.addresses)
    )


def _rungs(trace: Trace, finding: Finding) -> None:
    wanted = {level: _contact_for(named) for level, named in finding.ladder.items()}
    if finding.failed == 0:
        trace.rungs.exclude(level__in=list(wanted)).delete()
    Rung.objects.bulk_create(
        [Rung(trace=trace, level=level, contact=contact) for level, contact in wanted.items()],
        update_conflicts=True,
        unique_fields=["trace", "level"],
        update_fields=["contact"],
    )


def _contact_for(named: Named) -> Contact:
    contact, _made = Contact.objects.get_or_create(
        mail=named.mail,
        defaults={"organisation": named.organisation[:200], "source": named.source, "found_at": clock.now()},
    )
    return contact.current


def _contact_locked(contact_id: UUID) -> Contact:
    contact = Contact.objects.select_for_update().filter(id=contact_id).first()
    if contact is None:
        raise NotFound
    if contact.replaced_by_id is not None:
        raise DomainError("contact_replaced", _("This contact was replaced by another."))
    return contact


def _approve(contact: Contact, actor: Actor) -> None:
    _require_person(actor)
    contact.approved_at, contact.approved_by_id = clock.now(), actor.id
    contact.save(update_fields=["approved_at", "approved_by"])
    audit.record("tracing.contact_approved", subject=contact, actor=actor)
    announce(ContactApproved(contact.id))


def _require_person(actor: Actor) -> None:
    if actor.kind != "person":
        raise DomainError("person_needed", _("A person must do this."), status=403)


def _move(trace: Trace, to: TraceState, event: str, changed: tuple[str, ...]) -> None:
    states.move(trace, to, machine=TRACE, actor=SYSTEM, event=event, changed=changed)


@transaction.atomic
def traces_forget(actor: Actor, content_ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    """Destroy the findings about contents with every vote; retention only."""
    traces = Trace.objects.filter(content_id__in=content_ids)
    Vote.objects.filter(trace__in=traces).delete()
    Rung.objects.filter(trace__in=traces).delete()
    return traces.delete()[0]


@transaction.atomic
def host_addresses_forget(actor: Actor, ids: Sequence[int]) -> int:  # noqa: ARG001 - the caller writes the log
    return HostAddress.objects.filter(id__in=ids).delete()[0]
