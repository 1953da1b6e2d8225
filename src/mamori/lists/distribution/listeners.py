"""Publish at once when the list changed; write every format when an edition is out."""

from mamori.ground.facts import listens
from mamori.lists.distribution.facts import EditionPublished
from mamori.lists.distribution.jobs import formats, publish
from mamori.lists.listing.facts import EntryActivated, EntryWithdrawn


@listens(EntryActivated, "distribution.publish_added")
def activated(_fact: EntryActivated) -> None:
    publish()


@listens(EntryWithdrawn, "distribution.publish_removed")
def withdrawn(_fact: EntryWithdrawn) -> None:
    publish()


@listens(EditionPublished, "distribution.write_formats")
def published(_fact: EditionPublished) -> None:
    formats()
