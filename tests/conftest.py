"""Fixtures every test may use."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from mamori.ground.accounts.models import Membership, Organisation, User
from mamori.ground.actors import Role
from tests.journeys.finished import finished
from tests.platform import demo_world, platform, visitor
from tests.world import dns_world, postgres, smtp, world_folder

# Fixtures over real programs.
__all__ = ["demo_world", "dns_world", "finished", "platform", "postgres", "smtp", "visitor", "world_folder"]

START = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
KIND_OF = {
    Role.ANALYST: "hotline",
    Role.SENIOR_ANALYST: "hotline",
    Role.POLICE_LIAISON: "police",
    Role.LIST_REVIEWER: "list_body",
    Role.LIST_APPROVER: "list_body",
    Role.AUDITOR: "oversight",
    Role.OPERATOR: "operator",
}


@pytest.fixture(autouse=True)
def _static_files_as_they_stand(settings: Any) -> None:
    """Pages name their static files without a collected manifest."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True)
def _an_empty_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """The places behind public forms, counted by each process, begin anew: another test's time may be later."""
    from mamori.hotline.intake import gate

    monkeypatch.setattr(gate, "_next_place", 0.0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Time stands still before anything else of a test is made, whatever day it is outside."""
    for item in items:
        names: list[str] = getattr(item, "fixturenames", [])
        if "frozen" in names:
            names.remove("frozen")
            names.insert(0, "frozen")


@pytest.fixture
def frozen() -> Iterator[time_machine.Traveller]:
    """Time stands still at START; `frozen.shift(timedelta)` moves it."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """`person(Role.ANALYST, name="…")` makes a member with that role in an organisation of the right kind."""

    def make(*roles: Role, name: str | None = None) -> User:
        user = User.objects.create(email=f"{uuid4().hex[:10]}@staff.example", name=name or "A Member")
        for role in roles:
            kind = KIND_OF[role]
            organisation, _ = Organisation.objects.get_or_create(name=f"The {kind}", defaults={"kind": kind})
            Membership.objects.create(user=user, organisation=organisation, role=role)
        return user

    return make


@pytest.fixture
def browser_of(person: Callable[..., User]) -> Callable[[User], Client]:
    """`browser_of(user)` is a client logged in with password and second factor."""
    from allauth.mfa.models import Authenticator
    from allauth.mfa.totp.internal.auth import TOTP

    def make(user: User) -> Client:
        if not Authenticator.objects.filter(user=user).exists():
            TOTP.activate(user, "JBSWY3DPEHPK3PXP")
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def run_jobs(db: None) -> Callable[..., int]:
    """Run all waiting jobs now, each twice, until none is left. Returns how many ran."""
    from tests.jobs import run_waiting

    return run_waiting
