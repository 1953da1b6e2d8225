"""Exposure: how long a person was under lease today, and what follows. Computed from leases, never stored."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from mamori.ground.actors import Role
from mamori.hotline.assessment.models import DutyPresence, ExposureLift, Lease

STRETCH = timedelta(minutes=60)
BREAK = timedelta(minutes=10)
ON_DUTY = timedelta(minutes=30)
WARN_AT = 80
_ANALYSTS = (Role.ANALYST, Role.SENIOR_ANALYST)


@dataclass(frozen=True)
class Exposure:
    """A person's day. `exempt`: the part spent past the budget on a child at risk. `break_until`: a rest is due."""

    on: date
    used: timedelta
    budget: timedelta
    exempt: timedelta
    break_until: datetime | None

    @property
    def percent(self) -> int:
        return int(100 * self.used / self.budget) if self.budget else 100

    @property
    def spent(self) -> bool:
        return self.used >= self.budget

    @property
    def tone(self) -> str:
        return "error" if self.spent else "warning" if self.percent >= WARN_AT else "info"


def of(person_id: UUID, now: datetime) -> Exposure:
    """The exposure of a person on the local day of `now`."""
    return of_many([person_id], now)[person_id]


def of_many(person_ids: list[UUID], now: datetime) -> dict[UUID, Exposure]:
    """The exposure of several persons, in two queries."""
    on, start = _day(now)
    leases: dict[UUID, list[Lease]] = {person: [] for person in person_ids}
    rows = Lease.objects.filter(person_id__in=person_ids, taken_at__gte=start - timedelta(hours=3), taken_at__lte=now)
    for lease in rows.order_by("taken_at"):
        leases[lease.person_id].append(lease)
    lifts = (
        ExposureLift.objects.filter(person_id__in=person_ids, on=on).values_list("person_id").annotate(Sum("minutes"))
    )
    lifted = {person: timedelta(minutes=minutes) for person, minutes in lifts}
    budget = timedelta(hours=settings.EXPOSURE_HOURS)
    return {
        person: _sum(on, start, now, leases[person], budget + lifted.get(person, timedelta())) for person in person_ids
    }


def others_on_duty(person_id: UUID, now: datetime) -> bool:
    """Whether another analyst, whose budget is not used up, was seen within the last half hour."""
    present = list(
        DutyPresence.objects.filter(
            seen_at__gt=now - ON_DUTY,
            person__is_active=True,
            person__memberships__role__in=[str(role) for role in _ANALYSTS],
        )
        .exclude(person_id=person_id)
        .distinct()
        .values_list("person_id", flat=True)
    )
    return any(not day.spent for day in of_many(present, now).values())


def _day(now: datetime) -> tuple[date, datetime]:
    on = timezone.localdate(now)
    return on, timezone.make_aware(datetime.combine(on, time.min))


def _sum(on: date, start: datetime, now: datetime, leases: list[Lease], budget: timedelta) -> Exposure:
    used = exempt = stretch = timedelta()
    last_end: datetime | None = None
    for lease in leases:
        begin, end = max(lease.taken_at, start), min(lease.ended_at or now, lease.until, now)
        length = max(end - begin, timedelta())
        if last_end is not None and begin - last_end >= BREAK:
            stretch = timedelta()
        used, stretch = used + length, stretch + length
        exempt += length if lease.exempt else timedelta()
        last_end = max(end, last_end or end)
    rest = last_end + BREAK if last_end is not None and stretch >= STRETCH else None
    return Exposure(on, used, budget, exempt, rest if rest is not None and rest > now else None)
