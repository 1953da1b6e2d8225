"""Where a DNS subscriber is: told of changes at one place, answered at some; all others get one and the same refusal."""

import ipaddress
import re
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, jobs
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.lists.distribution.models import Subscriber
from mamori.lists.distribution.permissions import SUBSCRIBERS
from mamori.lists.distribution.states import ALIVE, Delivery

MOST = 50  # networks of one subscriber
NARROW = {4: 24, 6: 48}
"""IP version -> the widest network: whoever is in it can ask for single names, so it must hold no customer."""


def networks_of(text: str) -> list[str]:
    """Addresses and networks, parted by blanks, commas or new lines. DomainError when one of them is none, or too wide."""
    found = dict.fromkeys(_network(word) for word in re.split(r"[\s,]+", text) if word)
    if len(found) > MOST:
        raise DomainError(
            "too_many_networks",
            _("These are more than %(n)d addresses and networks.") % {"n": MOST},
            remedy=_("Name those that take the list alone, or the network they are in."),
            status=422,
        )
    return list(found)


def require_asker(asks_from: list[str], notify: str) -> None:
    """DomainError where a DNS subscriber has neither an address it asks from nor one that is told of changes."""
    if not asks_from and not notify:
        raise DomainError(
            "no_asker",
            _("A DNS subscriber needs the addresses it asks from, or the address told of changes."),
            remedy=_(
                "Ask the subscriber for the addresses of the servers that take its zones: all others are refused."
            ),
            status=422,
        )


def told_at(text: str) -> str:
    """Where a subscriber is told of changes, address@port (53 if it names none); "" for nowhere. DomainError when it is neither."""
    text = text.strip()
    if not text:
        return ""
    address, _at, port = text.partition("@")
    try:
        plain = ipaddress.ip_address(address)
        number = int(port or 53)
    except ValueError:
        number = 0
    if not 0 < number < 65536 or "%" in address:
        raise DomainError(
            "bad_notify",
            _("This is no address and port."),
            remedy=_("Write it like 192.0.2.1@53, or leave it empty."),
            status=422,
        )
    return f"{plain}@{number}"


@transaction.atomic
def subscriber_servers(*, actor: Actor, subscriber_id: UUID, notify: str, asks_from: str) -> None:
    """Replace where a DNS subscriber is told of changes and the addresses it asks from, as `told_at` and `networks_of` read them.

    Its key and its zones stay. Without any address to ask from it is the one that is told.
    """
    actor.require(SUBSCRIBERS)
    row = Subscriber.objects.select_for_update().filter(id=subscriber_id).first()
    if row is None:
        raise NotFound
    if row.state not in ALIVE or row.delivery == Delivery.URL:
        raise DomainError("no_dns_subscriber", _("This subscriber does not ask the primary."))
    row.notify, row.asks_from = told_at(notify), networks_of(asks_from)
    require_asker(row.asks_from, row.notify)
    row.save(update_fields=["notify", "asks_from"])
    audit.record(
        "distribution.subscriber_servers",
        subject=row,
        actor=actor,
        networks=len(row.asks_from),
        is_told=bool(row.notify),
    )
    jobs.defer("distribution.subscribers")


def _network(word: str) -> str:
    try:
        found = ipaddress.ip_network(word)
    except ValueError:
        found = None
    if found is None or "%" in word:
        raise DomainError(
            "bad_network",
            _("%(text)s is neither an address nor a network.") % {"text": word[:60]},
            remedy=_(
                "Write addresses like 192.0.2.10 and networks like 192.0.2.0/28 or 2001:db8:0:1::/64, one a line."
            ),
            status=422,
        )
    if found.prefixlen < NARROW[found.version]:
        raise DomainError(
            "wide_network",
            _("%(text)s is too wide: whoever is in it could ask which names are listed.") % {"text": word},
            remedy=_("Name the servers that take the list; the widest networks are /24, and /48 of IPv6."),
            status=422,
        )
    return str(found.network_address if found.num_addresses == 1 else found)
