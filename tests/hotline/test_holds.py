"""Two holds of a submission: a person's legal hold and the police's. Each is ended by its own owner only."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mamori.ground import clock, jobs, retention
from mamori.ground.accounts.models import User
from mamori.ground.actors import SYSTEM, Actor, Role
from mamori.ground.facts import announce
from mamori.hotline.assessment.facts import ContentDismissed, ContentFinished
from mamori.hotline.intake import services as intake
from mamori.hotline.intake.models import Report, Submission
from mamori.hotline.intake.states import Outcome
from mamori.hotline.referral import services
from mamori.hotline.referral.models import Hold
from mamori.hotline.referral.states import PolicyKind
from tests.hotline.intake_steps import take
from tests.hotline.referral_steps import deliver, send, supervisors_told, tick

pytestmark = pytest.mark.django_db
Make = Callable[..., User]
FIRST, SECOND = "https://kiku.example/1", "https://kiku.example/2"


@pytest.fixture
def analyst(person: Make) -> User:
    return person(Role.ANALYST)


@pytest.fixture
def senior(person: Make) -> Actor:
    return person(Role.SENIOR_ANALYST).actor


def told(analyst: User, run_jobs: Callable[[], None], *addresses: str) -> UUID:
    """A submission whose reports are linked to their contents."""
    _code, reports = take(analyst, *addresses)
    jobs.run_sweep("intake.screen_new")
    run_jobs()
    return reports[0].submission_id


def content_of(address: str) -> UUID:
    found = Report.objects.filter(url=address).values_list("content_id", flat=True)[0]
    assert found is not None
    return found


def held(content_id: UUID, officer: Actor, run_jobs: Callable[[], None]) -> UUID:
    """Referred, delivered, and held by police."""
    referral = services.referral_open(actor=SYSTEM, content_id=content_id)
    send()
    deliver(referral, officer)
    services.acknowledge(actor=officer, referral_id=referral, officer="Sergeant Doi", reference="")
    services.hold_request(actor=officer, referral_id=referral, until=clock.now() + timedelta(days=9), reason="We look.")
    run_jobs()
    return referral


def holds(submission_id: UUID) -> tuple[bool, bool]:
    found = Submission.objects.get(id=submission_id)
    return found.legal_hold, found.police_hold


def test_the_release_by_police_does_not_end_a_seniors_legal_hold(
    analyst: User, senior: Actor, officer: Actor, policy: Any, run_jobs: Callable[[], None]
) -> None:
    policy()
    submission = told(analyst, run_jobs, FIRST)
    intake.submission_withhold(actor=senior, submission_id=submission, withheld=True)
    referral = held(content_of(FIRST), officer, run_jobs)
    assert holds(submission) == (True, True)
    services.release(actor=officer, referral_id=referral)
    run_jobs()
    assert holds(submission) == (True, False)


def test_a_senior_cannot_end_the_hold_of_police(
    analyst: User, senior: Actor, officer: Actor, policy: Any, run_jobs: Callable[[], None]
) -> None:
    policy()
    submission = told(analyst, run_jobs, FIRST)
    held(content_of(FIRST), officer, run_jobs)
    intake.submission_withhold(actor=senior, submission_id=submission, withheld=True)
    intake.submission_withhold(actor=senior, submission_id=submission, withheld=False)
    assert holds(submission) == (False, True)


def test_police_hold_a_submission_until_the_last_of_its_contents_is_released(
    analyst: User, officer: Actor, policy: Any, run_jobs: Callable[[], None]
) -> None:
    policy()
    submission = told(analyst, run_jobs, FIRST, SECOND)
    one = held(content_of(FIRST), officer, run_jobs)
    two = held(content_of(SECOND), officer, run_jobs)
    services.release(actor=officer, referral_id=one)
    run_jobs()
    assert holds(submission) == (False, True)
    services.release(actor=officer, referral_id=two)
    run_jobs()
    assert holds(submission) == (False, False)


def test_a_lapsed_hold_lets_closings_go_where_only_a_release_clears_notices(
    analyst: User, officer: Actor, policy: Any, run_jobs: Callable[[], None], frozen: Any
) -> None:
    policy(PolicyKind.APPROVAL)
    submission = told(analyst, run_jobs, FIRST)
    held(content_of(FIRST), officer, run_jobs)
    Hold.objects.update(until=clock.now() + timedelta(hours=1))
    tick(frozen, timedelta(hours=1))
    supervisors_told()
    tick(frozen, timedelta(hours=24))
    assert Hold.objects.get().ended_how == "lapsed"
    assert holds(submission) == (False, False)


def test_a_later_report_of_held_content_is_held_with_it(
    analyst: User, officer: Actor, policy: Any, run_jobs: Callable[[], None]
) -> None:
    policy()
    told(analyst, run_jobs, FIRST)
    held(content_of(FIRST), officer, run_jobs)
    assert holds(told(analyst, run_jobs, FIRST)) == (False, True)


def test_another_report_costs_as_many_questions_however_many_came_before(
    analyst: User, officer: Actor, policy: Any, run_jobs: Callable[[], None]
) -> None:
    policy()
    told(analyst, run_jobs, FIRST)
    held(content_of(FIRST), officer, run_jobs)
    asked = []
    for _each in range(2):
        with CaptureQueriesContext(connection) as questions:
            services.closings_withhold(actor=SYSTEM, content_id=content_of(FIRST))
        asked.append(len(questions))
        for _more in range(8):
            told(analyst, run_jobs, FIRST)
    assert asked[0] == asked[1]


@pytest.mark.parametrize("fact", [ContentDismissed, ContentFinished])
def test_closings_by_a_dismissal_or_an_end_are_held_too(
    analyst: User, officer: Actor, policy: Any, run_jobs: Callable[[], None], fact: type[ContentDismissed]
) -> None:
    policy()
    submission = told(analyst, run_jobs, FIRST)
    held(content_of(FIRST), officer, run_jobs)
    Submission.objects.filter(id=submission).update(police_hold=False)
    announce(fact(content_of(FIRST)))
    run_jobs()
    assert holds(submission) == (False, True)


@pytest.mark.parametrize("owner", ["legal_hold", "police_hold"])
def test_neither_a_receipt_nor_retention_passes_over_a_hold(
    analyst: User, senior: Actor, run_jobs: Callable[[], None], frozen: Any, owner: str
) -> None:
    submission = told(analyst, run_jobs, FIRST)
    report = Report.objects.get(submission_id=submission)
    intake.report_close(actor=SYSTEM, report_id=report.id, outcome=Outcome.ACTIONED)
    Submission.objects.filter(id=submission).update(**{owner: True})
    frozen.shift(timedelta(days=3 * 365))
    jobs.run_sweep("intake.release_closings")
    due = {d.data_class.name: (d.due, d.held) for d in retention.retention_review(actor=senior)}
    assert due["intake.sealed"] == (1, 1)
    assert due["intake.address"] == (1, 1)
    assert retention.retention_destroy(actor=senior, name="intake.address") == 0
    found = Submission.objects.get(id=submission)
    assert (found.released_hour, found.purged_on) == (None, None)
    intake.submission_withhold(actor=senior, submission_id=submission, withheld=False)
    intake.submission_police_hold(actor=SYSTEM, submission_id=submission, is_held=lambda _content: False)
    jobs.run_sweep("intake.release_closings")
    assert Submission.objects.get(id=submission).released_hour is None  # the end of a hold does not show at once
    frozen.shift(timedelta(days=2))
    jobs.run_sweep("intake.release_closings")
    assert Submission.objects.get(id=submission).released_hour is not None
