"""People and sources of the bank."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from mamori.ground.accounts.models import Organisation, User
from mamori.ground.actors import Actor, Role
from mamori.lists.fingerprints import services
from mamori.lists.fingerprints.models import Entry
from mamori.lists.fingerprints.services import NewFingerprint


@pytest.fixture
def bank(person: Callable[..., User], frozen: Any) -> SimpleNamespace:
    """Two analysts, a senior one, a partner's machine, a shared source and one for our own desks."""
    ann, ben, sue = (
        person(Role.ANALYST, name="Ann"),
        person(Role.ANALYST, name="Ben"),
        person(Role.SENIOR_ANALYST, name="Sue"),
    )
    provider = Organisation.objects.create(name="A Provider", kind="provider")
    scopes = frozenset({"images.match", "images.read", "images.write"})
    services.source_add(
        actor=sue.actor,
        code="ngo",
        name="An NGO",
        kind="ngo",
        shared_with_partners=True,
        contact_mail="bank@ngo.example",
    )
    services.source_add(actor=sue.actor, code="own", name="Our own", kind="hotline")
    services.source_add(
        actor=sue.actor,
        code="provider",
        name="A Provider",
        kind="provider",
        shared_with_partners=True,
        organisation_id=provider.id,
    )
    return SimpleNamespace(
        ann=ann,
        ben=ben,
        sue=sue,
        provider=provider,
        partner=Actor("partner", id=uuid4(), organisation_id=provider.id, scopes=scopes),
        clock=frozen,
    )


@pytest.fixture
def add(bank: SimpleNamespace) -> Callable[..., Entry]:
    """`add(source="ngo", md5=…, pdq=…)`: an entry proposed by Ann."""

    def make(source: str = "ngo", *, ref: str = "", classification: str = "baseline", **values: bytes) -> Entry:
        given = values or {"md5": uuid4().bytes}
        return services.entry_add(
            actor=bank.ann.actor,
            source_code=source,
            source_ref=ref or uuid4().hex,
            media="image",
            classification=classification,
            fingerprints=[NewFingerprint(name, value, 100 if name == "pdq" else None) for name, value in given.items()],
        )

    return make


@pytest.fixture
def shared(bank: SimpleNamespace, add: Callable[..., Entry]) -> Callable[..., Entry]:
    """`shared(…)`: an entry two persons agreed to."""

    def make(**values: Any) -> Entry:
        entry = add(**values)
        services.entry_confirm(actor=bank.ben.actor, entry_id=entry.id)
        entry.refresh_from_db()
        return entry

    return make
