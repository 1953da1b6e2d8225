"""What subscribers took, as the partner face and the primary's log tell, and the file monitoring reads."""

import json
import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from mamori.engine.files import write_whole
from mamori.ground import audit, clock
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.lists.distribution import press, standings
from mamori.lists.distribution.models import Edition, Offer, Subscriber, Taken
from mamori.lists.distribution.permissions import SUBSCRIBERS
from mamori.lists.distribution.queries import in_force, watched
from mamori.lists.distribution.transfers import tail, transfers

log = logging.getLogger("mamori.list")
STATUS = "subscribers.json"  # in the folder of editions: the partner face reads it there
AGAIN = timedelta(seconds=5)  # lines this much older than the newest one noted are looked at once more
BATCH = 5_000


def offer_note(edition: Edition, zone: str, number: int) -> None:
    """An edition is to be had at a place under this number. Said again, the first word holds."""
    row = Offer(edition=edition, zone=zone, number=number, at=clock.now())
    Offer.objects.bulk_create([row], ignore_conflicts=True)


def taken_note(*, actor: Actor, edition: int) -> None:
    """Whoever asks has this edition now. The partner face may add such a row and read none."""
    if actor.id is not None:
        row = Taken(taker=actor.id, zone="", number=edition, at=clock.now())
        Taken.objects.bulk_create([row], ignore_conflicts=True)


def transfers_read() -> int:
    """Note what the primary's log tells of subscribers' transfers. Returns how many lines told of one.

    A log that cannot be read is said in the worker's own log: the subscribers count as late then, which is an alarm.
    """
    if settings.KNOT_LOG is None:
        return 0
    keys = {row.key_stem: row.id for row in Subscriber.objects.only("id")}
    places = {*standings.places().values(), *standings.bases().values()} - {""}
    newest = Taken.objects.exclude(zone="").aggregate(at=Max("at"))["at"]
    found = []
    try:
        for one in transfers(tail(settings.KNOT_LOG)):
            taker = keys.get(one.key.rpartition("-")[0])
            at = clock.of_the_machine(one.at)
            if taker and one.zone in places and (newest is None or at >= newest - AGAIN):
                found.append(Taken(taker=taker, zone=one.zone, number=one.serial, at=at))
    except OSError as error:
        log.warning("the primary's log %s cannot be read: %s", settings.KNOT_LOG, error.strerror)
        return 0
    Taken.objects.bulk_create(found, batch_size=BATCH, ignore_conflicts=True)
    return len(found)


def status_write() -> None:
    """Write how every subscriber stands, for the partner face, which reads no such row."""
    if not press.configured():
        return
    row = in_force()
    told: dict[str, Any] = {
        "written_at": clock.now().isoformat(timespec="milliseconds"),
        "edition": row.version if row else None,
        "subscribers": standings.feed(),
    }
    write_whole(press.folder() / STATUS, json.dumps(told, ensure_ascii=False, indent=1).encode())


@transaction.atomic
def subscriber_resolvers(*, actor: Actor, subscriber_id: UUID, resolvers: list[str]) -> None:
    """Say which of the resolvers that are watched are a subscriber's own: what they do is shown beside what it fetched."""
    actor.require(SUBSCRIBERS)
    row = Subscriber.objects.select_for_update().filter(id=subscriber_id).first()
    if row is None:
        raise NotFound
    if unknown := set(resolvers) - set(watched()):
        raise DomainError(
            "unknown_resolver",
            _("This resolver is not watched: %(names)s.") % {"names": ", ".join(sorted(unknown))},
            remedy=_("Choose among those the page shows."),
            status=422,
        )
    row.resolvers = sorted(set(resolvers))
    row.save(update_fields=["resolvers"])
    audit.record("distribution.subscriber_resolvers", subject=row, actor=actor, resolvers=len(row.resolvers))
