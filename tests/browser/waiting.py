"""What waits at desks the main job does not come by: the bank, members, letters."""

import json
from uuid import UUID

import django


def main(content_id: str) -> None:
    """Runs in the platform's own environment. Prints an invitation for each language."""
    django.setup()
    from django.db import transaction

    from demo.people import HOTLINE, POLICE
    from demo.people import person as demo_person
    from mamori.ground.accounts import services
    from mamori.ground.accounts.models import Organisation, User
    from mamori.ground.actors import SYSTEM, Role
    from mamori.ground.letters.models import Letter
    from mamori.ground.letters.services import letter_post
    from tests.lists.fingerprints.world import bank_objects

    def member(role: Role) -> User:
        login = "chiba" if role == Role.SENIOR_ANALYST else "aoki"
        return User.objects.get(email=demo_person(login).email)

    with transaction.atomic():  # the worker sees it as it is in the end
        bank_objects(member, UUID(content_id))
        letter = letter_post(key="waiting", kind="notice", to="abuse@wave.example", subject="A notice", body="Answer!")
        Letter.objects.filter(id=letter).update(state="uncertain")
    hotline, police = (Organisation.objects.get(name=name).id for name in (HOTLINE, POLICE))
    services.token_create(actor=SYSTEM, organisation_id=police, title="Reports", scopes=[])
    links = {
        language: services.invite(
            actor=SYSTEM, email=f"{language}@staff.example", organisation_id=hotline, role=Role.ANALYST
        )
        for language in ("ja", "en")
    }
    services.invite(actor=SYSTEM, email="later@staff.example", organisation_id=hotline, role=Role.ANALYST)
    print(json.dumps(links))
