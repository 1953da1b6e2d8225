"""Quotas: fingerprints a minute and a day, for each organisation. A request over one is refused whole."""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from mamori.ground import audit, clock
from mamori.ground.accounts.queries import organisation_known
from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, NotFound
from mamori.lists.exchange.items import MOST
from mamori.lists.exchange.models import Quota
from mamori.lists.exchange.permissions import QUOTA

STANDARD = (200_000, 50_000_000)  # a minute, a day
LARGEST = 2**31 - 1
_DAY = timedelta(days=1)
# Counts in the row's own minute and day, or begins new ones; no row comes back when either would be over its quota.
_TAKE = """
    INSERT INTO exchange_meter AS m (organisation_id, minute_at, minute_used, day_on, day_used)
    VALUES (%(organisation)s, %(minute)s, %(n)s, %(day)s, %(n)s)
    ON CONFLICT (organisation_id) DO UPDATE SET
        minute_at = greatest(m.minute_at, EXCLUDED.minute_at), day_on = greatest(m.day_on, EXCLUDED.day_on),
        minute_used = EXCLUDED.minute_used + CASE WHEN m.minute_at >= EXCLUDED.minute_at THEN m.minute_used ELSE 0 END,
        day_used = EXCLUDED.day_used + CASE WHEN m.day_on >= EXCLUDED.day_on THEN m.day_used ELSE 0 END
    WHERE EXCLUDED.minute_used + CASE WHEN m.minute_at >= EXCLUDED.minute_at THEN m.minute_used ELSE 0 END <= %(minutely)s
        AND EXCLUDED.day_used + CASE WHEN m.day_on >= EXCLUDED.day_on THEN m.day_used ELSE 0 END <= %(daily)s
    RETURNING day_used
"""


class QuotaSpent(DomainError):
    """Too much was asked. `headers` say when to ask again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "quota_spent",
            _("Your organisation has asked about as many fingerprints as it may for now."),
            remedy=_("Ask again after the seconds in Retry-After, or ask the hotline for a larger quota."),
            status=429,
        )
        self.headers = {"Retry-After": str(seconds)}


@transaction.atomic
def quota_set(*, actor: Actor, organisation_id: UUID, per_minute: int, per_day: int) -> None:
    """Say how many fingerprints an organisation may ask about. A minute holds one largest request at least."""
    actor.require(QUOTA)
    if not organisation_known(organisation_id):
        raise NotFound
    if not MOST <= per_minute <= LARGEST or not per_minute <= per_day:
        raise DomainError(
            "quota_too_small",
            _("A minute must hold one request of 10,000 fingerprints, and a day one minute."),
            status=422,
        )
    Quota.objects.update_or_create(
        organisation_id=organisation_id,
        defaults={"per_minute": per_minute, "per_day": per_day, "set_at": clock.now()},
    )
    audit.record(
        "exchange.quota_set", subject=f"organisation:{organisation_id}", actor=actor, minute=per_minute, day=per_day
    )


def quota_take(*, organisation_id: UUID, fingerprints: int) -> None:
    """Count what is asked. QuotaSpent when it is more than the minute or the day has left; then nothing is counted."""
    kept = Quota.objects.filter(organisation_id=organisation_id).values_list("per_minute", "per_day").first()
    minutely, daily = kept or STANDARD
    now = clock.now()
    minute = now.replace(second=0, microsecond=0)
    values: dict[str, UUID | datetime | date | int] = {
        "organisation": organisation_id,
        "minute": minute,
        "day": now.date(),
        "n": fingerprints,
        "minutely": minutely,
        "daily": daily,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        if cursor.fetchone() is not None:
            return
        cursor.execute(
            "SELECT day_on >= %(day)s AND day_used + %(n)s > %(daily)s FROM exchange_meter"
            " WHERE organisation_id = %(organisation)s",
            values,
        )
        row = cursor.fetchone()
    raise QuotaSpent(_until_midnight(now) if row is not None and row[0] else max(1, 60 - now.second))


def _until_midnight(now: datetime) -> int:
    tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
    return max(1, int((tomorrow - now).total_seconds()))
