"""The way of a report: screening, linking, closing, releasing, counting, keeping and destroying."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from mamori.ground import clock, jobs, retention
from mamori.ground.accounts.models import User
from mamori.ground.actors import PUBLIC, SYSTEM, Role
from mamori.ground.errors import DomainError, Forbidden, NotFound
from mamori.ground.sealed.services import open_text
from mamori.hotline.intake import gate, queries, services
from mamori.hotline.intake.models import DayCount, Report, Submission
from mamori.hotline.intake.states import Outcome, Screening, Source
from tests.hotline.intake_steps import audit_rows, take

pytestmark = pytest.mark.django_db
Person = Callable[..., User]


@pytest.fixture
def analyst(person: Person) -> User:
    return person(Role.ANALYST)


@pytest.fixture
def senior(person: Person) -> User:
    return person(Role.SENIOR_ANALYST)


def facts(name: str) -> list[str]:
    """Report ids of stored announcements for listeners of assessment or others, by the fact's listener."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT args FROM procrastinate_jobs ORDER BY id")
        rows = [row[0] for row in cursor.fetchall()]
    return [str(row) for row in rows if name in str(row)]


def public(address: str = "https://site.example/page", **fields: Any) -> services.Received:
    return services.submission_receive(
        actor=PUBLIC, source=Source.PUBLIC, addresses=[address], spent=gate.once(uuid4().hex), **fields
    )


def closed(user: User) -> Report:
    report = take(user)[1][0]
    jobs.run_sweep("intake.screen_new")
    services.report_link(actor=SYSTEM, report_id=report.id, content_id=uuid4())
    services.report_close(actor=SYSTEM, report_id=report.id, outcome=Outcome.REMOVED)
    report.refresh_from_db()
    return report


def test_a_public_report_waits_a_random_time_that_is_stored_nowhere(frozen: Any, settings: Any, senior: User) -> None:
    """The wait has no memory: each sweep takes the same share, whatever came when."""
    settings.SCREENING_DELAY_SECONDS, settings.SWEEP_SECONDS = 300, 60
    for number in range(200):
        public(f"https://site.example/{number}")
    take(senior)
    waited: list[int] = []
    for sweep in range(1, 60):
        before = Report.objects.filter(state="screened", source="public").count()
        jobs.run_sweep("intake.screen_new")
        taken = Report.objects.filter(state="screened", source="public").count() - before
        waited += [sweep] * taken
        assert not Report.objects.filter(state="received").exclude(source="public").exists(), "others wait for nothing"
        frozen.shift(timedelta(minutes=1))
    assert len(waited) == 200
    assert max(waited) >= 12, "some wait more than twice the mean"
    assert 4 < sum(waited) / 200 < 7.5, "1 / (1 - exp(-60 / 300)) = 5.5 sweeps in the mean"
    assert 15 < waited.count(1) < 65, "one in five or six at once"


def test_a_public_report_leaves_no_job_and_no_log_row_before_the_sweep(frozen: Any) -> None:
    frozen.shift(timedelta(minutes=41))
    before = facts("")
    public()
    assert facts("") == before
    assert audit_rows("intake.received") == []
    jobs.run_sweep("intake.screen_new")
    report = Report.objects.get()
    assert (report.state, report.screening, report.screened_at) == ("screened", "accepted", clock.now())
    [row] = audit_rows("intake.received")
    assert row["at"] == clock.this_hour()
    assert row["actor_kind"] == "system"


def test_the_public_form_cannot_be_used_without_a_spent_proof_nor_by_another_source() -> None:
    with pytest.raises(DomainError, match="no_proof"):
        services.submission_receive(actor=PUBLIC, source=Source.PUBLIC, addresses=["https://site.example"])
    with pytest.raises(Forbidden):
        services.submission_receive(actor=PUBLIC, source=Source.OPERATOR, addresses=["https://site.example"])
    with pytest.raises(DomainError, match="wrong_source"):
        services.submission_receive(actor=SYSTEM, source=Source.API, addresses=["https://site.example"])


def test_the_sweep_is_safe_to_run_twice() -> None:
    public()
    jobs.run_sweep("intake.screen_new")
    jobs.run_sweep("intake.screen_new")
    assert len(audit_rows("intake.screened")) == 1


def test_a_tick_alone_pages_nobody_and_waits_first_in_line(analyst: User) -> None:
    take(analyst, "https://site.example/old")
    _code, [ticked] = take(analyst, "https://site.example/ticked", child_at_risk=True)
    waiting = queries.reports_waiting(analyst.actor)
    assert next(r.id for r in waiting) == ticked.id
    jobs.run_sweep("intake.screen_new")
    ticked.refresh_from_db()
    assert ticked.state == "received"
    assert audit_rows("intake.screened")
    assert [r.id for r in queries.reports_waiting(analyst.actor)] == [ticked.id]
    [waits] = queries.desk(analyst.actor)
    assert (waits.count, waits.alarm) == (1, True)


def test_a_person_screens_urgent_and_the_fact_is_announced(analyst: User) -> None:
    _code, [report] = take(analyst, child_at_risk=True)
    services.report_screen(actor=analyst.actor, report_id=report.id, outcome=Screening.URGENT_CHILD_AT_RISK)
    report.refresh_from_db()
    assert (report.state, report.screening) == ("screened", "urgent_child_at_risk")
    with pytest.raises(DomainError, match="no_such_move"):
        services.report_screen(actor=analyst.actor, report_id=report.id, outcome=Screening.ACCEPTED)


@pytest.mark.parametrize("outcome", [Screening.SPAM, Screening.OUT_OF_REMIT])
def test_what_is_not_for_us_is_closed_with_its_screening(analyst: User, outcome: Screening) -> None:
    _code, [report] = take(analyst, child_at_risk=True)
    services.report_screen(actor=analyst.actor, report_id=report.id, outcome=outcome)
    report.refresh_from_db()
    assert (report.state, report.screening, report.outcome) == ("closed", outcome, "out_of_remit")
    assert report.submission.closed_at == report.closed_at


def test_only_screeners_screen_and_only_the_system_links_and_closes(person: Person, analyst: User) -> None:
    _code, [report] = take(analyst, child_at_risk=True)
    for role in (Role.AUDITOR, Role.POLICE_LIAISON, Role.OPERATOR, Role.LIST_APPROVER):
        with pytest.raises(Forbidden):
            services.report_screen(actor=person(role).actor, report_id=report.id, outcome=Screening.ACCEPTED)
    services.report_screen(actor=analyst.actor, report_id=report.id, outcome=Screening.ACCEPTED)
    with pytest.raises(Forbidden):
        services.report_link(actor=analyst.actor, report_id=report.id, content_id=uuid4())
    with pytest.raises(NotFound):
        services.report_close(actor=SYSTEM, report_id=uuid4(), outcome=Outcome.REMOVED)


def test_linking_and_closing_twice_change_nothing(analyst: User) -> None:
    _code, [report] = take(analyst)
    jobs.run_sweep("intake.screen_new")
    content = uuid4()
    services.report_link(actor=SYSTEM, report_id=report.id, content_id=content)
    services.report_link(actor=SYSTEM, report_id=report.id, content_id=content)
    with pytest.raises(DomainError, match="linked_elsewhere"):
        services.report_link(actor=SYSTEM, report_id=report.id, content_id=uuid4())
    services.report_close(actor=SYSTEM, report_id=report.id, outcome=Outcome.REMOVED)
    services.report_close(actor=SYSTEM, report_id=report.id, outcome=Outcome.NOT_ILLEGAL)
    report.refresh_from_db()
    assert report.outcome == "removed"
    assert [r.id for r in queries.reports_of_content(analyst.actor, content)] == [report.id]
    assert [m.word for m in queries.timeline(analyst.actor, content)]


def test_the_database_refuses_states_outside_the_table(analyst: User) -> None:
    _code, [report] = take(analyst)
    for change in (
        {"state": "lost"},
        {"state": "closed"},
        {"outcome": "removed"},
        {"state": "linked", "screening": "accepted"},
        {"screening": "fine"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Report.objects.filter(id=report.id).update(**change)


def test_closings_are_shown_in_daily_batches_after_a_day(analyst: User, frozen: Any) -> None:
    report = closed(analyst)  # at 10:00 in Tokyo
    for _hour in range(41):  # until 03:00 of the day after tomorrow
        jobs.run_sweep("intake.release_closings")
        assert Submission.objects.get(id=report.submission_id).released_hour is None
        frozen.shift(timedelta(hours=1))
    frozen.shift(timedelta(hours=1))
    jobs.run_sweep("intake.release_closings")
    assert Submission.objects.get(id=report.submission_id).released_hour == clock.this_hour()


def test_a_submission_is_closed_with_its_last_report(analyst: User, frozen: Any) -> None:
    _code, reports = take(analyst, "https://site.example/a", "https://site.example/b")
    jobs.run_sweep("intake.screen_new")
    for number, report in enumerate(reports):
        assert Submission.objects.get(id=report.submission_id).closed_at is None
        services.report_link(actor=SYSTEM, report_id=report.id, content_id=uuid4())
        services.report_close(actor=SYSTEM, report_id=report.id, outcome=Outcome.ACTIONED)
        assert (Submission.objects.get(id=report.submission_id).closed_at is not None) == (number == 1)


def test_a_withheld_closing_is_not_shown_and_waits_a_day_after_the_hold(
    analyst: User, senior: User, frozen: Any
) -> None:
    report = closed(analyst)
    with pytest.raises(Forbidden):
        services.submission_withhold(actor=analyst.actor, submission_id=report.submission_id, withheld=True)
    services.submission_withhold(actor=senior.actor, submission_id=report.submission_id, withheld=True)
    frozen.shift(timedelta(days=5))
    jobs.run_sweep("intake.release_closings")
    services.submission_withhold(actor=senior.actor, submission_id=report.submission_id, withheld=False)
    jobs.run_sweep("intake.release_closings")
    assert Submission.objects.get(id=report.submission_id).released_hour is None
    frozen.shift(timedelta(days=2))
    jobs.run_sweep("intake.release_closings")
    assert Submission.objects.get(id=report.submission_id).released_hour is not None


def test_day_counts_follow_outcomes_and_are_summed_up(analyst: User, frozen: Any) -> None:
    closed(analyst)
    take(analyst, "https://site.example/other")
    jobs.run_sweep("intake.screen_new")
    day = date(2026, 11, 24)

    def figures() -> dict[str, int]:
        return {f.outcome: f.count for f in queries.reports_received_per_day(analyst.actor, day)}

    assert figures() == {"": 1, "removed": 1}
    jobs.run_sweep("intake.compact_counts")
    assert figures() == {"": 1, "removed": 1}
    assert DayCount.objects.count() == 2


def test_the_hotline_s_message_is_read_with_the_code_and_by_nobody_without(analyst: User, person: Person) -> None:
    code, [report] = take(analyst)
    other, _reports = take(analyst, "https://site.example/other")
    services.message_send(actor=analyst.actor, submission_id=report.submission_id, text="Which page?")
    services.message_answer(code=code, text="The second", spent=gate.once("a"))
    opened = services.receipt_open(code)
    assert opened is not None
    assert [w.text for w in opened.words] == ["Which page?", "The second"]
    elsewhere = services.receipt_open(other)
    assert elsewhere is not None
    assert elsewhere.words == []
    assert services.receipt_open("1111-2222-3333-4444") is None
    with pytest.raises(NotFound):
        services.message_answer(code="1111-2222-3333-4444", text="x", spent=gate.once("b"))
    with pytest.raises(Forbidden):
        services.message_send(actor=person(Role.AUDITOR).actor, submission_id=report.submission_id, text="x")
    assert [w.text for w in services.messages_read(actor=analyst.actor, submission_id=report.submission_id)] == [
        "Which page?",
        "The second",
    ]
    assert not queries.messages_waiting(analyst.actor).exists()


@pytest.mark.django_db(transaction=True)
def test_messages_that_come_at_once_are_all_kept(analyst: User) -> None:
    code, [report] = take(analyst)
    failed: list[Exception] = []

    def write(number: int) -> None:
        try:
            if number % 2:
                services.message_answer(code=code, text=f"answer {number}", spent=gate.once(f"once {number}"))
            else:
                services.message_send(actor=analyst.actor, submission_id=report.submission_id, text=f"word {number}")
        except Exception as error:  # noqa: BLE001 - whatever it is
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    opened = services.receipt_open(code)
    assert opened is not None
    assert len({word.text for word in opened.words}) == 8


def test_sealed_parts_open_for_their_readers_only_and_each_reading_is_logged(analyst: User, person: Person) -> None:
    _code, [report] = take(analyst, "HTTPS://Site.example", text="seen there", contact="call me")
    parts = {"text": "seen there", "contact": "call me", "typed": "HTTPS://Site.example"}
    for part, text in parts.items():
        assert services.sealed_open(actor=analyst.actor, report_id=report.id, part=part) == text
    assert [row["codes"]["part"] for row in audit_rows("intake.sealed_opened")] == list(parts)
    for role in (Role.AUDITOR, Role.OPERATOR, Role.POLICE_LIAISON):
        with pytest.raises(Forbidden):
            services.sealed_open(actor=person(role).actor, report_id=report.id, part="text")
    with pytest.raises(NotFound):
        services.sealed_open(actor=analyst.actor, report_id=report.id, part="digest")


def test_sealed_texts_are_destroyed_90_days_after_closing_but_not_under_hold(
    analyst: User, senior: User, person: Person, frozen: Any
) -> None:
    code, [report] = take(analyst, text="seen there", contact="call me")
    services.message_send(actor=analyst.actor, submission_id=report.submission_id, text="Which page?")
    held = closed(analyst)
    services.submission_withhold(actor=senior.actor, submission_id=held.submission_id, withheld=True)
    jobs.run_sweep("intake.screen_new")
    services.report_link(actor=SYSTEM, report_id=report.id, content_id=uuid4())
    services.report_close(actor=SYSTEM, report_id=report.id, outcome=Outcome.REMOVED)
    submission = Submission.objects.get(id=report.submission_id)
    key, sealed = submission.data_key, bytes(submission.sealed_text or b"")
    assert key is not None

    def due() -> dict[str, tuple[int, int]]:
        return {d.data_class.name: (d.due, d.held) for d in retention.retention_review(actor=senior.actor)}

    assert due()["intake.sealed"] == (0, 0)
    frozen.shift(timedelta(days=91))
    assert due()["intake.sealed"] == (2, 1)
    with pytest.raises(Forbidden):
        retention.retention_destroy(actor=analyst.actor, name="intake.sealed")
    assert retention.retention_destroy(actor=senior.actor, name="intake.sealed") == 1
    assert retention.retention_destroy(actor=senior.actor, name="intake.sealed") == 0
    with pytest.raises(DomainError, match="sealed_destroyed"):
        open_text(key, "text", sealed)
    opened = services.receipt_open(code)
    assert opened is not None
    assert [w.text for w in opened.words] == [None]
    assert Submission.objects.get(id=held.submission_id).purged_on is None
    services.message_answer(code=code, text="I saw it again", spent=gate.once("late"))
    assert due()["intake.sealed"] == (1, 1)
    frozen.shift(timedelta(days=91))
    assert due()["intake.sealed"] == (2, 1)
    assert retention.retention_destroy(actor=senior.actor, name="intake.sealed") == 1
    opened = services.receipt_open(code)
    assert opened is not None
    assert [w.text for w in opened.words] == [None, None]
    assert due()["intake.sealed"] == (1, 1)
    with pytest.raises(NotFound):
        retention.retention_destroy(actor=senior.actor, name="everything")


def test_addresses_are_destroyed_two_years_after_closing(analyst: User, senior: User, frozen: Any) -> None:
    report = closed(analyst)
    frozen.shift(timedelta(days=2 * 365 + 1))
    assert retention.retention_destroy(actor=senior.actor, name="intake.address") == 1
    report.refresh_from_db()
    assert (report.url, report.digest, report.outcome) == ("", "", "removed")
