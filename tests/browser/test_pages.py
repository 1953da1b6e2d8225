"""Every page of every demo person in a real browser: accessible, in its language, nothing scrolls sideways or is cut off
in print, nothing the policy forbids, no link that leads to a refusal."""

from collections.abc import Callable

import pytest
from django.urls import get_resolver
from playwright.sync_api import BrowserContext

from demo.people import PASSWORD, PEOPLE, person
from tests.browser.half_way import HalfWay
from tests.browser.looking import PHONE, WIDE, Look, Walk
from tests.journeys.test_every_page_by_role import PAGES, patterns
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
LOOKS = {"ja": Look("staff", "ja", PHONE, "dark"), "en": Look("staff", "en", WIDE, "light")}
PUBLIC_LOOKS = {"ja": Look("public", "ja", WIDE, "dark"), "en": Look("public", "en", PHONE, "light")}
BILINGUAL = {"list_stop"}  # says all in both languages, whatever its address
# Url names no browser shows as a page, and why.
NOT_JUDGED = {
    "accounts_totp_qr": "a picture",
    "audit_export": "a file",
    "distribution_refused": "leads to the editions",
    "list_figures_csv": "a file",
    "list_figures_json": "a file",
    "listing_statement": "a file",
    "mfa_download_recovery_codes": "a file",
    "referral_evidence": "a file",
    "mfa_login_webauthn": "answers a script",
    "mfa_reauthenticate_webauthn": "asks for a passkey, which no browser makes for an IP address",
    "set_language": "takes forms only",
}


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


@pytest.mark.parametrize("language", ["ja", "en"])
def test_staff_pages_no_walk_comes_by(window: Window, busy: HalfWay, language: str) -> None:
    ((notice,),) = busy.rows("SELECT id FROM takedown_notice LIMIT 1")
    ((letter,),) = busy.rows("SELECT id FROM letters_letter WHERE state = 'uncertain' LIMIT 1")
    ((referral, asked),) = busy.rows(
        "SELECT r.id, p.id FROM referral_preservation p JOIN referral_referral r ON r.content_id = p.content_id LIMIT 1"
    )
    pages = {
        "aoki": [f"/contacts/{busy.contact}/approve/"],
        "chiba": [
            "/stuck/",
            f"/notices/{notice}/resend/",
            f"/letters/{letter}/resend/",
            f"/letters/{letter}/take/",
        ],
        "doi": [
            f"/police/{busy.quiet}/preserve/",
            f"/police/{busy.quiet}/release/",
            f"/police/{referral}/preserve/{asked}/extend/",
        ],
        "fujii": ["/editions/1/take-back/"],
        "goto": ["/account/logout/"],
        None: ["/account/inactive/"],
    }
    faults = []
    for login, paths in pages.items():
        page = window(language, login).new_page()
        for path in paths:
            answer = page.goto(f"{busy.url('staff')}{path}")
            assert answer is not None and (answer.status, page.url.endswith(path)) == (200, True), path
            faults += LOOKS[language].at(page)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_new_member_comes_in(window: Window, busy: HalfWay, language: str) -> None:
    look, page = LOOKS[language], window(language).new_page()
    page.goto(busy.invitations[language])
    faults = look.at(page)
    page.fill("[name=name]", "New Member")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=password_again]", PASSWORD)
    page.click("main form button")
    page.wait_for_url("**/account/2fa/")
    faults += look.at(page)
    page.goto(f"{busy.url('staff')}/account/2fa/totp/activate/")
    faults += look.at(page)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_own_account(window: Window, busy: HalfWay, language: str) -> None:
    base, look, page = f"{busy.url('staff')}/account", LOOKS[language], window(language, "honda").new_page()

    def faults_of(*paths: str) -> list[str]:
        found = []
        for path in paths:
            page.goto(f"{base}/{path}")
            assert page.url.endswith(path)
            found += look.at(page)
        return found

    faults = faults_of("2fa/reauthenticate/", "reauthenticate/")
    page.fill("[name=password]", PASSWORD)
    page.click("main form button")
    page.wait_for_selector("nav.desks")
    faults += faults_of(
        "2fa/", "2fa/totp/deactivate/", "2fa/recovery-codes/", "2fa/recovery-codes/generate/", "2fa/webauthn/",
        "2fa/webauthn/add/",
    )  # fmt: skip
    ((key,),) = busy.rows(
        "INSERT INTO mfa_authenticator (user_id, type, data, created_at)"
        " SELECT id, 'webauthn', '{\"name\": \"A key\"}', now() FROM accounts_user WHERE email = %s RETURNING id",
        person("honda").email,
    )
    faults += faults_of("2fa/webauthn/", f"2fa/webauthn/keys/{key}/edit/", f"2fa/webauthn/keys/{key}/remove/")
    busy.rows("DELETE FROM mfa_authenticator WHERE id = %s", key)
    assert not faults, "\n".join(faults)


# As without JavaScript: no proof of work goes along.
SEND_BARE = "form => { form.querySelector('[name=proof]').value = ''; form.submit() }"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_what_public_forms_answer_without_javascript_and_what_is_refused(
    window: Window, busy: HalfWay, language: str
) -> None:
    base, look = f"{busy.url('public')}/{language}", PUBLIC_LOOKS[language]
    page = window(language).new_page()
    faults = []
    for path, typed, name in (
        ("report", {"addresses": f"http://queue-{language}.example/a"}, "intake/wait.html"),
        ("list/appeal", {"address": "http://shop.example/", "text": "A shop.", "contact": "shop@mail.example"},
         "listing/appeal_wait.html"),
    ):  # fmt: skip
        page.goto(f"{base}/{path}/")
        for field, value in typed.items():
            page.fill(f"[name={field}]", value)
        with page.expect_navigation():
            page.eval_on_selector("main form", SEND_BARE)
        page.wait_for_selector("[name=ticket]:not([value=''])", state="attached")
        faults += look.at(page, name)
    page.wait_for_timeout(2500)  # the demo's queue is a second long
    ticket = page.input_value("[name=ticket]")
    with page.expect_navigation():
        page.click("main form button")
    page.goto(f"{base}/list/appeal/")
    for field, value in {**typed, "ticket": ticket}.items():
        page.eval_on_selector(f"[name={field}]", "(field, value) => { field.value = value }", value)
    with page.expect_navigation() as second:
        page.eval_on_selector("main form", SEND_BARE)
    assert second.value.status >= 400, "a ticket works once"
    faults += look.at(page, f"ui/error.html {second.value.status}")
    answer = page.goto(f"{base}/hoster/nonsense/")
    assert answer is not None
    assert answer.status in {403, 404, 410}
    faults += look.at(page, f"ui/error.html {answer.status}")
    answer = page.goto(f"{base}/no-such-page/")
    assert answer is not None
    assert answer.status == 404
    faults += look.at(page, "ui/error.html 404")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_what_staff_forms_are_answered_with_and_what_is_refused(window: Window, busy: HalfWay, language: str) -> None:
    base, look = busy.url("staff"), LOOKS[language]
    page = window(language, "aoki").new_page()
    page.goto(f"{base}/intake/phone/")
    page.fill("[name=addresses]", f"http://told-by-phone-{language}.example/a")
    page.select_option("[name=channel]", "phone") if page.locator("select[name=channel]").count() else page.check(
        "[name=channel][value=phone]"
    )
    page.check("[name=signed]")
    page.click("main form button")
    page.wait_for_selector("#receipt-code")
    faults = look.at(page, "intake/taken.html")
    for path, status in (("/editions/subscribers/", 403), ("/no-such-page/", 404)):
        answer = page.goto(f"{base}{path}")
        assert answer is not None
        assert answer.status == status
        faults += look.at(page, f"ui/error.html {status}")
    ((content,),) = busy.rows(
        "SELECT id FROM assessment_contentitem WHERE host LIKE 'kumo-%%' AND state = 'awaiting_assessment' LIMIT 1"
    )
    answer = page.goto(f"{base}/contents/{content}/release/")
    assert answer is not None
    assert answer.status == 405
    faults += look.at(page, "ui/error.html 405")
    page.goto(f"{base}/contents/{content}/assess/")
    page.click("[data-key=t]")
    page.wait_for_selector("[name=verdict]")
    page.click("main details summary")
    page.click("form[action$='/text/'] button")
    page.wait_for_selector("[data-key=q]")
    faults += look.at(page, "assessment/text.html")
    page.click("[data-key=q]")
    page.click("[data-key=p]")
    page.wait_for_url("**/queue/")

    page = window(language, "fujii").new_page()
    for delivery in ("nxdomain", "url"):
        page.goto(f"{base}/editions/subscribers/")
        page.fill("[name=organisation]", f"Net {language} {delivery}")
        page.check(f"[name=delivery][value={delivery}]")
        page.fill("[name=asks_from]", "192.0.2.10")
        page.click("form:has([name=organisation]) button")
        page.wait_for_selector("main .mono")
        faults += look.at(page, f"distribution/secret.html {delivery}")

    page = window(language, "honda").new_page()
    page.goto(f"{base}/people/tokens/new/")
    page.select_option("[name=organisation]", index=1)
    page.fill("[name=title]", "A test")
    page.check("[name=scopes] >> nth=0")
    page.click("main form button")
    page.wait_for_selector("p.mono")
    faults += look.at(page, "accounts/shown_once.html")
    assert not faults, "\n".join(faults)


# Templates that no address opens, and that forms or refusals are answered with.
ANSWERS = {
    "public": {"intake/wait.html", "listing/appeal_wait.html", "ui/error.html 404"},
    "staff": {
        "intake/taken.html", "assessment/text.html", "distribution/secret.html nxdomain", "distribution/secret.html url",
        "accounts/shown_once.html", "ui/error.html 403", "ui/error.html 404", "ui/error.html 405",
    },
}  # fmt: skip


@pytest.mark.parametrize("face", ["staff", "public"])
def test_each_page_was_judged_in_both_languages(face: str) -> None:
    """The last test here: it looks at what the others did, so it needs the whole file to run."""
    known = {str(entry.name) for _route, entry in patterns(get_resolver(f"mamori.site.urls_{face}"))}
    shown = known - {name for name, page in PAGES.items() if page.post} - set(NOT_JUDGED)
    looks = LOOKS if face == "staff" else PUBLIC_LOOKS
    shown |= ANSWERS[face]
    assert shown - looks["ja"].judged == set()
    assert shown - looks["en"].judged - BILINGUAL == set()
    assert not any(look.judged & set(NOT_JUDGED) for look in looks.values())


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_file_of_fingerprints_is_read_while_its_page_looks_on(window: Window, busy: HalfWay, language: str) -> None:
    """The page asks for itself how far it has come, and is another when all is read."""
    base, look = busy.url("staff"), LOOKS[language]
    page = window(language, "chiba").new_page()
    page.goto(f"{base}/bank/sources/")
    page.fill("[name=code]", f"read-{language}")
    page.fill("[name=name]", "A source")
    page.click("main form button")
    page.goto(f"{base}/bank/imports/")
    page.select_option("[name=source]", f"read-{language}")
    page.select_option("[name=format]", "md5")
    lines = "".join(f"{number:032x}\n" for number in range(80_000)).encode()
    page.set_input_files("[name=file]", {"name": "list.txt", "mimeType": "text/plain", "buffer": lines})
    page.click("main form.confirm button")
    page.wait_for_selector("#progress")
    address, began = page.url, page.inner_text("#progress .clock-title")
    faults = look.at(page, "fingerprints/import.html: being read")
    page.goto(address)
    page.wait_for_function("began => document.querySelector('#progress .clock-title').innerText !== began", arg=began)
    page.wait_for_selector("#progress", state="detached", timeout=120_000)
    assert page.url == address
    faults += look.at(page)
    assert not faults, "\n".join(faults)
