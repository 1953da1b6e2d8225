"""What others may read of this room."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _text
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.ground.ui.moments import Moment, Text, Waiting
from mamori.hotline.tracing.models import TURNED, Contact, HostAddress, Rung, Trace
from mamori.hotline.tracing.permissions import APPROVE, CONFIRM, SEE, SEE_HOSTS
from mamori.hotline.tracing.states import Level, Method, Outcome, TraceState

CACHE_LIFE = timedelta(hours=12)
APPROVE_WITHIN = timedelta(hours=24)
APPROVE_URGENT_WITHIN = timedelta(hours=1)
RETRY_FOR = timedelta(days=3)
UNSETTLED = (TraceState.UNRESOLVED, TraceState.DISPUTED, TraceState.CHANGED)
MOST = 1000


@dataclass(frozen=True)
class HostView:
    """Where a content item is. `confirmed`: a notice may go to the contact (approved, and no dispute is open).

    `domestic`: the country is the hotline's own. `changed_at`: when the host last changed. `failed`: how many sources
    could not be asked by the last run, at `traced_at`.
    """

    state: TraceState
    host: str
    addresses: tuple[str, ...]
    asn: int | None
    as_name: str
    country: str
    registrar: str
    contact_id: UUID | None
    contact_mail: str
    contact_organisation: str
    contact_approved: bool
    confirmed: bool
    domestic: bool
    traced_at: datetime | None
    changed_at: datetime | None
    failed: int


@dataclass(frozen=True)
class ContactView:
    """A contact. A replaced one is shown as the one that took its place."""

    contact_id: UUID
    mail: str
    organisation: str
    source: str
    age_key: str
    approved: bool


@dataclass(frozen=True)
class RungView:
    """A contact on one level of the escalation ladder."""

    level: Level
    contact_id: UUID
    mail: str


@dataclass(frozen=True)
class VoteView:
    """One source's answer; `words` says it in one line, `about` names its subject defanged."""

    method: Method
    subject: str
    outcome: Outcome
    at: datetime
    registry: str
    data: dict[str, object]

    @property
    def about(self) -> str:
        names = {Method.DNS, Method.RDAP_DOMAIN, Method.RFC2142}
        return self.subject.replace(".", "[.]") if self.method in names else self.subject

    @property
    def words(self) -> str:
        values = [self.data[key] for key in _SHOWN if self.data.get(key)]
        return " · ".join(", ".join(map(str, v)) if isinstance(v, list) else str(v) for v in values)


_SHOWN = (
    "addresses",
    "prefix",
    "asn",
    "name",
    "organisation",
    "country",
    "abuse",
    "mails",
    "registrar",
    "registrar_abuse",
    "operator",
    "error",
)


@dataclass(frozen=True)
class TracePanel:
    """All the Case page shows of a trace: template `tracing/panel.html`.

    `may_confirm`: one of the `choices`; `may_enter`: a contact of one's own. `asked_again`: sources that failed are.
    """

    content_id: UUID
    view: HostView
    votes: list[VoteView]
    choices: list[ContactView]
    ladder: list[RungView]
    may_confirm: bool
    may_enter: bool
    asked_again: bool


def host_of(content_id: UUID) -> HostView | None:
    """The present finding; None before the first trace."""
    trace = Trace.objects.select_related("contact__replaced_by").filter(content_id=content_id).first()
    return _view(trace) if trace else None


def votes_of(actor: Actor, content_id: UUID) -> list[VoteView]:
    """The votes of the last run."""
    trace = _visible(actor, content_id)
    rows = trace.votes.filter(run=trace.run).order_by("id")
    return [VoteView(Method(v.method), v.subject, Outcome(v.outcome), v.at, v.registry, v.data) for v in rows]


def names_on(addresses: Sequence[str]) -> set[str]:
    """Host names seen on any of the addresses, at most 1,000 of each."""
    found = (HostAddress.objects.filter(ip=ip).values_list("host", flat=True)[:MOST] for ip in addresses)
    return {host for hosts in found for host in hosts}


def names_under(name: str) -> set[str]:
    """Host names seen anywhere that are the name or lie below it, at most 1,000."""
    turned = name[::-1]
    below = Q(turned=turned) | Q(turned__gte=f"{turned}.", turned__lt=f"{turned}/")
    rows = HostAddress.objects.alias(turned=TURNED).filter(below)
    return set(rows.values_list("host", flat=True).distinct()[:MOST])


def contact_of(contact_id: UUID) -> ContactView:
    """A contact, or the one that took its place. NotFound when there is none."""
    contact = Contact.objects.select_related("replaced_by").filter(id=contact_id).first()
    if contact is None:
        raise NotFound
    return _contact(contact)


def ladder(content_id: UUID) -> list[RungView]:
    """The contacts to escalate to, in the order of the ladder; a level nobody is known for is left out."""
    rungs = Rung.objects.select_related("contact__replaced_by").filter(trace__content_id=content_id)
    found = {Level(rung.level): rung.contact.current for rung in rungs}
    trace = Trace.objects.select_related("contact__replaced_by").filter(content_id=content_id).first()
    if trace is not None and trace.contact is not None:
        found[Level.HOSTER] = trace.contact.current
    return [RungView(level, found[level].id, found[level].mail) for level in Level if level in found]


def contents_on_contact(contact_id: UUID) -> int:
    """How many content items have this contact, counted up to 1,000."""
    return Trace.objects.filter(contact_id=contact_id)[:MOST].count()


def panel(actor: Actor, content_id: UUID) -> TracePanel | None:
    """What `tracing/panel.html` shows; None before the first trace."""
    trace = Trace.objects.select_related("contact__replaced_by").filter(content_id=content_id).first()
    if trace is None or not actor.may(SEE):
        return None
    mails = {*trace.candidates, *([trace.contact.mail] if trace.contact else [])}
    choices = Contact.objects.select_related("replaced_by").filter(mail__in=mails).order_by("mail")
    return TracePanel(
        content_id,
        _view(trace),
        votes_of(actor, content_id),
        list({view.contact_id: view for view in map(_contact, choices)}.values()),
        ladder(content_id),
        actor.may(CONFIRM) and trace.state in {TraceState.TRACED, TraceState.DISPUTED},
        actor.may(CONFIRM) and trace.state != TraceState.CONFIRMED,
        Trace.objects.filter(is_asked_again(clock.now()), id=trace.id).exists(),
    )


def timeline(actor: Actor, content_id: UUID) -> list[Moment]:
    """The moments of the trace."""
    if not actor.may(SEE):
        raise NotFound
    trace = Trace.objects.select_related("contact").filter(content_id=content_id).first()
    if trace is None:
        return []
    moments = []
    found = trace.votes.filter(method=Method.DNS, outcome=Outcome.FOUND).order_by("run").first()
    if found is not None:
        moments.append(
            Moment(
                found.at,
                "server",
                _("Host traced"),
                _text("by %(n)d votes") % {"n": trace.votes.filter(run=found.run).count()},
                tone="info",
            )
        )
    elif trace.run_at is not None:
        moments.append(Moment(trace.run_at, "search", _("Host not found yet"), tone="warning"))
    if trace.changed_at is not None:
        moments.append(
            Moment(
                trace.changed_at,
                "refresh",
                _("Host changed"),
                _("Open notices to the old contact wait."),
                tone="warning",
            )
        )
    if trace.confirmed_at is not None:
        moments.append(Moment(trace.confirmed_at, "check", _("Host and contact confirmed"), "", "person", "success"))
    contact = trace.contact
    if contact is not None and contact.approved_at is not None:
        detail = contact.organisation or contact.mail
        moments.append(Moment(contact.approved_at, "mail", _("Contact approved"), detail, "person", "success"))
    return moments


def desk(actor: Actor) -> list[Waiting]:
    """Contacts that wait for approval and hosts nobody can be written to about, and when the first is due."""
    found = []
    if actor.may(APPROVE):
        url = f"{reverse('tracing_contacts')}?contacts-state=waiting"
        found += _waiting(_("New contacts to approve"), waiting_contacts(), url)
    if actor.may(CONFIRM):
        url = f"{reverse('tracing_hosts')}?hosts-waits=yes"
        found += _waiting(_("Hosts without an agreed contact: choose or enter one"), waiting_hosts(), url)
    return found


def _waiting(title: Text, found: QuerySet[Any], url: str) -> list[Waiting]:
    rows = list(found.values_list("needed_at", "urgent_at")[:MOST])
    if not rows:
        return []
    due = min(due_at(needed, urgent) for needed, urgent in rows)
    late = due <= clock.now()
    return [Waiting(title, len(rows), url, "error" if late else "warning", due, late, started_at=rows[0][0])]


def due_at(needed_at: datetime, urgent_at: datetime | None) -> datetime:
    """When a contact's approval is due: 24 hours after it was needed, one hour after it was urgent."""
    due = needed_at + APPROVE_WITHIN
    return min(due, urgent_at + APPROVE_URGENT_WITHIN) if urgent_at else due


def waiting_contacts() -> QuerySet[Contact]:
    return Contact.objects.filter(approved_at__isnull=True, replaced_by__isnull=True, needed_at__isnull=False).order_by(
        "needed_at"
    )


def waiting_hosts() -> QuerySet[Trace]:
    """Findings no notice can go by: sources disagree, or name nobody. A person settles them."""
    return Trace.objects.filter(state__in=UNSETTLED, needed_at__isnull=False).order_by("needed_at")


def hosts(actor: Actor) -> QuerySet[Trace]:
    """All findings, for the table."""
    actor.require(SEE_HOSTS)
    return Trace.objects.select_related("contact__replaced_by")


def is_asked_again(now: datetime) -> Q:
    """Traces with sources that could not be asked, and are: for three days, or while a notice waits for an answer."""
    return Q(failed__gt=0) & (Q(opened_at__gt=now - RETRY_FOR) | Q(needed_at__isnull=False, state__in=UNSETTLED))


def contacts(actor: Actor) -> QuerySet[Contact]:
    """All contacts, for the table."""
    if not actor.may(SEE):
        raise NotFound
    return Contact.objects.all()


def contact_row(actor: Actor, contact_id: UUID) -> Contact:
    """One contact with who approved it and what took its place."""
    found = contacts(actor).select_related("approved_by", "replaced_by").filter(id=contact_id).first()
    if found is None:
        raise NotFound
    return found


def contact_state(contact: Contact) -> str:
    """The look of a contact's standing: replaced, approved, waiting or found."""
    if contact.replaced_by_id is not None:
        return "replaced"
    if contact.approved_at is not None:
        return "approved"
    return "waiting" if contact.needed_at is not None else "found"


CONTACT_STATES = {
    "waiting": Q(approved_at__isnull=True, replaced_by__isnull=True, needed_at__isnull=False),
    "found": Q(approved_at__isnull=True, replaced_by__isnull=True, needed_at__isnull=True),
    "approved": Q(approved_at__isnull=False, replaced_by__isnull=True),
    "replaced": Q(replaced_by__isnull=False),
}


def _view(trace: Trace) -> HostView:
    contact = trace.contact.current if trace.contact else None
    approved = contact is not None and contact.approved_at is not None
    settled = trace.state in {TraceState.TRACED, TraceState.CONFIRMED}
    return HostView(
        state=TraceState(trace.state),
        host=trace.host,
        addresses=tuple(trace.addresses),
        asn=trace.asns[0] if trace.asns else None,
        as_name=trace.as_name,
        country=trace.country,
        registrar=trace.registrar,
        contact_id=contact.id if contact else None,
        contact_mail=contact.mail if contact else "",
        contact_organisation=contact.organisation if contact else "",
        contact_approved=approved,
        confirmed=approved and settled,
        domestic=bool(trace.country) and trace.country == settings.JURISDICTION,
        traced_at=trace.run_at,
        changed_at=trace.changed_at,
        failed=trace.failed,
    )


def _contact(contact: Contact) -> ContactView:
    now = contact.current
    return ContactView(now.id, now.mail, now.organisation, now.source, now.age_key, now.approved_at is not None)


def _visible(actor: Actor, content_id: UUID) -> Trace:
    trace = Trace.objects.filter(content_id=content_id).first()
    if trace is None or not actor.may(SEE):
        raise NotFound
    return trace
