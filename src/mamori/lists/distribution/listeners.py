"""Publish at once when the list changed; when an edition is out, watch it take effect and write every format."""

from mamori.ground.facts import listens
from mamori.ground.jobs import Lane
from mamori.lists.distribution import services
from mamori.lists.distribution.facts import EditionPublished
from mamori.lists.distribution.jobs import formats, publish
from mamori.lists.listing.facts import EntryActivated, EntryWithdrawn


@listens(EntryActivated, "distribution.publish_added", Lane.LIST)
def activated(_fact: EntryActivated) -> None:
    publish()


@listens(EntryWithdrawn, "distribution.publish_removed", Lane.LIST)
def withdrawn(_fact: EntryWithdrawn) -> None:
    publish()


@listens(EditionPublished, "distribution.watch", Lane.PROBE)
def watch(fact: EditionPublished) -> None:
    services.probe_run(fact.edition_id)


@listens(EditionPublished, "distribution.write_formats", Lane.OUTSIDE)
def published(_fact: EditionPublished) -> None:
    formats()
