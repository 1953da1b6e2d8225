"""Publish at once when the list changed."""

from mamori.ground.facts import listens
from mamori.lists.distribution.jobs import publish
from mamori.lists.listing.facts import EntryActivated, EntryWithdrawn


@listens(EntryActivated, "distribution.publish_added")
def activated(_fact: EntryActivated) -> None:
    publish()


@listens(EntryWithdrawn, "distribution.publish_removed")
def withdrawn(_fact: EntryWithdrawn) -> None:
    publish()
