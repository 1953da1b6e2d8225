import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.apps import apps
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mamori.ground.accounts.models import User
from mamori.ground.audit.log import EVENT
from mamori.ground.audit.looks import event_phrase, events_known, thing_word
from mamori.ground.audit.models import Event
from mamori.ground.audit.permissions import EXPORT
from mamori.ground.ui.cells import actor_kind
from mamori.ground.ui.filters import Filter
from mamori.ground.ui.tables import Column, DateFilter, Table


@dataclass(frozen=True)
class NumberFilter(Filter):
    """The event with this number and those before it."""

    def fields(self) -> Mapping[str, forms.Field]:
        return {self.name: forms.IntegerField(label=str(self.title), min_value=1, max_value=2**62, required=False)}

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        return rows.filter(id__lte=cleaned[self.name]) if cleaned[self.name] else rows


@dataclass(frozen=True)
class ActorFilter(Filter):
    """Events of one person or token, by id."""

    def fields(self) -> Mapping[str, forms.Field]:
        return {self.name: forms.UUIDField(label=str(self.title), required=False)}

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        return rows.filter(actor_id=cleaned[self.name]) if cleaned[self.name] else rows


class _EventField(forms.ChoiceField):
    """Takes the name of an event of older times too, which no room knows any more."""

    def valid_value(self, value: str) -> bool:
        return EVENT.fullmatch(value) is not None


@dataclass(frozen=True)
class EventFilter(Filter):
    """One kind of event, chosen by its phrase."""

    def fields(self) -> Mapping[str, forms.Field]:
        known = [(room, list(events.items())) for room, events in events_known().items()]
        return {self.name: _EventField(label=str(self.title), choices=[("", gettext("All")), *known], required=False)}

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        return rows.filter(event=cleaned[self.name]) if cleaned[self.name] else rows


@dataclass(frozen=True)
class SubjectFilter(Filter):
    """Events of one thing: its id, or "type:id". The kinds are named so that the index serves."""

    def fields(self) -> Mapping[str, forms.Field]:
        return {self.name: forms.CharField(label=str(self.title), max_length=150, required=False)}

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        kind, colon, name = cleaned[self.name].strip().rpartition(":")
        if not name:
            return rows
        kinds = [kind] if colon else [model._meta.label_lower for model in apps.get_models()]
        return rows.filter(subject_type__in=kinds, subject_id=name)


def _short(value: object) -> str:
    text = str(value)
    return f"{text[:8]}…" if len(text) > 20 else text


def _told(code: str) -> SafeString | str:
    """What happened in words, with the code that stands in the log."""
    if not (phrase := event_phrase(code)):
        return code
    room, _dot, name = code.partition(".")
    return format_html('{} <span class="event" translate="no">{}.<wbr>{}</span>', phrase, room, name)


class EventTable(Table):
    caption = _("Events")
    columns = [
        Column("id", _("Number"), sort=("id",), render="ordinal"),
        Column("at", _("When"), render="moment"),
        Column(
            "event",
            _("What happened"),
            value=lambda row: _told(row.event),
            link=lambda row: f"?{urlencode({'event': row.event})}",
        ),
        Column("who", _("By whom"), link=lambda row: f"?{urlencode({'actor': row.actor_id or ''})}"),
        Column(
            "subject",
            _("Thing"),
            value=lambda row: f"{thing_word(row.subject_type)} {_short(row.subject_id)}",
            link=lambda row: f"?{urlencode({'subject': f'{row.subject_type}:{row.subject_id}'})}",
        ),
        Column("codes", _("Codes"), value=lambda row: " · ".join(f"{k} {_short(v)}" for k, v in row.codes.items())),
    ]
    filters = [
        EventFilter("event", _("What happened")),
        SubjectFilter("subject", _("Id of the thing")),
        ActorFilter("actor", _("Id of the actor")),
        DateFilter("at", _("When")),
        NumberFilter("before", _("Up to number")),
    ]
    order = "-id"
    export_permission = EXPORT
    empty_title = _("No event yet")
    empty_text = _("Everything anybody does here is written down as ids and codes, and appears here at once.")

    @cached_property
    def _fetched(self) -> list[Event]:
        """The page's events, each told who acted: one more query for the names of members."""
        rows: list[Event] = list(super()._fetched)
        names = dict(User.objects.filter(id__in={row.actor_id for row in rows}).values_list("id", "name"))
        for row in rows:
            row.who = (names.get(row.actor_id) if row.actor_id else None) or actor_kind(row.actor_kind)  # type: ignore[attr-defined]
        return rows


class EventExport(EventTable):
    """The same rows with whole ids."""

    columns = [
        Column("id", _("Number"), sort=("id",), render="ordinal"),
        Column("at", _("When"), render="moment"),
        Column("event", _("What happened")),
        Column("actor_kind", _("By whom")),
        Column("actor_id", _("Id of the actor")),
        Column("subject_type", _("Thing")),
        Column("subject_id", _("Id of the thing")),
        Column("codes", _("Codes"), value=lambda row: json.dumps(row.codes, sort_keys=True)),
    ]


class CheckpointTable(Table):
    caption = _("Checkpoints")
    columns = [
        Column("size", _("Events covered"), sort=("size",), render="number"),
        Column("at", _("When"), render="moment"),
        Column(
            "witnessed",
            _("Witness"),
            sort=("witnessed",),
            render="state:checkpoint",
            value=lambda row: "witnessed" if row.witnessed else "alone",
        ),
    ]
    filters = [DateFilter("at", _("When"))]
    order = "-size"
    export_permission = EXPORT
    empty_title = _("No checkpoint yet")
    empty_text = _("The worker signs the size and root of the log every few seconds. Is the worker running?")
