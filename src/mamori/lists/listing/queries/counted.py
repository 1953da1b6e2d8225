"""Exact counts of a time, for what is published with noise."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from mamori.lists.listing.models import Appeal, Entry, EntryEvent
from mamori.lists.listing.states import AppealState, End, EntryState, Method

_RESULTS = (AppealState.UPHELD, AppealState.SUSPENDED, AppealState.REMOVED, AppealState.REJECTED)


@dataclass(frozen=True)
class Counted:
    """Entries by method; complaints received, and decided by result; sorted days from listing to the content's removal."""

    added: dict[str, int]
    removed: dict[str, int]
    appeals: dict[str, int]
    days_to_removal: list[int]


# Signed by two is not in force yet where a third signs.
_WAS_IN_FORCE = EntryEvent.objects.filter(entry=OuterRef("pk"), now=EntryState.ACTIVE)


def counted(since: datetime, until: datetime) -> Counted:
    """What happened from `since` until before `until`. A renewal neither adds a target nor removes one."""
    in_force = Entry.objects.filter(activated_at__isnull=False).filter(Exists(_WAS_IN_FORCE))
    added = in_force.filter(activated_at__gte=since, activated_at__lt=until).exclude(renews__end=End.RENEWED)
    removed = in_force.filter(ended_at__gte=since, ended_at__lt=until).exclude(end=End.RENEWED)
    decided = Appeal.objects.filter(decided_at__gte=since, decided_at__lt=until)
    received = Appeal.objects.filter(received_hour__gte=since, received_hour__lt=until).count()
    results = Counter(decided.values_list("state", flat=True))
    gone = removed.filter(end=End.GONE).values_list("activated_at", "ended_at")
    return Counted(
        _by_method(added.values_list("method", flat=True)),
        _by_method(removed.values_list("method", flat=True)),
        {"received": received} | {str(state): results[state] for state in _RESULTS},
        sorted((ended - activated).days for activated, ended in gone if activated and ended),
    )


def _by_method(methods: Iterable[str]) -> dict[str, int]:
    found = Counter(methods)
    return {str(method): found[method] for method in Method}
