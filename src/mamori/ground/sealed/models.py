from django.db import models


class DataKey(models.Model):
    """A record's data key, wrapped to the hotline's public key; empty once destroyed."""

    id = models.UUIDField(primary_key=True)
    wrapped = models.BinaryField(null=True)
    destroyed_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(wrapped__isnull=True) ^ models.Q(destroyed_on__isnull=True),
                name="sealed_datakey_held_or_destroyed",
            )
        ]
