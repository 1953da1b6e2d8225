"""Each subscriber's side zone of canary names, beside the shared zones; and whose copy of the list a file is."""

from collections.abc import Iterable

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from mamori.engine.addresses import NameRefused, listable_name
from mamori.engine.canaries import Suspect, Tracer, canaries_of, labels_in
from mamori.engine.editions import compile_rpz
from mamori.ground import audit
from mamori.ground.actors import SYSTEM
from mamori.ground.errors import DomainError
from mamori.lists.distribution.knot import Knot
from mamori.lists.distribution.models import Subscriber
from mamori.lists.distribution.services.primary import Zones
from mamori.lists.distribution.services.tsig import subscriber_key
from mamori.lists.distribution.states import Delivery

PREFIX = "side-"


def side_zone(subscriber: Subscriber) -> str:
    """The zone of a subscriber's own; "" where no canary domains are set."""
    return f"{PREFIX}{subscriber.id.hex[:12]}.list" if settings.CANARY_DOMAINS else ""


def side_zones_sync(knot: Knot, wanted: Iterable[tuple[Subscriber, Zones]]) -> None:
    """Make the primary hold the side zones of these subscribers, and no other. KnotError.

    None is in a catalog: that would tell everybody who reaches the primary who subscribes, and relays ask for each other's zones.
    """
    rows = {side_zone(row): (row, zones) for row, zones in wanted} if settings.CANARY_DOMAINS else {}
    present = {zone for zone in knot.zones() if zone.startswith(PREFIX)}
    for zone in sorted(present - rows.keys()):
        knot.drop_zone(zone)
    for zone, (row, zones) in rows.items():
        if zone not in present:
            knot.add_zone(zone)
        knot.sync(zone, compile_rpz(_names(row), zones.action, zones.stop_host))


def leak_trace(pieces: Iterable[bytes]) -> list[tuple[Subscriber, Suspect]]:
    """Whose copies of the list stand in a file, given in pieces; empty: nobody can be named. The log keeps it."""
    tracer = Tracer(subscriber_key(), (str(number) for number in _of_dns().values_list("id", flat=True)))
    suspects = tracer.suspects(labels_in(pieces, _domains()))
    rows = {str(row.id): row for row in _of_dns().select_related("organisation")}
    for suspect in suspects:
        audit.record(
            "distribution.leak_traced",
            subject=rows[suspect.subscriber],
            actor=SYSTEM,
            own=suspect.own,
            shared=suspect.shared,
            of=suspect.found_shared,
        )
    return [(rows[suspect.subscriber], suspect) for suspect in suspects]


def _of_dns() -> QuerySet[Subscriber]:
    return Subscriber.objects.exclude(delivery=Delivery.URL)


def _names(row: Subscriber) -> frozenset[str]:
    """The subscriber's canaries: under our own domains and fit for the list, or none at all."""
    names = canaries_of(subscriber_key(), str(row.id), _domains())
    try:
        for domain in _domains():
            listable_name(domain)
    except NameRefused as error:
        raise DomainError(
            "bad_canary_domain",
            _("A canary domain is no name that can be listed."),
            remedy=_("Correct MAMORI_CANARY_DOMAINS: domains of our own, which nobody uses."),
        ) from error
    return names


def _domains() -> list[str]:
    if not settings.CANARY_DOMAINS:
        raise DomainError(
            "no_canary_domains",
            _("No canary domains are set: copies of the list are not marked."),
            remedy=_("The operator sets MAMORI_CANARY_DOMAINS to domains of our own."),
            status=503,
        )
    return [domain.lower() for domain in settings.CANARY_DOMAINS]
