"""Pages in a real browser: no accessibility fault, nothing forbidden by the policy, nothing scrolls sideways."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from demo.people import person
from demo.visitor import Visitor
from tests.journeys.finished import Finished
from tests.programs import needs, program

pytestmark = [pytest.mark.browser, needs("chromium")]
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}
MOST_PAGES = 90  # per role: one sample of each kind of page
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/)|(?<=/hoster/)[^/]+")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


def member(chromium: Browser, finished: Finished, login: str, language: str) -> BrowserContext:
    """A browser in which this member is logged in."""
    visitor = Visitor(finished.url("staff"))
    visitor.log_in(person(login))
    context = chromium.new_context(locale=language, viewport={"width": 1280, "height": 900})
    cookies = {**visitor.cookies, "django_language": language}
    context.add_cookies([{"name": n, "value": v, "url": finished.url("staff")} for n, v in cookies.items()])
    return context


def kinds(page: Page, base: str) -> list[str]:
    """Addresses of the same face that this page leads to."""
    found = page.eval_on_selector_all("a[href]", "links => links.map(a => a.getAttribute('href'))")
    return [urljoin(page.url, href) for href in found if urljoin(page.url, href).startswith(base)]


def crawl(context: BrowserContext, start: list[str], base: str, look: Callable[[Page], None]) -> set[str]:
    """Visit one page of each kind reachable by links. Returns the kinds seen."""
    page = context.new_page()
    faults: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            faults.append(f"{page.url}: {message.text}")

    page.on("console", listen)
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    waiting, seen = list(start), set[str]()
    while waiting and len(seen) < MOST_PAGES:
        url = waiting.pop(0)
        parts = urlsplit(url)
        kind = ID.sub("<id>", parts.path)
        if kind in seen or "export=" in parts.query or re.search(r"\.(json|csv|txt|svg|jsonl)$", kind):
            continue
        seen.add(kind)
        with_download = page.context.request.get(url)
        if "text/html" not in with_download.headers.get("content-type", ""):
            continue
        answer = page.goto(url)
        assert answer is not None
        assert answer.status < 400, f"{url}: {answer.status}"
        look(page)
        waiting += kinds(page, base)
    page.close()
    assert faults == []
    return seen


def no_axe_fault(page: Page) -> None:
    results = Axe().run(page, options=RULES)
    assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"


def in_language(language: str) -> Callable[[Page], None]:
    def look(page: Page) -> None:
        assert page.get_attribute("html", "lang") == language, page.url
        no_axe_fault(page)
        wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1")
        assert not wide, f"{page.url} scrolls sideways"

    return look


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_public_page(chromium: Browser, finished: Finished, language: str) -> None:
    base = finished.url("public")
    context = chromium.new_context(locale=language, viewport={"width": 390, "height": 844})
    seen = crawl(context, [f"{base}/{language}/"], f"{base}/{language}/", in_language(language))
    assert len(seen) >= 6, seen
    assert context.cookies() == []


@pytest.mark.parametrize(("login", "language"), [("aoki", "ja"), ("baba", "ja")])
def test_every_staff_page(chromium: Browser, finished: Finished, login: str, language: str) -> None:
    context = member(chromium, finished, login, language)
    base = finished.url("staff")
    seen = crawl(context, [f"{base}/"], f"{base}/", in_language(language))
    assert len(seen) >= 2, seen
