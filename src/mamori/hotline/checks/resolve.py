"""Names to network addresses, by the resolvers the hotline configured. Nothing is cached: each fetch asks anew."""

from dataclasses import dataclass

import dns.exception
import dns.resolver
from django.conf import settings

from mamori.hotline.checks.networks import Ip, read

LIFETIME_SECONDS = 5.0
DNS_PORT = 53


@dataclass(frozen=True)
class Answer:
    """Addresses of a name, IPv4 first. `ours`: our own resolver failed, so an empty answer tells nothing."""

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
            found += [read(record.address) for record in answer]
        except dns.resolver.NXDOMAIN:
            return Answer(())
        except dns.resolver.NoAnswer:
            continue
        except (dns.exception.DNSException, OSError):
            failed = True
    return Answer(tuple(found), ours=failed and not found)


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
