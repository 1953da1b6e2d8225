"""Referrals and traces with no more rights in the database than each face and the worker has."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from mamori.engine import keys
from mamori.ground import clock, jobs
from mamori.ground.accounts.models import Organisation, Token
from mamori.ground.actors import SYSTEM, Actor
from mamori.ground.letters.models import Letter
from mamori.hotline.referral import queries, services
from mamori.hotline.referral.permissions import SCOPES
from mamori.hotline.referral.states import FeedbackKind, PolicyKind
from mamori.hotline.tracing import queries as tracing
from mamori.hotline.tracing import services as tracing_services
from mamori.hotline.tracing.models import Trace
from mamori.site import database
from tests.hotline.outside import content, outside
from tests.hotline.referral_steps import CHIEF, DUTY, deliver, refer, row, send, steps, supervisors_told

pytestmark = pytest.mark.django_db
NOBODY = "00000000-0000-0000-0000-000000000001"


@contextmanager
def as_role(role: str) -> Iterator[None]:
    name = sql.Identifier(database.role_name(role))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET ROLE {}").format(name))
        yield
        cursor.execute("RESET ROLE")


@pytest.fixture
def roles(db):
    database.create_roles(dict.fromkeys(database.ROLES, "x"))
    database.apply_grants()
    with connection.cursor() as cursor:
        for role in database.ROLES:
            cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(database.role_name(role))))


@pytest.fixture
def system_of_police():
    """The actor of a police system's token, with what its scopes allow."""
    organisation = Organisation.objects.create(name="Cyber police", kind="police")
    token = Token.objects.create(digest="d", organisation=organisation, title="t", created_at=clock.now())
    allowed = frozenset({*SCOPES["referrals.read"], *SCOPES["referrals.write"]})
    return Actor("partner", id=token.id, organisation_id=organisation.id, scopes=allowed)


def test_the_worker_traces_refers_sends_and_runs_every_clock(
    roles, policy, officer, frozen, tmp_path, settings, senior
):
    policy()
    settings.EVIDENCE_KEY_FILE = tmp_path / "evidence.pem"
    keys.create_signing_key(settings.EVIDENCE_KEY_FILE)
    with outside(tmp_path, settings) as world:
        world.names.host(["kiku.example"], "192.0.2.7", "2001:db8::7")
        world.network("192.0.2.7", abuse="abuse@kasumi.example")
        item = content()
        with as_role("worker"):
            tracing_services.trace_run(actor=SYSTEM, content_id=item)
            tracing_services.contact_needed(actor=SYSTEM, content_id=item)
            world.names.record("kiku.example", "A", "198.51.100.4")
            tracing_services.trace_fresh(actor=SYSTEM, content_id=item)
            tracing_services.traces_retry()
            one = services.referral_open(actor=SYSTEM, content_id=item)
            services.referral_open(actor=SYSTEM, content_id=item, urgent=True)
            send()
            frozen.shift(timedelta(hours=5))
            services.clocks_run()
        assert Letter.objects.filter(to=DUTY).exists()
    contact = tracing.host_of(item).contact_id
    with as_role("staff"):
        tracing_services.contact_approve(actor=senior, contact_id=contact)
        deliver(one, officer)
        services.hold_request(actor=officer, referral_id=one, until=clock.now() + timedelta(days=1), reason="r")
        assert queries.hold_of(officer, row(one)).reason == "r"
    with as_role("worker"):
        services.evidence_bundle(actor=SYSTEM, content_id=item)
        services.closings_withhold(actor=SYSTEM, content_id=item)
        frozen.shift(timedelta(days=1))
        services.clocks_run()
        assert supervisors_told() == 1
        frozen.shift(timedelta(days=1))
        services.clocks_run()
    assert Letter.objects.filter(to=CHIEF).exists()
    assert queries.is_cleared(item)
    assert steps(one, "hold_lapsed").count() == 1


def test_staff_set_policies_hand_over_answer_and_preserve(roles, policy, officer, senior, frozen):
    with as_role("staff"):
        policy(PolicyKind.PER_ITEM)
    one = refer()
    with as_role("staff"):
        services.referral_choose(actor=senior, referral_id=one, kind=PolicyKind.APPROVAL)
        services.handed_over_by_phone(
            actor=senior, referral_id=one, officer="Abe", number="03", talked_at=clock.now(), note="n"
        )
        services.acknowledge(actor=officer, referral_id=one, officer="Doi", reference="R")
        services.release(actor=officer, referral_id=one)
        services.feedback(actor=officer, referral_id=one, kind=FeedbackKind.KNOWN)
        assert queries.desk(officer) is not None
        assert queries.timeline(senior, row(one).content_id)


def test_the_polices_system_fetches_and_answers_on_the_partner_face(roles, policy, system_of_police, frozen):
    policy(channel="api")
    one = refer()
    with as_role("partner"):
        assert [r.id for r in services.referrals_fetch(actor=system_of_police, since=None, limit=5)] == [one]
        who = {"actor": system_of_police, "referral_id": one}
        services.acknowledge(**who, officer="Abe", reference="K")
        services.hold_request(**who, until=clock.now() + timedelta(days=1), reason="r")
        services.hold_renew(**who, until=clock.now() + timedelta(days=2), reason="r")
        services.release(**who)
        services.feedback(**who, kind=FeedbackKind.KNOWN)
        assert tracing.host_of(row(one).content_id) is None
    assert row(one).state == "feedback"


@pytest.mark.parametrize("role", ["public", "partner"])
def test_other_faces_cannot_write_traces_nor_delete_steps(roles, role):
    refer()
    jobs.run_sweep("referral.send")
    for statement in (
        lambda: Trace.objects.create(content_id=NOBODY, host="x.example", opened_at=clock.now()),
        lambda: steps(NOBODY, "opened").delete(),
    ):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(database.role_name(role))))
            statement()
