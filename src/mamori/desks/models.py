"""Figures, computed now and then, so that the page that shows them is fast however large the tables are."""

from django.db import models


class Figures(models.Model):
    """The last computed figures. One row; `data` as `mamori.desks.figures.compute` returns it."""

    id = models.SmallAutoField(primary_key=True)
    computed_at = models.DateTimeField()
    data = models.JSONField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="desks_figures_one_row")]
