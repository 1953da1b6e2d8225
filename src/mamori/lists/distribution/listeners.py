"""Publish at once when the list changed; when an edition is out, watch it take effect and write every format."""

from uuid import UUID

from mamori.ground.facts import listens
from mamori.ground.jobs import Lane
from mamori.lists.distribution import services
from mamori.lists.distribution.facts import EditionPublished
from mamori.lists.distribution.jobs import formats, publish
from mamori.lists.listing import queries as listing
from mamori.lists.listing.facts import EntryActivated, EntryWithdrawn


@listens(EntryActivated, "distribution.publish_added", Lane.LIST)
def activated(fact: EntryActivated) -> None:
    _publish(fact.entry_id)


@listens(EntryWithdrawn, "distribution.publish_removed", Lane.LIST)
def withdrawn(fact: EntryWithdrawn) -> None:
    _publish(fact.entry_id)


def _publish(entry_id: UUID) -> None:
    """Of a thousand facts at once the first is enough: the edition holds what the others tell."""
    if listing.is_pending(entry_id):
        publish()


@listens(EditionPublished, "distribution.watch", Lane.PROBE)
def watch(fact: EditionPublished) -> None:
    services.probe_run(fact.edition_id)


@listens(EditionPublished, "distribution.write_formats", Lane.OUTSIDE)
def published(_fact: EditionPublished) -> None:
    formats()
