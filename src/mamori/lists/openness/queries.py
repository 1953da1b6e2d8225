"""What the public reads, what subscribers are handed out, and the alarm about it."""

from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground import clock
from mamori.ground.actors import Actor
from mamori.ground.errors import NotFound
from mamori.ground.ui.moments import Waiting
from mamori.lists.distribution.models import Edition
from mamori.lists.distribution.permissions import LIST_READ, SEE
from mamori.lists.distribution.states import EditionState
from mamori.lists.openness.models import Commitment, PublishedPeriod

SHOWN = 20  # quarters: five years
LATE = timedelta(hours=1)  # a proof takes a minute or two; subscribers call it an alarm after two days
ASKED = timedelta(days=30)  # how far back


def published() -> list[PublishedPeriod]:
    """The newest quarters first."""
    return list(PublishedPeriod.objects.order_by("-begins_on")[:SHOWN])


def proof_for(actor: Actor, version: int) -> str:
    """The file that shows an edition in the log. NotFound until a witness cosigned it."""
    actor.require(LIST_READ)
    proof = Commitment.objects.filter(version=version).exclude(proof="").values_list("proof", flat=True).first()
    if proof is None:
        raise NotFound
    return proof


def unproved() -> int:
    """How many published editions subscribers cannot hold against the log yet, though they should."""
    now = clock.now()
    shown = Commitment.objects.filter(version=OuterRef("version")).exclude(proof="")
    rows = Edition.objects.filter(
        ~Exists(shown), state=EditionState.PUBLISHED, published_at__range=(now - ASKED, now - LATE)
    )
    return rows.count()


def desk(actor: Actor) -> list[Waiting]:
    """An alarm while an edition in force stands in no checkpoint that the witness cosigned."""
    if not actor.may(SEE) or not (late := unproved()):
        return []
    title = _("Editions are not shown in the witnessed log")
    return [Waiting(title, late, reverse("distribution_editions"), "error", alarm=True)]
