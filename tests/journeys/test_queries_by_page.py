"""However many rows there are, each staff page of each role asks the database the same number of times."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client

from mamori.ground import clock
from mamori.ground.accounts.models import User
from mamori.ground.actors import Role
from mamori.ground.audit.models import Checkpoint
from mamori.hotline.assessment.models import ContentEvent, Lease
from mamori.hotline.assessment.states import Verdict
from mamori.hotline.intake import gate
from mamori.hotline.intake.services import message_answer
from mamori.hotline.takedown.models import LedgerEntry, NoticeLetter, Step
from mamori.hotline.tracing.models import Rung, Trace, Vote
from mamori.lists.distribution.models import Edition, Offer, Probe, Subscriber
from mamori.lists.distribution.standings import place_of
from mamori.lists.fingerprints.models import Entry as BankEntry
from mamori.lists.fingerprints.models import Source
from mamori.lists.listing.models import Candidate
from tests.hotline.assessment_steps import give, item
from tests.hotline.intake_steps import take
from tests.journeys.many_rows import Copies, tables
from tests.journeys.page_world import objects
from tests.journeys.test_every_page_by_role import PAGES, address
from tests.lists.cases import confirmed, hold, listable, make_body, told_to_police

pytestmark = pytest.mark.django_db
FEW, MANY = 3, 30
MOST = 90  # queries of any page: a case asks every room for its panel, its part of the timeline and its deadlines
# Tables that hold one row by nature.
SINGLE = {"assessment.criteria", "desks.figures"}


def more_objects(person: Callable[..., User], known: dict[str, Any]) -> None:
    """What the desks wait for, so that every list has a row in the state it shows."""
    now = clock.now()
    first, second = person(Role.ANALYST), person(Role.ANALYST)
    item("https://waits.example/1")
    item("https://urgent.example/1", urgent=True)
    give(first, item("https://second.example/1"), Verdict.NATIONAL)
    held = confirmed("https://held.example/1", first, second)
    told_to_police(held, cleared=False)
    hold(held)
    body = make_body(person)
    body.list(listable("https://listed.example/1", person))
    code, _reports = take(first, "https://wrote.example/1", contact="me@home.example")
    message_answer(code=code, text="One more word.", spent=gate.once("a"))
    content_id = known["content_id"]
    ContentEvent.objects.create(content_id=content_id, at=now, was="", now="tracing", actor_kind="system")
    Lease.objects.create(
        content_id=content_id,
        person=first,
        taken_at=now,
        until=now + timedelta(minutes=30),
        ended_at=now,
        end="decided",
    )
    trace = Trace.objects.get(content_id=content_id)
    Vote.objects.create(trace=trace, run=trace.run, method="dns", subject="page.example", outcome="found", at=now)
    Rung.objects.create(trace=trace, level="hoster", contact_id=known["contact_id"])
    Step.objects.create(content_id=content_id, level="hoster", reason="clock", at=now)
    NoticeLetter.objects.create(
        notice_id=known["notice_id"], n=1, kind="first", letter_id=known["letter_id"], posted_at=now,
        page_until=now, page_digest="1" * 64,
    )  # fmt: skip
    LedgerEntry.objects.create(kind="warning", contact_id=known["contact_id"], at=now, by=first)
    Candidate.objects.create(content_id=content_id, why="too_slow", since=now)
    Checkpoint.objects.create(at=now, size=1, note="n", witnessed=True)
    source = Source.objects.get(code=known["source_code"])
    BankEntry.objects.create(
        source=source,
        source_ref="held",
        media="image",
        classification="baseline",
        state="quarantined",
        received_at=now,
        changed_at=now,
        in_force_at=now,
    )
    edition = Edition.objects.get(version=known["version"])
    Subscriber.objects.update(state="active", applied_at=now)
    Offer.objects.create(edition=edition, zone=place_of("nxdomain"), number=1, at=now)
    Probe.objects.create(
        edition=edition, entry_id=known["entry_id"], resolver="unbound", blocked=True, seconds=0.1, at=now
    )


def queries(browser: Client, url: str) -> tuple[int, int, str]:
    """(queries, tables with a further page, what was asked) of a page; what the request changed is undone."""
    asked: list[str] = []

    def kept(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    cache.clear()
    with transaction.atomic(), connection.execute_wrapper(kept):
        answer = browser.get(url)
        if answer.status_code == 302:
            answer = browser.get(answer["Location"])
        transaction.set_rollback(True)
    assert answer.status_code == 200, url
    body = b"" if answer.streaming else answer.content
    return len(asked), body.count(b'rel="next"'), "\n".join(sql[:150] for sql in asked)


def test_the_pages_of_every_role_cost_the_same_with_three_rows_and_with_thirty(
    person: Callable[..., User], browser_of: Callable[[User], Client], settings: Any
) -> None:
    settings.ROOT_URLCONF = "mamori.site.urls_staff"
    known = objects(person)
    more_objects(person, known)
    copies = Copies()
    members = {role: browser_of(person(role)) for role in Role}
    asked = [
        (name, role, members[role], address(name, known))
        for name, page in PAGES.items()
        if not page.post and name != "audit_export"
        for role in sorted(page.roles)
    ]
    copies.grow(FEW - 1)
    few = {(name, role): queries(browser, url) for name, role, browser, url in asked}
    copies.grow(MANY - 1)
    small = {model._meta.label_lower for model in tables() if 0 < model._base_manager.count() < MANY}
    assert small <= SINGLE
    wrong = []
    for name, role, browser, url in asked:
        before, _further, _sql = few[name, role]
        now, further, sql = queries(browser, url)
        if now > before + further or now > MOST:  # a table of several pages counts its rows, to a limit
            wrong.append(f"{name} as {role}: {before} queries, then {now}\n{sql if now < 200 else sql[-4000:]}")
    assert not wrong, "\n\n".join(wrong)
