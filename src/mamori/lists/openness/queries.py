"""What the public reads."""

from mamori.lists.openness.models import PublishedPeriod

SHOWN = 20  # quarters: five years


def published() -> list[PublishedPeriod]:
    """The newest quarters first."""
    return list(PublishedPeriod.objects.order_by("-begins_on")[:SHOWN])
