"""Fixtures of referrals: an officer, a senior analyst, a policy with police."""

import pytest

from mamori.ground.actors import Role
from mamori.hotline.referral import services
from mamori.hotline.referral.states import Channel, PolicyKind


@pytest.fixture
def officer(person):
    return person(Role.POLICE_LIAISON, name="Sergeant Doi").actor


@pytest.fixture
def senior(person):
    return person(Role.SENIOR_ANALYST).actor


@pytest.fixture
def policy(senior):
    """`policy(kind, …)` puts a policy with mailboxes into force."""

    def put(kind=PolicyKind.SILENT_CONSENT, **values):
        return services.policy_set(
            actor=senior,
            **{
                "kind": kind,
                "silence_hours": 48,
                "longest_hold_days": 30,
                "channel": Channel.DESK,
                "organisation_id": None,
                "notification_mail": "desk@police.example",
                "duty_mail": "duty@police.example",
                "duty_phone": "+81 3 0000 0000",
                "supervisors": ["chief@police.example"],
                **values,
            },
        )

    return put
