"""A step that failed for good is seen by who can do something about it, and what it left undone is mended."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from mamori.desks import queries
from mamori.ground import clock, jobs
from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.ground.errors import Forbidden
from mamori.ground.facts import announce
from mamori.hotline.assessment.facts import ContentConfirmed, ContentFinished
from mamori.hotline.assessment.models import ContentItem
from mamori.hotline.checks.models import Watch
from mamori.hotline.referral.models import Referral
from mamori.site.doctor import examine
from tests.hotline.assessment_steps import confirmed, item

pytestmark = pytest.mark.django_db
Make = Callable[..., User]


def fail_all() -> None:
    """What Procrastinate does with a job after its last attempt."""
    with connection.cursor() as cursor:
        for status in ("doing", "failed"):
            cursor.execute("UPDATE procrastinate_jobs SET status = %s, attempts = 8", [status])


def states() -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text, attempts FROM procrastinate_jobs")
        return list(cursor.fetchall())


@pytest.fixture
def content(person: Make) -> ContentItem:
    found = confirmed(person(Role.ANALYST), person(Role.ANALYST), url="https://kiku.example/secret")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    announce(ContentConfirmed(found.id))
    fail_all()
    return found


def test_failed_steps_are_told_by_name_to_the_operator_and_to_seniors(
    content: ContentItem, person: Make, browser_of: Callable[[User], Client]
) -> None:
    for role in (Role.OPERATOR, Role.SENIOR_ANALYST):
        browser = browser_of(person(role))
        today = browser.get("/", headers={"accept-language": "en"}).content.decode()
        assert "Steps of the hotline are stuck" in today
        page = browser.get("/stuck/", headers={"accept-language": "en"}).content.decode()
        assert "referral.open" in page
        assert "checks.watch" in page
        for secret in (str(content.id), content.id.hex, "kiku", "secret"):
            assert secret not in page + today
    with pytest.raises(Forbidden):
        queries.stuck(person(Role.ANALYST).actor)
    assert queries.desk(person(Role.ANALYST).actor) == []


def test_nothing_is_told_while_nothing_failed(person: Make) -> None:
    announce(ContentConfirmed(item("https://kiku.example/1").id))
    assert queries.desk(person(Role.OPERATOR).actor) == []


def test_the_doctor_counts_failed_steps_with_the_remedy(content: ContentItem) -> None:
    found = {each.what: each for each in examine()}
    line = found["failed steps: referral.open"]
    assert line.level == "bad"
    assert line.finding.startswith("1,")
    assert "mamori jobs retry referral.open" in line.remedy


def test_one_step_or_all_are_tried_again_from_the_first_attempt(
    content: ContentItem, run_jobs: Callable[[], int]
) -> None:
    announce(ContentFinished(content.id))
    fail_all()
    assert jobs.retry("referral.open") == 1
    assert states().count(("todo", 0)) == 1
    run_jobs()
    assert Referral.objects.filter(content_id=content.id).exists()
    assert jobs.retry("no.such") == 0
    assert jobs.retry() > 1
    assert jobs.failed() == []


def test_what_a_failed_step_left_behind_is_referred_and_watched(content: ContentItem, frozen: Any) -> None:
    ContentItem.objects.filter(id=content.id).update(settled_at=clock.now())
    jobs.run_sweep("referral.mend")
    jobs.run_sweep("checks.mend")
    assert not Referral.objects.exists()  # the jobs have their time first
    frozen.shift(timedelta(minutes=6))
    for _twice in range(2):
        jobs.run_sweep("referral.mend")
        jobs.run_sweep("checks.mend")
    assert Referral.objects.get().content_id == content.id
    assert Watch.objects.get().content_id == content.id


def test_a_child_at_risk_is_referred_urgently_although_its_step_failed(frozen: Any) -> None:
    found = item("https://kiku.example/risk", urgent=True)
    fail_all()
    assert found.at_risk
    jobs.run_sweep("referral.mend")
    assert Referral.objects.get(content_id=found.id).urgent
