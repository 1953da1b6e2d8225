"""Once an edition is out, it is committed to the log."""

from mamori.ground.facts import listens
from mamori.ground.jobs import Lane
from mamori.lists.distribution.facts import EditionPublished
from mamori.lists.openness import services


@listens(EditionPublished, "openness.commit", Lane.OUTSIDE)
def published(fact: EditionPublished) -> None:
    services.edition_commit(fact.edition_id)
