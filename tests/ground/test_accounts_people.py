"""The People desk: who invites whom, tokens, and what each role sees."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from mamori.ground.accounts import services
from mamori.ground.accounts.models import Invitation, Membership, Organisation, Token, User
from mamori.ground.actors import Role
from mamori.ground.errors import DomainError, Forbidden
from mamori.ground.letters.models import Letter

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(person: Callable[..., User], browser_of: Callable[[User], Client]) -> Client:
    return browser_of(person(Role.OPERATOR, name="Oda"))


@pytest.fixture
def senior(person: Callable[..., User], browser_of: Callable[[User], Client]) -> Client:
    return browser_of(person(Role.SENIOR_ANALYST, name="Sato"))


def test_the_operator_invites_and_never_sees_the_link(operator: Client, person: Callable[..., User]) -> None:
    police = person(Role.POLICE_LIAISON).memberships.get().organisation
    answer = operator.post(
        "/people/invite/",
        {"email": "officer@police.example", "organisation": police.id, "role": "police_liaison"},
        follow=True,
    )
    assert "officer@police.example" in answer.content.decode()
    letter = Letter.objects.get(kind="invitation", to="officer@police.example")
    for page in (answer, operator.get("/people/invitations/"), operator.get(f"/letters/{letter.id}/")):
        assert "/invitation/" not in page.content.decode().replace("/people/invitation", "")
    link = re.search(r"/invitation/[\w-]+/", letter.body)
    assert link is not None
    assert Client().get(link[0]).status_code == 200
    assert "officer@police.example" in operator.get("/people/invitations/").content.decode()


def test_a_role_that_does_not_fit_the_organisation_is_refused_beside_its_field(
    operator: Client, person: Callable[..., User]
) -> None:
    police = person(Role.POLICE_LIAISON).memberships.get().organisation
    person(Role.ANALYST)
    answer = operator.post(
        "/people/invite/", {"email": "a@police.example", "organisation": police.id, "role": "analyst"}
    )
    assert answer.status_code == 422
    assert "role" in answer.context["form"].errors
    assert not Invitation.objects.exists()


def test_a_senior_invites_into_the_own_organisation_only(senior: Client, person: Callable[..., User]) -> None:
    body = person(Role.LIST_APPROVER).memberships.get().organisation
    form = senior.get("/people/invite/").content.decode()
    assert str(body.id) not in form
    answer = senior.post(
        "/people/invite/", {"email": "x@list.example", "organisation": body.id, "role": "list_approver"}
    )
    assert answer.status_code == 422
    actor = User.objects.get(name="Sato").actor
    with pytest.raises(DomainError, match="not_found"):
        services.invite(actor=actor, email="x@l.example", organisation_id=body.id, role=Role.LIST_APPROVER)
    with pytest.raises(Forbidden):
        services.organisation_create(actor=actor, name="New", kind=Organisation.Kind.LIST_BODY)


def test_a_senior_sees_the_own_organisation_the_operator_all(
    senior: Client, operator: Client, person: Callable[..., User]
) -> None:
    person(Role.AUDITOR, name="Mizuno")
    person(Role.ANALYST, name="Hara")
    assert "Mizuno" not in senior.get("/people/").content.decode()
    assert "Hara" in senior.get("/people/").content.decode()
    assert "Mizuno" in operator.get("/people/").content.decode()
    other = User.objects.get(name="Mizuno")
    assert senior.get(f"/people/{other.id}/").status_code == 404


def test_members_filter_by_role(operator: Client, person: Callable[..., User]) -> None:
    person(Role.AUDITOR, name="Mizuno")
    person(Role.ANALYST, name="Hara")
    page = operator.get("/people/?role=auditor").content.decode()
    assert "Mizuno" in page
    assert "Hara" not in page


def test_a_role_is_taken_after_one_question_and_never_from_oneself(senior: Client, person: Callable[..., User]) -> None:
    person(Role.ANALYST, name="Hara")
    row = Membership.objects.get(user__name="Hara")
    assert "Hara" in senior.get(f"/people/roles/{row.id}/remove/").content.decode()
    assert Membership.objects.filter(id=row.id).exists()
    assert senior.post(f"/people/roles/{row.id}/remove/").status_code == 302
    assert not Membership.objects.filter(id=row.id).exists()
    own = Membership.objects.get(user__name="Sato")
    assert senior.post(f"/people/roles/{own.id}/remove/").status_code == 409
    assert senior.post(f"/people/roles/{10**9}/remove/").status_code == 404


def test_an_invitation_is_withdrawn(operator: Client, person: Callable[..., User]) -> None:
    police = person(Role.POLICE_LIAISON).memberships.get().organisation
    operator.post("/people/invite/", {"email": "o@p.example", "organisation": police.id, "role": "police_liaison"})
    row = Invitation.objects.get()
    operator.post(f"/people/invitations/{row.id}/withdraw/")
    row.refresh_from_db()
    assert row.withdrawn_at is not None


def test_a_token_is_shown_once_works_and_is_revoked(operator: Client) -> None:
    operator.post("/people/organisations/new/", {"name": "A Provider", "kind": "provider"})
    provider = Organisation.objects.get(name="A Provider")
    answer = operator.post(
        "/people/tokens/new/", {"organisation": provider.id, "title": "Nightly", "scopes": ["reports.write"]}
    )
    secret = re.search(r"mamori_[\w-]+", answer.content.decode())
    assert secret is not None
    actor = services.token_actor(secret[0])
    assert actor is not None
    assert actor.may("reports.write")
    token = Token.objects.get()
    assert secret[0] not in operator.get("/people/tokens/").content.decode()
    assert operator.get(f"/people/tokens/{token.id}/revoke/").status_code == 200
    assert services.token_actor(secret[0]) is not None
    operator.post(f"/people/tokens/{token.id}/revoke/")
    assert services.token_actor(secret[0]) is None


def test_a_token_cannot_be_given_an_unknown_scope(operator: Client, person: Callable[..., User]) -> None:
    police = person(Role.POLICE_LIAISON).memberships.get().organisation
    answer = operator.post("/people/tokens/new/", {"organisation": police.id, "title": "x", "scopes": ["all.power"]})
    assert answer.status_code == 422
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    ("kind", "scopes", "given"),
    [
        ("police", ["referrals.read", "referrals.write"], True),
        ("police", ["reports.write"], True),
        ("police", ["list.read"], False),
        ("provider", ["list.read", "reports.write"], True),
        ("provider", ["referrals.read"], False),
        ("list_body", ["list.read"], True),
        ("hotline", ["referrals.write"], False),
        ("operator", ["list.read"], False),
        ("oversight", ["reports.write", "referrals.read"], False),
    ],
)
def test_a_token_has_only_scopes_that_are_for_its_organisation(
    operator: Client, kind: str, scopes: list[str], given: bool
) -> None:
    place = Organisation.objects.create(name="Somebody", kind=kind)
    answer = operator.post("/people/tokens/new/", {"organisation": place.id, "title": "x", "scopes": scopes})
    assert answer.status_code == (200 if given else 422)
    assert Token.objects.exists() is given


def test_a_senior_manages_no_tokens(senior: Client) -> None:
    assert senior.get("/people/tokens/").status_code == 403
    assert senior.get(f"/people/tokens/{uuid4()}/revoke/").status_code == 403


def test_the_list_of_members_costs_the_same_for_one_and_for_many(
    operator: Client, person: Callable[..., User], django_assert_max_num_queries: Callable[..., object]
) -> None:
    for number in range(60):
        person(Role.ANALYST, name=f"Member {number}")
    operator.get("/people/")
    with django_assert_max_num_queries(14):  # type: ignore[attr-defined]
        operator.get("/people/")
