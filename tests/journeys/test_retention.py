"""What reaches the end of its period goes in every room; what police or a senior hold stays; nothing of the addresses is left."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import typer
from django.apps import apps
from django.db import connection
from typer.testing import CliRunner, Result

from mamori.ground import clock, retention
from mamori.ground.accounts.models import User
from mamori.ground.actors import SYSTEM, Actor, Role
from mamori.ground.audit.models import Event
from mamori.ground.errors import Forbidden
from mamori.ground.letters.models import Letter
from mamori.ground.sealed.services import seal_texts
from mamori.hotline.assessment.models import ContentItem, Decision, DutyPresence, ExposureLift, Lease
from mamori.hotline.checks.models import Watch
from mamori.hotline.intake.models import ApiBatch, Report, Submission
from mamori.hotline.referral.models import Hold, Referral
from mamori.hotline.takedown.models import HosterAnswer, HosterPage, NoticeItem
from mamori.hotline.tracing.models import HostAddress
from mamori.lists.distribution.models import Halt, KillOrder, Subscriber, Taken
from mamori.lists.fingerprints.models import Disagreement, EntryHits, Harmless
from mamori.lists.fingerprints.models import Entry as Known
from mamori.lists.listing.models import Appeal, Candidate, Entry
from mamori.site.commands import retention as retention_command
from tests.journeys.page_world import objects

pytestmark = pytest.mark.django_db
NAMES = ("page.example", "other.example", "198.51.100.4")
OF_CONTENT = {
    "intake.sealed", "intake.address", "assessment.note", "assessment.address", "tracing.trace", "referral.evidence",
    "referral.sealed", "referral.preservation", "checks.look", "takedown.answer", "takedown.findings", "listing.appeal",
    "listing.entry", "listing.candidate", "fingerprints.value", "distribution.edition",
}  # fmt: skip


@pytest.fixture
def content_id(person: Callable[..., User]) -> UUID:
    """Everything of a case, ended today."""
    known = objects(person)
    content_id, now = known["content_id"], clock.now()
    assert isinstance(content_id, UUID)
    first, second = person(Role.ANALYST), person(Role.SENIOR_ANALYST)

    def sealed(name: str) -> tuple[UUID, bytes]:
        key, parts = seal_texts({name: "secret words"})
        return key, parts[name]

    key, note = sealed("note")
    Decision.objects.filter(content_id=content_id, position=1).update(note_key=key, note=note)
    Lease.objects.create(content_id=content_id, person=first, taken_at=now, until=now + timedelta(minutes=30))
    DutyPresence.objects.create(person=first, seen_at=now)
    KillOrder.objects.create(at=now, reason="page.example is wrongly listed", lifted_at=now, lifted_by=second)
    Halt.objects.create(
        at=now, by=first, reason="page.example does harm", ended_at=now, ended_by=second, how="released",
        end_reason="It is not page.example", faults=[{"code": "protected", "resolver": "own", "name": "page.example"}],
    )  # fmt: skip
    ExposureLift.objects.create(
        person=first, on=now.date(), minutes=10, reason="page.example", lifted_by=second, lifted_at=now
    )
    Report.objects.update(
        content_id=content_id, state="closed", screening="accepted", screened_at=now, outcome="removed", closed_at=now
    )
    Submission.objects.update(closed_at=now)
    ApiBatch.objects.create(
        organisation_id=uuid4(), key="k", request_digest=b"0", answer={"url": "page.example"}, received_at=now
    )
    ContentItem.objects.filter(id=content_id).update(state="closed", state_at=now)
    HostAddress.objects.create(ip="198.51.100.4", host="page.example", seen_at=now)
    referral = Referral.objects.get(content_id=content_id)
    key, reason = sealed("reason")
    Hold.objects.create(
        referral=referral, asked_at=now, asked_by=uuid4(), until=now + timedelta(days=1), data_key=key,
        sealed_reason=reason, late=False, ended_at=now, ended_how="released",
    )  # fmt: skip
    key, text = sealed("text")
    HosterAnswer.objects.update(text_key=key, text=text)
    HosterPage.objects.create(token_digest="0" * 64, payload=b"x", until=now)
    NoticeItem.objects.update(state="removed", ended_at=now, findings={"addresses": ["198.51.100.4"]})
    Letter.objects.update(state="handed", body="page.example")
    Candidate.objects.create(content_id=content_id, why="too_slow", since=now, closed_at=now)
    Entry.objects.update(state="removed", ended_at=now, end="withdrawn")
    Appeal.objects.update(
        state="rejected",
        url="https://page.example/",
        host="page.example",
        entry=Entry.objects.get(content_id=content_id),
    )
    Known.objects.filter(content_id=content_id).update(state="withdrawn", ended_at=now, end="dismissed")
    EntryHits.objects.create(entry=Known.objects.first(), hour=now, hits=1)
    Harmless.objects.update(state="ended", ended_at=now)
    Disagreement.objects.update(state="settled", settled_at=now, outcome="kept")
    Subscriber.objects.update(state="revoked", revoked_at=now, notify="198.51.100.4@53", asks_from=["198.51.100.4"])
    taker = Subscriber.objects.get().id
    Taken.objects.bulk_create([Taken(taker=taker, zone="", number=number, at=now) for number in (1, 2)])
    User.objects.filter(id=first.id).update(is_active=False, left_at=now, name="page.example")
    return content_id


@pytest.fixture
def senior(person: Callable[..., User]) -> Actor:
    return person(Role.SENIOR_ANALYST).actor


def due(actor: Actor) -> dict[str, tuple[int, int]]:
    return {each.data_class.name: (each.due, each.held) for each in retention.retention_review(actor=actor)}


def stored() -> str:
    """Every row of every room as text, but for the log and jobs."""
    found = []
    with connection.cursor() as cursor:
        for app in apps.get_app_configs():
            for model in app.get_models():
                table = model._meta.db_table
                if app.name.startswith("mamori.") and not table.startswith(("audit_", "accounts_organisation")):
                    cursor.execute(f"SELECT t::text FROM {table} t")
                    found += [f"{table} {row[0]}" for row in cursor.fetchall()]
    return "\n".join(found)


def test_every_class_becomes_due_and_leaves_no_address_and_no_text(
    content_id: UUID, senior: Actor, frozen: Any
) -> None:
    assert any(count for count, _held in due(senior).values()) is False
    for name in NAMES:
        assert name in stored()
    frozen.shift(timedelta(days=20 * 365))
    found = due(senior)
    assert {name for name, (count, _held) in found.items() if not count} == set()
    for name in found:
        assert retention.retention_destroy(actor=senior, name=name) >= 1, name
    assert {name: count for name, (count, _held) in due(senior).items() if count} == {}
    for name in NAMES:
        assert [line for line in stored().splitlines() if name in line] == []
    assert Event.objects.filter(event="retention.destroyed").count() == len(found)


@pytest.mark.parametrize("owner", ["legal_hold", "police_hold"])
def test_what_belongs_to_held_content_stays_in_every_room(
    content_id: UUID, senior: Actor, frozen: Any, owner: str
) -> None:
    Submission.objects.update(**{owner: True})
    frozen.shift(timedelta(days=20 * 365))
    found = due(senior)
    assert {name for name, (_count, held) in found.items() if held} == OF_CONTENT
    for name in sorted(OF_CONTENT):
        count, held = found[name]
        assert count == held, name
        assert retention.retention_destroy(actor=senior, name=name) == 0, name
    assert ContentItem.objects.get(id=content_id).url
    assert Watch.objects.filter(content_id=content_id).exists()


def command(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(retention_command)
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def row(said: str, name: str) -> list[str]:
    """The cells of a class in the command's table."""
    (line,) = (line for line in said.splitlines() if f" {name} " in line)
    return [cell.strip() for cell in line.strip().strip("│").split("│")]


def test_the_command_shows_what_is_due_and_destroys_it_as_itself(
    content_id: UUID, person: Callable[..., User], frozen: Any
) -> None:
    assert row(command().output, "intake.address")[-2:] == ["0", "0"]
    frozen.shift(timedelta(days=20 * 365))
    reviewer = person(Role.OPERATOR)
    said = command().output
    due_now = int(row(said, "intake.address")[-2])
    assert due_now > 0
    done = command("--destroy", "intake.address", "--reviewed-by", reviewer.email)
    assert done.exit_code == 0, done.output
    assert f"{due_now} destroyed" in done.output
    assert row(command().output, "intake.address")[-2:] == ["0", "0"]
    written = Event.objects.get(event="retention.destroyed")
    assert (written.actor_kind, written.actor_id) == ("system", None)
    assert written.codes == {"count": due_now, "held": 0, "reviewed_by": str(reviewer.id)}
    assert not Event.objects.filter(actor_id=reviewer.id).exists()


def test_the_command_destroys_nothing_for_a_reviewer_who_may_not_review(
    content_id: UUID, person: Callable[..., User], frozen: Any
) -> None:
    frozen.shift(timedelta(days=20 * 365))
    gone = person(Role.SENIOR_ANALYST)
    User.objects.filter(id=gone.id).update(is_active=False)
    for mail in ("", "nobody@staff.example", gone.email, person(Role.ANALYST).email, person().email):
        done = command("--destroy", "intake.address", "--reviewed-by", mail)
        assert (done.exit_code, "reviewer_unknown" in done.output) == (2, True), (mail, done.output)
    done = command("--destroy", "no.class", "--reviewed-by", person(Role.OPERATOR).email)
    assert done.exit_code == 2
    assert int(row(command().output, "intake.address")[-2]) > 0
    assert not Event.objects.filter(event="retention.destroyed").exists()


def test_the_command_leaves_what_is_on_legal_hold(content_id: UUID, person: Callable[..., User], frozen: Any) -> None:
    Submission.objects.update(legal_hold=True)
    frozen.shift(timedelta(days=20 * 365))
    count, held = row(command().output, "intake.address")[-2:]
    assert (count, held) == (held, count)
    assert int(held) > 0
    done = command("--destroy", "intake.address", "--reviewed-by", person(Role.SENIOR_ANALYST).email)
    assert done.output.startswith("0 destroyed")
    assert ContentItem.objects.get(id=content_id).url


def test_the_system_reviews_nothing() -> None:
    with pytest.raises(Forbidden):
        retention.retention_destroy(actor=SYSTEM, name="intake.address")
