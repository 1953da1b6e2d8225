"""What is shown of the list to others: commitments to editions."""

from django.db import models


class CommittedBase(models.Model):
    """The commitments to a base's entries, made once. `seed` (32 bytes) makes their salts: without it none can be opened."""

    version = models.PositiveIntegerField(primary_key=True)
    seed = models.BinaryField(max_length=32)
    entries = models.PositiveIntegerField()
    peaks = models.BinaryField(help_text="Roots of the complete subtrees, largest first, 32 bytes each.")


class Commitment(models.Model):
    """An edition's commitments, as the log's event says them. `proof`: the file that shows it in the log, once witnessed."""

    version = models.PositiveIntegerField(primary_key=True)
    base = models.ForeignKey(CommittedBase, on_delete=models.PROTECT, related_name="+")
    seed = models.BinaryField(max_length=32)
    root = models.CharField(max_length=64)
    committed_at = models.DateTimeField()
    proof = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["version"], name="openness_unproved", condition=models.Q(proof=""))]


class PublishedPeriod(models.Model):
    """What the public reads about one closed quarter: computed once, with noise, never again. The public face reads no other."""

    begins_on = models.DateField(primary_key=True)
    ends_on = models.DateField(help_text="The first day after it.")
    figures = models.JSONField(help_text="group -> name -> number; None: fewer than five.")
    published_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(ends_on__gt=models.F("begins_on")), name="openness_period_days")
        ]
