"""Ask every source about a host, and say what the answers agree on. Knows no table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from ipaddress import ip_address
from typing import Any

from mamori.hotline.tracing.sources import Sources
from mamori.hotline.tracing.sources.answers import SourceError, carried
from mamori.hotline.tracing.states import Level, Method, Outcome, TraceState

MOST_ADDRESSES = 8  # asked about; a host with more is asked about by its first ones
Json = dict[str, Any]


@dataclass(frozen=True)
class Ballot:
    """One source's answer about one subject. `data` by method:

    dns {addresses}; rdap_ip, rdap_autnum {name, country, abuse, organisation}; route {prefix, asn, name, country};
    abusix {mails}; rdap_domain {registrar, registrar_abuse, operator, operator_name}; rfc2142 {abuse}; failed {error}.
    """

    method: Method
    subject: str
    outcome: Outcome
    at: datetime
    registry: str = ""
    data: Json = field(default_factory=dict)


Remembered = Callable[[Method, str], Ballot | None]


def collect(host: str, registrable: str | None, *, ask: Sources, remembered: Remembered, now: datetime) -> list[Ballot]:
    """The ballots about `host` (a name or an IP address). `remembered` gives an answer that need not be asked again."""

    def vote(method: Method, subject: str, question: Callable[[], tuple[str, Json] | None]) -> Ballot:
        known = remembered(method, subject)
        if known is not None:
            return known
        try:
            answer = question()
        except SourceError as error:
            return Ballot(method, subject, Outcome.FAILED, now, data={"error": str(error)[:200]})
        if answer is None:
            return Ballot(method, subject, Outcome.NOTHING, now)
        return Ballot(method, subject, Outcome.FOUND, now, answer[0], answer[1])

    def addresses() -> tuple[str, Json] | None:
        found = [str(ip) for ip in ask.resolver.addresses(host)]
        return ("DNS", {"addresses": found}) if found else None

    def network(subject: str) -> tuple[str, Json] | None:
        found = ask.registry.network(ip_address(subject))
        return (found.registry, _holder(found)) if found else None

    def autnum(asn: int) -> tuple[str, Json] | None:
        found = ask.registry.autnum(asn)
        return (found.registry, _holder(found)) if found else None

    def domain(name: str) -> tuple[str, Json] | None:
        found = ask.registry.domain(name)
        if found is None:
            return None
        roles = ("abuse", "technical", "registrant", "administrative")
        return found.registry, {
            "registrar": found.organisation("registrar"),
            "registrar_abuse": found.mail("abuse", inside="registrar") or found.mail("registrar"),
            "operator": found.mail(*roles, outside="registrar"),
            "operator_name": found.organisation("registrant"),
        }

    def route(subject: str) -> tuple[str, Json] | None:
        found = ask.routes.origin(ip_address(subject))
        if found is None:
            return None
        return "routes", {"prefix": found.prefix, "asn": found.asn, "name": found.name, "country": found.country}

    def abusix(subject: str) -> tuple[str, Json] | None:
        found = ask.resolver.abuse_mails(ip_address(subject))
        return ("Abusix", {"mails": found}) if found else None

    ballots = [vote(Method.DNS, host, addresses)]
    subjects = dict.fromkeys(str(carried(ip_address(a))) for a in ballots[0].data.get("addresses", [])[:MOST_ADDRESSES])
    for subject in subjects:
        ballots.append(vote(Method.RDAP_IP, subject, partial(network, subject)))
        ballots.append(vote(Method.ROUTE, subject, partial(route, subject)))
        ballots.append(vote(Method.ABUSIX, subject, partial(abusix, subject)))
    asns = dict.fromkeys(b.data["asn"] for b in _found(ballots, Method.ROUTE))
    ballots += [vote(Method.RDAP_AUTNUM, f"AS{asn}", partial(autnum, asn)) for asn in asns]
    if registrable:
        ballots.append(vote(Method.RDAP_DOMAIN, registrable, lambda: domain(registrable)))
        ballots.append(vote(Method.RFC2142, registrable, lambda: ("RFC 2142", {"abuse": f"abuse@{registrable}"})))
    return ballots


def _holder(found: Any) -> Json:
    return {
        "name": found.name,
        "country": found.country,
        "abuse": found.mail("abuse"),
        "organisation": found.organisation("registrant", "abuse") or found.name,
    }


@dataclass(frozen=True)
class Named:
    """A contact somebody named."""

    mail: str
    organisation: str
    source: Method


@dataclass(frozen=True)
class Finding:
    """What the ballots say together. `contacts`: all who were named for the host, the best first.

    `state` is unresolved, traced or disputed. `sure_contacts`, `sure_asns`: every source of these could be asked, so that
    a difference to an earlier finding is a change.
    """

    state: TraceState
    addresses: list[str]
    asns: list[int]
    as_name: str
    country: str
    registrar: str
    contacts: list[Named]
    ladder: dict[Level, Named]
    disagreements: list[str]
    failed: int
    sure_contacts: bool
    sure_asns: bool

    @property
    def mails(self) -> list[str]:
        return sorted(named.mail for named in self.contacts)


def conclude(ballots: Iterable[Ballot]) -> Finding:
    """The finding. Votes of registry and Abusix are equal; the usual mailbox (RFC 2142) counts where both are silent."""
    ballots = list(ballots)
    addresses: list[str] = next((b.data["addresses"] for b in _found(ballots, Method.DNS)), [])
    networks = _found(ballots, Method.RDAP_IP)
    origins = _found(ballots, Method.ROUTE)
    organisation = next((b.data["organisation"] for b in networks if b.data["organisation"]), "")
    named = [Named(b.data["abuse"], b.data["organisation"], Method.RDAP_IP) for b in networks if b.data["abuse"]]
    named += [
        Named(m, organisation, Method.ABUSIX) for b in _found(ballots, Method.ABUSIX) for m in b.data["mails"][:1]
    ]
    contacts = list({each.mail: each for each in reversed(named)}.values())[::-1]
    sure_contacts = _sure(ballots, Method.RDAP_IP, Method.ABUSIX)
    if not contacts and addresses and sure_contacts:
        contacts = [Named(b.data["abuse"], "", Method.RFC2142) for b in _found(ballots, Method.RFC2142)]
    asns = sorted({b.data["asn"] for b in origins})
    countries = sorted({b.data["country"] for b in (*networks, *origins) if b.data["country"]})
    disagreements = [
        name for name, values in (("contact", contacts), ("asn", asns), ("country", countries)) if len(values) > 1
    ]
    resolved = bool(addresses and contacts)
    return Finding(
        state=TraceState.UNRESOLVED if not resolved else TraceState.DISPUTED if disagreements else TraceState.TRACED,
        addresses=addresses,
        asns=asns,
        as_name=next((b.data["name"] for b in origins), ""),
        country=next((b.data["country"] for b in (*networks, *origins) if b.data["country"]), ""),
        registrar=next((b.data["registrar"] for b in _found(ballots, Method.RDAP_DOMAIN)), ""),
        contacts=contacts,
        ladder=_ladder(ballots, contacts),
        disagreements=disagreements if resolved else [],
        failed=sum(b.outcome == Outcome.FAILED for b in ballots),
        sure_contacts=sure_contacts,
        sure_asns=_sure(ballots, Method.ROUTE),
    )


def _ladder(ballots: list[Ballot], contacts: list[Named]) -> dict[Level, Named]:
    rungs: dict[Level, Named] = {}
    for b in _found(ballots, Method.RDAP_DOMAIN):
        if b.data["operator"]:
            rungs[Level.SITE_OPERATOR] = Named(b.data["operator"], b.data["operator_name"], Method.RDAP_DOMAIN)
        if b.data["registrar_abuse"]:
            rungs[Level.REGISTRAR] = Named(b.data["registrar_abuse"], b.data["registrar"], Method.RDAP_DOMAIN)
    if contacts:
        rungs[Level.HOSTER] = contacts[0]
    above = [b.data for b in _found(ballots, Method.RDAP_AUTNUM) if b.data["abuse"]]
    if above and above[0]["abuse"] not in {each.mail for each in contacts}:
        rungs[Level.UPSTREAM] = Named(above[0]["abuse"], above[0]["organisation"], Method.RDAP_AUTNUM)
    return rungs


def _found(ballots: Iterable[Ballot], method: Method) -> list[Ballot]:
    return [b for b in ballots if b.method == method and b.outcome == Outcome.FOUND]


def _sure(ballots: Iterable[Ballot], *methods: Method) -> bool:
    return not any(b.outcome == Outcome.FAILED for b in ballots if b.method in {Method.DNS, *methods})
