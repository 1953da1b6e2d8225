"""Fill a new database with the demo's institutions, people and subscribers.

`python -m demo.seed KEYS PORT` in the "manage" environment; prints the providers' TSIG keys as JSON. Safe to repeat.
Everything goes through the rooms' own services; only second factors are written as an authenticator app would have
set them up.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Literal

import django

from demo.people import PASSWORD, PEOPLE, Person

SIGNERS: dict[str, Literal["reviewer", "approver"]] = {"endo": "reviewer", "fujii": "approver"}


def main(keys: Path | None = None, world_port: int = 0) -> None:
    """`keys`: folder of the persons' and the service's key files. `world_port`: of the world whose providers subscribe."""
    django.setup()
    from mamori.ground.accounts.models import User

    if not User.objects.filter(email=PEOPLE[-1].email).exists():
        for person in PEOPLE:
            _join(person)
        _police_mailboxes()
    if keys is not None:
        _signing_keys(keys)
    if world_port:
        print(json.dumps(_subscribe(world_port)))


def _join(person: Person) -> None:
    from allauth.mfa.models import Authenticator
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from allauth.mfa.totp.internal.auth import TOTP

    from mamori.ground.accounts import services
    from mamori.ground.accounts.models import Organisation
    from mamori.ground.actors import SYSTEM, Role

    organisation = Organisation.objects.filter(name=person.organisation).first()
    if organisation is None:
        kind = Organisation.Kind(person.kind)
        organisation = services.organisation_create(actor=SYSTEM, name=person.organisation, kind=kind)
    link = services.invite(actor=SYSTEM, email=person.email, organisation_id=organisation.id, role=Role(person.role))
    user = services.invitation_accept(secret=link.rstrip("/").rpartition("/")[2], name=person.name, password=PASSWORD)
    if not Authenticator.objects.filter(user=user).exists():
        TOTP.activate(user, person.secret)
        RecoveryCodes.activate(user)


def _signing_keys(keys: Path) -> None:
    """The reviewer's and the approver's own keys (files in the demo, their own devices in life), and the service's."""
    from mamori.engine.editions import Member
    from mamori.engine.keys import create_signing_key, load_signing_key, public_path
    from mamori.ground import clock
    from mamori.ground.accounts.models import User
    from mamori.lists.distribution.keys import init_keys, member_add, members_of
    from mamori.lists.listing import services

    edition = keys / "edition"
    if not (edition / "root.json").exists():
        init_keys(edition, now=clock.now())
    people = {login: User.objects.get(email=f"{login}@mamori.example").actor for login in (*SIGNERS, "honda")}
    for login in SIGNERS:
        path = keys / f"{login}.pem"
        if not path.exists():
            create_signing_key(path)
            public = public_path(path).read_text()
            row = services.key_register(actor=people[login], public_key=public)
            services.key_confirm(actor=people["honda"], key=row.id)
    # In life the holders of the root key do this, on a machine without network: `mamori list members add`.
    vouched = {one.person for one in members_of(edition).keys}
    today = clock.now().date()
    for login, role in SIGNERS.items():
        if login not in vouched:
            public_key = load_signing_key(keys / f"{login}.pem").public_key().public_bytes_raw()
            member = Member(login, role, public_key, today, today + timedelta(days=10 * 365))
            member_add(edition, member, (load_signing_key(edition / "root.pem"),))


def _subscribe(world_port: int) -> dict[str, tuple[str, str]]:
    from demo.subscribers import PROVIDERS
    from mamori.ground.accounts.models import User
    from mamori.lists.distribution.models import Subscriber
    from mamori.lists.distribution.services.subscribers import subscriber_add
    from mamori.lists.distribution.services.tsig import key_name, tsig_key
    from mamori.lists.distribution.states import Delivery

    operator = User.objects.get(email="honda@mamori.example").actor
    found = {}
    for engine, organisation, delivery, offset in PROVIDERS:
        row = Subscriber.objects.filter(organisation__name=organisation).exclude(revoked_at__isnull=False).first()
        if row is None:
            place = f"127.0.0.1@{world_port + offset}"
            row, _secret = subscriber_add(
                actor=operator, organisation=organisation, delivery=Delivery(delivery), notify=place
            )
        found[engine] = (key_name(row), tsig_key(row))
    return found


def _police_mailboxes() -> None:
    """Japan's default policy, with the demo's mailboxes: two days of silence are consent."""
    from mamori.ground.accounts.models import User
    from mamori.hotline.referral.services.policies import policy_set
    from mamori.hotline.referral.states import Channel, PolicyKind

    policy_set(
        actor=User.objects.get(email="chiba@mamori.example").actor,
        kind=PolicyKind.SILENT_CONSENT,
        silence_hours=48,
        longest_hold_days=30,
        channel=Channel.DESK,
        organisation_id=None,
        notification_mail="cyber@police.example",
        duty_mail="duty@police.example",
        duty_phone="",
        supervisors=["supervisor@mamori.example"],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
