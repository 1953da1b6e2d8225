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
