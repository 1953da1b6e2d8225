"""The way of a content item: reports, opinions, the gate of two persons, and what follows."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction

from mamori.ground import jobs
from mamori.ground.accounts.models import User
from mamori.ground.actors import PUBLIC, SYSTEM, Role
from mamori.ground.audit.models import Event
from mamori.ground.audit.queries import events
from mamori.ground.errors import DomainError, Forbidden, NotFound
from mamori.ground.facts import Fact, listens
from mamori.ground.ui.states import look
from mamori.hotline.assessment import queries, services
from mamori.hotline.assessment.facts import (
    ChildAtRiskFound,
    ContentConfirmed,
    ContentDismissed,
    ContentFinished,
    ContentOpened,
    ContentReopened,
)
from mamori.hotline.assessment.models import (
    ContentEvent,
    ContentItem,
    ContentReport,
    Criteria,
    Decision,
    Withdrawal,
)
from mamori.hotline.assessment.services.decisions import sampled
from mamori.hotline.assessment.states import CONTENT, ContentState, Reason, Verdict
from mamori.hotline.intake.models import Report
from tests.hotline.assessment_steps import CODES, confirmed, give, item, report

pytestmark = pytest.mark.django_db
S = ContentState
_told: list[Fact] = []
for _kind in (ContentOpened, ContentConfirmed, ContentDismissed, ChildAtRiskFound, ContentFinished, ContentReopened):
    listens(_kind, f"test_assessment.{_kind.__name__.lower()}")(_told.append)


@pytest.fixture
def told(run_jobs: Callable[..., int]) -> Iterator[Callable[[], list[str]]]:
    """Run the waiting jobs; the names of the facts told since the last call."""
    _told.clear()

    def read() -> list[str]:
        run_jobs(times=1)
        names = [type(f).__name__ for f in _told]
        _told.clear()
        return names

    return read


@pytest.fixture
def ana(person: Callable[..., User]) -> User:
    return person(Role.ANALYST, name="Ana")


@pytest.fixture
def ben(person: Callable[..., User]) -> User:
    return person(Role.ANALYST, name="Ben")


@pytest.fixture
def senior(person: Callable[..., User]) -> User:
    return person(Role.SENIOR_ANALYST, name="Sen")


@pytest.fixture(autouse=True)
def _no_samples(settings: object) -> None:
    settings.QA_SHARE = 0.0


def state(content: ContentItem) -> str:
    content.refresh_from_db()
    return content.state


def refused(code: str, call: Callable[..., object], **arguments: object) -> None:
    with pytest.raises(DomainError) as error, transaction.atomic():
        call(**arguments)
    assert error.value.code == code


def outcomes(content: ContentItem) -> set[str]:
    return set(Report.objects.filter(content_id=content.id).values_list("outcome", flat=True))


# --- reports become items ---------------------------------------------------------------------------------------


def test_reports_of_one_address_are_one_item(told: Callable[[], list[str]]) -> None:
    for url in ("https://Site.example/a#x", "https://site.example:443/a", "hxxps://site[.]example/a"):
        report(url)
    assert told() == ["ContentOpened"]
    content = ContentItem.objects.get()
    assert (content.url, content.report_count, content.sources) == ("https://site.example/a", 3, 3)
    assert set(Report.objects.values_list("state", "content_id")) == {("linked", content.id)}
    assert len(queries.reports_of(SYSTEM, content.id)) == 3


def test_linking_twice_changes_nothing(told: Callable[[], list[str]]) -> None:
    report_id = report(urgent=True)
    told()
    services.content_open(actor=SYSTEM, report_id=report_id)
    services.content_open(actor=SYSTEM, report_id=report_id, urgent=True)
    assert told() == []
    assert ContentItem.objects.get().report_count == 1


def test_only_the_system_opens_items(ana: User) -> None:
    with pytest.raises(Forbidden):
        services.content_open(actor=ana.actor, report_id=report())


@pytest.mark.parametrize("url", ["http://192.0.2.7/a", "http://[2001:db8::1]/a", "https://xn--eckwd4c7c.example/"])
def test_addresses_without_a_plain_name_work_too(url: str, ana: User, ben: User) -> None:
    content = confirmed(ana, ben, url)
    assert state(content) == S.ACTIONING
    assert queries.content_address(content.id).url == url
    assert queries.contents_on_host(content.host) == 1


def test_an_urgent_report_goes_first_and_to_police_at_once(told: Callable[[], list[str]], ana: User) -> None:
    item()
    report(urgent=True)
    assert sorted(told()) == ["ChildAtRiskFound", "ContentOpened", "ContentOpened"]
    first = services.lease_next(actor=ana.actor)
    assert queries.is_at_risk(first)


def test_a_second_urgent_report_is_told_too(told: Callable[[], list[str]]) -> None:
    item("https://site.example/u")
    report("https://site.example/u", urgent=True)
    assert "ChildAtRiskFound" in told()
    assert ContentItem.objects.get().at_risk


# --- two persons ---------------------------------------------------------------------------------------------------


def test_illegal_needs_two_persons(told: Callable[[], list[str]], ana: User, ben: User) -> None:
    content = item()
    told()
    give(ana, content, Verdict.BASELINE)
    assert state(content) == S.SECOND_OPINION
    assert told() == []
    assert queries.decision_of(content.id) is None
    give(ben, content, Verdict.BASELINE)
    assert state(content) == S.ACTIONING
    assert told() == ["ContentConfirmed"]
    view = queries.decision_of(content.id)
    assert view is not None
    assert (view.verdict, view.law_codes, view.criteria_version) == (Verdict.BASELINE, ("JP-7-6",), "JP-2014.1")
    assert (view.decided_by, view.confirmed_by) == (ana.id, ben.id)
    was = list(ContentEvent.objects.filter(content=content).order_by("id").values_list("now", flat=True))
    assert [s for s in was if s != "awaiting_assessment"] == [
        *("tracing", "in_assessment", "second_opinion", "in_second_opinion"),
        *("assessed", "actioning"),
    ]


def test_the_narrower_claim_needs_both(ana: User, ben: User) -> None:
    content = item()
    give(ana, content, Verdict.BASELINE)
    give(ben, content, Verdict.NATIONAL)
    view = queries.decision_of(content.id)
    assert view is not None
    assert view.verdict == Verdict.NATIONAL


def test_nobody_gives_both_opinions(ana: User) -> None:
    content = item()
    give(ana, content, Verdict.NATIONAL)
    refused("second_person_needed", services.lease_take, actor=ana.actor, content_id=content.id)
    refused("queue_empty", services.lease_next, actor=ana.actor)


def test_the_database_refuses_a_second_opinion_of_the_same_person(ana: User) -> None:
    content = item()
    give(ana, content, Verdict.NATIONAL)
    with pytest.raises(IntegrityError, match="assessment_second_person"), transaction.atomic():
        Decision.objects.create(
            content=content,
            round=1,
            position=2,
            verdict="NATIONAL",
            criteria=Criteria.objects.get(),
            decided_by=ana,
            decided_at=content.opened_at,
        )


def test_the_database_refuses_an_illegal_verdict_of_one(ana: User) -> None:
    content = item()
    decision = give(ana, content, Verdict.NATIONAL)
    with pytest.raises(IntegrityError, match="assessment_illegal_needs_two"), transaction.atomic():
        ContentItem.objects.filter(id=content.id).update(
            verdict="NATIONAL", decision=decision, settled_at=content.opened_at
        )


def test_the_database_refuses_an_unknown_state() -> None:
    content = item()
    with pytest.raises(IntegrityError, match="content_state_known"), transaction.atomic():
        ContentItem.objects.filter(id=content.id).update(state="somewhere")


@pytest.mark.parametrize(("third", "end"), [(Verdict.NATIONAL, S.ACTIONING), (Verdict.NOT_ILLEGAL, S.ASSESSED)])
def test_where_two_disagree_a_senior_decides(ana: User, ben: User, senior: User, third: Verdict, end: S) -> None:
    content = item()
    give(ana, content, Verdict.NATIONAL)
    give(ben, content, Verdict.NOT_ILLEGAL)
    assert state(content) == S.SECOND_OPINION
    assert content.position == 3
    give(senior, content, third)
    assert state(content) == end


def test_the_third_opinion_is_a_seniors(ana: User, ben: User, person: Callable[..., User]) -> None:
    content = item()
    give(ana, content, Verdict.NATIONAL)
    give(ben, content, Verdict.UNDETERMINED)
    other = person(Role.ANALYST)
    with pytest.raises(Forbidden):
        services.lease_take(actor=other.actor, content_id=content.id)
    refused("queue_empty", services.lease_next, actor=other.actor)


# --- dismissals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "end", "outcome"),
    [
        (Verdict.NOT_ILLEGAL, S.NOT_ILLEGAL, "not_illegal"),
        (Verdict.IGNORE, S.CLOSED, "out_of_remit"),
        (Verdict.UNDETERMINED, S.CLOSED, "insufficient_information"),
    ],
)
def test_one_dismisses_and_it_is_told_after_five_minutes(
    frozen: time_machine.Traveller,
    told: Callable[[], list[str]],
    ana: User,
    verdict: Verdict,
    end: S,
    outcome: str,
) -> None:
    content = item()
    told()
    give(ana, content, verdict)
    frozen.shift(timedelta(minutes=4))
    jobs.run_sweep("assessment.decisions_conclude")
    assert (state(content), told(), outcomes(content)) == (S.ASSESSED, [], {""})
    frozen.shift(timedelta(minutes=2))
    jobs.run_sweep("assessment.decisions_conclude")
    jobs.run_sweep("assessment.decisions_conclude")
    assert (state(content), told(), outcomes(content)) == (end, ["ContentDismissed"], {outcome})
    view = queries.decision_of(content.id)
    assert view is not None
    assert (view.verdict, view.confirmed_by) == (verdict, None)


def test_a_share_of_dismissals_gets_a_blind_second_opinion(settings: object, ana: User, ben: User) -> None:
    settings.QA_SHARE = 1.0
    content = item()
    give(ana, content, Verdict.NOT_ILLEGAL)
    assert state(content) == S.SECOND_OPINION
    give(ben, content, Verdict.IGNORE)
    assert state(content) == S.ASSESSED


def test_the_sample_is_its_share_and_always_the_same(settings: object) -> None:
    from uuid import uuid4

    settings.QA_SHARE = 0.05
    ids = [uuid4() for _ in range(4000)]
    chosen = [i for i in ids if sampled(i, 1)]
    assert 120 < len(chosen) < 290
    assert [i for i in ids if sampled(i, 1)] == chosen
    settings.SECRET_KEY = "another"
    assert [i for i in ids if sampled(i, 1)] != chosen, "who knows the id alone cannot tell"


def test_the_log_tells_no_verdict_before_the_round_is_settled(
    person: Callable[..., User], ana: User, ben: User
) -> None:
    senior = person(Role.SENIOR_ANALYST)

    def said() -> str:
        return " ".join(str(event.codes) for event in events(senior.actor).filter(event__startswith="assessment."))

    content = item()
    give(ana, content, Verdict.NATIONAL)
    assert state(content) == S.SECOND_OPINION
    assert "decision" in said()
    assert "NATIONAL" not in said()
    give(ben, content, Verdict.NATIONAL)
    settled = Event.objects.get(event="assessment.settled").codes
    assert settled == {"round": 1, "verdict": "NATIONAL", "verdict_1": "NATIONAL", "verdict_2": "NATIONAL"}


# --- taking an opinion back --------------------------------------------------------------------------------------------


def test_an_opinion_can_be_taken_back_within_five_minutes(
    frozen: time_machine.Traveller, told: Callable[[], list[str]], ana: User
) -> None:
    content = item()
    told()
    decision = give(ana, content, Verdict.NOT_ILLEGAL)
    frozen.shift(timedelta(minutes=4))
    services.decision_withdraw(actor=ana.actor, decision_id=decision)
    assert (state(content), content.round) == (S.AWAITING_ASSESSMENT, 2)
    assert Withdrawal.objects.get().decision_id == decision
    assert Decision.objects.count() == 1
    frozen.shift(timedelta(minutes=4))
    jobs.run_sweep("assessment.decisions_conclude")
    assert told() == []
    give(ana, content, Verdict.NATIONAL)
    assert state(content) == S.SECOND_OPINION


def test_what_cannot_be_taken_back(frozen: time_machine.Traveller, ana: User, ben: User) -> None:
    content = item()
    decision = give(ana, content, Verdict.NATIONAL)
    with pytest.raises(NotFound):
        services.decision_withdraw(actor=ben.actor, decision_id=decision)
    services.lease_take(actor=ben.actor, content_id=content.id)
    refused("too_late", services.decision_withdraw, actor=ana.actor, decision_id=decision)
    services.lease_release(actor=ben.actor, content_id=content.id)
    frozen.shift(timedelta(minutes=6))
    refused("too_late", services.decision_withdraw, actor=ana.actor, decision_id=decision)
    second = give(ben, content, Verdict.NATIONAL)
    refused("too_late", services.decision_withdraw, actor=ben.actor, decision_id=second)
    urgent = item()
    told_police = give(ana, urgent, Verdict.NATIONAL, child_at_risk=True)
    refused("too_late", services.decision_withdraw, actor=ana.actor, decision_id=told_police)


def test_an_analyst_who_sees_a_child_at_risk_tells_police_before_the_second_opinion(
    told: Callable[[], list[str]], ana: User
) -> None:
    content = item()
    told()
    give(ana, content, Verdict.NATIONAL, child_at_risk=True)
    assert told() == ["ChildAtRiskFound"]
    assert queries.is_at_risk(content.id)


# --- what a verdict must hold --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("law_code_needed", {"verdict": Verdict.NATIONAL, "law_codes": []}),
        ("law_code_unfit", {"verdict": Verdict.NOT_ILLEGAL, "law_codes": CODES}),
        ("law_code_unknown", {"verdict": Verdict.NATIONAL, "law_codes": ["XX-1"]}),
        ("wrong_reason", {"verdict": Verdict.NATIONAL, "law_codes": CODES, "reason": Reason.ADULT}),
        ("wrong_reason", {"verdict": Verdict.NOT_ILLEGAL, "law_codes": [], "reason": Reason.ERROR_404}),
    ],
)
def test_verdicts_that_do_not_hold_together(ana: User, code: str, arguments: dict[str, object]) -> None:
    content = item()
    services.lease_take(actor=ana.actor, content_id=content.id)
    refused(code, services.decide, actor=ana.actor, content_id=content.id, **arguments)


def test_a_verdict_needs_the_lease(ana: User, ben: User) -> None:
    content = item()
    services.lease_take(actor=ana.actor, content_id=content.id)
    arguments = {"content_id": content.id, "verdict": Verdict.IGNORE, "law_codes": []}
    refused("no_lease", services.decide, actor=ben.actor, **arguments)
    with pytest.raises(Forbidden):
        services.decide(actor=PUBLIC, **arguments)


def test_a_country_without_criteria_is_told(ana: User, settings: object) -> None:
    content = item()
    settings.JURISDICTION = "XX"
    services.lease_take(actor=ana.actor, content_id=content.id)
    refused(
        "no_criteria",
        services.decide,
        actor=ana.actor,
        content_id=content.id,
        verdict=Verdict.IGNORE,
        law_codes=[],
    )


def test_a_note_is_sealed_and_opened_only_by_those_who_may(ana: User, ben: User, senior: User) -> None:
    content = item()
    first = give(ana, content, Verdict.NATIONAL, note="a note nobody else reads")
    assert b"nobody" not in bytes(Decision.objects.get(id=first).note)
    assert services.note_open(actor=ana.actor, decision_id=first) == "a note nobody else reads"
    for other in (ben, senior):
        with pytest.raises(NotFound):
            services.note_open(actor=other.actor, decision_id=first)
    give(ben, content, Verdict.NOT_ILLEGAL)
    assert services.note_open(actor=senior.actor, decision_id=first) == "a note nobody else reads"


# --- the rest of the life --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "outcome"),
    [(S.REMOVED, "removed"), (S.UNAVAILABLE, "actioned"), (S.MOVED, "actioned"), (S.NOT_ILLEGAL, "not_illegal")],
)
def test_an_end_closes_the_reports(told: Callable[[], list[str]], ana: User, ben: User, end: S, outcome: str) -> None:
    content = confirmed(ana, ben)
    services.content_monitored(actor=SYSTEM, content_id=content.id)
    assert state(content) == S.MONITORING
    told()
    for _ in range(2):
        services.content_finish(actor=SYSTEM, content_id=content.id, end=end, reason=Reason.ERROR_404)
    assert (state(content), content.reason, outcomes(content)) == (end, "error_404", {outcome})
    assert told() == ["ContentFinished"]
    assert not ContentReport.objects.filter(closed_at=None).exists()


def test_analysts_do_not_end_items(ana: User, ben: User) -> None:
    content = confirmed(ana, ben)
    with pytest.raises(Forbidden):
        services.content_finish(actor=ana.actor, content_id=content.id, end=S.REMOVED)
    refused("not_an_end", services.content_finish, actor=SYSTEM, content_id=content.id, end=S.TRACING)


def test_a_child_at_risk_on_what_was_just_dismissed_is_looked_at_anew(
    ana: User, run_jobs: Callable[[], None], frozen: time_machine.Traveller
) -> None:
    """Screening a report as urgent is one fact: it must not be answered as the dismissal was before it is urgent."""
    content = item("https://site.example/dismissed")
    give(ana, content, Verdict.NOT_ILLEGAL)
    frozen.shift(timedelta(minutes=6))
    services.decisions_conclude()
    plain, urgent = report(content.url), report(content.url, urgent=True)
    run_jobs()
    content.refresh_from_db()
    assert ContentReport.objects.get(report_id=plain).closed_at is not None
    assert ContentReport.objects.get(report_id=urgent).closed_at is None
    assert (content.state, content.round) == ("awaiting_assessment", 2)
    assert content.at_risk_reported


def test_what_is_gone_is_watched_then_closed(frozen: time_machine.Traveller, ana: User, ben: User) -> None:
    content = confirmed(ana, ben)
    services.content_finish(actor=SYSTEM, content_id=content.id, end=S.REMOVED)
    frozen.shift(timedelta(days=1, minutes=1))
    jobs.run_sweep("assessment.contents_age")
    assert state(content) == S.WATCH
    frozen.shift(timedelta(days=92))
    jobs.run_sweep("assessment.contents_age")
    assert state(content) == S.CLOSED


def test_it_comes_back(told: Callable[[], list[str]], ana: User, ben: User) -> None:
    content = confirmed(ana, ben)
    services.content_finish(actor=SYSTEM, content_id=content.id, end=S.REMOVED)
    told()
    for _ in range(2):
        services.content_resurfaced(actor=SYSTEM, content_id=content.id)
    assert (state(content), told()) == (S.ACTIONING, ["ContentReopened"])
    dismissed = item()
    refused("not_confirmed", services.content_resurfaced, actor=SYSTEM, content_id=dismissed.id)


def test_it_changed_or_an_appeal_reopens_it(told: Callable[[], list[str]], ana: User, ben: User, senior: User) -> None:
    content = confirmed(ana, ben)
    told()
    with pytest.raises(Forbidden):
        services.content_reassess(actor=ana.actor, content_id=content.id)
    services.content_reassess(actor=senior.actor, content_id=content.id)
    assert (state(content), content.round, content.position) == (S.AWAITING_ASSESSMENT, 2, 1)
    refused("round_open", services.content_reassess, actor=senior.actor, content_id=content.id)
    give(ben, content, Verdict.NATIONAL)
    refused("round_open", services.content_reopen, actor=senior.actor, content_id=content.id)
    give(ana, content, Verdict.NATIONAL)
    services.content_finish(actor=SYSTEM, content_id=content.id, end=S.MOVED)
    services.content_reopen(actor=senior.actor, content_id=content.id)
    assert state(content) == S.AWAITING_ASSESSMENT
    assert told().count("ContentReopened") == 2


def test_what_cannot_be_seen_is_tried_again_then_ended(frozen: time_machine.Traveller, ana: User) -> None:
    content = item()
    refused(
        "no_lease",
        services.content_cannot_access,
        actor=ana.actor,
        content_id=content.id,
        reason=Reason.PASSWORD_PROTECTED,
    )
    services.lease_take(actor=ana.actor, content_id=content.id)
    refused(
        "wrong_reason",
        services.content_cannot_access,
        actor=ana.actor,
        content_id=content.id,
        reason=Reason.ADULT,
    )
    services.content_cannot_access(actor=ana.actor, content_id=content.id, reason=Reason.PASSWORD_PROTECTED)
    assert (state(content), content.reason) == (S.CANNOT_ACCESS, "password_protected")
    services.content_reassess(actor=ana.actor, content_id=content.id)
    assert state(content) == S.AWAITING_ASSESSMENT
    services.lease_take(actor=ana.actor, content_id=content.id)
    services.content_cannot_access(actor=ana.actor, content_id=content.id, reason=Reason.ERROR_404)
    frozen.shift(timedelta(days=7, minutes=1))
    jobs.run_sweep("assessment.contents_age")
    assert (state(content), outcomes(content)) == (S.UNAVAILABLE, {"already_gone"})


def test_a_report_of_something_ended_brings_it_back(
    frozen: time_machine.Traveller, told: Callable[[], list[str]], ana: User
) -> None:
    content = item("https://site.example/again")
    give(ana, content, Verdict.NOT_ILLEGAL)
    frozen.shift(timedelta(minutes=6))
    jobs.run_sweep("assessment.decisions_conclude")
    told()
    report("https://site.example/again")
    assert told() == []
    assert (state(content), outcomes(content)) == (S.NOT_ILLEGAL, {"not_illegal"})
    frozen.shift(timedelta(hours=25))
    report("https://site.example/again")
    assert told() == ["ContentReopened"]
    assert (state(content), content.round) == (S.AWAITING_ASSESSMENT, 2)


def test_the_trace_is_not_waited_for(frozen: time_machine.Traveller, ana: User) -> None:
    traced, slow, taken = item(), item(), item()
    services.content_traced(actor=SYSTEM, content_id=traced.id)
    assert state(traced) == S.AWAITING_ASSESSMENT
    services.lease_take(actor=ana.actor, content_id=taken.id)
    services.content_traced(actor=SYSTEM, content_id=taken.id)
    assert state(taken) == S.IN_ASSESSMENT
    frozen.shift(timedelta(minutes=11))
    jobs.run_sweep("assessment.contents_age")
    assert state(slow) == S.AWAITING_ASSESSMENT


def test_every_state_of_the_table_can_be_reached() -> None:
    reached, before = {S.TRACING}, set()
    while reached != before:
        before = set(reached)
        reached |= {to for state in before for to in CONTENT.reachable(state)}
    assert reached == set(S)
    assert all(CONTENT.reachable(state) for state in S)


def test_reasons_are_those_of_iccam() -> None:
    assert [(r.value, r.iccam_id) for r in (Reason.OTHER, Reason.ERROR_404, Reason.AGE_OVER_THRESHOLD)] == [
        ("other", 1),
        ("error_404", 9),
        ("age_over_threshold", 21),
    ]


def test_after_their_time_notes_and_addresses_are_destroyed_but_a_new_report_finds_its_item(
    frozen: time_machine.Traveller, ana: User, senior: User
) -> None:
    from mamori.ground.retention import retention_destroy

    content = item("https://site.example/old")
    decision = give(ana, content, Verdict.IGNORE, note="not for us")
    frozen.shift(timedelta(minutes=6))
    jobs.run_sweep("assessment.decisions_conclude")
    frozen.shift(timedelta(days=364))
    assert retention_destroy(actor=senior.actor, name="assessment.note") == 0
    frozen.shift(timedelta(days=2))
    assert retention_destroy(actor=senior.actor, name="assessment.note") == 1
    assert retention_destroy(actor=senior.actor, name="assessment.note") == 0
    refused("sealed_destroyed", services.note_open, actor=ana.actor, decision_id=decision)
    frozen.shift(timedelta(days=366))
    assert retention_destroy(actor=senior.actor, name="assessment.address") == 1
    content.refresh_from_db()
    assert (content.url, content.host) == ("", "")
    with pytest.raises(NotFound):
        queries.content_address(content.id)
    refused("address_forgotten", services.content_reopen, actor=senior.actor, content_id=content.id)
    assert item("https://site.example/old").id == content.id
    assert queries.content_address(content.id).host == "site.example"


def test_opinions_and_events_are_append_only_for_every_face() -> None:
    from mamori.hotline.assessment.grants import GRANTS

    for table in ("assessment_decision", "assessment_contentevent", "assessment_withdrawal"):
        for privileges in GRANTS[table].values():
            assert set(privileges.split(", ")) <= {"SELECT", "INSERT"}
    assert not any("public" in roles for roles in GRANTS.values())


# --- figures -------------------------------------------------------------------------------------------------------------------


def test_agreement_is_counted_with_kappa(ana: User, ben: User, senior: User, settings: object) -> None:
    since = item().opened_at
    assert queries.agreement(senior.actor, since).share is None
    settings.QA_SHARE = 1.0
    pairs = [(Verdict.NATIONAL, Verdict.BASELINE)] * 3 + [(Verdict.NOT_ILLEGAL, Verdict.IGNORE)] * 2
    for first, second in [*pairs, (Verdict.NATIONAL, Verdict.NOT_ILLEGAL)]:
        content = item()
        give(ana, content, first)
        give(ben, content, second)
    found = queries.agreement(senior.actor, since)
    assert found.pairs == 6
    assert found.share == pytest.approx(5 / 6)
    assert found.kappa == pytest.approx((5 / 6 - 0.5) / 0.5)
    days = queries.outcomes_per_day(senior.actor, since)
    assert [(d.verdict, d.count) for d in days] == [(Verdict.NATIONAL, 3)]
    with pytest.raises(Forbidden):
        queries.agreement(PUBLIC, since)


def test_a_timeline_tells_no_verdict_before_the_round_is_settled(ana: User, ben: User) -> None:
    content = item()
    give(ana, content, Verdict.NATIONAL)
    verdict = str(look("verdict", "NATIONAL").word)
    before = [str(m.detail) for m in queries.timeline(ben.actor, content.id)]
    assert verdict not in before
    assert str(look("content", "second_opinion").word) in [str(m.word) for m in queries.timeline(ben.actor, content.id)]
    give(ben, content, Verdict.NATIONAL)
    assert [str(m.detail) for m in queries.timeline(ben.actor, content.id)].count(verdict) == 2
    with pytest.raises(NotFound):
        queries.timeline(PUBLIC, content.id)
