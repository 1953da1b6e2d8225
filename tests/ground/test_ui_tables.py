"""Tables: sort, filter, page and export by plain parameters; small queries; no formula leaves in a CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.http import QueryDict
from django.template import Context, Template
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from mamori.ground.accounts.models import User
from mamori.ground.actors import Actor, Role, grant
from mamori.ground.errors import DomainError, Forbidden
from mamori.ground.ui.tables import ChoiceFilter, Column, DateFilter, Table, TextFilter, _harmless

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
AUDITOR = Actor("person", roles=frozenset({Role.AUDITOR}))
ANALYST = Actor("person", roles=frozenset({Role.ANALYST}))
grant("ui_table.export", Role.AUDITOR, Role.OPERATOR)
grant("ui_table.export_mail", Role.OPERATOR)


class MemberTable(Table):
    order = "name"
    page_size = 5
    max_page = 4
    count_limit = 12
    export_permission = "ui_table.export"
    columns = [
        Column("name", "Name", sort=("name",), link=lambda row: f"/members/{row.pk}"),
        Column("email", "Mail", export="ui_table.export_mail"),
        Column("is_active", "Active", sort=("is_active",), render="yes_no"),
        Column("created_at", "Made", sort=("created_at", "id"), render="moment"),
        Column("password", "Secret", export=False),
    ]
    filters = [
        ChoiceFilter("active", "Active", choices=[("1", "Yes"), ("0", "No")], lookup="is_active"),
        TextFilter("name", "Name", lookup="name__startswith", max_length=20),
        DateFilter("made", "Made", lookup="created_at"),
    ]


class SecondTable(MemberTable):
    id = "second"


@pytest.fixture
def members(db: None) -> None:
    names = [f"{'ABC'[number % 3]}{number:02}" for number in range(20)]
    User.objects.bulk_create(
        User(
            email=f"{name}@staff.example", name=name, is_active=number % 4 > 0, created_at=NOW - timedelta(days=number)
        )
        for number, name in enumerate(names)
    )


def table(query: str = "", actor: Actor = AUDITOR, kind: type[Table] = MemberTable) -> Table:
    with override("en"):
        return kind(QueryDict(query), User.objects.all(), actor=actor)


def names(of: Table) -> list[str]:
    return [row.name for row in of.rows]


def drawn(of: Table) -> str:
    with override("en"):
        return Template("{% load ui %}{% table table %}").render(Context({"table": of}))


def test_rows_come_in_the_usual_order_and_as_asked(members: None) -> None:
    assert names(table()) == ["A00", "A03", "A06", "A09", "A12"]
    assert names(table("sort=-name")) == ["C17", "C14", "C11", "C08", "C05"]
    assert names(table("sort=created_at"))[0] == "B19"


def test_the_order_is_whole_also_where_values_are_equal(members: None) -> None:
    seen = [name for page in (1, 2, 3, 4) for name in names(table(f"sort=-is_active&page={page}"))]
    assert len(set(seen)) == 20
    assert str(table("sort=-is_active").selected.query).endswith(
        '"accounts_user"."is_active" DESC, "accounts_user"."id" DESC'
    )


def test_filters_narrow_and_stay_in_every_link(members: None) -> None:
    narrowed = table("active=1&name=A&sort=-name")
    assert names(narrowed) == ["A18", "A15", "A09", "A06", "A03"]
    for heading in narrowed.headings:
        assert not heading.url or {("active", "1"), ("name", "A")} <= set(parse_qsl(heading.url[1:]))
    assert names(table("name=A&page=2")) == ["A15", "A18"]
    assert table("name=A").clear_url == "?"


def test_days_are_those_of_japan_and_both_ends_count(members: None) -> None:
    User.objects.filter(name="A00").update(created_at=datetime(2026, 11, 22, 15, 0, tzinfo=UTC))  # midnight of the 23rd
    assert names(table("made_from=2026-11-23&made_to=2026-11-23")) == ["A00", "B01"]
    assert names(table("made_to=2026-11-22&made_from=2026-11-22")) == ["C02"]


@pytest.mark.parametrize(
    "query", ["active=7", "made_from=yesterday", "made_to=9999-12-31", "name=" + "x" * 21, "name=%00"]
)
def test_a_bad_filter_shows_no_row_and_says_why(members: None, query: str) -> None:
    bad = table(query)
    html = drawn(bad)
    assert bad.rows == []
    assert "There is a problem" in html
    assert 'aria-invalid="true"' in html
    with pytest.raises(DomainError, match="bad_filter"):
        bad.csv_response("members")


@pytest.mark.parametrize(
    "query",
    [
        "sort=password",
        "sort=--name",
        "sort=email",
        "page=0",
        "page=-1",
        "page=5",
        "page=x",
        "page=٣",
        "page=9999999999",
    ],
)
def test_a_bad_sort_or_page_is_named_and_the_first_page_shown(members: None, query: str) -> None:
    bad = table(query)
    assert len(bad.messages) == 1
    assert names(bad) == names(table())
    assert 'role="alert"' in drawn(bad)


def test_unknown_parameters_are_ignored_and_not_carried_on(members: None) -> None:
    strange = table("colour=blue&is_superuser=1&name__contains=A")
    assert strange.messages == []
    assert names(strange) == names(table())
    assert "colour" not in drawn(strange)


def test_pages_lead_on_and_back(members: None) -> None:
    assert table().previous_url == ""
    assert table().next_url == "?page=2"
    assert table("page=4").next_url == ""
    assert table("page=3&sort=-name").previous_url == "?sort=-name&page=2"


def test_the_count_stops_at_its_limit(members: None) -> None:
    with override("en"):
        assert table().count_text == "Rows 1 to 5 of more than 12"
        assert table("name=A").count_text == "Rows 1 to 5 of 7"
        assert table("page=4").count_text == "Rows 16 to 20 of 20"
        assert table("page=3").count_text == "Rows 11 to 15 of more than 15"
        assert table("name=zz").count_text == "No rows"


def test_a_page_takes_two_queries_at_most_and_none_counts_all(
    members: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2) as taken:
        drawn(table("name=A"))
    assert all("LIMIT" in query["sql"] for query in taken.captured_queries)
    with django_assert_num_queries(1):
        drawn(table("name=A&page=2"))


def test_the_sorted_column_is_told_and_turns_round(members: None) -> None:
    html = drawn(table("sort=-created_at"))
    assert html.count("aria-sort=") == 1
    assert 'aria-sort="descending"' in html
    assert 'href="?sort=created_at"' in html


def test_an_empty_table_says_so_and_a_too_narrow_filter_offers_all(db: None) -> None:
    assert "Nothing here yet" in drawn(table())
    assert "Show all" in drawn(table("name=zz"))


def test_two_tables_of_a_page_have_their_own_parameters(members: None) -> None:
    assert names(table("second-sort=-name&page=2", kind=SecondTable))[0] == "C17"
    assert names(table("second-name=B", kind=SecondTable))[0] == "B01"
    assert table("second-name=B", kind=SecondTable).next_url == "?second-name=B&second-page=2"
    assert 'id="second"' in drawn(table("", kind=SecondTable))


def test_only_htmx_links_that_change_the_table_swap_it(members: None) -> None:
    html = drawn(table())
    assert 'hx-target="#table" hx-select="#table"' in html
    assert "hx-" not in html[html.index("<tbody") : html.index("</tbody>")]


def read(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_the_export_holds_all_selected_rows_and_only_what_the_role_may_export(members: None) -> None:
    with override("en"):
        lines = read(table("name=A&sort=-name").csv_response("members"))
        assert lines[0] == ["Name", "Active", "Made"]
        assert [line[0] for line in lines[1:]] == ["A18", "A15", "A12", "A09", "A06", "A03", "A00"]
        assert lines[-1][1:] == ["0", "2026-11-24T10:00:00+09:00"]
        operator = Actor("person", roles=frozenset({Role.OPERATOR}))
        answer = table("export=csv", operator).csv_response("members")
    assert read(answer)[0] == ["Name", "Mail", "Active", "Made"]
    assert answer["Content-Disposition"] == 'attachment; filename="members.csv"'
    assert table("export=csv").wants_csv


def test_a_role_that_may_not_export_is_neither_offered_nor_given_one(members: None) -> None:
    assert "Export as CSV" in drawn(table())
    assert "Export as CSV" not in drawn(table(actor=ANALYST))
    with pytest.raises(Forbidden):
        table(actor=ANALYST).csv_response("members")


def test_a_table_without_a_permission_is_exported_by_nobody(members: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(MemberTable):
        export_permission = ""

    with pytest.raises(Forbidden):
        table(kind=Closed).csv_response("members")


def test_an_export_over_the_limit_is_refused_not_cut(members: None) -> None:
    class Small(MemberTable):
        export_limit = 19

    with pytest.raises(DomainError, match="export_too_large"):
        table(kind=Small).csv_response("members")
    assert len(read(table("active=1", kind=Small).csv_response("members"))) == 16


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", " =", "\u3000=", "\x1f="])
def test_a_cell_is_never_a_formula(db: None, start: str) -> None:
    name = f"{start}cmd|' /C calc'!A0"
    User.objects.create(email="x@staff.example", name=name)
    assert read(table().csv_response("members"))[1][0] == f"'{name}"


@given(st.text(max_size=30))
def test_no_text_becomes_a_formula(text: str) -> None:
    assert not str(_harmless(text)).strip().startswith(tuple("=+-@＝＋－＠"))


def test_numbers_stay_numbers() -> None:
    assert _harmless(-5) == -5


def test_an_address_column_is_never_a_link() -> None:
    with pytest.raises(ValueError, match="never a link"):
        Column("url", "Address", render="address", link=lambda row: row.url)
    with pytest.raises(ValueError, match="cannot render"):
        Column("url", "Address", render="picture")
