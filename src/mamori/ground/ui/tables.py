"""Declarative tables: sort, filter, page and export by plain GET parameters, with or without JavaScript.

A desk says what its table is; `QueueTable(request.GET, queryset, actor=actor)` reads the parameters,
`{% table table %}` draws it, `table_page(request, "desk.html", table, "queue")` answers with the page or the export.
Unknown parameters are ignored, bad ones named. A large table is never counted whole: a page fetches one row more than
it shows, the count stops at `count_limit`.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mamori.ground.actors import Actor
from mamori.ground.errors import DomainError, Forbidden
from mamori.ground.ui import cells
from mamori.ground.ui.filters import ChoiceFilter, DateFilter, Filter, TextFilter

__all__ = ["ChoiceFilter", "Column", "DateFilter", "Filter", "Table", "TextFilter", "table_page"]

Text = str | Promise


@dataclass(frozen=True)
class Column:
    """A column. `name` is also the path of its value (`item__host`) unless `value` says otherwise.

    `sort`: database fields of the ascending order. `render`: text, address, digest, spoken, code, moment, day, number,
    ordinal, yes_no, `state:<machine>`. `link`: where the cell leads, "" for nowhere, for those who hold `link_permission`; an address
    never does. `export`: False never, True with the table's permission, or the name of one more permission.
    """

    name: str
    title: Text
    sort: tuple[str, ...] = ()
    render: str = "text"
    value: Callable[[Any], Any] | None = None
    link: Callable[[Any], str] | None = None
    link_permission: str = ""
    export: bool | str = True

    def __post_init__(self) -> None:
        if not cells.known(self.render):
            raise ValueError(f"column {self.name}: cannot render “{self.render}”")
        if self.link and self.render == "address":
            raise ValueError(f"column {self.name}: an address is never a link")

    @property
    def is_figure(self) -> bool:
        return self.render in {"number", "ordinal"}

    def of(self, row: Any) -> Any:
        if self.value:
            return self.value(row)
        for part in self.name.split("__"):
            row = getattr(row, part, None)
        return row

    def html(self, row: Any, actor: Actor) -> str:
        shown = cells.html(self.render, self.of(row))
        leads = self.link and (not self.link_permission or actor.may(self.link_permission))
        url = self.link(row) if self.link and leads else ""
        return format_html('<a href="{}">{}</a>', url, shown) if url else shown


@dataclass(frozen=True)
class Heading:
    """A column's head: `url` sorts by it; `direction` is "ascending", "descending" or "" as it stands."""

    column: Column
    url: str
    direction: str


class Table:
    """The base of every desk's table. `order` is the sort when none is asked for, such as "-opened_at"."""

    id: ClassVar[str] = "table"
    caption: ClassVar[Text] = _("Rows")
    columns: ClassVar[Sequence[Column]] = ()
    filters: ClassVar[Sequence[Filter]] = ()
    order: ClassVar[str] = ""
    page_size: ClassVar[int] = 50
    max_page: ClassVar[int] = 200
    count_limit: ClassVar[int] = 1000
    export_permission: ClassVar[str] = ""
    export_limit: ClassVar[int] = 50_000
    empty_title: ClassVar[Text] = _("Nothing here yet")
    empty_text: ClassVar[Text] = ""

    def __init__(self, data: Mapping[str, Any], rows: QuerySet[Any], *, actor: Actor) -> None:
        self.actor = actor
        self._all = rows
        self._prefix = "" if self.id == "table" else f"{self.id}-"
        self.messages: list[str] = []
        self.form = forms.Form(data, prefix=self._prefix.rstrip("-") or None, auto_id=f"{self.id}-%s")
        for part in self.filters:
            self.form.fields.update(part.fields())
        self.sort = self._read_sort(data.get(f"{self._prefix}sort", ""))
        self.page = self._read_page(data.get(f"{self._prefix}page", ""))
        self.wants_csv = data.get(f"{self._prefix}export") == "csv"
        self._asked = {key: data[key] for name in self.form.fields if data.get(key := self.form.add_prefix(name))}

    def _read_sort(self, asked: str) -> str:
        if not asked or asked.removeprefix("-") in {c.name for c in self.columns if c.sort}:
            return asked or self.order
        self.messages.append(gettext("The table cannot be sorted that way. It is in its usual order."))
        return self.order

    def _read_page(self, asked: str) -> int:
        if not asked:
            return 1
        if asked.isascii() and asked.isdecimal() and len(asked) < 7 and 1 <= int(asked) <= self.max_page:
            return int(asked)
        self.messages.append(
            gettext("There is no such page: pages go from 1 to %(last)d. Use a filter to see other rows.")
            % {"last": self.max_page}
        )
        return 1

    @cached_property
    def selected(self) -> QuerySet[Any]:
        """All rows that pass the filters, in their order; none when a filter's value is bad."""
        if not self.form.is_valid():
            return self._all.none()
        rows = self._all
        for part in self.filters:
            rows = part.apply(rows, self.form.cleaned_data)
        return rows.order_by(*self._ordering())

    def _ordering(self) -> list[str]:
        sorts = {c.name: c.sort for c in self.columns}
        fields = list(sorts.get(self.sort.removeprefix("-"), ()))
        if not {"pk", "id"} & {field.lstrip("-") for field in fields}:
            fields.append("pk")
        return [_flip(field) for field in fields] if self.sort.startswith("-") else fields

    @cached_property
    def _fetched(self) -> list[Any]:
        start = (self.page - 1) * self.page_size
        rows = self.selected
        if start:  # what is passed over costs neither joins nor annotations
            return list(rows.filter(pk__in=rows.values("pk")[start : start + self.page_size + 1]))
        return list(rows[: self.page_size + 1])

    @property
    def rows(self) -> list[Any]:
        return self.prepared(self._fetched[: self.page_size])

    def prepared(self, rows: list[Any]) -> list[Any]:
        """The rows with what their columns need; a table whose columns show more than fields says so here."""
        return rows

    @property
    def body(self) -> list[list[tuple[Column, str]]]:
        return [[(column, column.html(row, self.actor)) for column in self.columns] for row in self.rows]

    @property
    def headings(self) -> list[Heading]:
        now = {self.sort.removeprefix("-"): "descending" if self.sort.startswith("-") else "ascending"}
        return [
            Heading(
                c,
                self._url(sort=_flip(c.name) if self.sort == c.name else c.name) if c.sort else "",
                now.get(c.name, ""),
            )
            for c in self.columns
        ]

    @property
    def filtered(self) -> bool:
        return bool(self._asked)

    @property
    def clear_url(self) -> str:
        return self._url(asked={}, sort=self.sort)

    @property
    def previous_url(self) -> str:
        return self._url(sort=self.sort, page=self.page - 1) if self.page > 1 else ""

    @property
    def next_url(self) -> str:
        more = len(self._fetched) > self.page_size and self.page < self.max_page
        return self._url(sort=self.sort, page=self.page + 1) if more else ""

    @cached_property
    def count_text(self) -> str:
        """Which rows these are, and of how many; the count is bounded."""
        first = (self.page - 1) * self.page_size + 1
        last = first + len(self.rows) - 1
        if not self.rows:
            return gettext("No rows")
        seen = {"first": first, "last": last}
        if len(self._fetched) <= self.page_size:
            return gettext("Rows %(first)d to %(last)d of %(total)d") % {**seen, "total": last}
        total = self.selected.order_by()[: self.count_limit + 1].count()
        if total <= self.count_limit:
            return gettext("Rows %(first)d to %(last)d of %(total)d") % {**seen, "total": total}
        more = gettext("Rows %(first)d to %(last)d of more than %(total)d")
        return more % {**seen, "total": max(last, self.count_limit)}

    def _url(self, *, sort: str, page: int = 1, asked: Mapping[str, str] | None = None, export: bool = False) -> str:
        known = dict(self._asked if asked is None else asked)
        if sort and sort != self.order:
            known[f"{self._prefix}sort"] = sort
        if page > 1:
            known[f"{self._prefix}page"] = str(page)
        if export:
            known[f"{self._prefix}export"] = "csv"
        return f"?{urlencode(known)}"

    @property
    def sort_name(self) -> str:
        return f"{self._prefix}sort"

    @property
    def export_url(self) -> str:
        return self._url(sort=self.sort, export=True)

    @property
    def may_export(self) -> bool:
        return bool(self.export_permission) and self.actor.may(self.export_permission)

    def csv_response(self, name: str) -> HttpResponse:
        """The selected rows as a CSV file (UTF-8 with mark, for spreadsheets): only columns the actor may export."""
        if not self.may_export:
            raise Forbidden(self.export_permission or f"{name}.export")
        if not self.form.is_valid():
            raise DomainError("bad_filter", _("The export was not made: a filter is not right."), status=400)
        columns = [c for c in self.columns if c.export is True or (c.export and self.actor.may(c.export))]
        rows: list[Model] = list(self.selected[: self.export_limit + 1])
        if len(rows) > self.export_limit:
            raise DomainError(
                "export_too_large",
                _("The export was not made: it has more than %(limit)d rows.") % {"limit": self.export_limit},
                remedy=_("Narrow it with a filter and export again."),
                status=400,
            )
        out = io.StringIO()
        write = csv.writer(out).writerow
        write([_harmless(str(c.title)) for c in columns])
        for row in self.prepared(rows):
            write([_harmless(cells.plain(c.render, c.of(row))) for c in columns])
        answer = HttpResponse(out.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        return answer


def table_page(
    request: HttpRequest, template: str, table: Table, name: str, *, status: int = 200, **context: Any
) -> HttpResponse:
    """The page `table` stands on, or what is selected in it as the file `name`.csv where that is asked for."""
    if table.wants_csv:
        return table.csv_response(name)
    return render(request, template, {"table": table, **context}, status=status)


def _flip(field: str) -> str:
    return field[1:] if field.startswith("-") else f"-{field}"


def _harmless(value: Any) -> Any:
    """A cell no spreadsheet takes for a formula (full-width signs count in Japanese ones; blanks of any kind before it do)."""
    risky = isinstance(value, str) and (
        value.startswith(("\t", "\r", "\n")) or value.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    )
    return f"'{value}" if risky else value
