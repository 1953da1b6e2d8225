"""Every page of every demo person in a real browser: accessible, in its language, nothing scrolls sideways, nothing the
policy forbids, no link that leads to a refusal."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from demo.people import PEOPLE
from tests.browser.half_way import HalfWay
from tests.browser.looking import Look, Walk
from tests.programs import needs

pytestmark = [pytest.mark.browser, needs("chromium")]
Window = Callable[..., BrowserContext]
# Desks that a person's walk must have come by.
DESKS = {
    "aoki": {"/queue/", "/reports/", "/police/", "/notices/", "/contents/<id>/"},
    "baba": {"/queue/", "/contacts/", "/checks/", "/figures/"},
    "chiba": {"/list/", "/audit/", "/people/", "/exposure/"},
    "doi": {"/police/", "/police/<id>/", "/intake/patrol/"},
    "endo": {"/list/", "/list/entry/<id>/", "/list/appeals/", "/list/propose/<id>/dns/"},
    "fujii": {"/list/keys/", "/subscribers/", "/editions/"},
    "goto": {"/audit/", "/audit/checkpoints/", "/figures/"},
    "honda": {"/people/", "/subscribers/", "/editions/"},
}
LOOKS = {"ja": Look("ja", "light"), "en": Look("en", "dark")}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_public_page(window: Window, busy: HalfWay, language: str) -> None:
    context, base = window(language), busy.url("public")
    walk = Walk(context, f"{base}/{language}/", Look(language, "light"))
    walk.through(f"{base}/{language}/", f"{base}/{language}/list/stop/")
    assert walk.faults == []
    assert len(walk.kinds) >= 7, walk.kinds
    assert context.cookies() == []


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("login", [p.login for p in PEOPLE])
def test_every_staff_page(window: Window, busy: HalfWay, login: str, language: str) -> None:
    base = busy.url("staff")
    walk = Walk(window(language, login), f"{base}/", LOOKS[language])
    walk.through(f"{base}/")
    assert walk.faults == []
    assert set(walk.kinds) >= DESKS[login]
