"""What a desk shows is all of it, or says what is left out; a step is offered only to who may take it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from mamori.ground import clock
from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.hotline.assessment.models import ContentItem
from mamori.hotline.checks.models import Check
from mamori.hotline.intake.models import Report
from mamori.hotline.takedown.models import Removal
from tests.journeys.page_world import objects

pytestmark = pytest.mark.django_db
Open = Callable[[User], Client]


@pytest.fixture
def known(person: Callable[..., User], settings: Any) -> dict[str, Any]:
    settings.ROOT_URLCONF = "mamori.site.urls_staff"
    return objects(person)


def page_of(browser: Client, url: str) -> str:
    answer = browser.get(url, headers={"accept-language": "en"})
    assert answer.status_code == 200, url
    return answer.content.decode()


def test_every_check_of_a_content_is_reached_and_exported(
    known: dict[str, Any], person: Callable[..., User], browser_of: Open
) -> None:
    content_id, now = known["content_id"], clock.now()
    Check.objects.bulk_create(
        Check(
            id=uuid4(), content_id=content_id, at=now - timedelta(hours=n), result="online_same", vantage="tokyo",
            note=f"n{n:03}",
        )
        for n in range(1, 261)
    )  # fmt: skip
    browser = browser_of(person(Role.SENIOR_ANALYST))
    url = f"/checks/{content_id}/"
    assert "Rows 1 to 50 of 261" in page_of(browser, url)
    assert "n260" in page_of(browser, f"{url}?checks-page=6")
    assert "n260" in page_of(browser, f"{url}?checks-sort=at")
    assert "No rows" in page_of(browser, f"{url}?checks-result=gone_4xx")
    told = browser.get(f"{url}?checks-export=csv")
    assert told.content.decode("utf-8-sig").count("\r\n") == 262
    assert browser_of(person(Role.ANALYST)).get(f"{url}?checks-export=csv").status_code == 403


def test_a_case_says_how_many_reports_it_does_not_show(
    known: dict[str, Any], person: Callable[..., User], browser_of: Open
) -> None:
    content_id = known["content_id"]
    browser = browser_of(person(Role.ANALYST))
    assert "All reports of this case" not in page_of(browser, f"/contents/{content_id}/")
    report = Report.objects.get(id=known["report_id"])
    for _ in range(203):
        report.pk, report.state, report.content_id, report.digest = uuid4(), "linked", content_id, uuid4().hex
        report.external_id, report.screening, report.screened_at = None, "accepted", clock.now()
        report.save(force_insert=True)
    ContentItem.objects.filter(id=content_id).update(report_count=203)
    page = page_of(browser, f"/contents/{content_id}/")
    assert "The first 200 of 203 reports." in page
    assert f'href="/reports/?content={content_id}"' in page
    assert "Rows 1 to 50 of 203" in page_of(browser, f"/reports/?content={content_id}")
    assert "No rows" in page_of(browser, f"/reports/?content={uuid4()}")
    assert browser.get("/reports/?content=nonsense").status_code == 200


def test_only_who_may_record_it_is_shown_the_way_to_the_regulator(
    known: dict[str, Any], person: Callable[..., User], browser_of: Open
) -> None:
    content_id = known["content_id"]
    Removal.objects.filter(content_id=content_id).update(exhausted_at=clock.now(), level="hoster")
    step = f"/notices/ended/{content_id}/"
    for role, offered in ((Role.SENIOR_ANALYST, True), (Role.ANALYST, False), (Role.AUDITOR, False)):
        browser = browser_of(person(role))
        page = page_of(browser, "/notices/ended/")
        assert "page[.]example" in page
        assert (step in page) is offered, role
        assert browser.get(step).status_code == (200 if offered else 403), role
        assert browser.post(step, {"reference": "R-7"}).status_code == (302 if offered else 403), role


def test_what_ended_is_filtered(known: dict[str, Any], person: Callable[..., User], browser_of: Open) -> None:
    Removal.objects.filter(content_id=known["content_id"]).update(exhausted_at=clock.now(), level="hoster")
    browser = browser_of(person(Role.AUDITOR))
    assert "page[.]example" in page_of(browser, "/notices/ended/?ended-level=hoster")
    assert "page[.]example" not in page_of(browser, "/notices/ended/?ended-level=registrar")
    assert "page[.]example" not in page_of(browser, "/notices/ended/?ended-exhausted_from=2999-01-01")
