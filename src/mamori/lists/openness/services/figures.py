"""Public figures: the worker computes each closed quarter once. Nobody computes it again, nor over other days."""

from datetime import date, datetime, time, timedelta
from statistics import median_low

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from mamori.ground import audit, clock
from mamori.ground.actors import SYSTEM
from mamori.ground.audit import queries as log
from mamori.lists.distribution.models import Edition, Halt, KillOrder
from mamori.lists.distribution.states import EditionState
from mamori.lists.listing import queries as listing
from mamori.lists.listing.states import Method
from mamori.lists.openness.models import PublishedPeriod
from mamori.lists.openness.noise import LEAST_OF_A_MEDIAN, protected

Figures = dict[str, dict[str, int | None]]
WAIT = timedelta(days=1)  # after a quarter's end: what is on its way then is through


def figures_publish() -> int:
    """Publish every closed quarter not published yet, from that of the first edition on. Returns how many."""
    first = Edition.objects.aggregate(at=Min("built_at"))["at"]
    if first is None:
        return 0
    done, begins = 0, quarter(timezone.localtime(first).date())
    while (ends := following(begins)) <= timezone.localtime(clock.now() - WAIT).date():
        done += _publish(begins, ends)
        begins = ends
    return done


def quarter(day: date) -> date:
    """The first day of a day's quarter."""
    return date(day.year, day.month - (day.month - 1) % 3, 1)


def following(begins: date) -> date:
    """The first day of the next quarter."""
    return quarter(begins + timedelta(days=100))


@transaction.atomic
def _publish(begins: date, ends: date) -> int:
    if PublishedPeriod.objects.filter(begins_on=begins).exists():
        return 0
    _row, made = PublishedPeriod.objects.get_or_create(
        begins_on=begins,
        defaults={"ends_on": ends, "figures": _figures(_start(begins), _start(ends)), "published_at": clock.now()},
    )
    if made:
        audit.record("openness.figures_published", subject=f"period:{begins}", actor=SYSTEM)
    return int(made)


def _start(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _figures(since: datetime, until: datetime) -> Figures:
    counted = listing.counted(since, until)
    last = Edition.objects.filter(state=EditionState.PUBLISHED, published_at__lt=until).order_by("-version").first()
    refused = Edition.objects.filter(state=EditionState.REFUSED, built_at__gte=since, built_at__lt=until)
    halts = Halt.objects.filter(at__gte=since, at__lt=until)
    kills = KillOrder.objects.filter(at__gte=since, at__lt=until)
    days = counted.days_to_removal
    median = (
        median_low(days) if len(days) >= LEAST_OF_A_MEDIAN else None
    )  # of an even number the lower one: a whole day
    return {
        "in_force": {
            str(Method.DNS): protected(last.names if last else 0),
            str(Method.URL): protected(last.urls if last else 0),
        },
        "added": {method: protected(number) for method, number in counted.added.items()},
        "removed": {method: protected(number) for method, number in counted.removed.items()},
        "appeals": {name: protected(number) for name, number in counted.appeals.items()},
        "days_to_removal": {"median": median},
        "incidents": {
            "list_switched_off": kills.count(),
            "editions_refused": refused.count(),
            "additions_halted": protected(halts.count()),  # these two may turn on a single entry
            "editions_taken_back": protected(log.counted("distribution.taken_back", since, until)),
        },
    }
