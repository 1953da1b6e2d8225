"""Filters of a table: each is a few optional form fields and a narrowing of the rows."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext

Text = str | Promise
Choices = Sequence[tuple[str, Text]]


@dataclass(frozen=True)
class Filter(ABC):
    """A filter: form fields by parameter name, and what their cleaned values do to the rows."""

    name: str
    title: Text

    @abstractmethod
    def fields(self) -> Mapping[str, forms.Field]:
        """The form fields, none of them required."""

    @abstractmethod
    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        """The rows that pass."""


@dataclass(frozen=True)
class ChoiceFilter(Filter):
    """One of `choices` (value, word). `lookup` defaults to the filter's name."""

    choices: Choices | Callable[[], Choices] = ()
    lookup: str = ""

    def fields(self) -> Mapping[str, forms.Field]:
        chosen = self.choices() if callable(self.choices) else self.choices
        return {
            self.name: forms.ChoiceField(label=str(self.title), choices=[("", gettext("All")), *chosen], required=False)
        }

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        return rows.filter(**{self.lookup or self.name: cleaned[self.name]}) if cleaned[self.name] else rows


@dataclass(frozen=True)
class TextFilter(Filter):
    """Free text, stripped, at most `max_length` characters; use a lookup an index can serve."""

    lookup: str = ""
    max_length: int = 200

    def fields(self) -> Mapping[str, forms.Field]:
        return {self.name: forms.CharField(label=str(self.title), max_length=self.max_length, required=False)}

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        return rows.filter(**{self.lookup or self.name: cleaned[self.name]}) if cleaned[self.name] else rows


@dataclass(frozen=True)
class DateFilter(Filter):
    """Days from and to, both included, in the site's time zone. `days`: the field holds days, not moments."""

    lookup: str = ""
    days: bool = False

    def fields(self) -> Mapping[str, forms.Field]:
        def field(label: str) -> forms.DateField:
            return forms.DateField(
                label=label,
                required=False,
                widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
                input_formats=["%Y-%m-%d"],
                validators=[MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2999, 12, 31))],
            )

        return {
            f"{self.name}_from": field(gettext("%(title)s from") % {"title": self.title}),
            f"{self.name}_to": field(gettext("%(title)s to") % {"title": self.title}),
        }

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        path, first, last = self.lookup or self.name, cleaned[f"{self.name}_from"], cleaned[f"{self.name}_to"]
        if first:
            rows = rows.filter(**{f"{path}__gte": first if self.days else _midnight(first)})
        if last:
            end = last + timedelta(days=1)
            rows = rows.filter(**{f"{path}__lt": end if self.days else _midnight(end)})
        return rows


def _midnight(on: date) -> datetime:
    return timezone.make_aware(datetime.combine(on, time.min))
