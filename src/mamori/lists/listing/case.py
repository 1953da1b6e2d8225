"""What the list body reads of the hotline about a content item, and when that allows a listing."""

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import (
    Address,
    AddressError,
    Breadth,
    NameSet,
    breadth,
    canonicalize,
    names_in,
    popular_set,
    protected_suffixes,
    registrable_domain,
    shared_platforms,
)
from mamori.engine.editions import HOT, Rules
from mamori.ground import clock
from mamori.ground.errors import DomainError
from mamori.hotline.assessment import queries as assessment
from mamori.hotline.assessment.states import ContentState
from mamori.hotline.checks import queries as checks
from mamori.hotline.referral import queries as referral
from mamori.hotline.takedown import queries as takedown
from mamori.hotline.tracing import queries as tracing
from mamori.lists.listing.states import Far, Method, Reason

SHARED = NameSet(shared_platforms())
_ILLEGAL = ("BASELINE", "NATIONAL")


def own_hosts() -> frozenset[str]:
    """Names of ours that everybody's resolver must answer for: the stop page, the public and the partner face."""
    faces = (settings.PUBLIC_URL, settings.PARTNER_URL)
    return frozenset({settings.STOP_PAGE_HOST, *(host for url in faces if (host := _host_name(url)))})


def _own_names() -> frozenset[str]:
    """All names of ours, with the registrable domains of our faces: no name at or below them goes on a DNS list."""
    hosts = own_hosts() | ({host} if (host := _host_name(settings.STAFF_URL)) else set())
    canaries = {settings.CANARY_NAME, f"{HOT}{settings.CANARY_NAME}", *settings.CANARY_DOMAINS}
    return hosts | canaries | {domain for host in hosts if (domain := registrable_domain(host))}


def _host_name(url: str) -> str | None:
    """The host of an address of ours; None for an IP address or what is no name."""
    try:
        found = canonicalize(url)
    except AddressError:
        return None
    return found.host if found.host_kind == "name" else None


def protected_names() -> NameSet:
    """Suffixes of governments and public bodies, and names of ours."""
    return _protected(_own_names())


@cache
def _protected(own: frozenset[str]) -> NameSet:
    return NameSet(protected_suffixes() | own)


@dataclass(frozen=True)
class Reach:
    """What blocking a name would reach besides the content."""

    facts: Breadth
    protected: str | None
    contents: int

    @property
    def refused(self) -> bool:
        return self.facts.hits_others or self.protected is not None


def require_listable(content_id: UUID, reason: str, *persons: UUID) -> None:
    """Raise DomainError unless the hotline's facts allow a listing now by `persons` (proposer, activator).

    Confirmed illegal by two others and not assessed anew, police told and not holding, seen online as lately as a
    notice asks for, removal tried and too slow or impossible. Until the caller's transaction ends, no hold begins.
    """
    decision = assessment.decision_of(content_id)
    if decision is None or decision.verdict not in _ILLEGAL or decision.confirmed_by is None:
        raise DomainError(
            "not_confirmed",
            _("This content is not confirmed as illegal by two analysts."),
            remedy=_("Wait for the second opinion of the hotline."),
        )
    if assessment.content_state(content_id) not in (ContentState.ACTIONING, ContentState.MONITORING):
        raise DomainError(
            "assessed_anew",
            _("The hotline assesses this content anew, or has closed it."),
            remedy=_("Wait until two analysts have confirmed it again."),
        )
    if {decision.decided_by, decision.confirmed_by}.intersection(persons):
        raise DomainError(
            "assessed_it",
            _("Who assessed the content neither proposes nor activates its entry."),
            remedy=_("Ask a colleague who had no part in the assessment."),
        )
    referral.keep_from_holding(content_id)
    if referral.is_held(content_id):
        raise DomainError(
            "police_hold",
            _("Police hold this content: nothing is listed meanwhile."),
            remedy=_("Wait until the hold is released or ends."),
        )
    if not referral.is_cleared(content_id):
        raise DomainError(
            "police_first",
            _("Police were not told yet, or their time is not over."),
            remedy=_("Wait until the police desk shows the content as released."),
        )
    if not checks.is_surely_online(content_id, clock.now()):
        raise DomainError(
            "not_online",
            _("Nobody saw this content online lately."),
            remedy=_("The hotline was asked to look again. Come back when it has."),
        )
    tried = takedown.removal_tried(content_id)
    impossible = reason == Reason.IMPOSSIBLE
    if (tried is None and not impossible) or (tried and not tried.too_slow and reason == Reason.TOO_SLOW):
        raise DomainError(
            "removal_first",
            _("Removal was not tried long enough: listing comes after it."),
            remedy=_("Wait for the hotline's notice and its clocks, or say why removal is impossible."),
        )


def content_rules() -> Rules:
    """What the gate holds an entry itself against; whose signatures count is not known here."""
    return Rules(
        today=clock.now().date(),
        keys={},
        popular=popular_set(settings.POPULAR_NAMES),
        protected_suffixes=protected_names(),
        shared_platforms=SHARED,
        max_added=settings.LIST_MAX_ADDED,
    )


def far_of(method: str, target: str) -> list[Far]:
    """Why an entry reaches so far that three persons sign it; empty when two are enough. A single page reaches itself.

    Pages known on a host do not count: many of them speak for a listing, not against it.
    """
    if method != Method.DNS:
        return []
    many = settings.LIST_THIRD_AT and len(tracing.names_under(target) - {target}) >= settings.LIST_THIRD_AT
    return ([Far.NAMES] if many else []) + far_by_lists(target)


def far_by_lists(target: str) -> list[Far]:
    """What of `far_of` is known of a name without the database."""
    found = []
    ranked = _ranked(settings.LIST_THIRD_NAMES)
    if ranked.covered_by(target) or ranked.above(target):
        found.append(Far.RANKED)
    if SHARED.above(target):
        found.append(Far.PLATFORM)
    return found


@cache
def _ranked(text: str) -> NameSet:
    return NameSet(names_in(text))


def targets(address: Address) -> list[str]:
    """Names a DNS entry for the address may name: its host, or the domain above it. Empty for IP addresses."""
    if address.host_kind != "name":
        return []
    return list(dict.fromkeys(name for name in (address.host, address.registrable) if name))


def reach_of(content_id: UUID, name: str) -> Reach:
    """Facts about how much blocking `name` would hit."""
    host = tracing.host_of(content_id)
    addresses = list(host.addresses) if host else []
    return Reach(
        facts=breadth(
            name,
            known_names_on_host=tracing.names_under(name),
            known_names_on_address=tracing.names_on([str(ip) for ip in addresses]),
            popular=popular_set(settings.POPULAR_NAMES),
            shared_platforms=SHARED,
        ),
        protected=protected_names().above(name) or protected_names().covered_by(name),
        contents=assessment.contents_on_host(name),
    )
