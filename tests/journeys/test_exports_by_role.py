"""Every table of the desks can be exported by some role that sees it, and by no other."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.ground.ui.tables import Table
from tests.journeys.page_world import objects
from tests.journeys.test_every_page_by_role import PAGES, address
from tests.journeys.test_queries_by_page import more_objects

pytestmark = pytest.mark.django_db
TABLE = re.compile(r'<section class="table" id="([\w-]+)"(.*?)</section>', re.DOTALL)
EXPORT = re.compile(r'class="export" href="([^"]+)"')


def test_each_table_goes_out_to_who_may_take_it(
    person: Callable[..., User], browser_of: Callable[[User], Client], settings: Any
) -> None:
    settings.ROOT_URLCONF = "mamori.site.urls_staff"
    known = objects(person)
    more_objects(person, known)
    takers: dict[tuple[str, str], set[Role]] = defaultdict(set)
    wrong = []
    for role in Role:
        browser = browser_of(person(role))
        for name, page in PAGES.items():
            if page.post or role not in page.roles or name == "audit_export":
                continue
            url = address(name, known)
            answer = browser.get(url)
            if answer.streaming or answer.status_code != 200:
                continue
            for ident, drawn in TABLE.findall(answer.content.decode()):
                taking = takers[name, ident]
                rows = drawn.count("data-row")
                link = EXPORT.search(drawn)
                prefix = "" if ident == "table" else f"{ident}-"
                export = browser.get(url + (link[1] if link else f"?{prefix}export=csv"))
                if link is None:
                    if rows and export.status_code != 403:
                        wrong.append(f"{name}: {ident}: {role} has no link and gets {export.status_code}")
                    continue
                taking.add(role)
                lines = list(csv.reader(io.StringIO(export.content.decode("utf-8-sig"))))
                if "text/csv" not in export["Content-Type"] or len(lines) != rows + 1:
                    wrong.append(f"{name}: {ident}: {role}: {rows} rows, exported {len(lines) - 1}")
                elif not any(any(line) for line in lines[1:]):
                    wrong.append(f"{name}: {ident}: {role}: nothing in the rows")
    untaken = {place for place, roles in takers.items() if not roles}
    assert not wrong, "\n".join(wrong)
    assert untaken == set()


def test_every_table_names_who_may_export_it() -> None:
    def kinds(kind: type[Table]) -> set[type[Table]]:
        found = {each for each in kind.__subclasses__() if each.__module__.startswith("mamori.")}
        return found.union(*(kinds(each) for each in found))

    assert {kind.__name__ for kind in kinds(Table) if not kind.export_permission} == set()
