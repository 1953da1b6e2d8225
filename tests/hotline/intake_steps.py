"""Steps that tests of intake share: the faces as they are served, a solved proof of work, a stored report."""

import base64
import re
from html import unescape
from typing import Any
from uuid import UUID

import altcha
from django.test import Client

from mamori.ground.accounts.models import Organisation, User
from mamori.ground.actors import Actor
from mamori.hotline.intake import services
from mamori.hotline.intake.models import Report
from mamori.hotline.intake.states import Source
from mamori.site import settings as site

PLAIN = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


def plain_static(settings: Any) -> None:
    settings.STORAGES = {**settings.STORAGES, "staticfiles": PLAIN}
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


def public_face(settings: Any) -> Client:
    """A stranger's browser before the public face, with the very middleware it is served with."""
    plain_static(settings)
    settings.MIDDLEWARE = [*site._COMMON, *site._PUBLIC]
    settings.ROOT_URLCONF = "mamori.site.urls_public"
    settings.SECURE_REFERRER_POLICY = "no-referrer"
    return Client()


def partner_face(settings: Any, organisation: Organisation, *scopes: str) -> Client:
    """A partner's machine with a token of these scopes."""
    from mamori.ground.accounts.services import token_create
    from mamori.ground.actors import SYSTEM

    secret = token_create(actor=SYSTEM, organisation_id=organisation.id, title="test", scopes=list(scopes))
    settings.MIDDLEWARE = [*site._COMMON, *site._PARTNER]
    settings.ROOT_URLCONF = "mamori.site.urls_partner"
    return Client(headers={"Authorization": f"Bearer {secret}"})


def solve(page: str) -> str:
    """The proof of work of a form's page, as the browser would solve it."""
    found = re.search(r'data-challenge="([^"]*)"', page)
    assert found
    import json

    challenge = altcha.Challenge.from_dict(json.loads(unescape(found[1])))
    solution = altcha.solve_challenge(challenge)
    assert solution
    return altcha.Payload(challenge, solution).to_base64()


def send(client: Client, language: str = "en", **fields: str) -> Any:
    """Open the form and send it with a proof of work."""
    page = client.get(f"/{language}/report/").content.decode()
    fields = {"addresses": "https://site.example/page", **fields, "proof": solve(page)}
    return client.post(f"/{language}/report/", fields)


def code_of(page: bytes) -> str:
    """The receipt's number on a page."""
    found = re.search(rb"\d{4}-\d{4}-\d{4}-\d{4}", page)
    assert found, page.decode()
    return found[0].decode()


def take(user: User, *addresses: str, **fields: Any) -> tuple[str, list[Report]]:
    """An operator takes a report. Returns the code and the stored reports."""
    before = set(Report.objects.values_list("id", flat=True))
    received = services.submission_receive(
        actor=user.actor,
        source=Source.OPERATOR,
        channel="phone",
        addresses=addresses or ("https://site.example/page",),
        **fields,
    )
    return received.code, list(Report.objects.exclude(id__in=before).order_by("id"))


def audit_rows(event: str) -> list[dict[str, Any]]:
    from mamori.ground.audit.models import Event

    return list(Event.objects.filter(event=event).order_by("id").values())


def actor_with(scope: str, organisation_id: UUID) -> Actor:
    return Actor("partner", organisation_id=organisation_id, scopes=frozenset({scope}))


def data_url(page: bytes, name: str) -> str:
    found = re.search(rf'download="{name}" href="data:text/plain;base64,([^"]*)"', page.decode())
    assert found
    return base64.b64decode(unescape(found[1])).decode()
