"""How much a provider may ask, and how much it has. What it asked is kept nowhere."""

from django.db import models
from django.db.models import Q

from mamori.ground.accounts.models import Organisation


class Quota(models.Model):
    """Fingerprints an organisation may ask about; without a row, `services.quotas.STANDARD` holds."""

    organisation = models.OneToOneField(Organisation, primary_key=True, on_delete=models.PROTECT, related_name="+")
    per_minute = models.PositiveIntegerField()
    per_day = models.PositiveBigIntegerField()
    set_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(per_day__gte=models.F("per_minute")), name="exchange_quota_day_holds_minute")
        ]  # fmt: skip


class Meter(models.Model):
    """Fingerprints an organisation asked about in the present minute and day (UTC): one row for each, written over."""

    organisation = models.OneToOneField(Organisation, primary_key=True, on_delete=models.PROTECT, related_name="+")
    minute_at = models.DateTimeField()
    minute_used = models.BigIntegerField()
    day_on = models.DateField()
    day_used = models.BigIntegerField()
