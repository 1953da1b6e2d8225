"""Fill a new database with the demo's institutions and people. `python -m demo.seed` in the "manage" environment.

Everything goes through the rooms' own services; only second factors are written as an authenticator app would have
set them up.
"""

from __future__ import annotations

import django

from demo.people import PASSWORD, PEOPLE, Person


def main() -> None:
    django.setup()
    from mamori.ground.accounts.models import User

    if not User.objects.filter(email=PEOPLE[-1].email).exists():
        for person in PEOPLE:
            _join(person)


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
    link = services.invite(
        actor=SYSTEM, email=person.email, organisation_id=organisation.id, role=Role(person.role)
    )
    user = services.invitation_accept(secret=link.rstrip("/").rpartition("/")[2], name=person.name, password=PASSWORD)
    if not Authenticator.objects.filter(user=user).exists():
        TOTP.activate(user, person.secret)
        RecoveryCodes.activate(user)


if __name__ == "__main__":
    main()
