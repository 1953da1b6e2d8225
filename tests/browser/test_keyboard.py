"""The journey by keyboard only: Tab, Shift+Tab, Enter, Space, arrows, typing. Whatever has the focus shows it."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page
from playwright.sync_api import TimeoutError as NothingCame

from demo.main_job import REASON
from demo.people import PASSWORD, person
from tests.browser.half_way import HalfWay
from tests.programs import needs

pytestmark = [pytest.mark.browser, needs("chromium")]
Window = Callable[..., BrowserContext]
MOST_TABS = 120
# The element that has the focus: whether it is drawn with an outline or shadow that can be seen, inside the window.
SHOWN = """
() => {
  const element = document.activeElement;
  if (!element || element === document.body) return "nothing has the focus";
  const style = getComputedStyle(element);
  const place = element.getBoundingClientRect();
  const line = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const what = `${element.localName}#${element.id} ${element.textContent.trim().slice(0, 40)}`;
  if (!line && style.boxShadow === "none") return `${what}: neither outline nor shadow`;
  if (place.bottom <= 0 || place.top >= innerHeight || place.right <= 0 || place.left >= innerWidth) return `${what}: out of sight`;
  if (!place.width || !place.height) return `${what}: has no size`;
  return "";
}
"""


class Keys:
    """A person without a mouse. Every stop of the focus is looked at."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        self.page.keyboard.type(text)

    def to(self, selector: str, *, key: str = "Tab") -> None:
        """Press Tab until the focus is on an element that matches."""
        for _press in range(MOST_TABS):
            self.press(key)
            if self.page.evaluate("document.activeElement === document.body"):
                continue  # the round through the page begins again
            assert (fault := self.page.evaluate(SHOWN)) == "", f"{self.page.url}: {fault}"
            if self.page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{self.page.url}: {selector} is not reached by {key}")

    def until(self, true: str) -> None:
        """Wait for something in the page. Asked from outside: the page's policy lets nobody evaluate text in it."""
        end = time.monotonic() + 20
        while not self.page.evaluate(true):
            assert time.monotonic() < end, f"{self.page.url}: waited for {true}"
            time.sleep(0.05)

    def follow(self, selector: str, key: str = "Enter") -> None:
        """Go to a link or button and press it; the next page is there when this returns."""
        self.to(selector)
        with self.page.expect_navigation():
            self.press(key)


def keys_of(context: BrowserContext, url: str) -> Keys:
    page = context.new_page()
    page.goto(url)
    return Keys(page)


def log_in(keys: Keys, login: str) -> None:
    """Password, then the six digits; a code that was used already is not taken, then the next one is typed."""
    keys.to("[name=login]")
    keys.write(person(login).email)
    keys.to("[name=password]")
    keys.write(PASSWORD)
    with keys.page.expect_navigation():
        keys.press("Enter")
    for _attempt in range(3):
        if "/2fa/authenticate" not in keys.page.url:
            return
        if keys.page.evaluate("document.activeElement.name") != "code":
            keys.to("[name=code]")
        keys.press("Control+a")
        keys.write(person(login).code(time.time()))
        with keys.page.expect_navigation():
            keys.press("Enter")
        if "/2fa/authenticate" in keys.page.url:
            time.sleep(30 - time.time() % 30 + 0.2)
    raise AssertionError(f"not logged in: {keys.page.inner_text('main')[:300]}")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_report_from_the_start_page_to_the_receipt(window: Window, busy: HalfWay, language: str) -> None:
    keys = keys_of(window(language), f"{busy.url('public')}/{language}/")
    keys.to(".skip")
    keys.follow(f"main a[href='/{language}/report/']")
    keys.to("[name=addresses]")
    keys.write("not an address")
    keys.follow("main form button", "Space")
    assert "addresses" in keys.page.locator("[aria-invalid=true]").get_attribute("name", timeout=5000)  # type: ignore[operator]
    keys.to("[name=addresses]")
    keys.press("Control+a")
    keys.write(f"http://keyboard-{language}.example/a")
    keys.to("[name=text]")
    keys.write("A drawing.")
    keys.to("[name=seen_on]")
    keys.to("[name=child_at_risk]")
    keys.press("Space", "Space")
    assert not keys.page.is_checked("[name=child_at_risk]")
    keys.to("main form button")
    with keys.page.expect_navigation(timeout=60_000):
        keys.press("Enter")
    keys.page.wait_for_selector("#receipt-code")
    code = keys.page.inner_text("#receipt-code")
    assert sum(letter.isdigit() for letter in code) == 16
    keys.follow("main a[href$='/receipt/']")
    keys.to("[name=code]")
    keys.write(code)
    keys.follow("main form button")
    keys.to("main textarea")
    keys.write("One more word.")
    keys.follow("main form button")
    assert "One more word." in keys.page.inner_text("main")


def test_an_opinion_from_log_in_to_the_record(window: Window, busy: HalfWay) -> None:
    keys = keys_of(window("en"), f"{busy.url('staff')}/")
    log_in(keys, "baba")
    keys.follow(".desks a[href='/queue/']")
    if keys.page.locator("a[data-key=t]").count():  # an item taken before
        keys.follow("a[data-key=t]")
    else:
        keys.follow("button[data-key=t]", "Space")
    assert keys.page.url.endswith("/assess/")
    content = keys.page.url.split("/contents/")[1].split("/")[0]
    keys.to("[name=verdict]")
    keys.press("Space")
    while keys.page.evaluate("document.activeElement.value") != "NOT_ILLEGAL":
        keys.press("ArrowDown")
        assert keys.page.evaluate(SHOWN) == ""
    keys.follow("button[data-key=s]")
    assert keys.page.url.endswith("/queue/")
    assert keys.page.locator("[data-key=z]").is_visible(), "the opinion can be taken back for a while"
    known = busy.rows(
        "SELECT d.verdict, u.email FROM assessment_decision d JOIN accounts_user u ON u.id = d.decided_by_id"
        " WHERE d.content_id = %s ORDER BY d.decided_at DESC LIMIT 1",
        content,
    )
    assert known == [("NOT_ILLEGAL", person("baba").email)]


def test_two_analysts_confirm_an_item_as_illegal(window: Window, busy: HalfWay) -> None:
    ((content,),) = busy.rows(
        "SELECT id FROM assessment_contentitem WHERE host LIKE 'kumo-%%' AND state = 'awaiting_assessment'"
        " AND NOT at_risk ORDER BY id DESC LIMIT 1"
    )
    for login in ("aoki", "chiba"):
        keys = keys_of(window("en", login), f"{busy.url('staff')}/contents/{content}/assess/")
        keys.follow("button[data-key=t]", "Space")
        keys.to("[name=verdict]")
        keys.press("Space")
        while keys.page.evaluate("document.activeElement.value") != "BASELINE":
            keys.press("ArrowDown")
            assert keys.page.evaluate(SHOWN) == ""
        keys.to("[name=law_codes]")
        keys.press("Space")
        keys.follow("button[data-key=s]")
        assert keys.page.url.endswith("/queue/"), keys.page.inner_text("main")[:300]
    given = busy.rows(
        "SELECT d.verdict, u.email FROM assessment_decision d JOIN accounts_user u ON u.id = d.decided_by_id"
        " WHERE d.content_id = %s ORDER BY d.position",
        content,
    )
    assert given == [("BASELINE", person("aoki").email), ("BASELINE", person("chiba").email)]
    state = busy.rows("SELECT state FROM assessment_contentitem WHERE id = %s", content)
    assert state[0][0] in {"assessed", "actioning"}, "confirmed"


def test_single_keys_reach_every_desk_and_can_be_switched_off(window: Window, busy: HalfWay) -> None:
    keys = keys_of(window("en", "aoki"), f"{busy.url('staff')}/")
    keys.press("?")
    assert keys.page.locator("#keys").is_visible()
    keys.press("Escape")
    with keys.page.expect_navigation():
        keys.press("g", "q")
    assert keys.page.url.endswith("/queue/")
    keys.press("?")
    keys.to("#keys-on")
    keys.press("Space", "Escape")
    keys.press("g", "t")
    keys.press("?")
    assert not keys.page.locator("#keys").is_visible()
    assert keys.page.url.endswith("/queue/")


def test_an_officer_opens_a_referral(window: Window, busy: HalfWay) -> None:
    keys = keys_of(window("ja", "doi"), f"{busy.url('staff')}/")
    keys.follow(".desks a[href='/police/']")
    keys.follow(f"tbody a[href$='/police/{busy.referral}/']")
    keys.follow(f"form[action$='/{busy.referral}/open/'] button", "Space")
    state = busy.rows("SELECT state, delivered_at IS NOT NULL FROM referral_referral WHERE id = %s", busy.referral)
    assert state == [("delivered", True)]


def test_an_officer_holds_a_referral_and_releases_it(window: Window, busy: HalfWay) -> None:
    keys = keys_of(window("en", "doi"), f"{busy.url('staff')}/police/{busy.quiet}/")
    keys.to("details:has(form[action$='/hold/']) > summary")
    keys.press("Enter")
    keys.to("[name=hold-reason]")
    keys.write("We are about to act.")
    keys.follow("form[action$='/hold/'] button", "Space")
    assert "We are about to act." in keys.page.inner_text("main")
    query = """
        SELECT r.state, h.ended_how, u.email
        FROM referral_hold h JOIN referral_referral r ON r.id = h.referral_id JOIN accounts_user u ON u.id = h.asked_by
        WHERE r.id = %s
    """
    assert busy.rows(query, busy.quiet) == [("hold_requested", "", person("doi").email)]
    keys.follow(f"a[href$='/{busy.quiet}/release/']")
    keys.follow(".confirm button")
    assert busy.rows(query, busy.quiet) == [("released", "released", person("doi").email)]


def test_an_analyst_approves_a_contact(window: Window, busy: HalfWay) -> None:
    keys = keys_of(window("ja", "chiba"), f"{busy.url('staff')}/contacts/")
    keys.follow(f"tbody a[href$='/contacts/{busy.contact}/']")
    keys.follow(f"a[href$='/contacts/{busy.contact}/approve/']")
    keys.follow(".confirm button", "Space")
    query = """
        SELECT u.email FROM tracing_contact c JOIN accounts_user u ON u.id = c.approved_by_id
        WHERE c.id = %s AND c.approved_at IS NOT NULL
    """
    assert busy.rows(query, busy.contact) == [(person("chiba").email,)]


def test_a_reviewer_proposes_an_entry(window: Window, busy: HalfWay) -> None:
    keys = keys_of(window("en", "endo"), f"{busy.url('staff')}/list/")
    keys.follow(f"a[href$='/list/propose/{busy.unlisted}/dns/']")
    tests = ("purpose", "quantity", "same_publisher", "no_other_means")
    for test in tests:
        keys.to(f"[name={test}_yes]")
        keys.press("Space")
        keys.to(f"[name={test}_reason]")
        keys.write(REASON)
    keys.follow(".confirm button")
    end = time.monotonic() + 60
    while "/list/entry/" not in keys.page.url:  # the hotline looks at the page again first; the answers stay
        assert time.monotonic() < end, keys.page.inner_text("main")[:300]
        time.sleep(1)
        keys.follow(".confirm button")
    known = busy.rows(
        "SELECT e.state, e.method, u.email, e.answers FROM listing_entry e JOIN accounts_user u ON u.id = e.proposer_id"
        " WHERE e.content_id = %s",
        busy.unlisted,
    )
    answers = {test: {"yes": True, "reason": REASON} for test in tests}
    assert known == [("proposed", "dns", person("endo").email, answers)]


def test_a_host_says_that_it_acts(window: Window, busy: HalfWay) -> None:
    keys = keys_of(window("en"), busy.hoster)
    keys.to("[name=item]")
    keys.press("Space")
    item = keys.page.input_value("[name=item]:checked")
    keys.to("[name=answer]")
    keys.press("ArrowDown", "ArrowUp")
    assert keys.page.evaluate("document.activeElement.value") == "acknowledge"
    assert keys.page.evaluate(SHOWN) == ""
    keys.follow("main form button")
    assert keys.page.locator(".tone-success[role=status]").is_visible()
    assert busy.rows("SELECT items FROM takedown_hosteranswer WHERE kind = 'acknowledge'") == [([item],)]


def test_two_members_of_the_list_body_sign_an_entry_in_their_browsers(
    window: Window, busy: HalfWay, tmp_path: Path
) -> None:
    """The key file never leaves the browser: only the signature is in what is sent, and the server verifies it."""
    for login, state in (("endo", "pending_activation"), ("fujii", "active")):
        keys = keys_of(window("en", login), f"{busy.url('staff')}/list/entry/{busy.entry}/")
        wrong = tmp_path / "wrong.pem"
        wrong.write_text("no key")
        choose(keys, wrong)
        keys.until("document.querySelector('#sign-here [role=status]').textContent")
        assert keys.page.input_value("[name=signature]") == ""
        key = busy.everything.platform.keys / f"{login}.pem"
        choose(keys, key)
        keys.until("document.getElementById('id_signature').value.length === 88")
        assert keys.page.evaluate("document.activeElement.localName") == "button", "the next step has the focus"
        with keys.page.expect_request(lambda request: request.method == "POST") as sent, keys.page.expect_navigation():
            keys.press("Enter")
        secret = "".join(key.read_text().splitlines()[1:-1])
        assert secret[:32] not in (sent.value.post_data or "").replace("%2B", "+").replace("%2F", "/")
        assert busy.rows("SELECT state FROM listing_entry WHERE id = %s", busy.entry) == [(state,)]
    signed = busy.rows("SELECT count(*) FROM listing_approval WHERE entry_id = %s", busy.entry)
    assert signed == [(2,)]


def choose(keys: Keys, file: Path) -> None:
    """Press the file button; the system's own window, which no page can see, gives the file.

    Chromium opens that window for a page in front only, and now and then not at the first press.
    """
    for last in (False, False, True):
        keys.page.bring_to_front()
        keys.to("#key-file")
        try:
            with keys.page.expect_file_chooser(timeout=10_000) as chooser:
                keys.press("Space")
        except NothingCame:
            if last:
                raise
            continue
        chooser.value.set_files(file)
        return
