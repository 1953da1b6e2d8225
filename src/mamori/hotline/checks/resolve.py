"""Names to network addresses, by the resolvers the hotline configured. Nothing is cached: each fetch asks anew.

A resolver that enforces our own list says of what is listed that it does not exist. That a name does not exist is
believed only of resolvers that do not block our canary.
"""

from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from django.conf import settings

from mamori.hotline.checks.networks import Ip, read

LIFETIME_SECONDS = 5.0
CANARY_SECONDS = 2.0
DNS_PORT = 53


@dataclass(frozen=True)
class Answer:
    """Addresses of a name, IPv4 first.

    `ours`: our own resolver failed, or enforces our list, so an empty answer tells nothing.
    """

    addresses: tuple[Ip, ...]
    ours: bool = False


def resolve(host: str) -> Answer:
    """Addresses of `host`; an empty answer that is not `ours` says the name has none."""
    resolver = _resolver()
    found: list[Ip] = []
    failed = False
    for kind in ("A", "AAAA"):
        try:
            answer = resolver.resolve(f"{host}.", kind, search=False, lifetime=LIFETIME_SECONDS)
            if _to_stop_page(answer):
                return Answer((), ours=True)
            found += [read(record.address) for record in answer]
        except dns.resolver.NXDOMAIN:
            return Answer((), ours=any(blocks is not False for _server, blocks in own_list()))
        except dns.resolver.NoAnswer:
            continue
        except (dns.exception.DNSException, OSError):
            failed = True
    return Answer(tuple(found), ours=failed and not found)


def own_list() -> list[tuple[str, bool | None]]:
    """Each resolver ("host:port"), and whether it enforces our own list; None when that is not clear."""
    resolver = _resolver()
    found: list[tuple[str, bool | None]] = []
    for server in resolver.nameservers:
        one = dns.resolver.Resolver(configure=False)
        one.nameservers = [server]
        one.port = resolver.nameserver_ports.get(str(server), resolver.port)
        found.append((f"{server}:{one.port}", _enforces(one)))
    return found


def _enforces(resolver: dns.resolver.Resolver) -> bool | None:
    """Whether the canary is led to the stop page, or denied by another zone than a name beside it that is not listed."""
    label, _dot, parent = settings.CANARY_NAME.partition(".")
    try:
        denied = _denied_by(resolver, settings.CANARY_NAME)
        if denied is None or denied == _STOPPED:
            return denied == _STOPPED
        return denied != _denied_by(resolver, f"not-{label}.{parent}")
    except (dns.exception.DNSException, OSError):
        return None


_STOPPED = frozenset({"stop page"})


def _denied_by(resolver: dns.resolver.Resolver, name: str) -> frozenset[str] | None:
    """The zones that say a name does not exist, _STOPPED when it is led to the stop page; None when it exists."""
    try:
        answer = resolver.resolve(f"{name}.", "A", search=False, lifetime=CANARY_SECONDS, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN as denied:
        responses = denied.responses().values()  # type: ignore[no-untyped-call]
        sets = [each for response in responses for each in response.authority]
        return frozenset(each.name.to_text().lower() for each in sets if each.rdtype == dns.rdatatype.SOA)
    return _STOPPED if _to_stop_page(answer) else None


def _to_stop_page(answer: dns.resolver.Answer) -> bool:
    stop = dns.name.from_text(settings.STOP_PAGE_HOST)
    return bool(answer.canonical_name == stop and answer.qname != stop)


def _resolver() -> dns.resolver.Resolver:
    if not settings.NAMESERVERS:
        return dns.resolver.Resolver()
    resolver = dns.resolver.Resolver(configure=False)
    servers = [_host_and_port(text) for text in settings.NAMESERVERS]
    resolver.nameservers = [host for host, _port in servers]
    resolver.nameserver_ports = dict(servers)
    return resolver


def _host_and_port(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        return text.strip("[]"), DNS_PORT
    return host.strip("[]"), int(port)
