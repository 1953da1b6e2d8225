"""One Chromium and one platform in the middle of its day for all browser tests."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.half_way import HalfWay, half_way
from tests.browser.looking import WIDE
from tests.journeys.finished import Finished
from tests.programs import program

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def busy(finished: Finished) -> HalfWay:
    return half_way(finished.everything)


@pytest.fixture
def window(chromium: Browser, busy: HalfWay) -> Iterator[Callable[..., BrowserContext]]:
    """`window(language, login)` is a fresh window at 1280 px; with a login its member is logged in."""
    opened: list[BrowserContext] = []

    def make(language: str, login: str | None = None) -> BrowserContext:
        context = chromium.new_context(locale=language, viewport=WIDE, reduced_motion="reduce")
        opened.append(context)
        if login:
            cookies = {**busy.member(login).cookies, "django_language": language}
            context.add_cookies([{"name": n, "value": v, "url": busy.url("staff")} for n, v in cookies.items()])
        return context

    yield make
    for context in opened:
        context.close()
