from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mamori.ground.ui.states import choices
from mamori.ground.ui.tables import ChoiceFilter, Column, DateFilter, Filter, Table
from mamori.lists.fingerprints.permissions import EXPORT
from mamori.lists.fingerprints.queries.shown import numbered_or_valued, source_choices


def entry_url(entry: Any) -> str:
    return reverse("fingerprints_entry", args=[entry.id])


class FingerprintFilter(Filter):
    """An entry by its number, or by one of its values: the very same one, not a near one."""

    def fields(self) -> Mapping[str, forms.Field]:
        return {
            self.name: forms.RegexField(
                r"^(?:[0-9]{1,18}|[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{288})$",
                label=str(self.title),
                required=False,
                strip=True,
                error_messages={"invalid": _("Write an entry's number, or a fingerprint in hexadecimal digits.")},
            )
        }

    def apply(self, rows: QuerySet[Any], cleaned: Mapping[str, Any]) -> QuerySet[Any]:
        return rows.filter(numbered_or_valued(cleaned[self.name])) if cleaned[self.name] else rows


_NUMBER = Column("number", _("Number"), sort=("number",), link=entry_url)
_SOURCE = Column("source__name", _("Given by"))
_REF = Column("source_ref", _("Its reference"), render="digest")
_CLASS = Column("classification", _("Class"), render="state:bank_class")
_MEDIA = Column("media", _("Kind"), render="state:bank_media")
_RECEIVED = Column("received", _("Taken in"), sort=("received_at",), render="moment", value=lambda row: row.received_at)


class BankTable(Table):
    id = "bank"
    caption = _("Entries of the bank")
    order = "-received"
    export_permission = EXPORT
    empty_title = _("The bank is empty")
    empty_text = _("Entries come from confirmed assessments, from imports, and from what an analyst adds.")
    columns = (
        _NUMBER,
        Column("state", _("State"), sort=("state", "-received_at"), render="state:bank_entry"),
        _CLASS,
        _MEDIA,
        _SOURCE,
        _REF,
        Column("sharing", _("Told to"), render="state:bank_sharing"),
        _RECEIVED,
    )
    filters = (
        FingerprintFilter("fingerprint", _("Number or fingerprint")),
        ChoiceFilter("state", _("State"), choices=lambda: choices("bank_entry")),
        ChoiceFilter("source", _("Given by"), choices=source_choices, lookup="source__code"),
        ChoiceFilter("classification", _("Class"), choices=lambda: choices("bank_class")),
        ChoiceFilter("media", _("Kind"), choices=lambda: choices("bank_media")),
        DateFilter("received", _("Taken in"), lookup="received_at"),
    )


class ProposalTable(Table):
    id = "proposals"
    caption = _("Entries that wait for a second person")
    order = "received"
    export_permission = EXPORT
    empty_title = _("Nothing waits for a second person")
    empty_text = _("Entries that will be shared appear here until a colleague of the one who proposed them agrees.")
    columns = (_NUMBER, _CLASS, _MEDIA, _SOURCE, _REF, Column("proposed_by__name", _("Proposed by")), _RECEIVED)
    filters = (ChoiceFilter("source", _("Given by"), choices=source_choices, lookup="source__code"),)


class QuarantineTable(Table):
    id = "quarantine"
    caption = _("Entries held for matching too much")
    order = "-received"
    export_permission = EXPORT
    empty_title = _("Nothing is held")
    empty_text = _("A new entry that matches many uploads in its first days is held here until a reviewer looked.")
    columns = (
        _NUMBER,
        Column("day_hits", _("Matched uploads in a day"), render="number"),
        _CLASS,
        _MEDIA,
        _SOURCE,
        _REF,
        _RECEIVED,
    )


class HarmlessTable(Table):
    id = "harmless"
    caption = _("The negative bank")
    order = "-proposed"
    export_permission = EXPORT
    empty_title = _("The negative bank is empty")
    empty_text = _("Values of pictures known to be harmless, agreed by two persons, for a time.")
    columns = (
        Column("algorithm", _("Kind of value"), render="state:bank_algorithm"),
        Column(
            "value",
            _("Value"),
            value=lambda row: bytes(row.value).hex()[:16] + "…",
            link=lambda row: reverse("fingerprints_harmless", args=[row.id]),
        ),
        Column("state", _("State"), sort=("state", "-proposed_at"), render="state:harmless"),
        Column("reason", _("Why")),
        Column("proposed_by__name", _("Proposed by")),
        Column("confirmed_by__name", _("Agreed by")),
        Column("expires_on", _("Ends on"), render="day"),
        Column("proposed", _("Proposed"), sort=("proposed_at",), render="moment", value=lambda row: row.proposed_at),
    )
    filters = (ChoiceFilter("state", _("State"), choices=lambda: choices("harmless")),)


class SourceTable(Table):
    id = "sources"
    caption = _("Sources")
    order = "code"
    export_permission = EXPORT
    empty_title = _("No source yet")
    empty_text = _("Name a source before anything of it can be added.")
    columns = (
        Column("code", _("Code"), sort=("code",), link=lambda row: reverse("fingerprints_source", args=[row.code])),
        Column("name", _("Name"), sort=("name",)),
        Column("kind", _("Kind of body"), render="state:bank_source"),
        Column("organisation__name", _("Organisation")),
        Column("shared_with_partners", _("Shared with partners"), render="yes_no"),
        Column("disputes", _("Open disagreements"), render="number"),
    )


class DisagreementTable(Table):
    id = "disagreements"
    caption = _("Disagreements")
    order = "-found"
    export_permission = EXPORT
    empty_title = _("Nobody disagrees")
    empty_text = _(
        "Sources that class the same picture otherwise, votes against an entry, and values of the negative bank."
    )
    columns = (
        Column(
            "entries",
            _("Bank entries"),
            value=lambda row: "\N{NO-BREAK SPACE}·\N{NO-BREAK SPACE}".join(
                str(each.number) for each in (row.entry, row.other) if each
            ),
            link=lambda row: reverse("fingerprints_disagreement", args=[row.id]),
        ),
        Column("kind", _("About"), render="state:bank_dispute"),
        Column("state", _("State"), sort=("state", "-found_at"), render="state:disagreement"),
        Column("entry__source__name", _("Given by")),
        Column("other__source__name", _("Other source")),
        Column("distance", _("Bits between them"), render="number"),
        Column("found", _("Noticed"), sort=("found_at",), render="moment", value=lambda row: row.found_at),
    )
    filters = (
        ChoiceFilter("state", _("State"), choices=lambda: choices("disagreement")),
        ChoiceFilter("kind", _("About"), choices=lambda: choices("bank_dispute")),
    )


class ImportTable(Table):
    id = "imports"
    caption = _("Imports")
    order = "-started"
    export_permission = EXPORT
    empty_title = _("Nothing was imported yet")
    empty_text = _(
        "A senior analyst imports small files here, and the operator large ones with “mamori images import”."
    )
    columns = (
        Column(
            "started",
            _("Begun"),
            sort=("started_at",),
            render="moment",
            value=lambda row: row.started_at,
            link=lambda row: reverse("fingerprints_import", args=[row.id]),
        ),
        Column("source__name", _("Given by")),
        Column("format", _("Format"), render="state:bank_format"),
        Column("state", _("State"), render="state:bank_import"),
        Column("read", _("Records"), render="number"),
        Column("added", _("New"), render="number"),
        Column("known", _("Known already"), render="number"),
        Column("restated", _("Class changed"), render="number"),
        Column("refused", _("Kept out"), render="number"),
        Column("confirmed_by__name", _("Agreed by")),
    )
    filters = (ChoiceFilter("source", _("Given by"), choices=source_choices, lookup="source__code"),)
