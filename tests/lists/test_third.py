"""A name that reaches far needs a third person's signature: on the desk, in the database, at the gate."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from mamori.engine.editions import Edition, PersonKey, activation_statement, gate, key_id, read_edition
from mamori.ground import clock
from mamori.ground.actors import Role
from mamori.ground.errors import DomainError, Forbidden
from mamori.hotline.tracing.models import HostAddress
from mamori.lists.distribution import queries as distribution
from mamori.lists.distribution import services as publishing
from mamori.lists.distribution import store
from mamori.lists.listing import queries, services
from mamori.lists.listing.case import far_of
from mamori.lists.listing.models import Appeal, Entry
from mamori.lists.listing.states import AppealState, Far, Method, Proof
from tests.engine.people import APPROVER, KEYS, REVIEWER, RULES, STRANGER, edition, entry, public, signed
from tests.lists.cases import listable

pytestmark = pytest.mark.django_db
URL = "https://far.example/board/1"


@pytest.fixture
def far(settings) -> str:
    settings.LIST_THIRD_NAMES = "1200,far.example\n1201,other-far.example"
    return "far.example"


def listed(press) -> set[str]:
    files = store.read(press.folder, store.current(press.folder))
    return set(read_edition(files, press.root, clock.now()).names())


def added_today() -> int:
    now = clock.now()
    return queries.counted(now - timedelta(hours=1), now + timedelta(hours=1)).added["dns"]


def refusal(call, **arguments) -> str:
    with pytest.raises(DomainError) as found, transaction.atomic():
        call(**arguments)
    assert found.value.message and found.value.remedy
    return found.value.code


def test_two_signatures_do_not_list_a_name_that_reaches_far_and_three_do(far, press, body, person, run_jobs):
    row = body.propose(listable(URL, person))
    assert row.far == ["ranked"]
    row = body.activate(row)
    assert (row.state, row.activator, row.third) == ("pending_third", body.approver, None)
    assert added_today() == 0, "the public figures count what is in force"
    run_jobs()
    assert queries.pending().coming == [] and store.current(press.folder) is None
    for user, code in ((body.approver, "third_person_needed"), (body.reviewer, "")):
        call = {"actor": user.actor, "entry_id": row.id, "signature": body.signature(user, row)}
        if code:
            assert refusal(services.entry_activate, **call) == code
        else:
            with pytest.raises(Forbidden):
                services.entry_activate(**call)
    row = body.activate(row, by=body.both)
    assert (row.state, row.third) == ("active", body.both)
    assert added_today() == 1
    assert [each.step for each in row.approvals.order_by("at")] == ["propose", "activate", "third"]
    run_jobs()
    assert listed(press) == {far}
    assert [event.now for event in row.events.order_by("id")] == [
        "proposed", "pending_activation", "pending_third", "active",
    ]  # fmt: skip


def test_the_third_decides_no_complaint_about_the_entry_even_when_it_has_ended(far, body, person):
    row = body.activate(body.activate(body.propose(listable(URL, person))), by=body.both)
    told = services.appeal_open(address=URL, text="This is my shop.", contact="shop@far.example")
    appeal, alone = Appeal.objects.get(code=told.code), person(Role.LIST_REVIEWER).actor
    third, about = {"actor": body.both.actor, "appeal_id": appeal.id}, {"actor": alone, "appeal_id": appeal.id}
    rejection = {"reason": "No shop."}
    upholding = {"outcome": AppealState.UPHELD, "reason": "Looked at it."}
    assert refusal(services.appeal_reject, **third, **rejection) == "involved", "before anything is matched"
    services.appeals_match()
    appeal.refresh_from_db()
    assert (appeal.entry, row.third) == (row, body.both)
    assert refusal(services.appeal_prove, **third, proof=Proof.ATTESTED) == "involved"
    services.appeal_prove(**about, proof=Proof.ATTESTED)
    assert refusal(services.appeal_accept, **third) == "involved"
    services.appeal_accept(**about)
    assert refusal(services.appeal_decide, **third, **upholding) == "involved"
    services.entry_withdraw(actor=body.approver.actor, entry_id=row.id)
    assert refusal(services.appeal_decide, **third, **upholding) == "involved"
    assert refusal(services.appeal_reject, **third, **rejection) == "involved"
    services.appeal_decide(**about, **upholding)
    appeal.refresh_from_db()
    assert (appeal.state, appeal.decided_by_id) == ("upheld", alone.id)


def test_the_proposer_is_never_the_third(far, body, person):
    row = body.activate(body.propose(listable(URL, person), by=body.both))
    call = {"actor": body.both.actor, "entry_id": row.id, "signature": body.signature(body.both, row)}
    assert refusal(services.entry_activate, **call) == "second_person_needed"


def test_the_database_itself_wants_three_different_persons(far, body, person):
    row = body.activate(body.propose(listable(URL, person)))
    for change in (
        {"state": "active"},
        {"state": "active", "third": body.approver},
        {"state": "active", "third": body.reviewer},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Entry.objects.filter(id=row.id).update(**change)


def test_the_gate_refuses_two_persons_with_a_clear_reason_whoever_changed_the_database(
    far, press, body, person, run_jobs
):
    row = body.activate(body.propose(listable(URL, person)))
    Entry.objects.filter(id=row.id).update(state="active", far=[])  # somebody who rules the database
    publishing.edition_publish(refresh=True)
    row.refresh_from_db()
    assert [each["code"] for each in row.refused] == ["third_missing"]
    assert row.refused[0]["params"] == {"target": far, "persons": 2}
    assert listed(press) == set()
    assert distribution.in_force().names == 0


def test_a_given_up_entry_with_two_signatures_is_ended_by_a_signed_statement(far, press, body, person, run_jobs):
    """Else its two signatures would lie about, one short of a listing."""
    row = body.activate(body.propose(listable(URL, person)))
    services.entry_withdraw(actor=body.reviewer.actor, entry_id=row.id)
    publishing.edition_publish(refresh=True)
    row.refresh_from_db()
    assert (row.state, row.withdrawal.statement.count(str(row.id))) == ("removed", 1)


def test_what_reaches_far(settings, far, person):
    assert far_of(Method.DNS, "far.example") == [Far.RANKED]
    assert far_of(Method.DNS, "www.far.example") == [Far.RANKED]
    assert far_of(Method.DNS, "one.mooo.com") == [Far.PLATFORM]
    assert far_of(Method.DNS, "small.example") == []
    assert far_of(Method.URL, "https://far.example/1") == []
    for number in range(10):
        HostAddress.objects.create(host=f"n{number}.small.example", ip=f"192.0.2.{number}", seen_at=clock.now())
    assert far_of(Method.DNS, "small.example") == [Far.NAMES]
    settings.LIST_THIRD_AT = 11
    assert far_of(Method.DNS, "small.example") == []
    settings.LIST_THIRD_AT = 0
    assert far_of(Method.DNS, "small.example") == []


def test_what_became_far_since_the_proposal_needs_a_third_too(settings, body, person):
    row = body.propose(listable(URL, person))
    assert row.far == []
    settings.LIST_THIRD_NAMES = "far.example"
    assert body.activate(row).state == "pending_third"


def test_the_page_says_so_and_who_is_missing(far, body, person, browser_of):
    english = {"accept-language": "en"}
    row = body.propose(listable(URL, person))
    page = f"/list/entry/{row.id}/"
    html = browser_of(body.approver).get(page, headers=english).content.decode()
    assert "three persons sign" in html and "an approver, a second approver" in html
    assert "After your signature a second approver must sign too." in html
    signature = body.signature(body.approver, row)
    html = browser_of(body.approver).post(f"{page}activate/", {"signature": signature}, headers=english, follow=True)
    assert "a third person must sign before it is listed" in html.content.decode()
    assert "Activate: sign the same statement" not in html.content.decode(), "who signed signs no more"
    html = browser_of(body.both).get(page, headers=english).content.decode()
    assert "Signatures missing:" in html and "<b>a second approver</b>" in html
    assert "goes to all subscribers" in html
    assert [one.count for one in queries.desk(body.both.actor) if one.tone == "warning"] == [1]
    assert [one for one in queries.desk(body.approver.actor) if one.tone == "warning"] == []


def test_the_engine_wants_three_persons_two_of_them_approvers() -> None:
    one = entry("far.example")

    def found(*keys, role="approver") -> list[str]:
        known = KEYS | {key_id(public(STRANGER)): PersonKey("third", public(STRANGER), role)}
        rules = replace(RULES, keys=known, reaches_far=lambda each: each.target == "far.example")
        return [
            each.code
            for each in gate(
                None, Edition(1, frozenset({one}), frozenset({signed(activation_statement(one), *keys)})), rules
            )
        ]

    assert found(REVIEWER, APPROVER) == ["third_missing"]
    assert found(REVIEWER, APPROVER, STRANGER, role="reviewer") == ["third_missing"]
    assert found(REVIEWER, APPROVER, STRANGER) == []
    assert found(REVIEWER) == ["too_few_persons"]
    assert gate(None, edition(1, [entry("near.example")]), RULES) == []
