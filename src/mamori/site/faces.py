"""What each face shows: the rooms' own lists of pages (`urls.PUBLIC`, `urls.STAFF`, `urls.PARTNER`) and routers (`api.router`)."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.urls import URLPattern, URLResolver

ROOMS = (
    "mamori.ground.accounts",
    "mamori.ground.audit",
    "mamori.ground.letters",
    "mamori.hotline.intake",
    "mamori.hotline.assessment",
    "mamori.hotline.tracing",
    "mamori.hotline.referral",
    "mamori.hotline.checks",
    "mamori.hotline.takedown",
    "mamori.lists.listing",
    "mamori.lists.openness",  # before distribution, whose files of an edition have any name
    "mamori.lists.distribution",
    "mamori.lists.fingerprints",
    "mamori.lists.exchange",
    "mamori.desks",
)


def pages(face: str) -> list[URLPattern | URLResolver]:
    """The pages of all rooms for "PUBLIC", "STAFF" or "PARTNER"."""
    return [page for room in ROOMS for page in _attribute(room, "urls", face, [])]


def routers() -> list[Any]:
    """The partner API's routers of all rooms."""
    return [r for r in (_attribute(room, "api", "router", None) for room in ROOMS) if r is not None]


def _attribute(room: str, part: str, name: str, default: Any) -> Any:
    module = f"{room}.{part}"
    return getattr(import_module(module), name, default) if find_spec(module) else default
