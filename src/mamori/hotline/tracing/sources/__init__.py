"""The outside systems a trace asks, each behind a small protocol."""

import functools
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from mamori.hotline.tracing.sources.answers import Registry, Resolver, Routes
from mamori.hotline.tracing.sources.names import DnsResolver
from mamori.hotline.tracing.sources.registry import RdapRegistry
from mamori.hotline.tracing.sources.routes import RouteTable

__all__ = ["Sources", "sources"]


@dataclass(frozen=True)
class Sources:
    resolver: Resolver
    registry: Registry
    routes: Routes


def sources() -> Sources:
    """The sources the settings name; kept for the life of the process."""
    return _sources(tuple(settings.NAMESERVERS), settings.ABUSIX_ZONE, settings.RDAP_BOOTSTRAP, settings.ROUTES_FILE)


@functools.lru_cache(maxsize=4)
def _sources(nameservers: tuple[str, ...], zone: str, bootstrap: str, routes: Path | None) -> Sources:
    return Sources(DnsResolver(nameservers, zone), RdapRegistry(bootstrap), RouteTable(routes))
