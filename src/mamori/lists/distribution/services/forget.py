"""What is destroyed when its retention period is over."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from mamori.ground.actors import Actor
from mamori.lists.distribution.models import Edition, EditionChange, Halt, KillOrder, Subscriber, Taken


@transaction.atomic
def editions_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    """Forget what editions named. What is in force stands in its entry, and editions to be served lie in their folder."""
    EditionChange.objects.filter(edition_id__in=ids).update(target="")
    return Edition.objects.filter(id__in=ids).update(refusals=[])


@transaction.atomic
def kills_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    return KillOrder.objects.filter(id__in=ids).update(reason="")


@transaction.atomic
def halts_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    return Halt.objects.filter(id__in=ids).update(reason="", end_reason="", faults=[])


@transaction.atomic
def subscribers_forget(actor: Actor, ids: Sequence[UUID]) -> int:  # noqa: ARG001 - the caller writes the log
    return Subscriber.objects.filter(id__in=ids).update(notify="", asks_from=[])


@transaction.atomic
def taken_forget(actor: Actor, ids: Sequence[int]) -> int:  # noqa: ARG001 - the caller writes the log
    """Forget what was taken long ago; not what a subscriber took last, which says what it has."""
    return Taken.objects.filter(id__in=ids).delete()[0]
