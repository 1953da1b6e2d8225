"""Every page of every demo person in a real browser: accessible, in its language, nothing scrolls sideways, nothing the
policy forbids, no link that leads to a refusal."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from demo.people import PASSWORD, PEOPLE, person
from tests.browser.half_way import HalfWay
from tests.browser.looking import PHONE, WIDE, Look, Walk
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
    "fujii": {"/list/keys/", "/editions/subscribers/", "/editions/"},
    "goto": {"/audit/", "/audit/checkpoints/", "/figures/"},
    "honda": {"/people/", "/editions/subscribers/", "/editions/"},
}
LOOKS = {"ja": Look("ja", PHONE, "dark"), "en": Look("en", WIDE, "light")}

PUBLIC_LOOKS = {"ja": Look("ja", WIDE, "dark"), "en": Look("en", PHONE, "light")}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_public_page(window: Window, busy: HalfWay, language: str) -> None:
    context, base = window(language), busy.url("public")
    walk = Walk(context, f"{base}/{language}/", PUBLIC_LOOKS[language])
    walk.through(f"{base}/{language}/", *([f"{base}/ja/list/stop/"] if language == "ja" else []))
    assert not walk.faults, "\n".join(walk.faults)
    assert len(walk.kinds) >= 7, walk.kinds
    assert context.cookies() == []


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("login", [p.login for p in PEOPLE])
def test_every_staff_page(window: Window, busy: HalfWay, login: str, language: str) -> None:
    base = busy.url("staff")
    walk = Walk(window(language, login), f"{base}/", LOOKS[language])
    walk.through(f"{base}/")
    assert not walk.faults, "\n".join(walk.faults)
    assert set(walk.kinds) >= DESKS[login]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_public_pages_behind_forms_and_links_of_mails(window: Window, busy: HalfWay, language: str) -> None:
    base, look = f"{busy.url('public')}/{language}", PUBLIC_LOOKS[language]
    page = window(language).new_page()
    page.goto(f"{base}/report/")
    page.click("main form button")
    page.wait_for_selector("[aria-invalid=true]")
    faults = look.at(page)
    page.fill("[name=addresses]", f"http://behind-forms-{language}.example/a")
    page.check("[name=signed]")
    page.click("main form button")
    code = page.inner_text("#receipt-code")
    faults += look.at(page)
    page.goto(f"{base}/receipt/")
    page.fill("[name=code]", code)
    page.click("main form button")
    page.fill("main textarea", "One more word.")
    page.click("main form button")
    page.wait_for_selector(".tone-success")
    faults += look.at(page)
    page.goto(f"{base}/list/appeal/")
    page.fill("[name=address]", "http://shop.example/")
    page.fill("[name=text]", "This is a shop.")
    page.fill("[name=contact]", "shop@mail.example")
    page.click("main form button")
    page.wait_for_selector("main ol .mono")
    faults += look.at(page)
    page.goto(busy.hoster)
    page.click(f".language a[lang={language}]")
    page.wait_for_selector(f"html[lang={language}]")
    assert not page.locator("#quick-exit").count(), "a company does not flee from its own notice"
    faults += look.at(page)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_entrance_and_an_item_under_assessment(window: Window, busy: HalfWay, language: str) -> None:
    base, look = busy.url("staff"), LOOKS[language]
    page = window(language).new_page()
    page.goto(f"{base}/account/login/")
    faults = look.at(page)
    page.fill("[name=login]", person("aoki").email)
    page.fill("[name=password]", PASSWORD)
    page.click("main form button")
    page.wait_for_selector("[name=code]")
    faults += look.at(page)
    page = window(language, "aoki").new_page()
    page.goto(f"{base}/queue/")
    page.click("[data-key=t]")
    page.wait_for_selector("[name=verdict]")
    faults += look.at(page)
    page.click("[data-key=s]")
    page.wait_for_selector(".error-summary")
    faults += look.at(page)
    page.click("[data-key=p]")
    page.wait_for_selector("button[data-key=t]")
    assert not faults, "\n".join(faults)
